import { defineErrors } from './errors.ts';

/** Codes of accepting, routing, delivering and of answers. */
export const ENGINE_ERRORS = defineErrors({
  ORPHANED_MESSAGES: {
    means: 'Messages wait for a destination that the production no longer has.',
    cure: 'Put the destination back, or start with --orphans hold: they stay where they are and are shown.',
  },
  DESTINATION_UNKNOWN: {
    means: 'The production has no destination of this name.',
    cure: 'Look at the names with waybill status.',
  },
  SUBMISSION_UNKNOWN: { means: 'The ledger has no such submission.', cure: 'Look it up with waybill submissions.' },
  FORMAT_NOT_READABLE: {
    means: 'A service names a format that can only be written.',
    cure: 'Name a format that reads, such as csv.',
  },
  COPY_DAMAGED: {
    means: 'The UTF-8 copy of a body is not the one that was scanned.',
    cure: 'Restore the data folder, or submit the file again.',
  },
  TRANSFORM_CRASHED: {
    means: 'A row ended or hung the transform worker twice; it was set aside as failed.',
    cure: 'Look at the row and at the transform that it goes through.',
  },
  SCAN_CRASHED: {
    means: 'Scanning an input ended or hung the worker twice.',
    cure: 'Look at the file with another tool; report it.',
  },
  FILE_REFUSED: {
    means: 'The route refuses a file with any invalid row; the others were cancelled.',
    cure: 'Correct the rejected rows and submit the file again.',
  },
  ENGINE_ENDED: {
    means: 'The engine ended after sending began and before an answer was stored.',
    cure: 'Ask the receiver, then waybill resolve.',
  },
  ANSWER_MISSING: {
    means: "The receiver's answer does not name a message of the batch.",
    cure: 'Ask the receiver what became of it, then waybill resolve.',
  },
  ANSWER_CONTRADICTS: {
    means: 'The answer names a message twice with different codes.',
    cure: 'Ask the receiver, then waybill resolve.',
  },
  ANSWER_NAMES_OTHERS: {
    means: 'The answer names messages that were not sent.',
    cure: "It may be another call's answer: ask the receiver, then waybill resolve.",
  },
  GAVE_UP: { means: "The destination's giveUpAfter passed without a delivery.", cure: 'Mend the cause and resend.' },
  DESTINATION_NOT_OPENED: {
    means: 'A destination cannot be used as it is configured; nothing was sent.',
    cure: 'Mend what the message names, then waybill resume.',
  },
  BATCH_NOT_WRITTEN: {
    means: 'The messages of a batch could not be written as the destination wants them; nothing was sent.',
    cure: 'Mend what the message names (format, charset of the dialect), then waybill resume.',
  },
  RUNTIME_FOLDER: {
    means: 'The folder for sockets belongs to another user, or is open to others.',
    cure: 'Remove it, or use a data folder with a shorter path.',
  },
  ENGINE_STOPPING: { means: 'The engine is stopping and takes nothing in.', cure: 'Try again when it runs.' },
  ACCEPTED: { means: 'Every message of the batch was acknowledged.', cure: 'Nothing is to be done.' },
  MIXED: { means: 'Some messages of the batch were not accepted.', cure: 'Look at each with waybill trace.' },
});

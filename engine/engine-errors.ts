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
  ANSWER_CODE_UNKNOWN: {
    means: 'An acknowledgement names a message with no code, or with one that says neither yes nor no.',
    cure: 'Look at the stored answer; ask the receiver what the code means, then waybill resolve.',
  },
  ANSWER_COUNTS_WRONG: {
    means: "The counts in the answer's own envelope do not hold, and it does not name a message of the batch.",
    cure: 'Part of the answer may be missing: ask the receiver what became of the message, then waybill resolve.',
  },
  ANSWER_NOT_TAKEN: {
    means: "The answer does not name a message, which by the receiver's dialect means that it was not taken.",
    cure: 'Nothing to do: it is sent again by itself.',
  },
  ANSWER_LATER: {
    means: 'The receiver took the request, gave a ticket for it, and answers later.',
    cure: 'Nothing to do: it is asked by itself until it answers, or until the deadline of inDoubt has passed.',
  },
  TOO_LARGE_ALONE: {
    means: 'The receiver finds a single message too large, so that splitting does not help.',
    cure: 'Make the message smaller at its source, or ask the receiver for its limit, and send it again.',
  },
  GAVE_UP: {
    means: "The destination's giveUpAfter has passed, or its maxAttempts were made, without a delivery.",
    cure: 'The words name what was last in the way: mend that, then send the messages again.',
  },
  DESTINATION_NOT_OPENED: {
    means: 'A destination cannot be used as it is configured; nothing was sent.',
    cure: 'Mend what the message names, then waybill resume.',
  },
  BATCH_NOT_WRITTEN: {
    means: 'The messages of a batch could not be written as the destination wants them; nothing was sent.',
    cure: 'Mend what the message names (format, charset of the dialect), then waybill resume.',
  },
  REJECTED_PURGED: {
    means: 'The rejected rows were past their retention and are purged.',
    cure: 'Look at the counts, which stay; keep: in production.yaml says how long rejected rows are kept.',
  },
  RUNTIME_FOLDER: {
    means: 'The folder for sockets belongs to another user, or is open to others.',
    cure: 'Remove it, or use a data folder with a shorter path.',
  },
  ENGINE_STOPPING: { means: 'The engine is stopping and takes nothing in.', cure: 'Try again when it runs.' },
  ACCEPTED: { means: 'Every message of the batch was acknowledged.', cure: 'Nothing is to be done.' },
  MIXED: { means: 'Some messages of the batch were not accepted.', cure: 'Look at each with waybill trace.' },
  MAINTENANCE: {
    means: 'No call begins: a maintenance window of the destination is on.',
    cure: 'Nothing: it goes on by itself at the end of the window.',
  },
  RATE: {
    means: 'No call begins: as many were made as the destination allows in this time.',
    cure: 'Nothing: it goes on by itself. Raise rate.calls where the receiver allows more.',
  },
  BREAKER: {
    means: 'Calls in a row did not get through, so only one trial call at a time is made.',
    cure: 'Look at the last answer in waybill status; it goes on by itself when a call gets through.',
  },
});

import { defineErrors } from '../../engine/errors.ts';

/** Why something is not edited. Nothing was changed in any of these cases. */
export const EDIT_ERRORS = defineErrors({
  EDIT_NOT_A_ROW: {
    means: 'Values were given for columns, and the item is no row.',
    cure: 'Give the whole message with --file or --editor.',
  },
  EDIT_COLUMN_UNKNOWN: {
    means: 'The file of the row has no column of this name.',
    cure: 'Name a column that waybill trace shows; a file without the column has to come again with it.',
  },
  EDIT_CHANGES_NOTHING: {
    means: 'What was given is what stands there already.',
    cure: 'Look at the values with waybill trace --bodies; waybill resend --again sends the same once more.',
  },
  EDIT_REFUSED: {
    means: 'The edited row, or the given message, breaks a rule; each fault was printed with its column.',
    cure: 'Mend the faults and edit again.',
  },
  EDIT_NOT_NOW: {
    means: 'The row or the message is in a state in which nothing takes its place.',
    cure: 'Wait for the answer, or decide what is in doubt with waybill resolve; what was refused with its file comes again with it.',
  },
  EDIT_DELIVERED: {
    means: 'The message was delivered, and an edit would be sent beside it.',
    cure: 'Say --again if the receiver is to get it once more.',
  },
  EDIT_VERSION: {
    means: 'The id names a version that is no longer the current one, or never was.',
    cure: 'Leave the version out of the id; waybill trace shows all of them.',
  },
  ENTRY_UNKNOWN: {
    means: 'The submission has no entry of this name, or the id names none.',
    cure: 'Name an entry that waybill trace shows.',
  },
  EDITOR_FAILED: {
    means: 'The editor could not be started, or ended with an error.',
    cure: 'Set VISUAL or EDITOR to a program that edits a file, or give the message with --file.',
  },
});

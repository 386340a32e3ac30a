import { defineErrors } from '../../engine/errors.ts';
import { TEXT_ERRORS } from '../text/errors.ts';

/** Codes of the format hl7-batch: of files that are refused or in quarantine, of messages at fault, and of batches written. */
export const HL7_BATCH_ERRORS = defineErrors({
  // A file as a whole.
  HL7_FILE_EMPTY: {
    means: 'The file has nothing in it, or only blank lines.',
    cure: 'Ask the sender for the file again; a good batch without messages still has its envelope.',
  },
  HL7_FILE_NOT_HL7: {
    means: 'The file does not begin with MSH, FHS or BHS, so it is no HL7 v2.',
    cure: 'Look at its first line: remove what stands before MSH (an MLLP frame, too), or give such files to a format that fits them.',
  },
  HL7_STRAY_TEXT: {
    means: 'There is text that belongs to no message; nothing is dropped in silence.',
    cure: 'Look at the line: put the segment into its message, or remove the text (an MLLP frame, too).',
  },
  HL7_HEADER_MISPLACED: {
    means: 'A header or trailer segment does not stand at the start of its line, so two messages would be read as one.',
    cure: 'Remove what stands before it on its line: spaces, a byte order mark, an MLLP frame.',
  },
  HL7_ENVELOPE_BROKEN: {
    means: 'The segments of the envelope stand in an order that HL7 does not have.',
    cure: 'Write FHS, then for each batch BHS, its messages and BTS, then FTS; each of the four may be left out.',
  },
  HL7_NO_MESSAGES: {
    means: 'There is an envelope without a message, and no count in it says that there are none.',
    cure: 'Ask the sender for the file again: it may be cut off. A batch without messages says 0 in BTS-1 or FTS-1.',
  },
  HL7_COUNTS_DIFFER: {
    means:
      'Counts in the envelope (BTS-1, FTS-1) are not what is there, so the file is kept and nothing of it is sent.',
    cure: 'Ask the sender. Then `waybill release` takes the messages that are there, or `waybill cancel` gives them up.',
  },
  HL7_TOO_MANY_SEGMENTS: {
    means: 'One message has more lines than `maxSegments`.',
    cure: 'Look for line ends that are missing or doubled; if such messages are right, raise `maxSegments`.',
  },
  HL7_CHARSET_UNSUPPORTED: {
    means: 'MSH-18 of the first message names a charset that cannot be read, or several.',
    cure: 'Set `charset` in the format to what the file is really in, or ask for UNICODE UTF-8.',
  },
  HL7_CHARSET_MIXED: {
    means: 'A message names another charset in MSH-18 than the file is read in; a file has one charset.',
    cure: 'Ask the sender for one charset a file, or set `charset` in the format: then MSH-18 is not looked at.',
  },
  UNDECODABLE: TEXT_ERRORS.UNDECODABLE,
  NOT_TEXT: TEXT_ERRORS.NOT_TEXT,
  NUL_BYTE: TEXT_ERRORS.NUL_BYTE,
  // One message.
  HL7_LINE_NOT_SEGMENT: {
    means: 'A line of a message is no segment: a line break inside a value, or text that does not belong there.',
    cure: 'Have the sender write line breaks in values as \\.br\\ or \\X0D\\.',
  },
  // A batch that is written.
  HL7_BATCH_COUNT: {
    means: 'A batch was planned for another number of messages than it was given; its trailer would have said so.',
    cure: 'This is a fault of Waybill: nothing of the batch was sent as whole. Report it with the batch id.',
  },
  HL7_BATCH_MESSAGE: {
    means: 'A message cannot stand in an HL7 batch: it does not begin with MSH, or its last segment has no line end.',
    cure: 'Have the transform make an HL7 message that ends with CR, or send it by a destination without this format.',
  },
});

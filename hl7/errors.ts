import { defineErrors } from '../engine/errors.ts';

/** The codes of `hl7/`. */
export const HL7_ERRORS = defineErrors({
  HL7_PATH_INVALID: {
    means: 'A path into an HL7 message is not written as one.',
    cure: 'Write SEGMENT(occurrence)-field(repetition).component.subcomponent, counted from 1, such as PID-5.1, OBX(2)-5 or PID-13(2).4.',
  },
  HL7_NOT_A_MESSAGE: {
    means: 'The text does not begin with MSH, FHS or BHS and a field separator, so it is no HL7 v2.',
    cure: 'Look at the first line: remove what stands before MSH, or send the text to a format that fits it.',
  },
  HL7_DELIMITERS_INVALID: {
    means:
      'The delimiters of a header segment (MSH-1 and MSH-2) are letters, digits or spaces, or one stands there twice.',
    cure: 'Have the sender write distinct punctuation characters, usually |^~\\&.',
  },
  HL7_DELIMITERS_FIXED: {
    means:
      'A change of field 1 or 2 of MSH, FHS or BHS was asked for; they are the delimiters that the whole text is written with.',
    cure: 'Leave MSH-1 and MSH-2 out: they are written by themselves.',
  },
  HL7_DELIMITER_MISSING: {
    means: 'A value or a path needs a delimiter or an escape character that the message does not declare in MSH-2.',
    cure: 'Have the message declare all of |^~\\& in MSH-1 and MSH-2.',
  },
  HL7_MESSAGE_TOO_LONG: {
    means: 'One message of a file is longer than the limit.',
    cure: 'Raise the limit if such messages are expected; otherwise look for a missing MSH in the file.',
  },
  ANSWER_NOT_UNDERSTOOD: {
    means:
      'An answer is no HL7 acknowledgement: there is no MSH with an MSA that has a code, and it is no empty batch.',
    cure: 'Look at the stored answer. If the receiver wraps its acknowledgement in something else, correct where the dialect looks for it.',
  },
});

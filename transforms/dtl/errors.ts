import { CONDITION_ERRORS } from '../../engine/conditions.ts';
import { DATE_ERRORS } from '../../engine/dates.ts';
import { defineErrors } from '../../engine/errors.ts';
import { TABLE_ERRORS } from '../../engine/tables.ts';
import { SCRIPT_ERRORS } from '../script.ts';

/** The codes of the DTL: first what `check` finds in a file, then what makes one message invalid. */
export const DTL_ERRORS = defineErrors({
  DTL_WRONG_SHAPE: {
    means: 'Something in a transform is not of the shape that its place asks for: a text, a list, a map.',
    cure: 'Compare with the examples of the DTL; the message says what is expected there.',
  },
  DTL_UNKNOWN_KEY: {
    means: 'A key is not one of those that its place knows.',
    cure: 'Mend the spelling; the message names the nearest key or lists them.',
  },
  DTL_UNKNOWN_ACTION: {
    means: 'An entry of `actions` is none of the actions.',
    cure: 'Each entry is one of set, append, insert, remove, if, switch, foreach, call, let, drop.',
  },
  DTL_UNKNOWN_TARGET_KIND: {
    means: 'A transform for HL7 calls one for documents, or the other way round.',
    cure: 'Call a transform with the same `to`: hl7 with hl7, json with json.',
  },
  DTL_UNKNOWN_RECORD_MAP: {
    means: 'A transform reads from a record map that the production does not have.',
    cure: 'Name a file of record-maps/.',
  },
  DTL_UNKNOWN_NAME: {
    means: 'A source names something that is no column, value, field or variable.',
    cure: 'Use a column of the record map, typed.COLUMN, a path of an HL7 or JSON input, item.bytes or item.text, values.NAME, fields.NAME, submission.NAME, partner, acceptedAt, or a variable.',
  },
  DTL_UNKNOWN_TABLE: {
    means: 'A look-up names a table that the production does not have, or a column that the table does not have.',
    cure: 'Name a file of tables/, or an entry under `tables` of the production, and columns of its header.',
  },
  DTL_UNKNOWN_FUNCTION: {
    means: 'An `as` names a function that does not exist.',
    cure: 'Mend the spelling; the functions are listed with the DTL.',
  },
  DTL_BAD_ARGUMENT: {
    means: 'A function has too many or too few arguments, or one that it cannot use.',
    cure: 'The message says what the function takes.',
  },
  DTL_FLOW_COMMA: {
    means: 'A function with a comma stands in a flow mapping without quotes, so that YAML split it.',
    cure: 'Put quotes around it: as: "slice(0, 3)".',
  },
  DTL_BAD_TARGET: {
    means: 'A target is not a path that can be written.',
    cure: 'For HL7 write SEGMENT(occurrence)-field(repetition).component.subcomponent, such as PID-5.1; MSH-1, MSH-2 and batch segments are written by themselves. For documents write names with points between them, such as patient.name.family or codes(2).',
  },
  DTL_BAD_CONDITION: {
    means: 'A condition or a CEL source cannot be compiled.',
    cure: 'Mend the expression where the message says.',
  },
  DTL_BAD_VARIABLE: {
    means: 'A variable has a name that cannot be used, or that something else already has.',
    cure: 'Use letters, digits and _, and no name of a column, of a CEL variable or of another variable.',
  },
  DTL_UNKNOWN_SUBTRANSFORM: {
    means:
      'A call names a transform that the production does not have, or hands over other variables than it declares.',
    cure: 'Name a file of transforms/, and hand over exactly its `parameters`.',
  },
  DTL_SUBTRANSFORM_BROKEN: {
    means: 'A called transform has problems of its own, or names columns that the caller does not have.',
    cure: 'Mend the called file first; its problems are listed under its own name.',
  },
  DTL_RECURSION: {
    means: 'A transform calls itself, by way of others perhaps.',
    cure: 'Break the circle: a subtransform cannot call what called it. For repeated work use foreach.',
  },
  DTL_MSH_INCOMPLETE: {
    means: 'A transform sets some of MSH, but not MSH-9 or MSH-10, which receivers and acknowledgements need.',
    cure: 'Set MSH-9, as { raw: VXU^V04^VXU_V04 }, and MSH-10, as { id: message }.',
  },
  NOT_IN_TABLE: TABLE_ERRORS.NOT_IN_TABLE,
  DATE_UNREADABLE: {
    means: 'A value that is to be written as a date cannot be read as one.',
    cure: 'Mend the source, or give the column a date type with its formats in the record map.',
  },
  NUMBER_UNREADABLE: {
    means: 'A value that is to be written as a number is none.',
    cure: 'Mend the source, or give the column a number type in the record map.',
  },
  BOOLEAN_UNREADABLE: {
    means: 'A value that is to be written as true or false is neither.',
    cure: 'Mend the source, or look the value up in a table that gives true and false.',
  },
  DOCUMENT_ID_EMPTY: {
    means: 'The source of `_id` gave nothing, or a list: documents without an id of their own could not be told apart.',
    cure: 'Mend the source, give it a `default`, or leave _id out: then it is the id of the message.',
  },
  DTL_ITEM_NOT_TEXT: {
    means: 'An item that a transform reads as HL7 is not UTF-8.',
    cure: 'Look at the charset of the input; other bytes are for a transform with from: raw.',
  },
  DTL_OTHER_STRUCTURE: {
    means:
      'A message is not of the structure that the transform says it reads: MSH-9.3, or MSH-9.1 where MSH-9.3 is empty.',
    cure: 'Route the message by its type with `when`, correct `from`, or write from: hl7 to take any.',
  },
  SCRIPT_FAILED: SCRIPT_ERRORS.SCRIPT_FAILED,
  CONDITION_FAILED: CONDITION_ERRORS.CONDITION_FAILED,
  BAD_DATE_PATTERN: DATE_ERRORS.BAD_DATE_PATTERN,
});

export type DtlCode = keyof typeof DTL_ERRORS;

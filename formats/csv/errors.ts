import { defineErrors } from '../../engine/errors.ts';
import { TABLE_ERRORS } from '../../engine/tables.ts';
import { TEXT_ERRORS } from '../text/errors.ts';

/** Codes of the format csv: of files that are refused, of rows at fault, and of record maps. */
export const CSV_ERRORS = defineErrors({
  // The file as a whole.
  EMPTY_FILE: {
    means: 'The file has no header, or nothing in it at all.',
    cure: 'Ask the sender for the file again; a good file without rows still has its header.',
  },
  UNDECODABLE: TEXT_ERRORS.UNDECODABLE,
  NOT_TEXT: TEXT_ERRORS.NOT_TEXT,
  NUL_BYTE: TEXT_ERRORS.NUL_BYTE,
  BAD_QUOTE: {
    means: 'A quote stands where none can be, or a quoted field is not closed.',
    cure: 'Ask the sender to double quotes inside quoted fields; `quotes: relaxed` takes stray ones as text, `none` takes all.',
  },
  FIELD_TOO_LARGE: {
    means: 'A field is larger than `maxField`.',
    cure: 'Look for a quote that is not closed before it; if such fields are right, raise `maxField`.',
  },
  RECORD_TOO_LARGE: {
    means: 'A row is larger than `maxRecord`.',
    cure: 'Look for a quote that is not closed, or for line ends that are missing; if such rows are right, raise `maxRecord`.',
  },
  TOO_MANY_COLUMNS: {
    means: 'A line has more fields than `maxColumns`.',
    cure: 'Look for line ends that are missing; if so many are right, raise `maxColumns`.',
  },
  COLUMNS_MISSING: {
    means: 'The header lacks columns that the record map requires.',
    cure: 'Add the names that the sender uses as `aliases`, set `headerCase: ignore`, or ask the sender to send the columns.',
  },
  HEADER_NAME_EMPTY: { means: 'A name in the header is empty.', cure: 'Ask the sender to name every column.' },
  HEADER_NAME_REPEATED: {
    means: 'Two names in the header are the same, or mean the same column of the record map.',
    cure: 'Ask the sender to name each column once, or take an alias out of the record map.',
  },
  EXTRA_COLUMNS: {
    means: 'The header has columns that the record map does not know, and `extraColumns` is `refuse`.',
    cure: 'Add them to the record map, or set `extraColumns: ignore`.',
  },
  CSV_UNREADABLE: {
    means: 'The file cannot be read as CSV.',
    cure: 'Look at the line named; ask the sender for the file again.',
  },
  // One row.
  WRONG_COLUMN_COUNT: {
    means: 'A row has more or fewer fields than the header; its values are not looked at.',
    cure: 'Look for a delimiter inside a value that should be quoted.',
  },
  HEADER_REPEATED: {
    means: 'A row is the header once more: two files were joined into one.',
    cure: 'Nothing is lost: the rows around it are taken. Ask the sender to send the files one by one.',
  },
  VALUE_MISSING: { means: 'A required value is empty.', cure: 'Send the value, or give the column a `default`.' },
  TOO_LONG: {
    means: 'A value has more characters than `maxLength`.',
    cure: 'Shorten the value, or raise `maxLength`.',
  },
  TOO_SHORT: { means: 'A value has fewer characters than `minLength`.', cure: 'Send the whole value.' },
  PATTERN_MISMATCH: {
    means: 'A value does not fit the `pattern` of its column.',
    cure: 'Mend the value at its source.',
  },
  NOT_IN_TABLE: TABLE_ERRORS.NOT_IN_TABLE,
  NOT_AN_INTEGER: {
    means: 'A value is not a whole number.',
    cure: 'Write digits, with a sign before them if need be.',
  },
  NOT_A_DECIMAL: {
    means: 'A value is not a decimal number.',
    cure: 'Write digits with a point, without thousands marks.',
  },
  NOT_A_BOOLEAN: {
    means: 'A value is neither yes nor no.',
    cure: 'Write true or false, yes or no, Y or N, T or F, 1 or 0.',
  },
  NOT_A_DATE: {
    means: 'A value does not fit any of the `formats` of its column, or the day does not exist.',
    cure: 'Mend the value, or add the format that the sender uses.',
  },
  DATE_TOO_LATE: { means: 'A date lies after `notAfter`.', cure: 'Mend the date at its source.' },
  DATE_TOO_EARLY: { means: 'A date lies before `notBefore`.', cure: 'Mend the date at its source.' },
  NOT_UNIQUE: {
    means: 'An earlier valid row of the file has the same key by the rule `unique`.',
    cure: 'Send the row once; if both are right, put another column into `unique`.',
  },
  // The record map.
  UNKNOWN_RECORD_MAP: {
    means: 'A format names a record map that the production does not have.',
    cure: 'Write the name of a file in `record-maps`.',
  },
  UNKNOWN_TABLE: {
    means: 'A column names a table that the production does not have.',
    cure: 'Add the table, or mend its name.',
  },
  BAD_PATTERN: {
    means: 'A pattern is not a regular expression that runs in linear time (RE2).',
    cure: 'Mend it; look-around and back references are not to be had.',
  },
  BAD_DATE_FORMAT: {
    means: 'A format of a date column cannot be read without a guess.',
    cure: 'Write a Unicode date pattern with a year, such as yyyy-MM-dd.',
  },
  BAD_RULE: {
    means: 'A rule of a column does not go with its type or with its other rules.',
    cure: 'Mend or remove it.',
  },
  BAD_DEFAULT: {
    means: 'A default breaks the rules of its own column.',
    cure: 'Write a default that a row could hold.',
  },
  COLUMN_REPEATED: { means: 'A name or alias stands for two columns.', cure: 'Let each name mean one column.' },
  UNKNOWN_COLUMN: {
    means: 'A rule names a column that the record map does not have.',
    cure: 'Write the name of a column.',
  },
});

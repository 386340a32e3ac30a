/** The schema of record maps: what an editor, the docs and `check` know of them. */
import type { ResourceKind } from '../../engine/contracts/resources.ts';
import { Keys, Type, Words } from '../../engine/schema.ts';
import { COLUMN_TYPES, type RecordMap } from './record-map.ts';
import { checkRecordMap } from './record-map-check.ts';
import { SETTINGS_SCHEMA } from './settings.ts';

const DAY = '^(today|\\d{4}-\\d{2}-\\d{2})$';

const COLUMN_SCHEMA = Keys({
  name: Type.String({ minLength: 1, description: 'The name in the header, and in transforms.' }),
  aliases: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { description: 'Other names that a header may have for it.' }),
  ),
  type: Words(COLUMN_TYPES, {
    default: 'text',
    description:
      'What a value is. `code` is a text of a table; `date` is a day, `dateTime` a day with a time; `decimal` has a point.',
  }),
  required: Type.Optional(
    Type.Boolean({
      description: 'A row without a value is invalid, and the header must have the column. Default: false.',
    }),
  ),
  inHeader: Type.Optional(
    Words(['required', 'optional'], {
      description: 'Must the header have the column? Default: `required` where a value is required, else `optional`.',
    }),
  ),
  default: Type.Optional(
    Type.String({ description: 'The text that an empty value, or a column that is not there, has.' }),
  ),
  maxLength: Type.Optional(Type.Integer({ minimum: 1, description: 'Most characters.' })),
  minLength: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Fewest characters of a value that is not empty.' }),
  ),
  pattern: Type.Optional(
    Type.String({ minLength: 1, description: 'A regular expression (RE2 syntax) that the whole value must fit.' }),
  ),
  formats: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description:
        'Unicode date patterns, tried in this order (`yyyy-MM-dd`, `M/d/yyyy`). A two-digit year lies in the past.',
    }),
  ),
  table: Type.Optional(Type.String({ minLength: 1, description: 'Table whose first column has the allowed codes.' })),
  ignoreCase: Type.Optional(
    Type.Boolean({ description: 'Upper and lower case are the same when a code is looked up. Default: false.' }),
  ),
  notAfter: Type.Optional(
    Type.String({
      pattern: DAY,
      description: 'The latest day: `yyyy-MM-dd`, or `today`, the day the file was accepted.',
    }),
  ),
  notBefore: Type.Optional(
    Type.String({
      pattern: DAY,
      description: 'The earliest day: `yyyy-MM-dd`, or `today`, the day the file was accepted.',
    }),
  ),
  searchable: Type.Optional(
    Type.Boolean({
      description:
        'Rows can be looked up by its value: `waybill trace --field NAME=VALUE`. Only a keyed digest is kept. Default: false.',
    }),
  ),
});

/** The kind of file `record-maps/NAME.yaml`. */
export const RECORD_MAPS: ResourceKind = {
  folder: 'record-maps',
  key: 'recordMap',
  extensions: ['yaml'],
  schema: Keys(
    {
      recordMap: Type.String({ minLength: 1, description: 'Name of the record map; that of the file.' }),
      ...SETTINGS_SCHEMA,
      headerCase: Words(['exact', 'ignore'], {
        default: 'exact',
        description: '`ignore`: upper and lower case are the same in the header.',
      }),
      extraColumns: Words(['ignore', 'refuse'], {
        default: 'ignore',
        description: 'What becomes of a file whose header has columns that are not in the map.',
      }),
      trim: Type.Boolean({
        default: true,
        description: 'White space around values is taken away before they are checked.',
      }),
      columns: Type.Array(COLUMN_SCHEMA, { minItems: 1, description: 'The columns, in any order.' }),
      unique: Type.Optional(
        Keys(
          {
            columns: Type.Array(Type.String(), { minItems: 1, description: 'The columns that make the key.' }),
            ignoreCase: Type.Boolean({ default: false, description: 'Upper and lower case are the same in the key.' }),
          },
          { description: 'Among the valid rows of one file, a later row with the same key is invalid (NOT_UNIQUE).' },
        ),
      ),
    },
    { description: 'The columns of a delimited file: names, aliases, types, rules.' },
  ),
  check: (data, resources) => checkRecordMap(data as RecordMap, resources),
};

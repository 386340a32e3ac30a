/** The shape of a transform's file, for the editor. What actions and sources may hold is checked by compiling them. */
import { Keys, type TSchema, Type } from '../../engine/schema.ts';
import { FUNCTIONS } from './functions.ts';

const functionNames = [
  ...Object.values(FUNCTIONS).map((entry) => `${entry.usage}: ${entry.does}`),
  'script(NAME): a function in code',
];

/** Keys with what they mean. Nothing but descriptions: compiling says what is wrong, and says it better. */
function described(description: string, keys: Readonly<Record<string, string>>): TSchema {
  const properties = Object.fromEntries(Object.entries(keys).map(([key, text]) => [key, { description: text }]));
  return Type.Unsafe<unknown>({ description, properties });
}

const source = described('A text as it stands, or one source, then map, as and default in this order.', {
  from: 'A column, values.NAME, fields.NAME, submission.name, submission.line, submission.id, typed.COLUMN, a variable; of a list the first that is not empty.',
  join: 'A list of sources that are put together.',
  with: 'Stands between the parts of a join that are not empty.',
  cel: 'A CEL expression.',
  acceptedAt: 'The time of acceptance by this date pattern, in the time zone of the production.',
  id: 'message, submission, or segment: the number of the segment among those of its name.',
  raw: 'HL7 as it stands: A^B.',
  delete: 'true writes "", which tells the receiver to delete what it has.',
  value: 'A text or a source, to go with `if`.',
  map: 'A table, or { table, key, give, ignoreCase }.',
  as: `One function or a list. ${functionNames.join('; ')}.`,
  default: 'A text or a source for when the value is empty or not in its table.',
  if: 'A CEL condition; where it is false the value is empty.',
});

const action = described(
  'One action, named by its key. `if` goes with then and else, `switch` with cases and default.',
  {
    set: 'Writes fields: a source for each target, such as PID-5.1.',
    append: 'Adds a segment at the end: { segment: OBX, set: { OBX-1: 1 } }.',
    insert: 'Adds a segment before or after another: { segment: NTE, after: OBX(2), set: { NTE-3: text } }.',
    remove: 'A target or a segment, or a list of them.',
    if: 'A CEL condition over row, typed, submission, fields, partner, values and variables.',
    else: 'Actions for when it does not.',
    switch: 'A source whose value chooses the case.',
    cases: 'Actions for each value, or a list of { is: [values], then: actions }.',
    default: 'Actions for any other value.',
    foreach: '{ split: ";", from: COLUMN, as: NAME, index: NAME } or { in: [sources], as: NAME }.',
    do: 'Actions for each value of the foreach.',
    call: 'A subtransform, or { transform: NAME, with: { PARAMETER: source } }.',
    let: 'Variables for the actions that follow: a source for each name.',
    drop: 'The reason why no message is made.',
  },
);

/** The file `transforms/NAME.yaml`. */
export const dtlSchema = Type.Unsafe<unknown>({
  ...Keys({
    transform: Type.String({ description: 'The name, which is also the name of the file.' }),
    description: Type.Optional(Type.String({ description: 'What it is for, for people.' })),
    from: Type.Optional(
      Keys({ recordMap: Type.String({ description: 'The record map whose columns the sources name.' }) }),
    ),
    to: Type.Unsafe<unknown>({
      type: 'object',
      description: 'What is built: { hl7: VXU_V04, version: 2.5.1 }.',
      properties: {
        hl7: { type: 'string', description: 'The structure of the message, such as VXU_V04.' },
        version: { type: 'string', description: 'The version of HL7 v2, for MSH-12.' },
        json: { type: 'string', description: 'The kind of document.' },
      },
      additionalProperties: false,
    }),
    parameters: Type.Optional(Type.Array(Type.String(), { description: 'Variables that a call must hand over.' })),
    actions: Type.Unsafe<unknown>({
      type: 'array',
      description: 'What is done, in this order.',
      items: { $ref: '#/$defs/action' },
    }),
  }),
  $defs: { source, action },
});

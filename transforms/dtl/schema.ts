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
  return Type.Unsafe({ description, properties });
}

const source = described('A text as it stands, or one source, then map, as and default in this order.', {
  from: 'A column or typed.COLUMN; a path of an HL7 or JSON input; item.text, item.bytes; values.NAME, fields.NAME, submission.NAME, partner, acceptedAt, a variable; of a list the first that is not empty.',
  join: 'A list of sources that are put together.',
  with: 'Stands between the parts of a join that are not empty.',
  cel: 'A CEL expression.',
  acceptedAt: 'The time of acceptance by this date pattern, in the time zone of the production.',
  id: 'message, submission, or segment: the number of the segment among those of its name.',
  raw: 'HL7 as it stands: A^B.',
  delete: 'true writes "", which tells the receiver to delete what it has.',
  value: 'A text or a source, to go with `if`.',
  copy: 'A field of an HL7 input as it stands, with its repetitions: PID-3.',
  number: 'A number, for documents: 5.',
  boolean: 'true or false, for documents.',
  list: 'A list of sources, for documents; empty ones are left out.',
  map: 'A table, or { table, key, give, ignoreCase }.',
  as: `One function or a list. ${functionNames.join('; ')}.`,
  default: 'A text or a source for when the value is empty or not in its table.',
  if: 'A CEL condition; where it is false the value is empty.',
});

const action = described(
  'One action, named by its key. `if` goes with then and else, `switch` with cases and default.',
  {
    set: 'Writes values: a source for each target, such as PID-5.1 or patient.name.family.',
    append:
      'Adds a segment at the end: { segment: OBX, set: { OBX-1: 1 } }; in documents an element to a list: { path: codes, set: { code: A } } or { path: codes, value: A }.',
    insert: 'Adds a segment before or after another: { segment: NTE, after: OBX(2), set: { NTE-3: text } }.',
    remove: 'A target or a segment, or a list of them.',
    if: 'A CEL condition over row and typed, or message["PATH"], and submission, fields, partner, values and variables.',
    else: 'Actions for when it does not.',
    switch: 'A source whose value chooses the case.',
    cases: 'Actions for each value, or a list of { is: [values], then: actions }.',
    default: 'Actions for any other value.',
    foreach:
      '{ split: ";", from: COLUMN, as: NAME, index: NAME }, { in: [sources], as: NAME }, and over HL7 { segment: OBX, until: [OBR], index: NAME } or { repetition: PID-3 }.',
    do: 'Actions for each turn of the foreach; beside append in documents: actions inside the new element.',
    call: 'A subtransform, or { transform: NAME, with: { PARAMETER: source } }.',
    let: 'Variables for the actions that follow: a source for each name.',
    drop: 'The reason why no message is made.',
  },
);

/** The file `transforms/NAME.yaml`. */
export const dtlSchema = Type.Unsafe({
  ...Keys({
    transform: Type.String({ description: 'The name, which is also the name of the file.' }),
    description: Type.Optional(Type.String({ description: 'What it is for, for people.' })),
    from: Type.Optional(
      described(
        'What is read: { recordMap: doses }, { hl7: ADT_A01 }, { json: orders } or raw; hl7 and json alone take any.',
        {
          recordMap: 'The record map whose columns the sources name.',
          hl7: 'The structure of the messages, such as ADT_A01, or any.',
          json: 'What the objects are called, for people; or any.',
          raw: 'What the documents are called, for people; or any.',
        },
      ),
    ),
    to: described('What is made: { hl7: VXU_V04, version: 2.5.1 }, { hl7: ADT_A01, copy: true } or { json: dose }.', {
      hl7: 'The structure of the message, such as VXU_V04.',
      version: 'The version of HL7 v2, for MSH-12.',
      copy: 'true begins with a copy of the HL7 message that came in; MSH-12 stays as it is.',
      json: 'What the document is called, for people.',
    }),
    parameters: Type.Optional(Type.Array(Type.String(), { description: 'Variables that a call must hand over.' })),
    actions: Type.Unsafe({
      type: 'array',
      description: 'What is done, in this order.',
      items: { $ref: '#/$defs/action' },
    }),
  }),
  $defs: { source, action },
});

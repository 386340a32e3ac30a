/** The DTL: transforms written as data in `transforms/NAME.yaml`. */
import type { Resources } from '../../engine/contracts/resources.ts';
import { defineTransform } from '../../engine/contracts/transform.ts';
import { loadFunctions } from '../script.ts';
import { compileTransform, programOrThrow } from './compile.ts';
import { DTL_ERRORS } from './errors.ts';
import { FUNCTIONS } from './functions.ts';
import { dtlSchema } from './schema.ts';
import { isTree } from './syntax.ts';

const functions = Object.values(FUNCTIONS).map(({ usage, does }) => `- \`${usage}\`: ${does}`);

export default defineTransform({
  name: 'dtl',
  summary: 'Makes HL7 v2 messages and documents from rows, HL7, JSON and raw items by actions written in YAML',
  description: [
    '`from` is `{ recordMap: NAME }` for rows, `{ hl7: ADT_A01 }` or `hl7` for messages, `json` or `raw`; `to` is `{ hl7: VXU_V04, version: 2.5.1 }`, `{ hl7: ADT_A01, copy: true }` or `{ json: NAME }`.',
    'Actions are done in their order: `set`, `append`, `insert`, `remove`, `if`, `switch`, `foreach`, `call`, `let`, `drop`.',
    '',
    'A source is a text, which is escaped, or one of `from`, `join`, `cel`, `acceptedAt`, `id`, `value`, `copy`, for HL7 `raw` and `delete`, for documents `number`, `boolean` and `list`; then `map`, `as`, `default`, in this order.',
    '`if` beside them makes the value empty where the condition is false. An empty value is not looked up and passes through every function.',
    'A look-up by several key columns is empty where one of them is. A value that is not in its table, or cannot be read as a date, makes the message invalid.',
    '',
    '**HL7 out.** MSH comes first, with its delimiters and, unless it is set, the version; other segments come in the order in which they are first written.',
    'A segment in which nothing was written is left out, and so are empty parts at the end of fields and segments.',
    'Writing the whole of a field replaces all its parts. `PID-13` is the whole field, `PID-13(2)` one repetition, `PID-13.4` a component of the first.',
    'With `copy: true` the message that came in is the beginning, and what no action touches is the same byte for byte. Only an MSH-18 that would have the receiver misread a character is corrected.',
    '',
    '**Documents.** A target is names with points between them, `patient.name.family`, or an element of a list, `codes(2)`. `append` adds an element to a list: `{ path: codes, value: ... }` or `{ path: codes, set: { ... } }`, with `do` beside it for actions inside the element.',
    'A column is written as it stands, also where it is empty; anything else that is empty is left out. `_id` is the id of the message unless it is set. Values are texts, except those of `typed.COLUMN`, `item.bytes`, `acceptedAt`, `submission.line`, `cel`, `number`, `boolean`, `list`, and what `as: number`, `as: boolean` or `as: date` ends with.',
    'A day is a date at midnight UTC; a time without a zone is one in the time zone of the production. The message is MongoDB Extended JSON v2, relaxed.',
    '',
    '**HL7 in.** `from: PID-5.1` is the text at a path; a path that says delete (`""`) is empty. `{ copy: PID-3 }` is the field as it stands, with its repetitions.',
    '`foreach: { segment: OBX }` goes over segments: inside, `OBX-5` is that of the segment at hand, and a foreach over other segments goes over those up to the next OBX, or to one that `until` names. `foreach: { repetition: PID-3 }` goes over the repetitions of a field.',
    '',
    '**JSON and raw in.** `from: patient.name` is the text at a path of an object, `from: codes(1).system` that of an element of a list, from 1. Every item that is no row has `item.text` and `item.bytes`.',
    '',
    'Functions of `as`:',
    '',
    ...functions,
    '- `script(NAME)`: a function in code, `transforms/NAME.ts`; `script(NAME.other)` one of its other exports',
  ].join('\n'),
  examples: [
    {
      title: 'A row becomes a vaccination message',
      yaml: `transform: dose-to-vxu
from: { recordMap: doses }
to: { hl7: VXU_V04, version: 2.5.1 }
actions:
  - set:
      MSH-7: { acceptedAt: yyyyMMddHHmmssxx }
      MSH-9: { raw: VXU^V04^VXU_V04 }
      MSH-10: { id: message }
      PID-3.1: { from: mrn }
      PID-5.1: { from: last_name, as: upper }
      PID-7: { from: birth_date, as: date(yyyyMMdd) }
      PID-8: { from: sex, map: sex-to-hl7 }
  - if: 'row.note != ""'
    then:
      - append:
          segment: NTE
          set: { NTE-1: { id: segment }, NTE-3: { from: note } }
`,
    },
    {
      title: 'A row becomes a document',
      yaml: `transform: dose-to-document
from: { recordMap: doses }
to: { json: dose }
actions:
  - set:
      patient.mrn: { from: mrn }
      patient.name.family: { from: last_name }
      patient.birthDate: { from: typed.birth_date }
      vaccine.cvx: { from: cvx }
      vaccine.units: { number: 1 }
      source.file: { from: submission.name }
      source.line: { from: submission.line }
`,
    },
    {
      title: 'An upload becomes a document with its bytes',
      yaml: `transform: consent-to-document
from: raw
to: { json: consent }
actions:
  - set:
      name: { from: submission.name }
      contentType: { from: submission.contentType }
      clinic: { from: partner }
      receivedAt: { from: acceptedAt }
      content: { from: item.bytes }
`,
    },
    {
      title: 'A message is passed on with changes',
      yaml: `transform: adt-for-registry
from: { hl7: ADT_A01 }
to: { hl7: ADT_A01, copy: true }
actions:
  - set: { MSH-5: REGISTRY, PID-3: { copy: PID-3(1) } }
  - remove: [PID-19, ZPI]
`,
    },
    {
      title: 'A message becomes a document with a list',
      yaml: `transform: result-to-document
from: { hl7: ORU_R01 }
to: { json: result }
actions:
  - set: { patient.family: { from: PID-5.1 }, patient.birthDate: { from: PID-7, as: date } }
  - foreach: { segment: OBX }
    do:
      - append:
          path: observations
          set: { code: { from: OBX-3.1 }, value: { from: OBX-5 }, unit: { from: OBX-6.1 } }
`,
    },
    {
      title: 'A subtransform with parameters',
      yaml: `transform: question
parameters: [answer, code]
to: { hl7: ORU_R01, version: 2.5.1 }
actions:
  - if: 'answer != ""'
    then:
      - append:
          segment: OBX
          set: { OBX-1: { id: segment }, OBX-2: CWE, OBX-3.1: { from: code }, OBX-5.1: { from: answer } }
`,
    },
  ],
  errors: DTL_ERRORS,
  resources: [
    {
      folder: 'transforms',
      key: 'transform',
      extensions: ['yaml'],
      schema: dtlSchema,
      check: (data, resources, name) => compileTransform(name, data, resources, undefined).issues,
    },
  ],
  async compile(name, resources) {
    const scripts = await loadFunctions(scriptNames(resources), resources);
    return programOrThrow(name, compileTransform(name, resources.files.transforms?.[name], resources, scripts));
  },
});

/** The functions in code that the DTL files name, so that they are loaded before anything is compiled. */
function scriptNames(resources: Resources): readonly string[] {
  const names = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node === 'string') {
      const name = /^\s*script\(\s*([\w.-]+)\s*\)\s*$/.exec(node)?.[1];
      if (name !== undefined) names.add(name);
    } else if (Array.isArray(node)) node.forEach(visit);
    else if (isTree(node)) Object.values(node).forEach(visit);
  };
  visit(resources.files.transforms ?? {});
  return [...names];
}

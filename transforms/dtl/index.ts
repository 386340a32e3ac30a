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
  summary: 'Builds HL7 v2 messages from rows by actions written in YAML',
  description: [
    'Actions are done in their order: `set`, `append`, `insert`, `remove`, `if`, `switch`, `foreach`, `call`, `let`, `drop`.',
    'MSH comes first, with its delimiters and, unless it is set, the version; other segments come in the order in which they are first written.',
    'A segment in which nothing was written is left out, and so are empty parts at the end of fields and segments.',
    '',
    'A source is a text, which is escaped, or one of `from`, `join`, `cel`, `acceptedAt`, `id`, `raw`, `delete`, `value`; then `map`, `as`, `default`, in this order.',
    '`if` beside them makes the value empty where the condition is false. An empty value is not looked up and passes through every function.',
    'A look-up by several key columns is empty where one of them is. A value that is not in its table, or cannot be read as a date, makes the message invalid.',
    '',
    'Writing the whole of a field replaces all its parts. `PID-13` is the whole field, `PID-13(2)` one repetition, `PID-13.4` a component of the first.',
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

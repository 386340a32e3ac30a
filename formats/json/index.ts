import { defineFormat } from '../../engine/contracts/format.ts';
import { objectPathProblem } from '../../engine/object-path.ts';
import { Keys, Size, Type } from '../../engine/schema.ts';
import { JSON_ERRORS } from './errors.ts';
import { readJson, scanJson } from './read.ts';

interface JsonConfig {
  readonly maxItemBytes?: number;
  readonly maxDepth?: number;
}

const ITEM_BYTES = 16_000_000;
const DEPTH = 100;

export default defineFormat<JsonConfig>({
  name: 'json',
  summary: 'JSON objects: an array of them, one alone, or one a line (NDJSON); one item for each.',
  description: `
Reads an array of objects (\`[{...}, {...}]\`), one object, or objects one after the other with white space between them
(NDJSON); which of them it is, the first character says. Answers of databases and uploads of programs look like this.

The whole input is looked at before the first item is taken. What is not strict JSON, and what is no object where an item
should be, refuses the input by line and column. \`[]\` is an input without items. The text is UTF-8; a byte order mark may say
UTF-16 instead.

A path names a value: \`patient.name.family\`, or \`codes(1).system\` with positions from 1. It is given as text: numbers as
they are written, without rounding; \`true\` and \`false\`; nothing for \`null\`, for a list and for an object, and where there is
no such name. An entry without a transform sends the object's text as it came.`.trim(),
  schema: Keys({
    maxItemBytes: Size({ default: '16MB', description: 'Largest object; a larger one refuses the input.' }),
    maxDepth: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: DEPTH,
      description: 'Most levels of objects and lists in each other.',
    }),
  }),
  examples: [
    { title: 'Answers of a query', yaml: 'type: json\n' },
    { title: 'Small objects only', yaml: 'type: json\nmaxItemBytes: 64KB\nmaxDepth: 10\n' },
  ],
  errors: JSON_ERRORS,
  gives: 'json',
  open: (config) => {
    const limits = { maxItemBytes: config.maxItemBytes ?? ITEM_BYTES, maxDepth: config.maxDepth ?? DEPTH };
    return {
      scan: (source, context) => scanJson(source, context, limits),
      pathProblem: objectPathProblem,
      read: async (source, scan, from, context) => readJson(scan, limits, { source, from, context }),
    };
  },
});

/**
 * Transforms in code: `transforms/NAME.ts`. A file stands for itself: it may import types and nothing else, so that the text
 * that a submission is pinned to is all that runs. Its types are stripped and it is loaded from that text.
 *
 * ```ts
 * import type { Transform } from 'waybill/transforms/script.ts';
 *
 * export const from = { recordMap: 'doses' };
 * const transform: Transform = (item, context) => ({
 *   text: `MSH|^~\\&|...\rPID|1||${item.hl7('mrn')}\r`,
 *   controlId: context.messageId,
 * });
 * export default transform;
 * ```
 */
import { createHash } from 'node:crypto';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import type { DateParts, Item, TypedValue } from '../engine/contracts/item.ts';
import type { Issue, Resources } from '../engine/contracts/resources.ts';
import {
  defineTransform,
  type OutMessage,
  type TransformContext,
  type TransformProgram,
  type TransformResult,
} from '../engine/contracts/transform.ts';
import { defineErrors, messageOf, WaybillError } from '../engine/errors.ts';
import { Type } from '../engine/schema.ts';
import { lookupOf } from '../engine/tables.ts';
import { escapeText } from '../hl7/escape.ts';

/** An item as a transform in code sees it. Columns are asked for by name; one that the record map lacks throws. */
export interface ScriptItem {
  /** First physical line of the item in its source, from 1. */
  readonly line: number;
  /** The text of a column; the empty text where there is none. */
  text(column: string): string;
  /** The text of a column, escaped for HL7. */
  hl7(column: string): string;
  /** The typed value; `null` where it is empty. */
  typed(column: string): TypedValue;
  /** The parts of a date column as written; `undefined` where it is empty. */
  date(column: string): DateParts | undefined;
  /** What a table gives for a key (first column to second); `undefined` where it is not there. */
  lookUp(table: string, key: string): string | undefined;
}

/** What a transform in code may give: a message, a reason to leave the item out, or what is wrong with it. */
export type ScriptResult =
  | OutMessage
  | { readonly drop: string }
  | { readonly invalid: readonly { readonly column?: string; readonly reason: string }[] };

/** What a transform in code may know beside the item. Frozen. */
export interface ScriptContext extends TransformContext {
  /** `values` of the production. */
  readonly values: Readonly<Record<string, string>>;
  readonly timeZone: string;
}

/**
 * The default export of a file that is a whole transform; the file also exports `from`, as a DTL file has it. Pure: no
 * input or output, no clock but `context.acceptedAt`.
 */
export type Transform = (item: ScriptItem, context: ScriptContext) => ScriptResult;

/** A function for the DTL: `as: script(NAME)` is the default export, `script(NAME.other)` another one. */
export type TextFunction = (text: string) => string;

export const SCRIPT_ERRORS = defineErrors({
  SCRIPT_UNREADABLE: {
    means: 'A file of code is not TypeScript whose types can be stripped, or not a module that can be loaded.',
    cure: 'Mend the syntax; enums, namespaces and parameter properties cannot be stripped.',
  },
  SCRIPT_IMPORTS: {
    means: 'A file of code imports something. What runs must be what the submission is pinned to.',
    cure: 'Import types only (`import type`), and move what is needed into the file.',
  },
  SCRIPT_NO_FUNCTION: {
    means: 'A file of code does not export the function that is asked for.',
    cure: 'Give it `export default`, or export the function by the name that follows the dot in script(NAME.other).',
  },
  SCRIPT_NO_RECORD_MAP: {
    means: 'A transform in code does not say whose columns it reads.',
    cure: "Export it: export const from = { recordMap: 'NAME' }.",
  },
  SCRIPT_INVALID: {
    means: 'A transform in code found the item invalid.',
    cure: 'The reason is the one that the code gives; mend the source.',
  },
  SCRIPT_FAILED: {
    means: 'Code threw an error for this item, or gave back something that is no result.',
    cure: 'Mend the function; test it with the item that `waybill trace` names.',
  },
});

const MARK = 'waybill-script';
/** `from` of an import, and the start of a computed one, once comments and texts are taken out. */
const IMPORT = /(?<![.\w$])import(?![\w$])|(?<![.\w$])export\s*(?:\*|\{[^}]*\}\s*from\b)|(?<![.\w$])require\s*\(/;
const NOT_CODE = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

type Exports = Readonly<Record<string, unknown>>;

const loaded = new Map<string, Promise<Exports>>();
let guarded = false;

/** Refuses every import of our modules while they load or run, whatever it looks like. */
function guardImports(): void {
  if (guarded) return;
  guarded = true;
  registerHooks({
    resolve(specifier, context, next) {
      if (context.parentURL?.startsWith('data:') && context.parentURL.includes(MARK)) {
        throw new WaybillError(
          'SCRIPT_IMPORTS',
          `code imports ${specifier.slice(0, 60)}; ${SCRIPT_ERRORS.SCRIPT_IMPORTS.cure}`,
        );
      }
      return next(specifier, context);
    },
  });
}

/** Strips the types. @throws WaybillError SCRIPT_UNREADABLE, SCRIPT_IMPORTS. */
function stripped(name: string, source: string): string {
  const file = `transforms/${name}.ts`;
  let code: string;
  try {
    code = stripTypeScriptTypes(source, { mode: 'strip' });
  } catch (error) {
    throw new WaybillError('SCRIPT_UNREADABLE', `${file}: ${messageOf(error)}`, { file });
  }
  const bare = code.replace(NOT_CODE, '""');
  if (IMPORT.test(bare))
    throw new WaybillError('SCRIPT_IMPORTS', `${file} imports something; ${SCRIPT_ERRORS.SCRIPT_IMPORTS.cure}`, {
      file,
    });
  return code;
}

/** Loads a file from its text; the same text is loaded once. */
async function load(name: string, source: string): Promise<Exports> {
  const code = stripped(name, source);
  guardImports();
  const hash = createHash('sha256').update(code).digest('hex');
  const url = `data:text/javascript;charset=utf-8;${MARK}=${hash},${encodeURIComponent(`${code}\n//# sourceURL=transforms/${name}.ts`)}`;
  const known = loaded.get(url);
  if (known) return known;
  const made: Promise<Exports> = import(url);
  loaded.set(url, made);
  try {
    return await made;
  } catch (error) {
    loaded.delete(url);
    if (error instanceof WaybillError) throw error;
    throw new WaybillError('SCRIPT_UNREADABLE', `transforms/${name}.ts cannot be loaded: ${messageOf(error)}`, {
      file: `transforms/${name}.ts`,
    });
  }
}

function sourceOf(name: string, resources: Resources): string | undefined {
  const files = resources.files['transforms.ts'] ?? {};
  const source = Object.hasOwn(files, name) ? files[name] : undefined;
  return typeof source === 'string' ? source : undefined;
}

/**
 * Loads functions for the DTL by `NAME` or `NAME.export`; those whose file or export does not exist are left out.
 * @throws WaybillError SCRIPT_UNREADABLE, SCRIPT_IMPORTS.
 */
export async function loadFunctions(
  names: readonly string[],
  resources: Resources,
): Promise<ReadonlyMap<string, (text: string) => unknown>> {
  const found = new Map<string, (text: string) => unknown>();
  for (const name of names) {
    const [file = '', member = 'default'] = name.split('.');
    const source = sourceOf(file, resources);
    if (source === undefined) continue;
    const exports = await load(file, source);
    const run = Object.hasOwn(exports, member) ? exports[member] : undefined;
    if (typeof run === 'function') found.set(name, (text) => run(text));
  }
  return found;
}

function check(data: unknown, _resources: Resources, name: string): readonly Issue[] {
  if (typeof data !== 'string') return [issue('SCRIPT_UNREADABLE', 'something else', 'the text of a file')];
  try {
    const code = stripped(name, data).replace(NOT_CODE, '""');
    return /(?<![.\w$])export\s/.test(code)
      ? []
      : [issue('SCRIPT_NO_FUNCTION', 'no export', 'export default, a function')];
  } catch (error) {
    const code =
      error instanceof WaybillError && error.code === 'SCRIPT_IMPORTS' ? 'SCRIPT_IMPORTS' : 'SCRIPT_UNREADABLE';
    return [issue(code, messageOf(error), 'code that stands for itself')];
  }
}

function issue(code: keyof typeof SCRIPT_ERRORS, found: string, expected: string): Issue {
  return { path: [], code, found, expected, cure: SCRIPT_ERRORS[code].cure };
}

/** Columns of the record map that the file names in its export `from`. @throws WaybillError SCRIPT_NO_FUNCTION. */
function columnsOf(name: string, from: unknown, resources: Resources): ReadonlyMap<string, number> {
  const file = `transforms/${name}.ts`;
  const recordMap = isRecord(from) && typeof from.recordMap === 'string' ? from.recordMap : '';
  const map = resources.files['record-maps']?.[recordMap];
  if (!isRecord(map) || !Array.isArray(map.columns)) {
    throw new WaybillError(
      'SCRIPT_NO_RECORD_MAP',
      `${file}: from names no record map; ${SCRIPT_ERRORS.SCRIPT_NO_RECORD_MAP.cure}`,
      { file },
    );
  }
  return new Map(map.columns.map((column: unknown, index) => [isRecord(column) ? String(column.name) : '', index]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What went wrong in code for one item; the reason names columns and tables, never a value. */
class ScriptMisuse extends Error {}

function scriptItem(item: Item, columns: ReadonlyMap<string, number>, resources: Resources): ScriptItem {
  const at = (column: string): number => {
    const index = columns.get(column);
    if (index === undefined)
      throw new ScriptMisuse(`asks for the column ${column}, which the record map does not have`);
    return index;
  };
  const text = (column: string) => item.values[at(column)] ?? '';
  return Object.freeze({
    line: item.line,
    text,
    hl7: (column: string) => escapeText(text(column)),
    typed: (column: string) => item.typed(at(column)),
    date: (column: string) => item.date(at(column)),
    lookUp(table: string, key: string) {
      const data = Object.hasOwn(resources.tables, table) ? resources.tables[table] : undefined;
      if (data === undefined)
        throw new ScriptMisuse(`looks into the table ${table}, which the production does not have`);
      const lookup = lookupOf(data);
      return data.rows[lookup.find(key)]?.[lookup.given];
    },
  });
}

function resultOf(made: unknown, name: string, item: Item): TransformResult {
  if (isRecord(made) && typeof made.text === 'string' && typeof made.controlId === 'string') {
    return { kind: 'message', message: { text: made.text, controlId: made.controlId } };
  }
  if (isRecord(made) && typeof made.drop === 'string') return { kind: 'dropped', reason: made.drop };
  if (isRecord(made) && Array.isArray(made.invalid)) {
    const faults = made.invalid.filter(isRecord).map(({ column, reason }) => ({
      code: 'SCRIPT_INVALID',
      ...(typeof column === 'string' ? { column } : {}),
      line: item.line,
      reason: String(reason),
    }));
    return { kind: 'invalid', faults };
  }
  return failed(name, item, 'gave back no message, no drop and no invalid');
}

function failed(name: string, item: Item, why: string): TransformResult {
  return {
    kind: 'invalid',
    faults: [{ code: 'SCRIPT_FAILED', line: item.line, reason: `transforms/${name}.ts ${why}` }],
  };
}

function programOf(
  name: string,
  run: (...given: readonly unknown[]) => unknown,
  columns: ReadonlyMap<string, number>,
  resources: Resources,
): TransformProgram {
  const { values, timeZone } = resources;
  const once = (item: Item, context: TransformContext): TransformResult => {
    try {
      const given: ScriptContext = Object.freeze({ ...context, values, timeZone });
      return resultOf(run(scriptItem(item, columns, resources), given), name, item);
    } catch (error) {
      if (error instanceof ScriptMisuse) return failed(name, item, error.message);
      return failed(name, item, `threw ${error instanceof Error ? error.name : 'something'}`);
    }
  };
  return {
    run: once,
    explain(item, context) {
      const result = once(item, context);
      const lineage =
        result.kind === 'message' ? [{ target: 'message', sources: ['code'], action: `transforms/${name}.ts` }] : [];
      return { result, lineage };
    },
  };
}

export default defineTransform({
  name: 'script',
  summary: 'A transform, or a function for the DTL, in TypeScript',
  description: [
    '`transforms/NAME.ts` exports `from`, as `{ recordMap: ... }`, and as its default a function of the type `Transform`: an item and a context in; a message, `{ drop: reason }` or `{ invalid: [{ column, reason }] }` out.',
    'A file may also export functions from text to text for the DTL: `as: script(NAME)` and `as: script(NAME.other)`.',
    'It may import types and nothing else, so that what a submission is pinned to is all that runs. Input is frozen; there is no clock but `context.acceptedAt`.',
  ].join('\n\n'),
  examples: [],
  errors: SCRIPT_ERRORS,
  resources: [
    {
      folder: 'transforms',
      key: 'transform',
      extensions: ['ts'],
      schema: Type.String({ description: 'TypeScript' }),
      check,
    },
  ],
  async compile(name, resources) {
    const file = `transforms/${name}.ts`;
    const source = sourceOf(name, resources);
    if (source === undefined)
      throw new WaybillError('SCRIPT_UNREADABLE', `${file} is not among the files of the production`, { file });
    const exports = await load(name, source);
    const run = exports.default;
    if (typeof run !== 'function')
      throw new WaybillError(
        'SCRIPT_NO_FUNCTION',
        `${file} has no default export that is a function; ${SCRIPT_ERRORS.SCRIPT_NO_FUNCTION.cure}`,
        { file },
      );
    return programOf(name, (item, context) => run(item, context), columnsOf(name, exports.from, resources), resources);
  },
});

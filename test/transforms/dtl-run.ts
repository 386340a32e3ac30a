/** Runs DTL text over one row, with a record map made of the row's columns. */
import assert from 'node:assert/strict';
import { parse } from 'yaml';
import type { DateParts, Item, TypedValue } from '../../engine/contracts/item.ts';
import type { Issue, Resources, TableData } from '../../engine/contracts/resources.ts';
import type {
  OutMessage,
  TransformContext,
  TransformProgram,
  TransformResult,
} from '../../engine/contracts/transform.ts';
import { readAnyDate } from '../../transforms/dtl/anydate.ts';
import dtl from '../../transforms/dtl/index.ts';

/** What a test may say beside the actions. */
export interface DtlCase {
  readonly row?: Readonly<Record<string, string>>;
  readonly types?: Readonly<Record<string, string>>;
  readonly typed?: Readonly<Record<string, TypedValue>>;
  readonly tables?: Readonly<Record<string, TableData>>;
  readonly values?: Readonly<Record<string, string>>;
  readonly context?: Partial<TransformContext>;
  readonly timeZone?: string;
  /** Other transforms by name, as YAML. */
  readonly others?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** A whole file around a list of actions. */
export function fileOf(actions: string): string {
  return `transform: t\nfrom: { recordMap: m }\nto: { hl7: ORU_R01, version: 2.5.1 }\nactions:\n${actions.replace(/^/gm, '  ')}\n`;
}

export function resourcesOf(yaml: string, given: DtlCase = {}): Resources {
  const columns = Object.keys(given.row ?? {}).map((name) => ({ name, type: given.types?.[name] ?? 'text' }));
  const others = Object.entries(given.others ?? {}).map(([name, text]) => [name, parse(text, { schema: 'failsafe' })]);
  return {
    timeZone: given.timeZone ?? 'UTC',
    values: given.values ?? {},
    tables: given.tables ?? {},
    files: {
      'record-maps': { m: { columns } },
      transforms: { t: parse(yaml, { schema: 'failsafe' }), ...Object.fromEntries(others) },
      'transforms.ts': given.scripts ?? {},
    },
  };
}

export function itemOf(given: DtlCase = {}): Item {
  const names = Object.keys(given.row ?? {});
  const values = Object.values(given.row ?? {});
  const isDate = (index: number) => (given.types?.[names[index] ?? ''] ?? '').startsWith('date');
  return {
    line: 7,
    lastLine: 7,
    fields: values,
    faults: [],
    values,
    typed: (index): TypedValue => given.typed?.[names[index] ?? ''] ?? (values[index] || null),
    date: (index): DateParts | undefined => (isDate(index) ? readAnyDate(values[index] ?? '') : undefined),
  };
}

export function contextOf(given: Partial<TransformContext> = {}): TransformContext {
  return {
    messageId: '7kq2-15-217',
    acceptedAt: Date.UTC(2024, 0, 17, 19, 30, 5),
    submission: { id: '7kq2', name: 'doses.csv', service: 'drop' },
    fields: {},
    partner: '',
    charset: 'utf-8',
    ...given,
  };
}

export function compile(yaml: string, given: DtlCase = {}): Promise<TransformProgram> {
  return Promise.resolve(dtl.compile('t', resourcesOf(yaml, given)));
}

export async function run(actions: string, given: DtlCase = {}): Promise<TransformResult> {
  return (await compile(fileOf(actions), given)).run(itemOf(given), contextOf(given.context));
}

/** The segments after MSH, of a run that must give a message. */
export async function segments(actions: string, given: DtlCase = {}): Promise<readonly string[]> {
  const result = await run(actions, given);
  assert.ok(result.kind === 'message', JSON.stringify(result));
  return result.message.text.split('\r').slice(1, -1);
}

/** What `check` finds, without warnings unless asked for. */
export function issues(yaml: string, given: DtlCase = {}, warnings = false): readonly Issue[] {
  const resources = resourcesOf(yaml, given);
  const found = dtl.resources[0]?.check?.(resources.files.transforms?.t, resources, 't') ?? [];
  return found.filter((issue) => warnings || !issue.warning);
}

/** An item that is no row. `paths`: what `Item.path` gives. */
export function itemOfBytes(bytes: Uint8Array | string, paths?: Readonly<Record<string, string>>): Item {
  const item: Item = {
    line: 3,
    lastLine: 9,
    fields: [],
    faults: [],
    values: [],
    typed: () => null,
    date: () => undefined,
    bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
  };
  if (!paths) return item;
  return { ...item, path: (path) => (Object.hasOwn(paths, path) ? (paths[path] ?? '') : '') };
}

/** A file from rows to a document, around its actions. */
export function documentFile(actions: string): string {
  return `transform: t\nfrom: { recordMap: m }\nto: { json: d }\nactions:\n${actions.trim().replace(/^/gm, '  ')}\n`;
}

/** The message that a run must give. */
export function messageIn(result: TransformResult): OutMessage {
  assert.ok(result.kind === 'message', JSON.stringify(result));
  return result.message;
}

/** The document that a row becomes, as its text says it. */
export async function documentOf(actions: string, given: DtlCase = {}): Promise<Record<string, unknown>> {
  const program = await compile(documentFile(actions), given);
  const { text } = messageIn(program.run(itemOf(given), contextOf(given.context)));
  return JSON.parse(text) as Record<string, unknown>;
}

/** Runs a whole file over an item that is no row. */
export async function runOver(yaml: string, item: Item, given: DtlCase = {}): Promise<TransformResult> {
  return (await compile(yaml, given)).run(item, contextOf(given.context));
}

/** What `waybill transform` shows: the item, what became of it, and which value came from where. */
import { isUtf8 } from 'node:buffer';
import { basename } from 'node:path';
import type { Fault, Item } from '../engine/contracts/item.ts';
import type { LineageLine, OutMessage, TransformResult } from '../engine/contracts/transform.ts';
import { type Message, parseMessage } from '../hl7/parse.ts';
import { readDocumentPath } from '../transforms/dtl/document.ts';
import { aligned } from './output.ts';

/** Where an item was taken from. */
interface Taken {
  readonly transform: string;
  readonly file: string;
  readonly item: Item;
  /** Number of the item in the file, from 1. */
  readonly number: number;
  /** Of the record map; none for items that are not rows. */
  readonly columns: readonly string[];
}

/** Everything that is shown; also what `--json` prints. */
export interface Rehearsal {
  readonly transform: string;
  readonly file: string;
  readonly line: number;
  readonly item: number;
  readonly kind: TransformResult['kind'];
  /** Columns of a row; of other items what the transform read. */
  readonly input: readonly { readonly column: string; readonly value: string }[];
  /** The item itself where it is no row and is text. */
  readonly text?: string;
  /** Its size where it is no row. */
  readonly bytes?: number;
  readonly output?: string;
  readonly reason?: string;
  readonly faults: readonly Fault[];
  readonly lineage: readonly (LineageLine & { readonly value?: string })[];
}

/** Longest value and longest line of a document that is shown to people, in characters. */
const SHOWN = 200;

/** Puts together what is shown. Without a result the item was invalid before it came to the transform. */
export function rehearsed(
  taken: Taken,
  ran: { readonly result: TransformResult; readonly lineage: readonly LineageLine[] } | undefined,
): Rehearsal {
  const { transform, file, item, number, columns } = taken;
  const result: TransformResult = ran?.result ?? { kind: 'invalid', faults: item.faults };
  const lineage = ran?.lineage ?? [];
  const common = {
    transform,
    file,
    line: item.line,
    item: number,
    kind: result.kind,
    ...inputOf(item, columns, lineage),
  };
  if (result.kind === 'invalid') return { ...common, faults: result.faults, lineage: [] };
  if (result.kind === 'dropped') return { ...common, faults: [], reason: result.reason, lineage: [] };
  const output = outputOf(result.message);
  return { ...common, faults: [], output, lineage: withValues(lineage, output) };
}

function inputOf(
  item: Item,
  columns: readonly string[],
  lineage: readonly LineageLine[],
): Pick<Rehearsal, 'input' | 'text' | 'bytes'> {
  if (columns.length > 0)
    return { input: columns.map((column, index) => ({ column, value: item.values[index] ?? '' })) };
  const sources = [...new Set(lineage.flatMap((line) => line.sources))];
  const read = sources.map((column) => ({ column, value: valueOfSource(item, column) }));
  const input = read.filter(({ value }) => value !== '');
  const { bytes } = item;
  if (bytes === undefined) return { input };
  return isUtf8(bytes)
    ? { input, text: Buffer.from(bytes).toString('utf8'), bytes: bytes.length }
    : { input, bytes: bytes.length };
}

function valueOfSource(item: Item, source: string): string {
  try {
    return item.path?.(source) ?? '';
  } catch {
    // A source that is no path: the time of acceptance, a table, a constant.
    return '';
  }
}

function outputOf({ text, bytes }: OutMessage): string {
  return bytes === undefined ? text : `${bytes.length} bytes`;
}

/** Each target with what stands there in the message. */
function withValues(lineage: readonly LineageLine[], text: string): Rehearsal['lineage'] {
  if (/^\uFEFF?[\r\n]*MSH/.test(text)) {
    const message = parseMessage(text);
    return lineage.map((line) => ({ ...line, value: hl7Value(message, line.target) }));
  }
  const document = parsed(text);
  return document === undefined
    ? lineage
    : lineage.map((line) => ({ ...line, value: documentValue(document, line.target) }));
}

function hl7Value(message: Message, target: string): string {
  try {
    return message.raw(target) ?? '';
  } catch {
    // A target that is a whole segment has no value of its own.
    return '';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A message that is neither HL7 nor a document.
    return undefined;
  }
}

function documentValue(document: unknown, target: string): string {
  const path = readDocumentPath(target);
  if (typeof path === 'string') return '';
  let value: unknown = document;
  for (const { name, index } of path) {
    value = isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    if (index > 0) value = Array.isArray(value) ? value[index - 1] : undefined;
  }
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The whole as lines for people. */
export function linesOf(made: Rehearsal): string[] {
  const { transform, file, line, item, kind, input, reason, faults, lineage } = made;
  const values = new Map(input.map(({ column, value }) => [column, value]));
  const place = made.bytes === undefined ? `line ${line}` : `item ${item}, line ${line}`;
  return [
    `${basename(file)}, ${place}, through ${transform}: ${kind}${reason === undefined ? '' : `, ${reason}`}`,
    'input:',
    ...inputLines(made),
    ...section('faults:', faults.map(faultLine)),
    ...section('output:', made.output === undefined ? [] : textLines(made.output)),
    ...section(
      'what came from where:',
      aligned(
        lineage.map((each) => lineageCells(each, values)),
        '  ',
      ),
    ),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines];
}

function inputLines({ input, text, bytes }: Rehearsal): readonly string[] {
  if (text !== undefined) return textLines(text);
  if (bytes !== undefined) return [`  ${bytes} bytes`];
  return aligned(
    input.map(({ column, value }) => [column, value]),
    '  ',
  );
}

/** HL7 by segments, documents with one value a line, anything else as it is. */
function textLines(text: string): readonly string[] {
  const document = /^\s*[[{]/.test(text) ? parsed(text) : undefined;
  const lines = document === undefined ? text : JSON.stringify(document, undefined, 2);
  return lines
    .split(/\r\n|\r|\n/)
    .filter((line) => line !== '')
    .map((line) => `  ${shortened(line)}`);
}

function shortened(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}... (${text.length} characters)`;
}

function faultLine({ line, column, reason, code }: Fault): string {
  return `  line ${line}${column === undefined ? '' : `, column ${column}`}: ${reason} (${code})`;
}

/** `family: Roe  ->  PID-5.1: ROE  by actions[0].set.PID-5.1` */
function lineageCells(
  { target, sources, action, value }: Rehearsal['lineage'][number],
  values: ReadonlyMap<string, string>,
): string[] {
  const from = sources.map((source) => {
    const read = values.get(source.replace(/^typed\./, ''));
    return read === undefined ? source : `${source}: ${shortened(read)}`;
  });
  return [from.join(', '), '->', value === undefined ? target : `${target}: ${shortened(value)}`, action];
}

import type { Fault, TypedValue } from '../../engine/contracts/item.ts';
import type { PlacedItem } from '../text/reader.ts';
import type { Frame } from './frames.ts';
import { parseJsonPath, valueAt } from './paths.ts';

const NOTHING: readonly string[] = Object.freeze([]);
const NO_FAULTS: readonly Fault[] = Object.freeze([]);

/** One object. It is parsed when something of it is asked for. */
export class JsonItem implements PlacedItem {
  readonly line: number;
  readonly lastLine: number;
  readonly fields = NOTHING;
  readonly values = NOTHING;
  readonly faults = NO_FAULTS;
  readonly controlId = '';
  /** The object's text as it stands, UTF-8. */
  readonly bytes: Uint8Array;
  /** Offset just after it. */
  readonly cursor: number;
  #parsed: unknown;

  constructor(frame: Frame) {
    this.line = frame.line;
    this.lastLine = frame.lastLine;
    this.bytes = frame.bytes;
    this.cursor = frame.end;
  }

  /** The line on which the object ends may go on. */
  get linesAfter(): number {
    return this.lastLine - 1;
  }

  readonly path = (path: string): string => {
    const steps = parseJsonPath(path);
    this.#parsed ??= parseExact(this.bytes);
    const value = valueAt(this.#parsed, steps);
    return typeof value === 'string' || typeof value === 'boolean' ? String(value) : '';
  };

  typed(): TypedValue {
    return null;
  }

  date(): undefined {
    return undefined;
  }
}

/** Numbers become their own text: an id of twenty digits, and the zero of 1.50, are not to be rounded away. */
function parseExact(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  return JSON.parse(text, (_key, value, context?: { readonly source?: string }) =>
    typeof value === 'number' ? (context?.source ?? String(value)) : value,
  );
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

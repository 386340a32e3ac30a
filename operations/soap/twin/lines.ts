/** Files of JSON lines that outlive a kill: what was appended is there, and a line that was cut off is cut away. */
import { closeSync, fdatasyncSync, openSync, readSync, truncateSync, writeSync } from 'node:fs';
import { WaybillError } from '../../../engine/errors.ts';

const LF = 0x0a;

/** A file that lines are appended to. */
export class LineFile {
  readonly #file: number;
  #isOpen = true;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  /** Appends whole lines, each with its end; they are on the disk when this returns. */
  append(lines: string): void {
    const bytes = Buffer.from(lines);
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written);
    fdatasyncSync(this.#file);
  }

  /** May be called again: the number of a closed file may soon be another's. */
  close(): void {
    if (this.#isOpen) closeSync(this.#file);
    this.#isOpen = false;
  }
}

/** The lines of a file with their offsets, in constant memory; none where there is no file. The last may have no end. */
function* linesOf(path: string): Iterable<{ readonly text: string; readonly start: number; readonly ended: boolean }> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  try {
    const chunk = Buffer.allocUnsafe(256 * 1024);
    let rest: Buffer = Buffer.alloc(0);
    let start = 0;
    for (;;) {
      const read = readSync(file, chunk);
      if (read === 0) break;
      rest = Buffer.concat([rest, chunk.subarray(0, read)]);
      let from = 0;
      for (let end = rest.indexOf(LF); end >= 0; end = rest.indexOf(LF, from)) {
        yield { text: rest.toString('utf8', from, end), start: start + from, ended: true };
        from = end + 1;
      }
      start += from;
      rest = rest.subarray(from);
    }
    if (rest.length > 0) yield { text: rest.toString('utf8'), start, ended: false };
  } finally {
    closeSync(file);
  }
}

function parsed<T>(text: string, path: string, line: number): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    // The parser's words may quote the line, which may hold a message.
    if (!(error instanceof SyntaxError)) throw error;
    throw new WaybillError('SOAP_TWIN_FILE', `${path}:${line}: the line is no JSON, so it was not written by a twin`, {
      file: path,
      line,
    });
  }
}

/**
 * Calls back for each group of lines that belong together and are all there, and cuts away the rest at the end, which a
 * kill left behind.
 * @param group what makes lines a group, and how many it has
 * @throws WaybillError SOAP_TWIN_FILE where a whole line is no JSON
 */
export function replay<T>(
  path: string,
  group: (line: T) => { readonly key: number; readonly size: number },
  each: (lines: readonly T[]) => void,
): void {
  let open: T[] = [];
  let key = 0;
  let whole = 0;
  let end = 0;
  let number = 0;
  for (const line of linesOf(path)) {
    end = line.start + Buffer.byteLength(line.text) + (line.ended ? 1 : 0);
    if (!line.ended) break;
    number += 1;
    const value = parsed<T>(line.text, path, number);
    const belongs = group(value);
    if (open.length === 0 || belongs.key !== key) {
      open = [];
      key = belongs.key;
    }
    open.push(value);
    if (open.length < belongs.size) continue;
    each(open);
    open = [];
    whole = end;
  }
  if (end > whole) truncateSync(path, whole);
}

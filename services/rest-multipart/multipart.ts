import { refusal } from './errors.ts';
import { type PartHeader, parsePartHeader } from './part-header.ts';

/**
 * The parts of a multipart body (RFC 2046, 5.1; RFC 7578), by streaming: constant memory, and the same verdict under any
 * chunking. It is stricter than what it stands in for: a body that could be read in two ways is refused, where busboy 1.6
 * loses data without a word (test/services/rest-multipart/busboy.test.ts shows each case).
 */

export interface MultipartLimits {
  readonly parts: number;
  readonly headerBytes: number;
  readonly nameLength: number;
}

export interface MultipartPart extends PartHeader {
  /** Content as it is on the line; to be read to its end before the next part is asked for. */
  readonly body: AsyncGenerator<Buffer>;
}

const CRLF = Buffer.from('\r\n');
const END_OF_HEADER = Buffer.from('\r\n\r\n');
const CR = 13;
const LF = 10;
/** Most characters behind a boundary on its line; only blanks may stand there. */
const MOST_LINE = 64;
/** RFC 2046: 1 to 70 characters of these, the last no blank. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
const EMPTY = Buffer.alloc(0);
const LF_ALONE = 'A line at a boundary ends with LF alone; multipart wants CR and LF.';

/**
 * Yields the parts of a body one after the other; it reads the source to its end, what stands after the closing boundary
 * is ignored.
 * @throws UploadError where the body is not sound, or breaks a limit; what the source throws.
 */
export async function* readMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits,
): AsyncGenerator<MultipartPart, void> {
  if (!BOUNDARY.test(boundary)) throw refusal('BOUNDARY_WRONG');
  const body = new MultipartBody(source, boundary, limits);
  await body.findFirst();
  for (let number = 1; (await body.afterBoundary()) === 'part'; number += 1) {
    if (number > limits.parts) throw refusal('TOO_MANY_PARTS', `The upload has more than ${limits.parts} parts.`);
    const header = parsePartHeader(await body.header(number), number, limits.nameLength);
    const content = body.content(number);
    yield { ...header, body: content };
    while (!(await content.next()).done);
  }
  await body.skipRest();
}

class MultipartBody {
  readonly #source: AsyncIterator<Uint8Array>;
  /** Boundary with what makes it a delimiter: the line end before it belongs to it. */
  readonly #delimiter: Buffer;
  /** The same without the line end, and with half of it. */
  readonly #boundary: Buffer;
  readonly #afterLf: Buffer;
  readonly #limits: MultipartLimits;
  /** Bytes read and not yet used. Begins with a line end that is not there, so that the first boundary is like the others. */
  #rest: Buffer = CRLF;

  constructor(source: AsyncIterable<Uint8Array>, boundary: string, limits: MultipartLimits) {
    this.#source = source[Symbol.asyncIterator]();
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#boundary = this.#delimiter.subarray(CRLF.length);
    this.#afterLf = this.#delimiter.subarray(1);
    this.#limits = limits;
  }

  /** Skips what stands before the first boundary; no more than a header may have. */
  async findFirst(): Promise<void> {
    for (;;) {
      const at = this.#rest.indexOf(this.#delimiter);
      if (at > this.#limits.headerBytes) throw refusal('BOUNDARY_NOT_FOUND');
      if (at !== -1) {
        // A boundary that does not begin its line as the standard wants: the part behind it would be passed over.
        const preamble = this.#rest.subarray(CRLF.length, at);
        if (preamble.includes(this.#boundary)) {
          throw refusal('BOUNDARY_UNCLEAR', preamble.includes(this.#afterLf) ? LF_ALONE : undefined);
        }
        return this.#use(at + this.#delimiter.length);
      }
      if (this.#rest.length > this.#limits.headerBytes + this.#delimiter.length) throw refusal('BOUNDARY_NOT_FOUND');
      if (await this.#more()) continue;
      throw refusal(this.#rest === CRLF ? 'BODY_EMPTY' : 'BOUNDARY_NOT_FOUND');
    }
  }

  /** Reads what follows a boundary, to the end of its line: another part, or the end of the body. */
  async afterBoundary(): Promise<'part' | 'end'> {
    for (;;) {
      const line = this.#rest.toString('latin1', 0, MOST_LINE);
      const next = /^[ \t]*\r\n/.exec(line);
      if (next) {
        this.#use(next[0].length);
        return 'part';
      }
      if (/^--[ \t]*\r\n/.test(line)) return 'end';
      const mayGoOn = line.length < MOST_LINE && /^(?:-|(?:--)?[ \t]*\r?)$/.test(line);
      if (!mayGoOn) throw refusal('BOUNDARY_UNCLEAR', /^(?:--)?[ \t]*\n/.test(line) ? LF_ALONE : undefined);
      if (await this.#more()) continue;
      // The last line may end without a line end, or with half of one.
      if (line.startsWith('--')) return 'end';
      throw refusal('BODY_ENDS_EARLY');
    }
  }

  /** The bytes of a part's header, without the empty line after it. */
  async header(number: number): Promise<Buffer> {
    const { headerBytes } = this.#limits;
    for (;;) {
      if (this.#rest.length >= 2 && this.#rest[0] === CR && this.#rest[1] === LF) return EMPTY;
      const at = this.#rest.indexOf(END_OF_HEADER);
      if (at > headerBytes || (at === -1 && this.#rest.length > headerBytes + END_OF_HEADER.length))
        throw refusal('PART_HEADER_TOO_LARGE', `The header of part ${number} has more than ${headerBytes} bytes.`);
      if (at !== -1) {
        const header = this.#rest.subarray(0, at);
        // The line end of the empty line stays: a part without content has its boundary right behind it.
        this.#use(at + CRLF.length);
        return header;
      }
      if (!(await this.#more())) throw refusal('BODY_ENDS_EARLY');
    }
  }

  /** The content of a part, up to the delimiter after it. */
  async *content(number: number): AsyncGenerator<Buffer> {
    await this.#atLeast(this.#delimiter.length);
    if (!this.#rest.subarray(0, this.#delimiter.length).equals(this.#delimiter)) this.#use(CRLF.length);
    for (;;) {
      const at = this.#rest.indexOf(this.#delimiter);
      const end = at === -1 ? safeEnd(this.#rest, this.#delimiter) : at;
      const chunk = this.#rest.subarray(0, end);
      this.#use(at === -1 ? end : at + this.#delimiter.length);
      if (chunk.length > 0) yield chunk;
      if (at !== -1) return;
      if (!(await this.#more()))
        throw refusal('BODY_ENDS_EARLY', `The body ends within part ${number}, before its closing boundary.`);
    }
  }

  /** What stands after the closing boundary belongs to nobody. */
  async skipRest(): Promise<void> {
    this.#rest = EMPTY;
    while (await this.#more()) this.#rest = EMPTY;
  }

  async #atLeast(bytes: number): Promise<void> {
    while (this.#rest.length < bytes && (await this.#more()));
  }

  #use(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
  }

  /** Reads on. @returns false at the end of the source */
  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done) return false;
    const chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    return true;
  }
}

/** Where the bytes begin that could be the start of a delimiter; everything before is content. */
function safeEnd(bytes: Buffer, delimiter: Buffer): number {
  let at = bytes.indexOf(CR, Math.max(0, bytes.length - delimiter.length + 1));
  while (at !== -1 && !bytes.subarray(at).equals(delimiter.subarray(0, bytes.length - at)))
    at = bytes.indexOf(CR, at + 1);
  return at === -1 ? bytes.length : at;
}

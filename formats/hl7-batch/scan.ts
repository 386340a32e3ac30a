/** The scan: charset, framing and envelope to the end of the input, with the number of messages. */
import { isAscii } from 'node:buffer';
import type { BodySource, Scan, ScanContext } from '../../engine/contracts/format.ts';
import { RefusedError, WaybillError } from '../../engine/errors.ts';
import { shapeOf } from '../../hl7/lines.ts';
import { MessageSplitter, type Part } from '../../hl7/split.ts';
import { ASCII, decoded } from '../text/charset.ts';
import { agrees, declaredCharset, type FileCharset, findCharset, shownCharset } from './charset.ts';
import { EnvelopeReader } from './envelope.ts';
import { HL7_BATCH_ERRORS } from './errors.ts';
import { FirstLine, LineEndings } from './first-line.ts';
import type { Settings } from './settings.ts';
import { misplacedHeader, refuseStray } from './stray.ts';

/** What people see of a scan. */
export interface Details {
  readonly [key: string]: unknown;
  readonly messages: number;
  readonly batches: number;
  /** BTS-1 of the first batches; `null` where it is empty or no number. */
  readonly bts: readonly (number | null)[];
  readonly fts?: number | null;
  /** `CR`, `LF`, `CRLF`, `mixed`, or `none`. */
  readonly lineEnds: string;
  /** True where the file begins with a byte order mark. */
  readonly bom: boolean;
  /** MSH-18 of the first message, as a charset that we know; empty where it says nothing or something unknown. */
  readonly declaredCharset: string;
  /** True where no character is beyond ASCII. */
  readonly ascii: boolean;
}

/** @throws RefusedError with line and column where the file as a whole cannot be taken. */
export async function scanBatch(source: BodySource, context: ScanContext, settings: Settings): Promise<Scan> {
  const file = await findCharset(source, settings.charset);
  const transcoded = file.charset !== 'utf-8' && file.charset !== ASCII;
  const sink = transcoded ? context.transcode() : undefined;
  const survey = new Survey(settings, file);
  for await (const chunk of decoded(source, file)) {
    context.signal.throwIfAborted();
    survey.feed(chunk);
    await sink?.write(chunk);
  }
  survey.finish();
  const { mismatch } = survey;
  return {
    items: survey.details.messages,
    charset: file.charset,
    transcoded,
    cursor: transcoded ? 0 : file.mark,
    lines: 0,
    details: survey.details,
    ...(mismatch === undefined ? {} : { quarantine: { code: 'HL7_COUNTS_DIFFER', ...mismatch } }),
  };
}

/** Looks at the parts of a file as they come. */
class Survey {
  readonly #settings: Settings;
  readonly #file: FileCharset;
  readonly #splitter: MessageSplitter;
  readonly #envelope: EnvelopeReader;
  readonly #firstLine = new FirstLine();
  readonly #lineEnds = new LineEndings();
  #declared: string | undefined;
  #ascii = true;

  constructor(settings: Settings, file: FileCharset) {
    this.#settings = settings;
    this.#file = file;
    this.#splitter = new MessageSplitter({ maxPartBytes: settings.maxMessageBytes });
    this.#envelope = new EnvelopeReader(settings);
  }

  feed(chunk: Buffer): void {
    this.#firstLine.feed(chunk);
    this.#lineEnds.feed(chunk);
    if (this.#ascii && !isAscii(chunk)) this.#ascii = false;
    for (const part of bounded(() => this.#splitter.push(chunk))) this.#part(part);
  }

  finish(): void {
    this.#firstLine.finish();
    for (const part of bounded(() => this.#splitter.end())) this.#part(part);
    this.#envelope.end(!this.#lineEnds.endsLine);
  }

  get mismatch(): { readonly reason: string; readonly line: number } | undefined {
    const found = this.#envelope.mismatch;
    if (!found) return undefined;
    return { line: found.line, reason: `${found.reason}. ${HL7_BATCH_ERRORS.HL7_COUNTS_DIFFER.cure}` };
  }

  get details(): Details {
    return {
      messages: this.#envelope.messages,
      ...this.#envelope.claims,
      lineEnds: this.#lineEnds.name,
      bom: this.#file.mark > 0,
      declaredCharset: this.#declared ?? '',
      ascii: this.#ascii,
    };
  }

  #part(part: Part): void {
    if (part.kind === 'message') this.#message(part);
    else if (part.kind === 'stray') refuseStray(part);
    else if (part.kind !== 'blank') {
      this.#envelope.segment(part.kind, Buffer.from(part.bytes).toString('utf8'), part.line);
    }
  }

  #message(part: Part): void {
    this.#envelope.message(part.line);
    const { bytes, line } = part;
    const shape = shapeOf(bytes);
    if (shape.segments > this.#settings.maxSegments) throw tooManySegments(line, this.#settings.maxSegments);
    if (shape.broken.length > 0) misplacedHeader(part);
    const declared = declaredCharset(headerOf(bytes));
    if (!agrees(declared, this.#file)) throw mixed(line, this.#file);
    this.#declared ??= shownCharset(declared);
  }
}

/** @throws RefusedError HL7_MESSAGE_TOO_LONG */
function bounded(parts: () => Part[]): Part[] {
  try {
    return parts();
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    throw new RefusedError(error.code, `${error.message}. Raise \`maxMessageBytes\` if such messages are right`, {
      ...error.place,
      cause: error,
    });
  }
}

/** The text of MSH; a header of more than this is no header. */
const HEADER_BYTES = 4096;

function headerOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEADER_BYTES)).toString('latin1');
}

function tooManySegments(line: number, most: number): RefusedError {
  const { cure } = HL7_BATCH_ERRORS.HL7_TOO_MANY_SEGMENTS;
  return new RefusedError(
    'HL7_TOO_MANY_SEGMENTS',
    `the message that begins on line ${line} has more than ${most} lines. ${cure}`,
    { line, column: 1 },
  );
}

function mixed(line: number, file: FileCharset): RefusedError {
  const { cure } = HL7_BATCH_ERRORS.HL7_CHARSET_MIXED;
  return new RefusedError(
    'HL7_CHARSET_MIXED',
    `line ${line}: MSH-18 names another charset than ${file.charset}, in which the file is read. ${cure}`,
    { line, column: 1, path: 'MSH-18' },
  );
}

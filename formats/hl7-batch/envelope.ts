/** The grammar of a file, `[FHS] { [BHS] { MSH ... } [BTS] } [FTS]`, and what its trailers claim. */
import { RefusedError } from '../../engine/errors.ts';
import { EnvelopeCounts, trailerCount } from '../../hl7/batch.ts';
import { HL7_BATCH_ERRORS } from './errors.ts';
import type { Settings } from './settings.ts';

type Segment = 'FHS' | 'BHS' | 'BTS' | 'FTS';

/** So many claims that do not hold are told of, and so many BTS-1 are kept. */
const MANY = 20;

/** What the envelope says, as it stands in `Scan.details`: a count that is empty or no number is `null`. */
export interface Claims {
  readonly batches: number;
  /** BTS-1 of the first batches. */
  readonly bts: readonly (number | null)[];
  readonly fts?: number | null;
}

export interface Mismatch {
  readonly reason: string;
  readonly line: number;
}

/** Takes the segments of an envelope and its messages in order. */
export class EnvelopeReader {
  readonly #counts = new EnvelopeCounts();
  readonly #settings: Pick<Settings, 'counts'>;
  readonly #mismatches: Mismatch[] = [];
  readonly #bts: (number | null)[] = [];
  #unlisted = false;
  #fts: number | null | undefined;
  #saysNone = false;
  /** Lines of headers that are still open; 0: none. */
  #fileLine = 0;
  #batchLine = 0;
  /** True while a BTS would have something to end. */
  #batchOpen = false;
  /** True where the last thing was a message; with an end inside a line, the file was cut off there. */
  #inMessage = false;
  #cutOff = false;
  #begun = false;
  #ended = false;

  constructor(settings: Pick<Settings, 'counts'>) {
    this.#settings = settings;
  }

  get messages(): number {
    return this.#counts.messages;
  }

  /** @throws RefusedError HL7_ENVELOPE_BROKEN */
  message(line: number): void {
    this.#notAfterEnd('MSH', line);
    this.#counts.message();
    this.#inMessage = true;
    this.#begun = true;
    this.#batchOpen = true;
  }

  /** @param text the segment as it stands. @throws RefusedError HL7_ENVELOPE_BROKEN */
  segment(segment: Segment, text: string, line: number): void {
    this.#notAfterEnd(segment, line);
    this.#inMessage = false;
    if (segment === 'FHS') {
      if (this.#begun) throw broken(line, 'FHS stands after the beginning of the file');
      this.#fileLine = line;
    } else if (segment === 'BHS') {
      this.#closeBatch();
      this.#batchOpen = true;
      this.#batchLine = line;
    } else if (segment === 'BTS') {
      if (!this.#batchOpen && this.#begun && this.#counts.batches > 0) throw broken(line, 'BTS ends no batch');
      this.#batchOpen = false;
      this.#batchLine = 0;
    } else {
      this.#closeBatch();
      this.#ended = true;
      this.#fileLine = 0;
    }
    this.#begun = true;
    this.#count(segment, text, line);
  }

  /**
   * The end of the file.
   * @param insideLine true where the last line has no line end
   * @throws RefusedError HL7_NO_MESSAGES
   */
  end(insideLine: boolean): void {
    this.#cutOff = insideLine && this.#inMessage;
    this.#closeBatch();
    if (this.#fileLine > 0) this.#missing('FHS', 'FTS', this.#fileLine);
    this.#counts.end();
    const says0 = this.#saysNone && this.#mismatches.length === 0;
    if (this.messages > 0 || says0) return;
    const { cure } = HL7_BATCH_ERRORS.HL7_NO_MESSAGES;
    throw new RefusedError('HL7_NO_MESSAGES', `there is an envelope and no message in it. ${cure}`, { line: 1 });
  }

  get claims(): Claims {
    const fts = this.#fts === undefined ? {} : { fts: this.#fts };
    return { batches: this.#counts.batches, bts: this.#bts, ...fts };
  }

  /** All that does not hold, in one sentence; `undefined` where everything does. */
  get mismatch(): Mismatch | undefined {
    const [first] = this.#mismatches;
    if (!first) return undefined;
    const reasons = this.#mismatches.map(({ reason, line }) => `line ${line}: ${reason}`);
    const rest = this.#unlisted ? '; what comes after is not compared' : '';
    return { line: first.line, reason: reasons.join('; ') + rest };
  }

  #count(segment: Segment, text: string, line: number): void {
    const isTrailer = segment === 'BTS' || segment === 'FTS';
    const claim = isTrailer ? trailerCount(text) : '';
    const full = this.#mismatches.length >= MANY;
    const before = this.#counts.problems.length;
    const isIgnored = this.#settings.counts === 'ignore';
    this.#counts.envelope(segment, isIgnored || full ? '' : claim);
    const found = this.#counts.problems[before];
    if (found !== undefined) this.#mismatches.push({ reason: found, line });
    if (full) this.#unlisted = true;
    const number = numberOf(claim);
    if (number === 0) this.#saysNone = true;
    if (segment === 'BTS' && this.#bts.length < MANY) this.#bts.push(number);
    if (segment === 'FTS') this.#fts = number;
  }

  #closeBatch(): void {
    if (this.#batchLine > 0) this.#missing('BHS', 'BTS', this.#batchLine);
    this.#batchLine = 0;
    this.#batchOpen = false;
  }

  #missing(header: Segment, trailer: Segment, line: number): void {
    const { counts } = this.#settings;
    if (counts === 'ignore' || (counts !== 'require' && !this.#cutOff)) return;
    if (this.#mismatches.length >= MANY) this.#unlisted = true;
    else this.#mismatches.push({ reason: `${header} has no ${trailer}, the file may be cut off`, line });
  }

  #notAfterEnd(segment: string, line: number): void {
    if (this.#ended) throw broken(line, `${segment} stands after FTS, as where two files were joined into one`);
  }
}

function numberOf(claim: string): number | null {
  const text = claim.trim();
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function broken(line: number, what: string): RefusedError {
  const { cure } = HL7_BATCH_ERRORS.HL7_ENVELOPE_BROKEN;
  return new RefusedError('HL7_ENVELOPE_BROKEN', `line ${line}, column 1: ${what}. ${cure}`, { line, column: 1 });
}

import { WaybillError } from '../engine/errors.ts';
import { EnvelopeCounts, trailerCount } from './batch.ts';
import { type Delimiters, delimitersOf, isHeader } from './delimiters.ts';
import { unescapeText } from './escape.ts';
import { rawField, rawPart } from './parts.ts';

/** One acknowledgement (MSA with its ERR) of an answer. */
export interface AcknowledgementRead {
  /** MSA-2: the control id of the message that it is about; empty where it names none. */
  readonly controlId: string;
  /** MSA-1: AA, AE, AR, CA, CE, CR (table 0008), or whatever the receiver wrote. */
  readonly code: string;
  /** What the receiver says, for people: at most 300 characters on one line. */
  readonly words: string;
}

export interface AnswerText {
  readonly acknowledgements: readonly AcknowledgementRead[];
  /** Counts of its envelope that do not hold, or an envelope without its end, as a sentence; `warning` has it too. */
  readonly counts?: string;
  /** What does not hold in the answer itself, as a sentence. */
  readonly warning?: string;
}

const WORDS_LENGTH = 300;

/**
 * Reads an acknowledgement or a batch of them, as receivers really send them: lines end with CR, LF or CRLF, white space,
 * a byte order mark or MLLP's framing may stand around it. A batch without any message is an answer too (all accepted).
 * @throws WaybillError ANSWER_NOT_UNDERSTOOD where there is no MSH with an MSA that has a code, and no empty batch.
 */
export function readAcknowledgements(answer: string): AnswerText {
  const reader = new AnswerReader();
  const trimmed = answer.replace(/^[\s\uFEFF\x0b\x1c]+|[\s\uFEFF\x0b\x1c]+$/g, '');
  for (const line of trimmed.split(/[\r\n]+/)) reader.line(line.trim());
  return reader.result();
}

interface Open {
  controlId: string;
  code: string;
  /** Texts in the order of the answer. */
  readonly words: string[];
}

class AnswerReader {
  readonly #counts = new EnvelopeCounts();
  readonly #read: Open[] = [];
  readonly #warnings: string[] = [];
  #delimiters: Delimiters | undefined;
  #inMessage = false;
  /** The acknowledgement that an ERR belongs to. */
  #open: Open | undefined;
  /** Words of an ERR that stands before the MSA of its message. */
  #early: string[] = [];
  #hasEnvelope = false;
  #silent = 0;

  line(line: string): void {
    if (line === '') return;
    const segment = line.slice(0, 3);
    if (isHeader(segment)) {
      this.#header(segment, line);
      return;
    }
    if (!this.#delimiters) throw notUnderstood('it does not begin with MSH, FHS or BHS');
    if (segment === 'BTS' || segment === 'FTS') {
      this.#endMessage();
      this.#counts.envelope(segment, trailerCount(line));
      return;
    }
    if (!this.#inMessage) return;
    if (segment === 'MSA') this.#msa(line, this.#delimiters);
    if (segment === 'ERR') (this.#open?.words ?? this.#early).push(...errorWords(line, this.#delimiters));
  }

  result(): AnswerText {
    this.#endMessage();
    this.#counts.end();
    const isEmptyBatch = this.#hasEnvelope && this.#counts.messages === 0;
    if (!isEmptyBatch && !this.#read.some((one) => one.code !== '')) {
      throw notUnderstood(this.#read.length > 0 ? 'its MSA has no code' : 'it has no MSA');
    }
    const acknowledgements = this.#read.map(({ controlId, code, words }) => ({
      controlId,
      code,
      words: forPeople(words),
    }));
    const counts = [...this.#counts.problems, ...this.#cutOff()];
    const warnings = [...this.#warnings, ...this.#oddities(), ...counts];
    return {
      acknowledgements,
      ...(counts.length === 0 ? {} : { counts: counts.join('; ') }),
      ...(warnings.length === 0 ? {} : { warning: warnings.join('; ') }),
    };
  }

  #header(segment: string, line: string): void {
    this.#endMessage();
    this.#delimiters = readDelimiters(line);
    if (segment === 'MSH') {
      this.#inMessage = true;
      this.#counts.message();
      return;
    }
    this.#hasEnvelope = true;
    this.#counts.envelope(segment as 'FHS' | 'BHS', '');
  }

  #msa(line: string, delimiters: Delimiters): void {
    const code = textOf(line, 'MSA', 1, delimiters).trim();
    const controlId = textOf(line, 'MSA', 2, delimiters).trim();
    const words = [textOf(line, 'MSA', 3, delimiters), ...this.#early];
    this.#early = [];
    this.#open = { controlId, code, words };
    this.#read.push(this.#open);
  }

  #endMessage(): void {
    if (this.#inMessage && !this.#open) this.#silent++;
    this.#inMessage = false;
    this.#open = undefined;
    this.#early = [];
  }

  #oddities(): string[] {
    const odd: string[] = [];
    const withoutCode = this.#read.filter((one) => one.code === '').length;
    if (withoutCode > 0) odd.push(`acknowledgements without a code in MSA-1: ${withoutCode}`);
    if (this.#silent > 0) odd.push(`messages in the answer without MSA: ${this.#silent}`);
    return odd;
  }

  #cutOff(): string[] {
    return this.#counts.openEnded > 0 ? ['the answer begins a batch and has no BTS: it may have been cut off'] : [];
  }
}

function readDelimiters(line: string): Delimiters {
  try {
    return delimitersOf(line);
  } catch (error) {
    throw notUnderstood('a header segment of it has no usable delimiters', error);
  }
}

/**
 * What an ERR says: the text for users or for diagnosis (ERR-8, ERR-7), else the texts of its codes (ERR-5, ERR-3, and
 * ERR-1 up to 2.4), after the place in the message that it is about (ERR-2).
 */
function errorWords(line: string, delimiters: Delimiters): string[] {
  const value = (field: number, component = 0, subcomponent = 0) =>
    textOf(line, 'ERR', field, delimiters, component, subcomponent).trim();
  const codes = value(5, 2) || value(3, 2) || value(5, 1) || value(3, 1) || value(1, 4, 2) || value(1, 4, 1);
  const text = value(8) || value(7) || codes;
  if (text === '') return [];
  const at = value(2, 1) ? 2 : 1;
  const [segment, occurrence, field] = [value(at, 1), value(at, 2), value(at, 3)];
  if (!/^[A-Z][A-Z0-9]{2}$/.test(segment)) return [text];
  const nth = Number(occurrence) > 1 ? `(${Number(occurrence)})` : '';
  const place = Number(field) > 0 ? `${segment}${nth}-${Number(field)}` : `${segment}${nth}`;
  return [`${place}: ${text}`];
}

/** A value of a segment, unescaped, of the first repetition; empty where there is none. */
function textOf(
  line: string,
  segment: string,
  field: number,
  delimiters: Delimiters,
  component = 0,
  subcomponent = 0,
): string {
  const raw = rawField(line, segment, field, delimiters) ?? '';
  return unescapeText(rawPart(raw, { repetition: 1, component, subcomponent }, delimiters) ?? '', delimiters);
}

/** Texts on one line: each once, without control characters, cut between characters. */
function forPeople(words: readonly string[]): string {
  const clean = words.map((text) => text.replace(/[\s\x00-\x1f\x7f-\x9f]+/g, ' ').trim()).filter((text) => text !== '');
  const text = [...new Set(clean)].join('; ');
  if (text.length <= WORDS_LENGTH) return text;
  return `${text.slice(0, WORDS_LENGTH - 3).replace(/[\uD800-\uDBFF]$/, '')}...`;
}

function notUnderstood(why: string, cause?: unknown): WaybillError {
  return new WaybillError(
    'ANSWER_NOT_UNDERSTOOD',
    `the answer is no HL7 acknowledgement: ${why}; look at the stored answer`,
    { cause },
  );
}

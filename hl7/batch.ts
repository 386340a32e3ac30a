import { SegmentBuilder } from './build.ts';

/**
 * The envelope around a batch: `FHS BHS messages BTS FTS` (HL7 v2.5.1, 2.10.3). FHS-3 is the application and FHS-4 the
 * facility, BTS-1 counts messages, FTS-1 counts batches.
 */
export interface Envelope {
  /** `file`: FHS to FTS; `batch`: BHS to BTS; `none`: nothing. */
  readonly kind: 'file' | 'batch' | 'none';
  /** Raw values of fields 3 to 6, the same in FHS and BHS; empty where there is none. */
  readonly sendingApplication: string;
  readonly sendingFacility: string;
  readonly receivingApplication: string;
  readonly receivingFacility: string;
  /** HL7 timestamp for field 7. */
  readonly time: string;
  /** FHS-11 and BHS-11; empty for none. */
  readonly controlId: string;
  /** BHS-12, the batch that this one stands for; empty for none. */
  readonly reference: string;
  readonly messages: number;
}

/** What stands before and after the messages of a batch, each segment with its CR. */
export function printEnvelope(envelope: Envelope): { readonly before: string; readonly after: string } {
  if (envelope.kind === 'none') return { before: '', after: '' };
  const batch = {
    before: printHeader('BHS', envelope, envelope.reference),
    after: new SegmentBuilder('BTS').set('BTS-1', String(envelope.messages)).print(),
  };
  if (envelope.kind === 'batch') return batch;
  return {
    before: printHeader('FHS', envelope, '') + batch.before,
    after: batch.after + new SegmentBuilder('FTS').set('FTS-1', '1').print(),
  };
}

function printHeader(segment: 'FHS' | 'BHS', envelope: Envelope, reference: string): string {
  return new SegmentBuilder(segment)
    .setRaw(`${segment}-3`, envelope.sendingApplication)
    .setRaw(`${segment}-4`, envelope.sendingFacility)
    .setRaw(`${segment}-5`, envelope.receivingApplication)
    .setRaw(`${segment}-6`, envelope.receivingFacility)
    .setRaw(`${segment}-7`, envelope.time)
    .set(`${segment}-11`, envelope.controlId)
    .set(`${segment}-12`, reference)
    .print();
}

/**
 * Counts what an envelope makes claims about. Tell it every segment that matters, in order; it answers with what does not
 * hold. Without BHS, messages in a row are one batch, as every envelope segment is optional in the grammar.
 */
export class EnvelopeCounts {
  #messages = 0;
  #batches = 0;
  #inBatch = 0;
  #open = false;
  #declared = false;
  #openEnded = 0;
  readonly #problems: string[] = [];

  get messages(): number {
    return this.#messages;
  }

  get batches(): number {
    return this.#batches;
  }

  /** Batches that begin with BHS and do not end with BTS: legal, but what was cut off looks like that too. */
  get openEnded(): number {
    return this.#openEnded;
  }

  /** Claims that do not hold, each a sentence. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  message(): void {
    if (!this.#open) this.#begin(false);
    this.#messages++;
    this.#inBatch++;
  }

  /** An envelope segment; `firstField` is its first field where it is a trailer. */
  envelope(segment: 'FHS' | 'BHS' | 'BTS' | 'FTS', firstField: string): void {
    if (segment === 'BHS') this.#begin(true);
    if (segment === 'FHS') this.#finish();
    if (segment === 'BTS') {
      if (!this.#open) this.#begin(false);
      this.#compare('BTS-1', firstField, this.#inBatch, 'messages in the batch');
      this.#open = false;
      this.#declared = false;
    }
    if (segment === 'FTS') {
      this.#finish();
      this.#compare('FTS-1', firstField, this.#batches, 'batches in the file');
    }
  }

  /** Tell it the end of the text. */
  end(): void {
    this.#finish();
  }

  #begin(declared: boolean): void {
    this.#finish();
    this.#batches++;
    this.#inBatch = 0;
    this.#open = true;
    this.#declared = declared;
  }

  #finish(): void {
    if (this.#open && this.#declared) this.#openEnded++;
    this.#open = false;
    this.#declared = false;
  }

  #compare(what: string, claimed: string, counted: number, of: string): void {
    const text = claimed.trim();
    if (text === '' || (/^\d+$/.test(text) && Number(text) === counted)) return;
    const claim = /^\d{1,15}$/.test(text) ? text : 'something that is no number';
    this.#problems.push(`${what} says ${claim}, ${of}: ${counted}`);
  }
}

/** The first field of a trailer as it is written, `20` of `BTS|20|`; the separator is whatever follows the name. */
export function trailerCount(line: string): string {
  const separator = line.charAt(3);
  return separator === '' ? '' : (line.slice(4).split(separator, 1)[0] ?? '').replace(/[\r\n]+$/, '');
}

/** What a twin remembers: what it took, what it was asked, what it did wrong. With files, over its own death. */
import { hash } from 'node:crypto';
import { isPositive } from './acknowledge.ts';
import { LineFile, replay } from './lines.ts';
import type { Received } from './messages.ts';
import type { Purpose } from './scenario.ts';
import type { AckCode } from './sins.ts';

/** What a twin has seen so far. Served as JSON at /counts. */
export interface TwinCounts {
  readonly requests: number;
  readonly messages: number;
  /** Messages whose control id had come before. */
  readonly duplicates: number;
  /** Bytes of request bodies. */
  readonly bytes: number;
  /** Requests answered with a fault or refused as a whole. */
  readonly refused: number;
  /** Requests in which a sin was committed, by its name. */
  readonly sins: Readonly<Record<string, number>>;
}

/** A line of the log: one message that was taken. */
export interface LogLine {
  /** Number of the request, from 1. */
  readonly request: number;
  /** Place in the request, from 1. */
  readonly position: number;
  /** Messages that were taken from the request. */
  readonly of: number;
  readonly controlId: string;
  /** Of the message in UTF-8. */
  readonly sha256: string;
  /** BHS-11 of its batch. */
  readonly batch?: string;
  /** Its control id was taken before. */
  readonly repeat?: true;
  readonly ticket?: string;
  /** PID-3, whole messages: only where they were asked for. */
  readonly patient?: string;
  readonly message?: string;
}

/** A line of the journal: one request. */
interface JournalLine {
  readonly request: number;
  readonly purpose?: Purpose;
  readonly bytes: number;
  readonly refused: boolean;
  readonly rule?: number;
  readonly sins?: readonly string[];
  readonly ticket?: string;
  readonly batch?: string;
  /** Control ids that were not taken, with their codes. */
  readonly refusedIds?: readonly (readonly [string, AckCode])[];
  /** Status queries are counted by what they ask about. */
  readonly asked?: string;
}

/** What was decided under a ticket. */
export interface Ticket {
  readonly batchId: string;
  readonly isBatch: boolean;
  readonly verdicts: readonly (readonly [string, AckCode])[];
}

/** What came of a request, beyond what the log holds. */
export interface RequestEnd {
  readonly request: number;
  readonly purpose: Purpose | undefined;
  readonly bytes: number;
  readonly refused: boolean;
  readonly rule: number | undefined;
  readonly sins: ReadonlySet<string>;
  readonly asked?: string;
}

export interface MemoryFiles {
  readonly log?: string;
  readonly logMessages?: boolean;
  readonly state?: string;
}

const SCRATCH = Buffer.allocUnsafeSlow(1024);

/** A string that shares no memory with the request it was cut from; a set of slices would keep every request alive. */
function detached(text: string): string {
  if (text.length > SCRATCH.length / 4) return Buffer.from(text).toString();
  return SCRATCH.toString('utf8', 0, SCRATCH.write(text));
}

/** The first field 3 of a PID, whatever its separator. */
function patientOf(message: string): string {
  const separator = message[3] ?? '|';
  const start = message.indexOf('\rPID');
  return start < 0
    ? ''
    : (message
        .slice(start + 1)
        .split('\r', 1)[0]
        ?.split(separator)[3] ?? '');
}

export class Memory {
  readonly #log: LineFile | undefined;
  readonly #journal: LineFile | undefined;
  readonly #whole: boolean;
  readonly #seen = new Set<string>();
  readonly #rejected = new Map<string, AckCode>();
  readonly #tickets = new Map<string, Ticket & { readonly verdicts: (readonly [string, AckCode])[] }>();
  readonly #asked = new Map<string, number>();
  readonly #sins: Record<string, number> = {};
  readonly #purposes: Record<Purpose, number> = { submit: 0, test: 0, status: 0 };
  /** How often each rule of the scenario acted. */
  readonly acted = new Map<number, number>();
  #requests = 0;
  #messages = 0;
  #duplicates = 0;
  #bytes = 0;
  #refused = 0;

  /** Reads what an earlier life left in the files. @throws WaybillError SOAP_TWIN_FILE; a system error where a file cannot be had */
  constructor({ log, logMessages = false, state }: MemoryFiles) {
    this.#whole = logMessages;
    if (state !== undefined) {
      replay<JournalLine>(
        state,
        ({ request }) => ({ key: request, size: 1 }),
        ([line]) => {
          if (line) this.#recall(line);
        },
      );
    }
    if (log !== undefined) {
      replay<LogLine>(
        log,
        ({ request, of }) => ({ key: request, size: of }),
        (lines) => this.#recallTaken(lines),
      );
    }
    this.#log = log === undefined ? undefined : new LineFile(log);
    this.#journal = state === undefined ? undefined : new LineFile(state);
  }

  get counts(): TwinCounts {
    return {
      requests: this.#requests,
      messages: this.#messages,
      duplicates: this.#duplicates,
      bytes: this.#bytes,
      refused: this.#refused,
      sins: { ...this.#sins },
    };
  }

  get messages(): number {
    return this.#messages;
  }

  /** A number for a request that arrives. */
  nextRequest(): number {
    this.#requests += 1;
    return this.#requests;
  }

  /** A number for a request of this purpose. */
  nextOf(purpose: Purpose): number {
    this.#purposes[purpose] += 1;
    return this.#purposes[purpose];
  }

  wasTaken(controlId: string): boolean {
    return this.#seen.has(controlId);
  }

  /** What was decided about a control id, the last time it came; `undefined` where it never came. */
  codeOf(controlId: string): AckCode | undefined {
    return this.#seen.has(controlId) ? 'AA' : this.#rejected.get(controlId);
  }

  ticket(name: string): Ticket | undefined {
    return this.#tickets.get(name);
  }

  /** How often this was asked about, now included. */
  timesAsked(about: string): number {
    const times = (this.#asked.get(about) ?? 0) + 1;
    this.#asked.set(about, times);
    return times;
  }

  /** Takes what was decided to be taken: in the log before this returns. */
  take(request: number, received: Received, codes: readonly AckCode[] | undefined, ticket: string | undefined): void {
    const { messages, batchId, isBatch } = received;
    const taken = codes ? messages.filter((_, index) => isPositive(codes[index] ?? 'AA')) : messages;
    if (this.#log && taken.length > 0) this.#write(request, received, codes, taken.length, ticket);
    for (const { controlId } of taken) this.#remember(controlId);
    const others = codes ? refusedIds(received, codes) : [];
    for (const [id, code] of others) this.#rejected.set(id, code);
    if (ticket !== undefined) {
      const verdicts = messages.map(({ controlId }, index) => [detached(controlId), codes?.[index] ?? 'AA'] as const);
      this.#tickets.set(ticket, { batchId: detached(batchId), isBatch, verdicts });
    }
    if (this.#journal && (others.length > 0 || ticket !== undefined)) {
      const line: JournalLine = { request, bytes: 0, refused: false, batch: batchId, refusedIds: others };
      this.#journal.append(`${JSON.stringify(ticket === undefined ? line : { ...line, ticket })}\n`);
    }
  }

  /** Notes what came of a request, before its answer goes out. */
  end({ request, purpose, bytes, refused, rule, sins, asked }: RequestEnd): void {
    this.#bytes += bytes;
    if (refused) this.#refused += 1;
    for (const name of sins) this.#sins[name] = (this.#sins[name] ?? 0) + 1;
    if (!this.#journal) return;
    const line: JournalLine = {
      request,
      bytes,
      refused,
      ...(purpose === undefined ? {} : { purpose }),
      ...(rule === undefined ? {} : { rule }),
      ...(sins.size === 0 ? {} : { sins: [...sins] }),
      ...(asked === undefined ? {} : { asked }),
    };
    this.#journal.append(`${JSON.stringify(line)}\n`);
  }

  close(): void {
    this.#log?.close();
    this.#journal?.close();
  }

  #remember(controlId: string): void {
    this.#messages += 1;
    const before = this.#seen.size;
    this.#seen.add(detached(controlId));
    if (this.#seen.size === before) this.#duplicates += 1;
  }

  #write(
    request: number,
    { messages, batchId }: Received,
    codes: readonly AckCode[] | undefined,
    of: number,
    ticket: string | undefined,
  ): void {
    let lines = '';
    const within = new Set<string>();
    for (const [index, { controlId, text }] of messages.entries()) {
      if (codes && !isPositive(codes[index] ?? 'AA')) continue;
      const isRepeat = this.#seen.has(controlId) || within.has(controlId);
      within.add(controlId);
      const line: LogLine = {
        request,
        position: index + 1,
        of,
        controlId,
        sha256: hash('sha256', text),
        ...(batchId === '' ? {} : { batch: batchId }),
        ...(isRepeat ? { repeat: true } : {}),
        ...(ticket === undefined ? {} : { ticket }),
        ...(this.#whole ? { patient: patientOf(text), message: text } : {}),
      };
      lines += `${JSON.stringify(line)}\n`;
    }
    this.#log?.append(lines);
  }

  #recall({ request, purpose, bytes, refused, rule, sins = [], ...line }: JournalLine): void {
    this.#requests = Math.max(this.#requests, request);
    this.#bytes += bytes;
    if (refused) this.#refused += 1;
    if (purpose) this.#purposes[purpose] += 1;
    if (rule !== undefined) this.acted.set(rule, (this.acted.get(rule) ?? 0) + 1);
    for (const name of sins) this.#sins[name] = (this.#sins[name] ?? 0) + 1;
    if (line.asked !== undefined) this.timesAsked(line.asked);
    for (const [id, code] of line.refusedIds ?? []) this.#rejected.set(id, code);
    if (line.ticket !== undefined) this.#addToTicket(line.ticket, line.batch ?? '', line.refusedIds ?? []);
  }

  #recallTaken(lines: readonly LogLine[]): void {
    for (const { request, controlId, ticket, batch = '' } of lines) {
      this.#requests = Math.max(this.#requests, request);
      this.#remember(controlId);
      if (ticket !== undefined) this.#addToTicket(ticket, batch, [[controlId, 'AA']]);
    }
  }

  #addToTicket(name: string, batchId: string, more: Ticket['verdicts']): void {
    const known = this.#tickets.get(name);
    if (known) known.verdicts.push(...more);
    else this.#tickets.set(name, { batchId, isBatch: batchId !== '', verdicts: [...more] });
  }
}

function refusedIds({ messages }: Received, codes: readonly AckCode[]): readonly (readonly [string, AckCode])[] {
  return messages.flatMap(({ controlId }, index) => {
    const code = codes[index] ?? 'AA';
    return isPositive(code) ? [] : [[detached(controlId), code] as const];
  });
}

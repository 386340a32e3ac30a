/** Runs a sample by the very code that sends messages: request, answer and decision; only the network is left out. */
import { decide } from '../../engine/answers.ts';
import type { Answer, Delivery, MessageOutcome, ProbeAnswer } from '../../engine/contracts/operation.ts';
import type { Resources } from '../../engine/contracts/resources.ts';
import type { MessageOutcomeState } from '../../engine/contracts/store.ts';
import { codeOf, DeliveryError, messageOf, WaybillError } from '../../engine/errors.ts';
import { outcomeOfError } from '../../engine/outcomes.ts';
import hl7Batch from '../../formats/hl7-batch/index.ts';
import { type SoapConfig, settle } from '../../operations/soap/config.ts';
import { type Sender, send } from '../../operations/soap/sender.ts';
import { probe } from '../../operations/soap/status-query.ts';
import type { HttpAnswer, HttpRequest, Transport } from '../../operations/soap/transport.ts';
import { bodyOf, lineOf, type Sample, type SampleAnswer, type SampleOutcome, type SamplesFile } from './samples.ts';

/** Something of a sample that came out otherwise. */
export interface Difference {
  /** `dialects/samples/x.yaml:12`. */
  readonly place: string;
  readonly what: string;
  readonly found: string;
  readonly expected: string;
}

export interface SampleResult {
  readonly name: string;
  /** Where the sample begins. */
  readonly place: string;
  readonly differences: readonly Difference[];
}

const URL_OF_SAMPLES = 'https://receiver.invalid/soap';
const MADE_UP = { username: 'sample-user', password: 'sample-password', organisation: 'SAMPLE' };
/** 2026-04-01 12:00 UTC. */
const PLANNED_AT = Date.UTC(2026, 3, 1, 12);
const BATCH_ID = 'SAMPLE-B1';

/** What came of a sample. */
interface Found {
  readonly outcomes: ReadonlyMap<string, SampleOutcome>;
  readonly codes: readonly string[];
  readonly words: string;
  readonly ticket?: string;
  readonly maxBytes?: number;
  readonly request: HttpRequest | undefined;
}

/**
 * Runs all samples of a file.
 * @throws WaybillError where the dialect cannot be used, or a sample cannot be run (SAMPLE_UNUSABLE)
 */
export async function runSamples(samples: SamplesFile, resources: Resources): Promise<readonly SampleResult[]> {
  const { dialect, parameters, generic } = samples.data;
  const config: SoapConfig = {
    dialect,
    url: URL_OF_SAMPLES,
    credentials: { ...MADE_UP, ...samples.data.credentials },
    ...(parameters === undefined ? {} : { parameters }),
    ...(generic === undefined ? {} : { generic }),
  };
  const settled = settle(config, resources);
  const results: SampleResult[] = [];
  for (const [index, sample] of samples.data.samples.entries()) {
    const at = ['samples', index];
    const found = await run(sample, settled, samples, index);
    const differences = compare(sample, found).map(({ path, ...rest }) => ({
      place: lineOf(samples, [...at, ...path]),
      ...rest,
    }));
    results.push({ name: sample.name, place: lineOf(samples, at), differences });
  }
  return results;
}

async function run(
  sample: Sample,
  settled: Omit<Sender, 'transport'>,
  samples: SamplesFile,
  index: number,
): Promise<Found> {
  const [key, given] = chosen(sample, lineOf(samples, ['samples', index]));
  let request: HttpRequest | undefined;
  const answer = httpAnswer(given, bodyOf(given, samples, ['samples', index, key]));
  const transport: Transport = {
    exchange: (sent) => {
      request = sent;
      return Promise.resolve(answer);
    },
    close: () => Promise.resolve(),
  };
  const sender: Sender = { ...settled, transport };
  const signal = new AbortController().signal;
  const { messages: ids, ticket } = sample;
  const asked = { batchId: BATCH_ID, ticket, ids };
  const outcome = key === 'answer' ? send(sender, deliveryOf(ids), signal) : probe(sender, asked, signal);
  const found = await outcome.then(
    (result) => foundBy(result, ids, sender),
    (error: unknown) => foundIn(error, ids, key === 'statusAnswer'),
  );
  return { ...found, request };
}

function chosen({ answer, statusAnswer }: Sample, place: string): readonly ['answer' | 'statusAnswer', SampleAnswer] {
  if (answer !== undefined && statusAnswer === undefined) return ['answer', answer];
  if (answer === undefined && statusAnswer !== undefined) return ['statusAnswer', statusAnswer];
  throw new WaybillError('SAMPLE_UNUSABLE', `${place}: a sample has either answer or statusAnswer`);
}

function httpAnswer({ status, type, headers }: SampleAnswer, body: Buffer): HttpAnswer {
  const own = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  const standard = { 'content-type': type ?? 'text/xml; charset=utf-8', 'content-length': String(body.length) };
  return { status, headers: { ...standard, ...Object.fromEntries(own) }, body };
}

/** A batch of made-up messages with these control ids. */
function deliveryOf(ids: readonly string[]): Delivery {
  const bodies = ids.map((id) =>
    Buffer.from(
      `MSH|^~\\&|WAYBILL|SAMPLE|RECEIVER|STATE|20260401120000+0000||VXU^V04^VXU_V04|${id}|P|2.5.1\r` +
        `PID|1||${id}^^^SAMPLE^MR||SAMPLE^PERSON^<&>||19900203|F\r`,
    ),
  );
  const format = hl7Batch.open({}, { resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} } });
  const plan = { id: BATCH_ID, plannedAt: PLANNED_AT, timeZone: 'UTC', count: ids.length };
  const chunks = [...(format.write?.(plan, bodies) ?? bodies)];
  const each = ids.map((id, index) => ({ id, body: bodies[index] ?? new Uint8Array() }));
  return {
    batchId: BATCH_ID,
    attempt: 1,
    messages: ids.length,
    byteLength: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    body: () => chunks,
    each: () => each,
    firstByte: () => undefined,
    lastByte: () => undefined,
  };
}

const OF_STATE: Readonly<Record<MessageOutcomeState, SampleOutcome>> = {
  delivered: 'delivered',
  rejected: 'rejected',
  failed: 'failed',
  queued: 'retry',
  inDoubt: 'inDoubt',
};

type Decided = Omit<Found, 'request'>;

function foundBy(result: Answer | ProbeAnswer, ids: readonly string[], { dialect }: Sender): Decided {
  switch (result.kind) {
    case 'later':
      return { outcomes: all(ids, 'later'), codes: [], words: result.words, ticket: result.ticket };
    case 'notYet':
      return { outcomes: all(ids, 'notYet'), codes: [], words: result.words };
    case 'outcomes':
      return byOutcomes(result.outcomes, ids);
    case 'acknowledgement':
      return byAcknowledgement(result.text, ids, dialect.batch.rules);
  }
}

function all(ids: readonly string[], outcome: SampleOutcome): ReadonlyMap<string, SampleOutcome> {
  return new Map(ids.map((id) => [id, outcome]));
}

function byOutcomes(outcomes: readonly MessageOutcome[], ids: readonly string[]): Decided {
  const known = new Map(outcomes.map((each) => [each.index, each]));
  return {
    outcomes: new Map(ids.map((id, index) => [id, OF_STATE[known.get(index)?.outcome ?? 'inDoubt']])),
    codes: outcomes.map(({ code }) => code),
    words: outcomes.map(({ words }) => words).join('; '),
  };
}

function byAcknowledgement(text: string, ids: readonly string[], rules: Sender['dialect']['batch']['rules']): Decided {
  const format = hl7Batch.open({}, { resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} } });
  try {
    const read = format.answers?.(text);
    if (!read) throw new Error('the format hl7-batch reads no answers');
    const { rest, exceptions, code, words } = decide(ids, read, BATCH_ID, rules);
    const apart = new Map(exceptions.map((each) => [each.index, each.state]));
    return {
      outcomes: new Map(ids.map((id, index) => [id, OF_STATE[apart.get(index) ?? rest]])),
      codes: [code, ...exceptions.map((each) => each.code)],
      words: [words, ...exceptions.map((each) => each.words)].join('; '),
    };
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    return { outcomes: all(ids, 'inDoubt'), codes: [error.code], words: error.message };
  }
}

/** What an error means; a question that failed leaves what is asked about as it was. */
function foundIn(error: unknown, ids: readonly string[], wasAsked: boolean): Decided {
  if (!(error instanceof DeliveryError)) throw error;
  const { maxBytes, words = '' } = error;
  return {
    outcomes: all(ids, wasAsked ? 'notYet' : outcomeOfError(error)),
    codes: [codeOf(error)],
    words: `${messageOf(error)} ${words}`,
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

type Unplaced = Omit<Difference, 'place'> & { readonly path: readonly string[] };

function compare({ messages: ids, expect, request }: Sample, found: Found): readonly Unplaced[] {
  const { messages = {}, outcome, code, words, ticket, maxBytes } = expect;
  const strangers = Object.keys(messages).filter((id) => !ids.includes(id));
  return [
    ...ids.flatMap((id) => {
      const wanted = Object.hasOwn(messages, id) ? (messages[id] ?? outcome) : outcome;
      const path = Object.hasOwn(messages, id) ? ['expect', 'messages', id] : ['expect', 'outcome'];
      const got = found.outcomes.get(id) ?? 'nothing';
      const [why = ''] = found.codes;
      const told = why === '' ? got : `${got} (${why}: ${found.words})`;
      return got === wanted ? [] : [{ path, what: id, found: told, expected: wanted }];
    }),
    ...strangers.map((id) => ({
      path: ['expect', 'messages', id],
      what: id,
      found: 'no message of this id was sent',
      expected: ids.join(', '),
    })),
    ...difference(
      ['expect', 'code'],
      'code',
      code,
      found.codes.join(', '),
      code === undefined || found.codes.includes(code),
    ),
    ...difference(['expect', 'words'], 'words', words, found.words, words === undefined || found.words.includes(words)),
    ...difference(
      ['expect', 'ticket'],
      'ticket',
      ticket,
      found.ticket ?? 'none',
      ticket === undefined || found.ticket === ticket,
    ),
    ...difference(
      ['expect', 'maxBytes'],
      'maxBytes',
      maxBytes === undefined ? undefined : String(maxBytes),
      String(found.maxBytes ?? 'none'),
      maxBytes === undefined || found.maxBytes === maxBytes,
    ),
    ...compareRequest(request, found.request),
  ];
}

function difference(
  path: readonly string[],
  what: string,
  expected: string | undefined,
  found: string,
  same: boolean,
): readonly Unplaced[] {
  return same || expected === undefined ? [] : [{ path, what, found, expected }];
}

function compareRequest(wanted: Sample['request'], sent: HttpRequest | undefined): readonly Unplaced[] {
  if (!wanted) return [];
  if (!sent) return [{ path: ['request'], what: 'request', found: 'nothing was sent', expected: 'a request' }];
  const text = Buffer.concat([...(sent.body?.chunks() ?? [])]).toString('utf8');
  const headers = Object.entries(wanted.headers ?? {}).flatMap(([name, value]) => {
    const found = sent.headers[name.toLowerCase()] ?? 'none';
    return difference(['request', 'headers', name], name, value, found, found === value);
  });
  const absent = (wanted.holds ?? []).filter((part) => !text.includes(part));
  const present = (wanted.lacks ?? []).filter((part) => text.includes(part));
  return [
    ...headers,
    ...absent.map((part) => ({ path: ['request', 'holds'], what: 'request', found: text, expected: part })),
    ...present.map((part) => ({ path: ['request', 'lacks'], what: 'request', found: part, expected: 'no such text' })),
  ];
}

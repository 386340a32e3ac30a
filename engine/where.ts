import { listWords, suggest } from './config/suggest.ts';
import type { MessageFilter } from './contracts/acting.ts';
import { WaybillError } from './errors.ts';
import { parseBatchId, parseSubmissionId } from './ids.ts';
import { MESSAGE_STATES, type MessageState } from './states.ts';

/** Filters of messages as people write them: `destination=registry state=rejected code=AE since=2026-11-01`. */

/** The value of a searchable field that a person looks for. It may be a patient's: it is never shown, logged or kept. */
export interface WantedField {
  readonly name: string;
  readonly value: string;
}

export interface Where {
  readonly filter: MessageFilter;
  readonly fields: readonly WantedField[];
  /** The filter in words, for events and lists; without values of fields. */
  readonly words: string;
}

export interface WhereContext {
  readonly instance: string;
  /** Milliseconds since 1970: what `since=24h` counts from. */
  readonly now: number;
}

type Mutable = { -readonly [K in keyof MessageFilter]: MessageFilter[K] };
type Read = (filter: Mutable, value: string, context: WhereContext) => void;

const KEYS: Readonly<Record<string, Read>> = {
  destination: (filter, value) => {
    filter.destinations = listOf(value);
  },
  state: (filter, value) => {
    filter.states = listOf(value).map(stateOf);
  },
  code: (filter, value) => {
    filter.codes = listOf(value);
  },
  entry: (filter, value) => {
    filter.entries = listOf(value);
  },
  submission: (filter, value, { instance }) => {
    filter.submissions = listOf(value).map((text) => submissionOf(text, instance));
  },
  batch: (filter, value, { instance }) => {
    filter.batch = batchOf(value, instance);
  },
  message: (filter, value, { instance }) => {
    filter.items = listOf(value).map((text) => messageOf(text, instance));
  },
  since: (filter, value, { now }) => {
    filter.since = timeOf(value, now);
  },
  until: (filter, value, { now }) => {
    filter.until = timeOf(value, now);
  },
};

/** The keys that a filter may have, beside `field.NAME`. */
const WHERE_KEYS: readonly string[] = Object.keys(KEYS);

const FIELD = /^field\.(.+)$/;

/** Reads a filter. @throws WaybillError `WHERE_NOT_UNDERSTOOD`; its message holds no value of a field. */
export function parseWhere(text: string, context: WhereContext): Where {
  const filter: Mutable = {};
  const fields: WantedField[] = [];
  const words: string[] = [];
  const seen = new Set<string>();
  for (const { key, value, written } of wordsOf(text)) {
    if (seen.has(key)) throw wrong(`${key} stands twice; give several values with commas between them`);
    seen.add(key);
    const field = FIELD.exec(key)?.[1];
    if (field !== undefined) {
      fields.push({ name: field, value });
      words.push(`${key}=(not shown)`);
      continue;
    }
    const read = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (!read) throw unknownKey(key);
    read(filter, value, context);
    words.push(`${key}=${written}`);
  }
  if (words.length === 0) throw wrong(`it is empty; it takes ${listWords([...WHERE_KEYS, 'field.NAME'], 'and')}`);
  return { filter, fields, words: words.join(' ') };
}

interface Word {
  readonly key: string;
  readonly value: string;
  /** As it was written, quotes and all. */
  readonly written: string;
}

/** `key=value` and `key="a value with spaces"`, with spaces between them. */
function wordsOf(text: string): readonly Word[] {
  const words: Word[] = [];
  const word = /\s*(?:([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?=\s|$))?/y;
  while (word.lastIndex < text.length) {
    const at = word.lastIndex;
    const [, key, written] = word.exec(text) ?? [];
    if (key === undefined || written === undefined) {
      if (text.slice(at).trim() === '') break;
      throw wrong(
        `word ${words.length + 1} is not of the form key=value; a value with spaces is written key="a value"`,
      );
    }
    const value = written.startsWith('"') ? written.slice(1, -1).replace(/\\(.)/g, '$1') : written;
    words.push({ key, value, written });
  }
  return words;
}

function wrong(why: string): WaybillError {
  return new WaybillError('WHERE_NOT_UNDERSTOOD', `The filter cannot be understood: ${why}.`);
}

function unknownKey(key: string): WaybillError {
  const near = suggest(key, [...WHERE_KEYS, 'field.NAME']);
  return wrong(
    `there is no ${JSON.stringify(key)}${near ? `, did you mean ${near}` : ''}; it takes ${listWords([...WHERE_KEYS, 'field.NAME'], 'and')}`,
  );
}

function listOf(value: string): readonly string[] {
  return value.split(',').map((each) => each.trim());
}

function stateOf(text: string): MessageState {
  if (Object.hasOwn(MESSAGE_STATES, text)) return text as MessageState;
  const states = Object.keys(MESSAGE_STATES);
  const near = suggest(text, states);
  throw wrong(
    `there is no state ${JSON.stringify(text)}${near ? `, did you mean ${near}` : ''}; there are ${listWords(states, 'and')}`,
  );
}

function submissionOf(text: string, instance: string): number {
  const number = parseSubmissionId(instance, text);
  if (number !== undefined) return number;
  throw wrong(`${JSON.stringify(text)} is no submission of this ledger, whose ids look like ${instance}-15`);
}

function batchOf(text: string, instance: string): number {
  const number = parseBatchId(instance, text);
  if (number !== undefined) return number;
  throw wrong(`${JSON.stringify(text)} is no batch of this ledger, whose ids look like ${instance}-B3`);
}

/** A message of the first entry (`7kq2-15-217`) or of a later one (`7kq2-15-217-2`). */
function messageOf(text: string, instance: string): NonNullable<MessageFilter['items']>[number] {
  const found = parseMessageId(instance, text);
  if (found) return found;
  throw wrong(`${JSON.stringify(text)} is no message of this ledger, whose ids look like ${instance}-15-217`);
}

/** The submission, item and entry (from 0) that a message's id names; `undefined` for anything else. */
export function parseMessageId(
  instance: string,
  text: string,
): { readonly submission: number; readonly item: number; readonly entry: number } | undefined {
  const [, prefix, submission, item, entry] =
    /^([a-z0-9]{4})-(\d{1,15})-(\d{1,15})(?:-([2-9]|[1-9]\d{1,3}))?$/.exec(text) ?? [];
  if (prefix !== instance) return undefined;
  return { submission: Number(submission), item: Number(item), entry: entry === undefined ? 0 : Number(entry) - 1 };
}

const SPANS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** False for 31 February, which `Date.parse` takes for a day in March. */
function isDay(text: string): boolean {
  const at = Date.parse(text);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** A day or a time of ISO 8601, of this machine's zone where it names none; or `30m`, `24h`, `7d` before now. */
function timeOf(text: string, now: number): number {
  const [, n, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (n !== undefined) return now - Number(n) * (SPANS[unit] ?? 0);
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const whole = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/.test(text);
  const at = (day || whole) && isDay(text.slice(0, 10)) ? Date.parse(day ? `${text}T00:00:00` : text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw wrong(`${JSON.stringify(text)} is no time; write 2026-11-01, 2026-11-01T14:30, 24h or 7d`);
}

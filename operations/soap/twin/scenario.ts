/** A scenario: which request meets which sins. The same file and seed give the same choices, whatever came in between. */
import { hash } from 'node:crypto';
import { isEarly, type Sin } from './sins.ts';

/** What a request is for. */
export type Purpose = 'submit' | 'test' | 'status';

/** All that is given must hold. Sizes in bytes. */
export interface When {
  /** `3`, `2-5` or `4-`: number of the request, from 1; of its purpose where `purpose` is given. */
  readonly request?: string;
  /** Every so many requests. */
  readonly every?: number;
  /** From 0 to 1, drawn by the scenario's seed. */
  readonly probability?: number;
  readonly purpose?: Purpose;
  /** A control id among its messages; `*` stands for any text. */
  readonly controlId?: string;
  readonly messagesOver?: number;
  readonly bytesOver?: number;
  /** `22:00-06:00`: time of day in the scenario's time zone. */
  readonly between?: string;
  /** So many messages were taken already. */
  readonly onceTaken?: number;
  /** Fewer messages than that were taken. */
  readonly untilTaken?: number;
}

export interface Rule {
  readonly name?: string;
  readonly when?: When;
  /** Acts at most so many times. */
  readonly times?: number;
  readonly do: readonly Sin[];
}

export interface Scenario {
  readonly scenario: string;
  readonly seed: number;
  /** IANA name. */
  readonly timeZone: string;
  readonly rules: readonly Rule[];
}

/** What is known of a request once its headers are there. */
export interface HeaderFacts {
  /** Number among all requests, from 1. */
  readonly request: number;
  /** Bytes of the body; `undefined` where the headers do not say. */
  readonly bytes: number | undefined;
  readonly now: Date;
  /** Messages taken before it. */
  readonly taken: number;
}

/** What is known once the body was read. */
export interface BodyFacts extends HeaderFacts {
  readonly bytes: number;
  /** `undefined` where the request makes no sense. */
  readonly purpose: Purpose | undefined;
  /** Number among the requests of its purpose, from 1. */
  readonly ofPurpose: number;
  readonly controlIds: readonly string[];
}

/** What a request meets. `rule`: place in the scenario, from 0; `undefined` where none acts. */
export interface Choice {
  readonly rule: number | undefined;
  readonly sins: readonly Sin[];
}

export const NO_SINS: Choice = Object.freeze({ rule: undefined, sins: Object.freeze([]) });

/** A number from 0 to 1 that depends on the words alone. */
export function drawn(...words: readonly (string | number)[]): number {
  return Number.parseInt(hash('sha256', words.join('\n')).slice(0, 12), 16) / 2 ** 48;
}

/** True where the text is made after the pattern, in which `*` stands for any text. Takes linear time. */
export function fits(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const [first = ''] = parts;
  if (parts.length === 1) return text === pattern;
  const last = parts.at(-1) ?? '';
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** True where a number is in a range: `3`, `2-5` or `4-`. */
export function inRange(range: string, number: number): boolean {
  const [from = '', to] = range.split('-');
  if (to === undefined) return number === Number(from);
  return number >= Number(from) && (to === '' || number <= Number(to));
}

function minutesOfDay(now: Date, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const [hours, minutes] = format.format(now).split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

/** The end is not part of the window; one that ends before it begins goes over midnight. */
function inWindow(window: string, now: Date, timeZone: string): boolean {
  const [from = 0, to = 0] = window.split('-').map((time) => {
    const [hours, minutes] = time.split(':').map(Number);
    return (hours ?? 0) * 60 + (minutes ?? 0);
  });
  const at = minutesOfDay(now, timeZone);
  return from <= to ? at >= from && at < to : at >= from || at < to;
}

/** Chooses the sins of each request: the first rule that fits acts. */
export class Director {
  readonly #scenario: Scenario;
  readonly #early: readonly number[];
  readonly #late: readonly number[];
  /** How often each rule has acted. */
  readonly #acted: number[];

  /** @param acted how often each rule acted in an earlier life */
  constructor(scenario: Scenario, acted: ReadonlyMap<number, number>) {
    this.#scenario = scenario;
    this.#acted = scenario.rules.map((_, index) => acted.get(index) ?? 0);
    const places = [...scenario.rules.keys()];
    this.#early = places.filter((place) => scenario.rules[place]?.do.some(isEarly));
    this.#late = places.filter((place) => !this.#early.includes(place));
  }

  /** Of the rules whose sins come before the body is read. */
  early(facts: HeaderFacts): Choice {
    return this.#choose(this.#early, (when, rule) => this.#fitsHeader(when, rule, facts, facts.request));
  }

  /** Of the other rules. */
  late(facts: BodyFacts): Choice {
    return this.#choose(this.#late, (when, rule) => {
      const { purpose, controlId, messagesOver } = when;
      if (purpose !== undefined && facts.purpose !== purpose) return false;
      const number = purpose === undefined ? facts.request : facts.ofPurpose;
      if (!this.#fitsHeader(when, rule, facts, number)) return false;
      if (messagesOver !== undefined && facts.controlIds.length <= messagesOver) return false;
      return controlId === undefined || facts.controlIds.some((id) => fits(controlId, id));
    });
  }

  #choose(places: readonly number[], fitting: (when: When, rule: number) => boolean): Choice {
    for (const place of places) {
      const rule = this.#scenario.rules[place];
      if (!rule || (this.#acted[place] ?? 0) >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
      if (!fitting(rule.when ?? {}, place)) continue;
      this.#acted[place] = (this.#acted[place] ?? 0) + 1;
      return { rule: place, sins: rule.do };
    }
    return NO_SINS;
  }

  #fitsHeader(when: When, rule: number, facts: HeaderFacts, number: number): boolean {
    const { request, every, probability, bytesOver, between, onceTaken, untilTaken } = when;
    const { seed, timeZone } = this.#scenario;
    if (request !== undefined && !inRange(request, number)) return false;
    if (every !== undefined && number % every !== 0) return false;
    if (bytesOver !== undefined && (facts.bytes ?? 0) <= bytesOver) return false;
    if (onceTaken !== undefined && facts.taken < onceTaken) return false;
    if (untilTaken !== undefined && facts.taken >= untilTaken) return false;
    if (between !== undefined && !inWindow(between, facts.now, timeZone)) return false;
    return probability === undefined || drawn(seed, rule, facts.request) < probability;
  }
}

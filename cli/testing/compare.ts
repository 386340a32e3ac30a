/** Holds what became of a case against what it expects. Values may be shown: they are test data. */
import { formatPath } from '../../engine/config/problems.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { counted } from '../output.ts';
import { viewOf } from './message-view.ts';
import type { PreparedCase } from './prepare.ts';
import type { CaseOutcome, FoundFault, MadeMessage, Refusal } from './run-case.ts';
import { type ExpectedFault, type ExpectedMessage, type ExpectedRefusal, RESERVED } from './schema.ts';

/** One thing that is not as expected, with the place of the expectation in the tests file. */
export interface Failure {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Keys as people write them: `cases[0].expect.state-registry[0].PID-5.1`. */
  readonly path: string;
  /** `state-registry, message 1 (line 2), PID-5.1`. */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** Everything that is not as expected; empty where the case passes. */
export function compare(prepared: PreparedCase, outcome: CaseOutcome): readonly Failure[] {
  return new Comparison(prepared, outcome).failures();
}

class Comparison {
  readonly #prepared: PreparedCase;
  readonly #outcome: CaseOutcome;
  readonly #failures: Failure[] = [];

  constructor(prepared: PreparedCase, outcome: CaseOutcome) {
    this.#prepared = prepared;
    this.#outcome = outcome;
  }

  failures(): readonly Failure[] {
    const { expect } = this.#prepared.data;
    const { refused, quarantined, filtered } = this.#outcome;
    this.#refusal('refused', expect.refused, refused);
    this.#refusal('quarantined', expect.quarantined, quarantined);
    if (refused || quarantined) return this.#failures;
    for (const [key, expected] of Object.entries(expect)) {
      if (!(RESERVED as readonly string[]).includes(key))
        this.#entry(key, expected as number | readonly ExpectedMessage[]);
    }
    if (expect.filtered !== undefined && expect.filtered !== filtered)
      this.#add(['filtered'], 'filtered', counted(expect.filtered, 'item'), counted(filtered, 'item'));
    this.#invalid(expect.invalid ?? []);
    return this.#failures;
  }

  #refusal(key: 'refused' | 'quarantined', expected: ExpectedRefusal | undefined, found: Refusal | undefined): void {
    if (!expected || !found) {
      const other = `an input that is not ${key}`;
      if (found) this.#add([], key, other, refusalText(found));
      if (expected) this.#add([key], key, refusalText(expected), other);
      return;
    }
    for (const part of ['code', 'line', 'column'] as const) {
      const wanted = expected[part];
      if (wanted !== undefined && wanted !== found[part])
        this.#add(
          [key, part],
          `${key}, ${part}`,
          String(wanted),
          found[part] === undefined ? 'none' : String(found[part]),
        );
    }
  }

  #entry(key: string, expected: number | readonly ExpectedMessage[]): void {
    const made = this.#messagesOf(key);
    const count = typeof expected === 'number' ? expected : expected.length;
    if (made.length !== count) this.#add([key], key, counted(count, 'message'), this.#countFound(made));
    if (typeof expected === 'number') return;
    for (const [index, message] of expected.entries()) {
      const found = made[index];
      if (found) this.#message([key, index], `${key}, message ${index + 1} (line ${found.line})`, message, found);
    }
  }

  /** Of an entry of this name; where there is none, of every entry of the destination. */
  #messagesOf(key: string): readonly MadeMessage[] {
    const { messages } = this.#outcome;
    const named = messages.filter(({ entry }) => entry === key);
    return named.length > 0 ? named : messages.filter(({ destination }) => destination === key);
  }

  #countFound(made: readonly MadeMessage[]): string {
    if (this.#outcome.cancelled) return 'none: the route has onInvalidRow: refuseFile, and a row is invalid';
    if (made.length === 0) return counted(0, 'message');
    const lines = made.slice(0, 10).map(({ line }) => line);
    const more = made.length > lines.length ? ', ...' : '';
    return `${counted(made.length, 'message')} (line${lines.length === 1 ? '' : 's'} ${lines.join(', ')}${more})`;
  }

  #message(path: KeyPath, what: string, expected: ExpectedMessage, { body }: MadeMessage): void {
    const view = viewOf(body);
    if (typeof expected === 'string') {
      const whole = view.compareWhole(expected);
      if (whole) this.#add(path, what, whole.expected, whole.found);
      return;
    }
    for (const [field, value] of Object.entries(expected)) {
      const differs = view.compare(field, value);
      if (differs) this.#add([...path, field], `${what}, ${field}`, differs.expected, differs.found);
    }
  }

  #invalid(expected: number | readonly ExpectedFault[]): void {
    const { faults, invalidItems } = this.#outcome;
    if (typeof expected === 'number') {
      if (expected !== invalidItems)
        this.#add(['invalid'], 'invalid', counted(expected, 'row'), `${counted(invalidItems, 'row')}${listed(faults)}`);
      return;
    }
    const missing = expected.filter((each) => !faults.some((fault) => fits(each, fault)));
    for (const each of missing) {
      const near = faults.filter(({ line }) => line === each.line);
      const found = near.length === 0 ? `line ${each.line} is valid` : near.map(faultText).join('; ');
      this.#add(['invalid', expected.indexOf(each)], 'invalid', expectedText(each), found);
    }
    for (const group of groupsOf(faults)) {
      if (expected.some((each) => group.some((fault) => sameRow(each, fault)))) continue;
      this.#add(
        expected.length > 0 ? ['invalid'] : [],
        'invalid',
        'no other invalid row',
        group.map(faultText).join('; '),
      );
    }
  }

  /** @param path below `expect`; empty: the case as a whole */
  #add(path: KeyPath, what: string, expected: string, found: string): void {
    const { file, index } = this.#prepared;
    const whole = path.length === 0 ? ['cases', index, 'name'] : ['cases', index, 'expect', ...path];
    this.#failures.push({
      file: file.file,
      ...file.yaml.place(whole),
      path: formatPath(whole),
      what,
      expected,
      found,
    });
  }
}

function fits(expected: ExpectedFault, fault: FoundFault): boolean {
  if (!sameRow(expected, fault) || expected.code !== fault.code) return false;
  return expected.column === undefined || expected.column === fault.column;
}

function sameRow(expected: ExpectedFault, fault: FoundFault): boolean {
  return expected.line === fault.line && (expected.entry === undefined || expected.entry === fault.entry);
}

/** Faults of one row in one entry stand together: one of them is enough to name it. */
function groupsOf(faults: readonly FoundFault[]): readonly (readonly FoundFault[])[] {
  return [...Map.groupBy(faults, ({ line, entry }) => `${line} ${entry ?? ''}`).values()];
}

function expectedText({ line, column, code, entry }: ExpectedFault): string {
  return `line ${line}${column === undefined ? '' : `, column ${column}`}: ${code}${entry === undefined ? '' : ` in ${entry}`}`;
}

function faultText(fault: FoundFault): string {
  return `${expectedText(fault)} (${fault.reason})`;
}

function listed(faults: readonly FoundFault[]): string {
  return faults.length === 0
    ? ''
    : `: ${faults.slice(0, 5).map(faultText).join('; ')}${faults.length > 5 ? '; ...' : ''}`;
}

function refusalText(refusal: (ExpectedRefusal & { readonly reason?: string }) | undefined): string {
  if (!refusal) return 'none';
  const { code, reason, line, column } = refusal;
  const place = [line === undefined ? '' : `line ${line}`, column === undefined ? '' : `column ${column}`];
  return [code, ...place.filter((each) => each !== ''), ...(reason === undefined ? [] : [reason])].join(', ');
}

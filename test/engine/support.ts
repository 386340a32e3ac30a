/** A lane's surroundings, small enough for one test: a real ledger, an operation that does as it is told, events, a clock. */
import type { TestContext } from 'node:test';
import { MessagePacker, packLines } from '../../engine/blocks.ts';
import type { Format } from '../../engine/contracts/format.ts';
import { type Answer, CAREFUL, type Delivery, type Operation } from '../../engine/contracts/operation.ts';
import type { Destination, DoubtSettings } from '../../engine/contracts/production.ts';
import type { DuplicatePolicy } from '../../engine/contracts/service.ts';
import type { NewBlock, NewSubmission, Store } from '../../engine/contracts/store.ts';
import { WaybillError } from '../../engine/errors.ts';
import { type EngineEvent, type EventName, onEvent } from '../../engine/events.ts';
import type { MessageState } from '../../engine/states.ts';
import { openSqlite } from '../store/ledger.ts';
import { accept, scan } from '../store/support.ts';

export const RUN = 'this-run';

export async function ledger(t: TestContext): Promise<Store> {
  return (await openSqlite(t)).store;
}

/** Accepts, routes and ends a submission of these messages; the empty text is an item whose message is *filtered*. */
export async function routed(
  store: Store,
  number: number,
  texts: readonly string[],
  over: Partial<NewSubmission> = {},
): Promise<void> {
  await accept(store, number, over);
  await scan(store, number, texts.length);
  await store.beginRouting({ submission: number });
  await store.commitBlock(blockOf(number, texts));
  await store.endRouting({ submission: number, at: 1 });
}

/** One block with these messages for `registry`; a message's control id is its text. */
export function blockOf(submission: number, texts: readonly string[], before = { block: 0, items: 0 }): NewBlock {
  const packer = new MessagePacker();
  const exceptions: { position: number; state: MessageState }[] = [];
  texts.forEach((text, position) => {
    if (text === '') {
      packer.addNothing();
      exceptions.push({ position, state: 'filtered' });
    } else packer.addText(text, text);
  });
  return {
    submission,
    block: before.block,
    firstItem: before.items + 1,
    items: texts.length,
    firstLine: before.items + 2,
    lastLine: before.items + 1 + texts.length,
    cursor: 10 + before.items + texts.length,
    lines: 1 + before.items + texts.length,
    itemLines: packLines(texts.flatMap((_, index) => [before.items + 2 + index, before.items + 2 + index])),
    rejects: undefined,
    rejectedItems: 0,
    uniqueKeys: undefined,
    bodies: [
      {
        destination: 'registry',
        lane: 0,
        items: undefined,
        entries: [0],
        body: packer.pack(),
        bytes: packer.bytes,
        exceptions,
      },
    ],
  };
}

/** States of a submission's messages, with their numbers, as the ledger counts them. */
export async function states(store: Store, submission: number): Promise<Record<string, number>> {
  const counters = await store.ask({ question: 'counters', with: { submission } });
  return Object.fromEntries(counters.filter(({ count }) => count > 0).map(({ state, count }) => [state, count]));
}

/** What a destination does about doubt where nothing is said. */
export const HOLD: DoubtSettings = {
  policy: 'hold',
  every: 60_000,
  deadline: 'never',
  afterDeadline: 'hold',
  lane: 'waits',
};

export const DESTINATION: Destination = {
  type: 'fake',
  config: {},
  batch: { mode: 'batch', maxMessages: 2, maxBytes: 1000, maxAge: 0, mixSubmissions: false },
  order: { kind: 'strict' },
  maxInFlight: 1,
  retry: { first: 5, factor: 2, ceiling: 20, jitter: 0, giveUpAfter: 'never', maxAttempts: 'unlimited' },
  inDoubt: HOLD,
  breaker: { failures: 5 },
  maintenance: [],
  outcomes: {},
};

/** Messages one a line; an answer is `ID CODE` a line. */
export const LINES: Format = {
  *write(_plan, messages) {
    for (const message of messages) yield Buffer.concat([message, Buffer.from('\n')]);
  },
  answers(text) {
    if (text === 'garbage') throw new WaybillError('ANSWER_NOT_UNDERSTOOD', 'It is garbage.');
    const lines = text.split('\n').filter((line) => line !== '');
    return {
      acknowledgements: lines.map((line) => {
        const [controlId = '', code = ''] = line.split(' ');
        return { controlId, code, accepted: code === 'AA', words: '' };
      }),
    };
  },
};

export function acknowledge(text: string): Answer {
  return { kind: 'acknowledgement', text, raw: Buffer.from(text), status: 200 };
}

/** Accepts every message of a call. */
export function acceptAll(messages: readonly string[]): Answer {
  return acknowledge(messages.map((message) => `${message} AA`).join('\n'));
}

/** One call to the fake operation, to be answered by the test. */
export interface Call {
  readonly messages: readonly string[];
  readonly delivery: Delivery;
  answer(answer: Answer): void;
  fail(error: unknown): void;
}

export interface FakeOperation extends Operation {
  readonly calls: Call[];
  closed: number;
  /** Answers a call at once; without it the test does. */
  respond: ((messages: readonly string[], call: number) => Answer | Error | undefined) | undefined;
}

export function fakeOperation(respond?: FakeOperation['respond']): FakeOperation {
  const calls: Call[] = [];
  return {
    calls,
    closed: 0,
    respond,
    carries: { charset: 'utf-8', characters: 'any' },
    repeatable: true,
    answers: CAREFUL,
    probes: false,
    send(delivery) {
      const text = Buffer.concat([...delivery.body()]).toString();
      const messages = text.split('\n').filter((line) => line !== '');
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      calls.push({ messages, delivery, answer: resolve, fail: reject });
      const made = this.respond?.(messages, calls.length);
      if (made instanceof Error) reject(made);
      else if (made) resolve(made);
      return promise;
    },
    check: async () => [],
    async close() {
      this.closed += 1;
    },
  };
}

/** Every event from now on, until the test ends. */
export function recordEvents(t: TestContext): {
  readonly all: readonly EngineEvent[];
  named(name: EventName): readonly EngineEvent['fields'][];
} {
  const all: EngineEvent[] = [];
  t.after(onEvent((event) => all.push(event)));
  return { all, named: (name) => all.filter((event) => event.name === name).map(({ fields }) => fields) };
}

export interface FakeStore {
  readonly store: Store;
  /** Calls of the method from now on fail with this error, until it is taken away. */
  fail(method: keyof Store, error: Error | undefined): void;
  /** Calls so far, by method. */
  readonly calls: Readonly<Partial<Record<keyof Store, number>>>;
}

/** The real ledger, whose methods can be made to fail as a full disk makes them. */
export function failing(real: Store): FakeStore {
  const errors = new Map<string, Error>();
  const calls: Partial<Record<keyof Store, number>> = {};
  const store = new Proxy(real, {
    get(target, key: keyof Store) {
      const method = target[key] as (...args: readonly unknown[]) => Promise<unknown>;
      return (...args: readonly unknown[]) => {
        calls[key] = (calls[key] ?? 0) + 1;
        const error = errors.get(key);
        return error ? Promise.reject(error) : Reflect.apply(method, target, args);
      };
    },
  });
  return {
    store,
    calls,
    fail(method, error) {
      if (error) errors.set(method, error);
      else errors.delete(method);
    },
  };
}

export const FULL = new WaybillError('STORE_FULL', 'The disk is full.');

/** What becomes of the same content coming again. */
export function policy(then: DuplicatePolicy['then'], within = 1000): DuplicatePolicy {
  return { within, then };
}

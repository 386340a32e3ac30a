/** What sends to the destination of `support.ts`, and the wait until its messages are what they are to become. */
import type { TestContext } from 'node:test';
import { MessagePacker } from '../../engine/blocks.ts';
import type { Operation } from '../../engine/contracts/operation.ts';
import type { Destination } from '../../engine/contracts/production.ts';
import type { NewBodyBlock, Store } from '../../engine/contracts/store.ts';
import { Sending } from '../../engine/sending.ts';
import type { SendingContext } from '../../engine/sending-context.ts';
import { accept, audit, scan } from '../store/support.ts';
import { until } from '../support/until.ts';
import { blockOf, DESTINATION, type FakeOperation, LINES, RUN, states } from './support.ts';

export type SendingOptions = Omit<Partial<SendingContext>, 'destination'> & {
  readonly destination?: Partial<Destination>;
};

/** What `Sending.open` takes, with nobody to be told of anything. */
export function sendingContext(store: Store, operation: Operation, options: SendingOptions = {}): SendingContext {
  const { destination, ...over } = options;
  return {
    name: 'registry',
    timeZone: 'UTC',
    store,
    clock: { now: Date.now },
    instance: 'aaaa',
    run: RUN,
    format: LINES,
    answers: LINES,
    random: () => 0.5,
    open: async () => operation,
    dueAt: () => undefined,
    settled: () => undefined,
    keepAnswer: undefined,
    answerAccepted: () => undefined,
    ...over,
    destination: { ...DESTINATION, ...destination },
  };
}

/** Waits until a submission's messages have these states, and looks whether the ledger is sound. */
export async function untilStates(store: Store, expected: Record<string, number>, submission = 1): Promise<void> {
  const wanted = JSON.stringify(Object.entries(expected).sort());
  await until(
    `the messages are ${wanted}`,
    async () => JSON.stringify(Object.entries(await states(store, submission)).sort()) === wanted,
    10_000,
  );
  await audit(store);
}

/** Sends until the test ends. */
export async function sendingTo(
  t: TestContext,
  store: Store,
  operation: Operation,
  options: SendingOptions = {},
): Promise<Sending> {
  const made = await Sending.open(sendingContext(store, operation, options));
  t.after(() => made.stop());
  return made;
}

/** `m1`, `m2`, ... */
export const letters = (count: number) => Array.from({ length: count }, (_, n) => `m${n + 1}`);
/** What each call had. */
export const sent = (operation: FakeOperation) => operation.calls.map(({ messages }) => messages.join(' '));

/** Routes messages into lanes: `1:a 2:b 1:c` are three items of two lanes. */
export async function routedByKey(store: Store, number: number, items: string): Promise<void> {
  const all = items.split(' ').map((item) => item.split(':'));
  const texts = all.map(([, text]) => text ?? '');
  await accept(store, number);
  await scan(store, number, texts.length);
  await store.beginRouting({ submission: number });
  const lanes = [...new Set(all.map(([lane]) => Number(lane)))];
  const bodies = lanes.map((lane): NewBodyBlock => {
    const packer = new MessagePacker();
    const positions = all.flatMap(([own], index) => (Number(own) === lane ? [index] : []));
    for (const position of positions) packer.addText(texts[position] ?? '', texts[position] ?? '');
    const body = { body: packer.pack(), bytes: packer.bytes, exceptions: [] };
    return { destination: 'registry', lane, items: positions, entries: [0], ...body };
  });
  await store.commitBlock({ ...blockOf(number, texts), bodies });
  await store.endRouting({ submission: number, at: 1 });
}

/** What sends to a destination; what it is asked before it is open, it does then. */
export function lane(t: TestContext, store: Store, operation: Operation, options: SendingOptions = {}) {
  const made = Sending.open(sendingContext(store, operation, options));
  const stop = () => made.then((sending) => sending.stop());
  t.after(stop);
  return {
    wake: () => void made.then((sending) => sending.wake()),
    reopen: () => void made.then((sending) => sending.reopen()),
    registered: async () => (await made).registered,
    stop,
  };
}

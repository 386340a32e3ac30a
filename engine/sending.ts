import { BatchSizes } from './batch-sizes.ts';
import { Connection } from './connection.ts';
import type { Format } from './contracts/format.ts';
import type { Operation } from './contracts/operation.ts';
import type { Destination } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { AttemptKey, NewSubmission, Store } from './contracts/store.ts';
import { Lane } from './deliver.ts';
import { Doubts } from './doubts.ts';
import { KEY_LANES } from './key-lanes.ts';
import { Pacer } from './pacer.ts';

export interface SendingContext {
  readonly name: string;
  readonly destination: Destination;
  readonly timeZone: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly instance: string;
  /** Id of this run of the engine: attempts carry it. */
  readonly run: string;
  readonly format: Format | undefined;
  /** What reads acknowledgements: the same, or the operation's own where the batch has none. */
  readonly answers: Format | undefined;
  readonly random: () => number;
  /** Opens the operation; called again after a resume, since secrets may have changed. */
  readonly open: () => Promise<Operation>;
  /** Signals the destination to other processes too, when something is due. */
  readonly dueAt: (at: number) => void;
  readonly settled: (submissions: readonly number[]) => void;
  /** Keeps an answer's body on disk, where answers become submissions. */
  readonly keepAnswer: ((batch: number, body: Uint8Array) => Promise<NewSubmission>) | undefined;
  /** The answer is in the ledger as a submission. */
  readonly answerAccepted: (submission: number) => void;
}

/** Everything that sends to one destination: its lanes, what paces them, and what decides about doubt. */
export class Sending {
  readonly name: string;
  readonly #lanes: readonly Lane[];
  readonly #doubts: Doubts;
  readonly #pacer: Pacer;
  readonly #connection: Connection;

  private constructor(context: SendingContext, sizes: BatchSizes, lanesInUse: readonly number[]) {
    const { name, destination, open, store } = context;
    this.name = name;
    this.#connection = new Connection(name, open);
    this.#pacer = new Pacer({ name, destination, store });
    this.#doubts = new Doubts({
      ...context,
      settings: destination.inDoubt,
      connection: this.#connection,
      decided: (settled) => {
        if (settled.length > 0) context.settled(settled);
        this.wake();
      },
    });
    const shared = {
      ...context,
      connection: this.#connection,
      pacer: this.#pacer,
      sizes,
      doubtful: () => this.#doubts.wake(),
    };
    this.#lanes = lanesOf(destination, lanesInUse).flatMap(({ lane, calls }) => {
      // Calls that take from the same lane plan one after the other, and each keeps off what another has in hand.
      const inHand = calls > 1 || destination.order.kind === 'none' ? new Set<number>() : undefined;
      const oneByOne = inHand ? queue() : alone;
      return Array.from({ length: calls }, () => new Lane({ ...shared, lane, inHand, oneByOne }));
    });
  }

  /** Reads what the ledger knows of the destination, and is ready to send. */
  static async open(context: SendingContext): Promise<Sending> {
    const { name, destination, store } = context;
    const limit = await store.batchLimit({ destination: name });
    // What an earlier run noted is found out anew.
    const kinds = ['breaker', 'maintenance', 'rate'] as const;
    await Promise.all(kinds.map((kind) => store.notePause({ destination: name, kind, pause: undefined })));
    const sizes = new BatchSizes(name, destination.batch, store, limit);
    return new Sending(context, sizes, await store.lanesInUse({ destination: name }));
  }

  /** Attempts that this process holds. */
  get registered(): readonly AttemptKey[] {
    return this.#lanes.flatMap((lane) => lane.registered);
  }

  /** There may be something to send. Cheap; may be called as often as anything happens. */
  wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  /** Looks after what waits: decides about doubt where that is due, notes in the ledger what holds calls back. */
  look(now: number): void {
    this.#doubts.wake();
    this.#pacer.look(now);
  }

  /** Opens the operation before the first call; where that fails, the first call says so. */
  prepare(): void {
    this.#connection.prepare();
  }

  /** Opens the operation anew at the next call; a call in flight keeps the old one until it is done. */
  reopen(): void {
    this.#connection.renew();
  }

  /** Finishes the calls in flight and stores their answers. */
  async stop(): Promise<void> {
    await Promise.all([this.#doubts.stop(), ...this.#lanes.map((lane) => lane.stop())]);
    await this.#connection.close();
  }
}

/** The lanes of a destination, and those in which something waits from the time before its order was changed. */
function lanesOf(
  { order, maxInFlight }: Destination,
  inUse: readonly number[],
): readonly { readonly lane: number; readonly calls: number }[] {
  const own = order.kind === 'key' ? Array.from({ length: KEY_LANES }, (_, index) => index + 1) : [0];
  const calls = (lane: number) => (lane === 0 && order.kind === 'none' ? maxInFlight : 1);
  return [...new Set([...own, ...inUse])].map((lane) => ({ lane, calls: calls(lane) }));
}

function alone<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

/** Does one piece of work after the other. */
function queue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  };
}

import { BatchSizes } from './batch-sizes.ts';
import { Connection } from './connection.ts';
import type { AttemptKey } from './contracts/store.ts';
import { Lane } from './deliver.ts';
import { Doubts } from './doubts.ts';
import { KEY_LANES } from './key-lanes.ts';
import { Pacer } from './pacer.ts';
import type { SendingContext } from './sending-context.ts';

/** Everything that sends to one destination: its lanes, what paces them, and what decides about doubt. */
export class Sending {
  readonly name: string;
  readonly #lanes: Lane[] = [];
  readonly #numbers = new Set<number>();
  readonly #laneOf: (lane: number) => readonly Lane[];
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
      retry: destination.retry,
      pacer: this.#pacer,
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
    this.#laneOf = (lane) => {
      const isFree = lane === 0 && destination.order.kind === 'none';
      // Calls that take from the same lane plan one after the other, and each keeps off what another has in hand.
      const inHand = isFree ? new Set<number>() : undefined;
      const oneByOne = isFree ? queue() : alone;
      const calls = isFree ? destination.maxInFlight : 1;
      return Array.from({ length: calls }, () => new Lane({ ...shared, lane, inHand, oneByOne }));
    };
    const own = destination.order.kind === 'key' ? Array.from({ length: KEY_LANES }, (_, index) => index + 1) : [0];
    this.#open([...own, ...lanesInUse]);
  }

  /** Lanes that there are not yet: also those of an order that the destination had before, while something is in them. */
  #open(numbers: readonly number[]): void {
    for (const lane of numbers) {
      if (this.#numbers.has(lane)) continue;
      this.#numbers.add(lane);
      this.#lanes.push(...this.#laneOf(lane));
    }
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

  /**
   * Looks after what waits: decides about doubt where that is due, notes in the ledger what holds calls back.
   * @param lanes in which something waits
   */
  look(now: number, lanes: readonly number[]): void {
    this.#open(lanes);
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

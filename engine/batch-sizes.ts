import { afterTaken, afterTooLarge, limited } from './batch-size.ts';
import type { BatchSettings } from './contracts/production.ts';
import type { BatchLimit, Store } from './contracts/store.ts';
import { codeOf, messageOf } from './errors.ts';
import { emit } from './events.ts';

/** The size of a destination's batches as its receiver takes them, known from the ledger, learned from answers. */
export class BatchSizes {
  readonly #name: string;
  readonly #settings: BatchSettings;
  readonly #store: Pick<Store, 'noteBatchLimit'>;
  #limit: BatchLimit | undefined;

  /** @param limit as the ledger has it */
  constructor(
    name: string,
    settings: BatchSettings,
    store: Pick<Store, 'noteBatchLimit'>,
    limit: BatchLimit | undefined,
  ) {
    this.#name = name;
    this.#settings = settings;
    this.#store = store;
    this.#limit = limit;
  }

  /** Limits of the next batch. */
  settings(now: number): BatchSettings {
    return limited(this.#settings, this.#limit, now);
  }

  /** A batch of so many messages was too large. @returns the new limit, to be stored with the answer */
  tooLarge(count: number, maxBytes: number | undefined, now: number): BatchLimit {
    this.#limit = afterTooLarge(this.#limit, count, maxBytes, this.#settings, now);
    return this.#limit;
  }

  /** A batch of so many messages was taken. */
  taken(count: number, now: number): void {
    if (!this.#limit) return;
    const limit = afterTaken(this.#limit, count, this.#settings, now);
    if (limit === this.#limit) return;
    this.#limit = limit;
    // Learned again at the next answer where the ledger cannot take it.
    this.#store.noteBatchLimit({ destination: this.#name, limit }).catch((error: unknown) => {
      emit('paceNotNoted', { destination: this.#name, code: codeOf(error), reason: messageOf(error) });
    });
  }
}

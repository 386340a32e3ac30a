import type { Operation } from './contracts/operation.ts';
import { ConfigError, codeOf, messageOf } from './errors.ts';
import { emit } from './events.ts';

/** The operation of a destination: opened when it is first needed, opened anew after a resume, shared by its lanes. */
export class Connection {
  readonly #name: string;
  readonly #make: () => Promise<Operation>;
  #operation: Promise<Operation> | undefined;
  /** Calls that use an operation; it is closed when they have ended. */
  readonly #calls = new Map<Promise<Operation>, Set<Promise<unknown>>>();

  /** @param make opens the operation; called again after `renew`, since secrets may have changed */
  constructor(name: string, make: () => Promise<Operation>) {
    this.#name = name;
    this.#make = make;
  }

  /** Opens the operation before the first call; where that fails, the first call says so. */
  prepare(): void {
    void Promise.allSettled([this.#open()]);
  }

  /** Makes a call. @throws ConfigError `DESTINATION_NOT_OPENED`: nothing was sent; whatever the call throws. */
  async use<T>(call: (operation: Operation) => Promise<T>): Promise<T> {
    const opened = this.#open();
    const running = opened.then(call);
    // Before it is open: what is renewed meanwhile must not be closed under the call.
    const calls = this.#calls.get(opened) ?? new Set();
    this.#calls.set(opened, calls.add(running));
    try {
      return await running;
    } finally {
      calls.delete(running);
    }
  }

  /** The next call opens the operation anew; calls in flight keep the old one until they are done. */
  renew(): void {
    const old = this.#operation;
    this.#operation = undefined;
    if (old) void this.#close(old);
  }

  /** Closes it when the calls in flight have ended. */
  async close(): Promise<void> {
    const operation = this.#operation;
    this.#operation = undefined;
    if (operation) await this.#close(operation);
  }

  #open(): Promise<Operation> {
    if (this.#operation) return this.#operation;
    const opened: Promise<Operation> = this.#make().catch((error: unknown): never => {
      if (this.#operation === opened) this.#operation = undefined;
      throw new ConfigError(
        'DESTINATION_NOT_OPENED',
        `The destination ${this.#name} cannot be used: ${messageOf(error)}`,
        { cause: error, whose: 'ours' },
      );
    });
    this.#operation = opened;
    return opened;
  }

  async #close(opened: Promise<Operation>): Promise<void> {
    await Promise.allSettled(this.#calls.get(opened) ?? []);
    this.#calls.delete(opened);
    try {
      await (await opened).close();
    } catch (error) {
      if (codeOf(error) === 'DESTINATION_NOT_OPENED') return;
      emit('operationNotClosed', { destination: this.#name, code: codeOf(error), reason: messageOf(error) });
    }
  }
}

import { codeOf, messageOf } from './errors.ts';
import { emit } from './events.ts';

/** Codes of a ledger or a disk that takes nothing. */
const CANNOT_STORE = new Set(['STORE_FULL', 'STORE_FAILED', 'ENOSPC', 'EDQUOT', 'EIO', 'EROFS']);

/** Whether ledger and bodies take what is asked of them; tells when that changes. */
export class StoreHealth {
  #trouble: string | undefined;

  /** Why nothing can be stored now, a code and a sentence; `undefined` while all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  stored(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    emit('storeRecovered');
  }

  /** Only what keeps the disk or the ledger from taking anything is a trouble; a stale plan or a closed ledger is not. */
  notStored(error: unknown): void {
    if (!CANNOT_STORE.has(codeOf(error))) return;
    const before = this.#trouble;
    this.#trouble = `${codeOf(error)}: ${messageOf(error)}`;
    if (before === undefined) emit('storeFailed', { code: codeOf(error), reason: messageOf(error) });
  }
}

import { defineErrors, WaybillError } from '../engine/errors.ts';

export const STORE_ERRORS = defineErrors({
  STORE_STALE: {
    means: 'The ledger was no longer in the state that a change was planned with; nothing was changed.',
    cure: 'The engine plans again by itself. From the command line: look at the state again and repeat the command.',
  },
  STORE_FULL: {
    means: 'The disk or the database is full; nothing of the change was kept and no sender was told yes.',
    cure: 'Make room on the disk of the data folder; the engine goes on by itself.',
  },
  STORE_FAILED: {
    means: 'The database could not be written or read.',
    cure: 'Look at the reason in the message: permissions, a read-only file system, or a damaged disk.',
  },
  STORE_NEWER: {
    means: 'The data folder was written by a newer version of Waybill.',
    cure: 'Run the newer version; an older one must not write here.',
  },
  STORE_LOCKED: {
    means: 'Another engine or command holds the data folder.',
    cure: 'Stop the other one, or use another data folder with --data.',
  },
  STORE_MISSING: {
    means: 'There is no ledger in the data folder.',
    cure: 'Name the data folder with --data; the engine makes the ledger at its first start.',
  },
  STORE_CLOSED: {
    means: 'The store was closed while something was still asked of it.',
    cure: 'Nothing was kept of it; it happens when the engine stops.',
  },
});

export class StoreError extends WaybillError {}

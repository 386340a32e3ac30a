import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Store } from '../../engine/contracts/store.ts';
import { openStore } from '../../store/sqlite/client.ts';
import type { OpenStore } from './support.ts';

/** A folder of the test's own that is gone afterwards, once what is open in it was closed. */
export function dataFolder(t: TestContext, close: () => unknown = () => undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-store-'));
  t.after(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** The SQLite store in a folder of the test's own; it is closed when the test ends. */
export const openSqlite: OpenStore = async (t) => {
  let store: Store | undefined;
  const path = join(
    dataFolder(t, () => store?.close()),
    'ledger.db',
  );
  const first = await openOne(path);
  store = first;
  return {
    store: first,
    async again() {
      await store?.close();
      store = await openOne(path);
      return store;
    },
  };
};

export function openOne(path: string, maxPages?: number): Promise<Store> {
  const onDeath = (error: Error) => {
    throw error;
  };
  return openStore({ path, onDeath, ...(maxPages === undefined ? {} : { maxPages }) });
}

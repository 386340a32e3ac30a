/** A data folder with submissions that were settled long ago, for tests of keeping and purging. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { BodyFolder } from '../../engine/bodies.ts';
import type { KeepSettings } from '../../engine/contracts/keeping.ts';
import type { Store } from '../../engine/contracts/store.ts';
import { Keeping } from '../../engine/keeping.ts';
import { openForWriting } from '../../store/sqlite/database.ts';
import { age } from '../store/keeping-support.ts';
import { openOne } from '../store/ledger.ts';
import { deliver, newBlock, submission } from '../store/support.ts';

const DAY = 86_400_000;

/** Bodies for 30 days, rows for 60; purged at 03:30. */
export const KEEP: KeepSettings = { bodies: 30 * DAY, ledger: 60 * DAY, at: 210 };

/** A folder with `ledger.db` and `bodies/`, gone after the test. */
export function dataFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-keeping-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const ledgerOf = (folder: string) => join(folder, 'ledger.db');

/** Opens the store; closed with the test. */
export async function storeOf(t: TestContext, folder: string): Promise<Store> {
  const store = await openOne(ledgerOf(folder));
  t.after(() => store.close());
  return store;
}

/** Delivered submissions with files, each of some blocks of 1000 items, settled so many days ago. */
export async function fill(
  folder: string,
  submissions: Readonly<Record<number, number>>,
  blocks = 1,
  items = 1000,
  rejects: Uint8Array = Buffer.from('rejected'),
): Promise<void> {
  const store = await openOne(ledgerOf(folder));
  try {
    await deliverAll(folder, store, Object.keys(submissions).map(Number), blocks, items, rejects);
  } finally {
    await store.close();
  }
  const db = openForWriting(ledgerOf(folder));
  for (const [number, days] of Object.entries(submissions)) age(db, Number(number), days);
  db.close();
}

async function deliverAll(
  folder: string,
  store: Store,
  submissions: readonly number[],
  blocks: number,
  items: number,
  rejects: Uint8Array,
): Promise<void> {
  const bodies = new BodyFolder(join(folder, 'bodies'));
  await mkdir(bodies.path, { recursive: true });
  await store.putSnapshot({ hash: 'snapshot-1', body: Buffer.from('x') });
  for (const number of submissions) {
    await writeFile(bodies.original(number), 'x'.repeat(1000));
    await writeFile(bodies.copy(number), 'x'.repeat(500));
    await store.accept(submission(number));
    const scan = { items: blocks * items, charset: 'utf-8', transcoded: true, cursor: 0, lines: 1, details: {} };
    await store.scanned({ submission: number, scan });
    await store.beginRouting({ submission: number });
    for (let block = 0; block < blocks; block += 1) {
      const made = newBlock(number, block, block * items, 0, { items });
      const packed = made.bodies.map((body) => ({ ...body, body: Buffer.alloc(50_000, block) }));
      await store.commitBlock({ ...made, rejects, bodies: packed });
    }
    await store.endRouting({ submission: number, at: 1 });
    for (let block = 0; block < blocks; block += 1) await deliver(store, {}, { maxMessages: items });
    await store.progress({ submission: number, progress: 'closed' });
  }
}

/** Keeping with a clock that a test moves. */
export function keepingOn(folder: string, store: Store, clock: { at: number }, keep: KeepSettings | 'none' = KEEP) {
  const bodies = new BodyFolder(join(folder, 'bodies'));
  const now = () => clock.at;
  const settings = keep === 'none' ? undefined : keep;
  return new Keeping({ store, bodies, clock: { now }, keep: settings, timeZone: 'America/Denver' });
}

/** Whether the files of a submission are there. */
export function filesOf(folder: string, number: number): boolean[] {
  const bodies = new BodyFolder(join(folder, 'bodies'));
  return [existsSync(bodies.original(number)), existsSync(bodies.copy(number))];
}

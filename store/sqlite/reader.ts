import { existsSync, statSync } from 'node:fs';
import type { Questions } from '../../engine/contracts/store.ts';
import { type Database, openForReading } from './database.ts';
import { ask } from './questions.ts';

export interface Ledger {
  /** @throws StoreError where the ledger cannot be read. */
  ask<K extends keyof Questions>(question: K, request: Questions[K]['with']): Questions[K]['gives'];
  close(): void;
}

/**
 * Opens the ledger for questions only: no lock, no change, also while an engine runs. Where none runs the file is read
 * as it is: a plain read-only connection would leave a WAL behind, owned by whoever asked, that the engine may not be
 * allowed to open. An engine that starts meanwhile is noticed, and the question is asked again in the plain way.
 * @throws StoreError `STORE_MISSING`, or `STORE_NEWER` where the schema is another one.
 */
export function openLedger(path: string): Ledger {
  let still = !inUse(path);
  let db = openForReading(path, still);
  const openPlain = () => {
    db.close();
    still = false;
    db = openForReading(path, false);
  };
  return {
    ask(question, request) {
      if (still && inUse(path)) openPlain();
      if (!still) return askAtOnce(db, question, request);
      const before = stamp(path);
      const answer = attempt(db, question, request);
      if (!inUse(path) && stamp(path) === before) return answer();
      openPlain();
      return askAtOnce(db, question, request);
    },
    close: () => db.close(),
  };
}

/** Every statement of one answer sees the ledger as it was at the same moment, whatever an engine commits meanwhile. */
function askAtOnce<K extends keyof Questions>(db: Database, question: K, request: Questions[K]['with']) {
  db.exec('BEGIN');
  try {
    return ask(db, question, request);
  } finally {
    db.exec('COMMIT');
  }
}

/** The answer or the error, to be looked at once it is known whether the file stood still. */
function attempt<K extends keyof Questions>(db: Database, question: K, request: Questions[K]['with']) {
  try {
    const answer = ask(db, question, request);
    return () => answer;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** An engine has the ledger open, or ended without closing it. */
function inUse(path: string): boolean {
  return existsSync(`${path}-wal`);
}

function stamp(path: string): string {
  const { mtimeNs, size } = statSync(path, { bigint: true });
  return `${mtimeNs}.${size}`;
}

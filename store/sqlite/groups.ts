import { codeOf, messageOf } from '../../engine/errors.ts';
import { label } from '../../engine/labels.ts';
import { StoreError } from '../errors.ts';
import type { Database } from './database.ts';

/** One write that waits for its group. */
export interface Member {
  run(db: Database): unknown;
}

export type Settled =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: StoreError };

const SQLITE_CONSTRAINT = 19;
const SQLITE_FULL = 13;

/**
 * Runs a group of writes as one transaction, each under a savepoint. A member that finds the ledger in another state, or
 * breaks a constraint, undoes itself only. After any other error the whole group is rolled back, every member fails, and
 * no further statement of it runs: after SQLITE_FULL the transaction is already gone, and the later members would be
 * committed one by one. Never throws; one result for each member.
 */
export function runGroup(db: Database, members: readonly Member[]): Settled[] {
  const results: Settled[] = [];
  try {
    db.exec('BEGIN IMMEDIATE');
    for (const member of members) {
      label('store.member');
      results.push(runMember(db, member));
      if (!db.inTransaction)
        throw new StoreError('STORE_FAILED', 'The transaction of a group ended before its commit.');
    }
    db.exec('COMMIT');
    return results;
  } catch (error) {
    const failure = rollBack(db, storeFailure(error));
    return members.map(() => ({ ok: false, error: failure }));
  }
}

function runMember(db: Database, member: Member): Settled {
  db.exec('SAVEPOINT member');
  try {
    const value = member.run(db);
    db.exec('RELEASE member');
    return { ok: true, value };
  } catch (error) {
    if (!isOwnFault(error)) throw error;
    db.exec('ROLLBACK TO member');
    db.exec('RELEASE member');
    return { ok: false, error: error instanceof StoreError ? error : constraint(error) };
  }
}

/** True for errors that are about this member alone: a stale plan or a constraint. */
function isOwnFault(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === 'STORE_STALE';
  return (sqliteCode(error) & 0xff) === SQLITE_CONSTRAINT;
}

function constraint(error: unknown): StoreError {
  return new StoreError(
    'STORE_STALE',
    `The ledger refused a change that does not fit its state (${messageOf(error)}); nothing was changed.`,
    { cause: error },
  );
}

/** What any error of the database means, as one of our own. */
export function storeFailure(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  if ((sqliteCode(error) & 0xff) === SQLITE_FULL) {
    return new StoreError(
      'STORE_FULL',
      'The disk or the database is full: nothing of this change was kept; make room, the engine goes on by itself.',
      { cause: error },
    );
  }
  return new StoreError(
    'STORE_FAILED',
    `The ledger cannot be written (${codeOf(error)}: ${messageOf(error)}): nothing of this change was kept.`,
    { cause: error },
  );
}

/** Gives the failure to report: the given one, or why the rollback failed; the next group then finds out by itself. */
function rollBack(db: Database, failure: StoreError): StoreError {
  try {
    if (db.inTransaction) db.exec('ROLLBACK');
    return failure;
  } catch (error) {
    return storeFailure(error);
  }
}

function sqliteCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0;
}

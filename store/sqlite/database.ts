import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../../engine/errors.ts';
import { StoreError } from '../errors.ts';
import { MIGRATIONS } from './schema.ts';

export const SCHEMA_VERSION = MIGRATIONS.length;

export type Row = Record<string, unknown>;

/** A connection with its prepared statements, in the few verbs that the ledger needs. */
export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  get inTransaction(): boolean {
    return this.#db.isOpen && this.#db.isTransaction;
  }

  /** Runs a change; gives the number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Inserts a row and gives its number. */
  insert(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/**
 * Opens the ledger for writing, makes or migrates it.
 * @throws StoreError `STORE_NEWER` where a newer version wrote it; `STORE_FAILED` where it cannot be opened.
 */
export function openForWriting(path: string, options: { readonly maxPages?: number } = {}): Database {
  const db = new DatabaseSync(path, { timeout: 5000 });
  const database = new Database(db);
  const version = schemaVersion(database);
  if (version > SCHEMA_VERSION) {
    database.close();
    throw newer(path, version);
  }
  if (version === 0) database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  database.exec('PRAGMA foreign_keys = ON');
  database.exec('PRAGMA cache_size = -6000');
  database.exec('PRAGMA wal_autocheckpoint = 2000');
  database.exec('PRAGMA journal_size_limit = 67108864');
  migrate(database, version);
  if (options.maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${options.maxPages}`);
  return database;
}

/**
 * Opens the ledger for questions only, without the lock.
 * @param still nobody writes: the file is read as it is, without a WAL and without making one.
 * @throws StoreError `STORE_MISSING`, or `STORE_NEWER` where the schema is another one.
 */
export function openForReading(path: string, still: boolean): Database {
  if (!existsSync(path)) {
    throw new StoreError(
      'STORE_MISSING',
      `There is no ledger at ${path}: name the data folder with --data, or start the engine first.`,
    );
  }
  const url = pathToFileURL(path);
  if (still) url.searchParams.set('immutable', '1');
  const database = new Database(new DatabaseSync(url, { readOnly: true, timeout: 5000 }));
  const version = schemaVersion(database);
  if (version === SCHEMA_VERSION) return database;
  database.close();
  throw newer(path, version);
}

/** @throws StoreError `STORE_FAILED` where the file is no database or cannot be read; closes it then. */
function schemaVersion(database: Database): number {
  try {
    return Number(database.get('PRAGMA user_version')?.user_version);
  } catch (error) {
    database.close();
    throw new StoreError('STORE_FAILED', `The ledger cannot be read (${messageOf(error)}).`, { cause: error });
  }
}

function newer(path: string, version: number): StoreError {
  return new StoreError(
    'STORE_NEWER',
    `The ledger ${path} has schema version ${version}, this Waybill knows version ${SCHEMA_VERSION}: use the Waybill that wrote it, or start this one's engine once to bring an older ledger forward.`,
  );
}

function migrate(database: Database, from: number): void {
  for (let version = from; version < SCHEMA_VERSION; version += 1) {
    database.exec('BEGIN IMMEDIATE');
    database.exec(MIGRATIONS[version] ?? '');
    if (version === 0) makeFacts(database);
    database.exec(`PRAGMA user_version = ${version + 1}`);
    database.exec('COMMIT');
  }
}

/** Letters and digits that are not mistaken for each other. */
const ALPHABET = '23456789abcdefghjkmnpqrstvwxyz';

function makeFacts(database: Database): void {
  const instance = Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  const put = 'INSERT INTO facts (key, value) VALUES (?, ?)';
  database.run(put, 'instance', Buffer.from(instance));
  database.run(put, 'digestKey', randomBytes(32));
}

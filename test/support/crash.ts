/** An engine with a plug that a test can pull, and what a test asks of its ledger and its receiver. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { Agent, request } from 'undici';
import { socketPath } from '../../engine/socket-path.ts';
import { STATE_CODES } from '../../store/sqlite/schema.ts';
import { type EngineOptions, type RunningEngine, spawnEngine } from './engine.ts';
import type { TestProduction } from './production.ts';
import { until } from './redis.ts';

const PLUG = new URL('./crash-plug.ts', import.meta.url).pathname;

/** What happens at the label: SIGKILL, the thread that reaches it ends, commits fail for a while, the disk is full for a while. */
export type Fault = 'kill' | 'endThread' | 'commitFails' | 'diskFull';

export interface Pull {
  readonly label: string;
  /** Which time the label is reached, from 1. */
  readonly nth: number;
  readonly fault: Fault;
}

export interface PluggedEngine extends RunningEngine {
  /** Arms the plug from now on. */
  arm(pull: Pull): Promise<void>;
  /** True once the plug was pulled. */
  fired(): boolean;
}

/** Starts an engine with a plug: armed from its start on where `pull` is given. */
export function spawnPlugged(
  t: TestContext,
  production: TestProduction,
  options: EngineOptions,
  pull?: Pull,
): PluggedEngine {
  const file = join(production.root, 'plug');
  const engine = spawnEngine(t, production, {
    ...options,
    nodeArgs: [...(options.nodeArgs ?? []), '--import', PLUG],
    env: { ...options.env, WAYBILL_PLUG_FILE: file, ...(pull ? { WAYBILL_PLUG: textOf(pull) } : {}) },
  });
  return {
    ...engine,
    async arm(next) {
      await writeFile(file, textOf(next));
      process.kill(engine.pid, 'SIGUSR2');
    },
    fired: () => engine.log().includes('{"plug":"fired"'),
  };
}

function textOf({ label, nth, fault }: Pull): string {
  return `${label} ${nth} ${fault}`;
}

/** Asks or tells a running engine through its control socket. */
export async function control(
  production: TestProduction,
  path: string,
  body?: object,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const dispatcher = new Agent({ connect: { socketPath: socketPath(production.data, 'control.sock') } });
  try {
    const answer = await request(`http://waybill${path}`, {
      dispatcher,
      ...(body ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
    });
    return { status: answer.statusCode, body: await answer.body.json() };
  } finally {
    await dispatcher.close();
  }
}

/** Waits until so many submissions are settled: one connection and one small question at a time, since many are waited for. */
export async function untilSubmissionsSettled(
  production: TestProduction,
  submissions: number,
  withinMs: number,
): Promise<void> {
  await until('there is a ledger', () => existsSync(ledgerFile(production)), withinMs);
  const db = new DatabaseSync(ledgerFile(production), { readOnly: true, timeout: 5000 });
  try {
    const settled = db.prepare(
      "SELECT count(*) AS n FROM submissions WHERE settled_at IS NOT NULL OR state = 'refused'",
    );
    await until(`${submissions} submissions are settled`, () => Number(settled.get()?.n) >= submissions, withinMs);
  } finally {
    db.close();
  }
}

/** True once an engine has made its ledger. */
export function hasLedger(production: TestProduction): boolean {
  return existsSync(ledgerFile(production));
}

function ledgerFile({ data }: TestProduction): string {
  return join(data, 'ledger.db');
}

/** A message as the twin took it. */
export interface TakenMessage {
  readonly request: number;
  readonly controlId: string;
  readonly message: string;
}

/** The log of a twin that was told to log whole messages. */
export function readTwinLog(path: string): readonly TakenMessage[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as TakenMessage);
}

/** Messages in doubt, by their batch. */
export type Doubts = readonly { readonly batch: number; readonly controlIds: readonly string[] }[];

/** What the ledger file says, read without the product's own questions, whether an engine runs or was killed. */
export interface LedgerFacts {
  /** Control ids of the messages whose delivery is committed. */
  readonly delivered: ReadonlySet<string>;
  /** Attempts whose *sending* commit is there and whose outcome commit is not. */
  readonly sending: readonly number[];
  /** Messages of these attempts. */
  readonly inFlight: number;
  readonly inDoubt: Doubts;
}

export function readLedger(production: TestProduction): LedgerFacts {
  return withLedger(production, (db) => ({
    delivered: new Set(ofState(db, STATE_CODES.delivered).map(({ controlId }) => controlId)),
    sending: db
      .prepare('SELECT batch FROM attempts WHERE ended_at IS NULL')
      .all()
      .map((row) => Number(row.batch)),
    inFlight: ofState(db, STATE_CODES.sending).length,
    inDoubt: doubtsIn(db),
  }));
}

/** Only what is in doubt: cheap enough to be asked again and again. */
export function readDoubts(production: TestProduction): Doubts {
  return withLedger(production, doubtsIn);
}

function withLedger<T>(production: TestProduction, read: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(ledgerFile(production), { readOnly: true, timeout: 5000 });
  try {
    return read(db);
  } finally {
    db.close();
  }
}

function doubtsIn(db: DatabaseSync): Doubts {
  const byBatch = Map.groupBy(ofState(db, STATE_CODES.inDoubt), ({ batch }) => batch);
  return [...byBatch].map(([batch, rows]) => ({ batch, controlIds: rows.map(({ controlId }) => controlId) }));
}

function ofState(db: DatabaseSync, state: number): readonly { readonly batch: number; readonly controlId: string }[] {
  const instance = Buffer.from(
    db.prepare("SELECT value FROM facts WHERE key = 'instance'").get()?.value as Uint8Array,
  ).toString();
  const rows = db.prepare('SELECT submission, item, batch FROM messages WHERE state = ? ORDER BY id').all(state);
  return rows.map((row) => ({ batch: Number(row.batch), controlId: `${instance}-${row.submission}-${row.item}` }));
}

/** What stands in the ledger, for the message of a test that waited in vain. */
export function describeLedger(production: TestProduction): string {
  return withLedger(production, (db) => {
    const states = Object.entries(STATE_CODES).map(([name, code]) => `when ${code} then '${name}'`);
    const questions = [
      "SELECT name, state, items, items_routed, progress FROM submissions WHERE settled_at IS NULL OR progress <> 'closed'",
      `SELECT CASE state ${states.join(' ')} END AS state, count(*) AS n FROM messages GROUP BY 1`,
      "SELECT id, state, whole, count, attempts, due_at FROM batches WHERE state <> 'done' ORDER BY id",
      'SELECT batch, attempt, started_at, ended_at, outcome, code FROM attempts ORDER BY started_at DESC LIMIT 3',
    ];
    return questions.map((sql) => JSON.stringify(db.prepare(sql).all())).join('\n');
  });
}

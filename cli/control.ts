import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, type Dispatcher } from 'undici';
import type { Store } from '../engine/contracts/store.ts';
import { codeOf, messageOf, WaybillError } from '../engine/errors.ts';
import { socketPath } from '../engine/socket-path.ts';
import { takeLock } from '../store/lock.ts';
import { openStore } from '../store/sqlite/client.ts';
import { openLedger } from '../store/sqlite/reader.ts';
import { EXIT } from './command.ts';
import { ledgerPath } from './folders.ts';

/** How long a command waits for an engine that is starting or stopping, milliseconds. */
const PATIENCE = 5000;
const ASK_AGAIN = 100;

/** A request to the engine of a data folder. */
export interface ControlRequest {
  readonly method: 'GET' | 'POST';
  /** With its query. */
  readonly path: string;
  readonly json?: unknown;
  /** A body of any length, read once. */
  readonly stream?: () => Readable;
}

/** What came of a request: the engine's answer, or that no engine takes requests. */
export type Reached =
  | { readonly kind: 'answered'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'away' };

/**
 * Asks the engine of a data folder through its control socket.
 * @throws WaybillError with the engine's own code where it refused; `ENGINE_SILENT` where it ended meanwhile.
 */
export async function askEngine(dataFolder: string, request: ControlRequest): Promise<Reached> {
  const client = new Client('http://waybill', {
    socketPath: socketPath(dataFolder, 'control.sock'),
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const response = await client.request({ method: request.method, path: request.path, ...bodyOf(request) });
    const text = await response.body.text();
    const body = parsed(text);
    if (response.statusCode === 503 && !('ready' in body)) return { kind: 'away' };
    if (response.statusCode < 400 || 'ready' in body) return { kind: 'answered', status: response.statusCode, body };
    throw new WaybillError(
      String(body.code ?? 'ENGINE_SILENT'),
      String(body.detail ?? `The engine answered ${response.statusCode}.`),
    );
  } catch (error) {
    if (error instanceof WaybillError) throw error;
    if (['ENOENT', 'ECONNREFUSED'].includes(codeOf(error))) return { kind: 'away' };
    throw new WaybillError(
      'ENGINE_SILENT',
      `The engine broke the connection before it answered (${messageOf(error)}): look with waybill status and waybill submissions whether it was done, then repeat the command if need be.`,
      { cause: error },
    );
  } finally {
    await client.destroy();
  }
}

function bodyOf({ json, stream }: ControlRequest): Pick<Dispatcher.RequestOptions, 'body' | 'headers'> {
  if (json !== undefined) return { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } };
  if (stream) return { body: stream(), headers: { 'content-type': 'application/octet-stream' } };
  return {};
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/**
 * Makes a change in whichever way there is: through the engine while it runs, with the lock and the store while it does
 * not. An engine that is starting or stopping is waited for.
 * @throws StoreError `STORE_MISSING`, `STORE_NEWER`; `STORE_LOCKED` where something else holds the folder; what the change throws.
 */
export async function change<T>(
  dataFolder: string,
  request: ControlRequest,
  what: string,
  offline: (store: Store) => Promise<T>,
): Promise<{ readonly value: T; readonly engineRuns: boolean }> {
  openLedger(ledgerPath(dataFolder)).close();
  for (const until = Date.now() + PATIENCE; ; await wait(ASK_AGAIN)) {
    const reached = await askEngine(dataFolder, request);
    if (reached.kind === 'answered') return { value: reached.body as T, engineRuns: true };
    try {
      return { value: await withStore(dataFolder, what, offline), engineRuns: false };
    } catch (error) {
      if (codeOf(error) !== 'STORE_LOCKED' || Date.now() > until) throw error;
    }
  }
}

/** Takes the lock, opens the store, and first does what whoever takes the lock must: calls left in flight become in doubt. */
async function withStore<T>(dataFolder: string, what: string, work: (store: Store) => Promise<T>): Promise<T> {
  const lock = takeLock(dataFolder, what);
  try {
    const store = await openStore({
      path: ledgerPath(dataFolder),
      onDeath: (error) => {
        process.stderr.write(`${error.message}\n`);
        process.exit(EXIT.ledger.code);
      },
    });
    try {
      await store.recover({ run: randomUUID(), registered: [], at: Date.now() });
      return await work(store);
    } finally {
      await store.close();
    }
  } finally {
    lock.release();
  }
}

/** What the engine of a data folder says of itself. */
export interface EngineFacts {
  readonly running: boolean;
  readonly ready: boolean;
  /** What it says of its ledger and of Redis; empty where it does not run. */
  readonly ledger: string;
  readonly redis: string;
}

/** Asks the engine how it is. */
export async function engineFacts(dataFolder: string): Promise<EngineFacts> {
  const none = { running: false, ready: false, ledger: '', redis: '' };
  if (!existsSync(dataFolder)) return none;
  const reached = await askEngine(dataFolder, { method: 'GET', path: '/health/ready' });
  if (reached.kind === 'away') return none;
  const { ready, ledger, redis } = reached.body as { ready: boolean; ledger: string; redis: string };
  return { running: true, ready, ledger, redis };
}

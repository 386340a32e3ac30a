/** The driver behind one destination: opened once, one command at a time as far as the engine is concerned. */
import type { CommandStartedEvent, Db, Document, MongoClient } from 'mongodb';
import { WaybillError } from '../../engine/errors.ts';
import type { Settled } from './config.ts';
import type { Driver } from './document.ts';

/** A write as the server gets it. The list is the very array that goes out: it is by this that the driver's event is known. */
export type WriteCommand =
  | { readonly insert: string; readonly documents: readonly Document[] }
  | { readonly update: string; readonly updates: readonly Document[] }
  | { readonly delete: string; readonly deletes: readonly Document[] };

const LIST_OF: Readonly<Record<string, string>> = { insert: 'documents', update: 'updates', delete: 'deletes' };

export type BrokenReason = 'network' | 'aborted' | 'total';

/** A command that gave no answer, or a failure of the whole command. */
export class BrokenCommand extends Error {
  readonly reason: BrokenReason;
  /** False: certainly no byte of the command went out. */
  readonly begun: boolean;

  constructor(reason: BrokenReason, begun: boolean, cause: unknown) {
    super(`command broken: ${reason}`, { cause });
    this.reason = reason;
    this.begun = begun;
  }
}

export interface Connection {
  readonly driver: Driver;
  readonly client: MongoClient;
  readonly db: Db;
  /** Where the servers are, for people. */
  readonly hosts: string;
  /**
   * Runs a write once and gives the server's answer, with what it says of single documents and of the write concern.
   * @param onBegin called when the command is about to go out
   * @throws BrokenCommand
   */
  write(command: WriteCommand, limit: Limit, onBegin: () => void): Promise<Document>;
  /** Connects where there is no connection. @throws what the driver, or the limit's signal, has to say */
  ready(limit: Limit): Promise<void>;
  close(): Promise<void>;
}

/** The caller's signal and the time that a call may take, as one. */
export interface Limit {
  readonly signal: AbortSignal;
  /** Why the signal came; `network` where it did not. */
  reason(): BrokenReason;
}

export function limitOf(caller: AbortSignal, ms: number): Limit {
  const total = AbortSignal.timeout(ms);
  return {
    signal: AbortSignal.any([caller, total]),
    reason: () => (caller.aborted ? 'aborted' : total.aborted ? 'total' : 'network'),
  };
}

function makeClient(driver: Driver, { url, secureContext, timeouts }: Settled): MongoClient {
  try {
    return new driver.MongoClient(url, {
      appName: 'waybill',
      // Only the engine tries again: see docs/decisions/mongodb.md.
      retryWrites: false,
      retryReads: false,
      maxPoolSize: 4,
      serverSelectionTimeoutMS: timeouts.connect,
      connectTimeoutMS: timeouts.connect,
      monitorCommands: true,
      ...(secureContext === undefined ? {} : { tls: true, secureContext }),
    });
  } catch {
    // The driver's words may quote the url, and with it the password.
    throw new WaybillError('MONGODB_URL_INVALID', 'url is no address that the driver takes, or has an unknown option', {
      path: 'url',
    });
  }
}

function hostsOf(client: MongoClient): string {
  const { srvHost, hosts } = client.options;
  return srvHost ?? hosts.map((host) => host.toString()).join(', ');
}

/**
 * Connects, or finds that it is connected. The driver would connect by itself, but only once: after a first try that
 * failed its client answers for ever that it is closed.
 */
async function ready(client: MongoClient, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([client.connect(), promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Makes no connection yet. @throws WaybillError MONGODB_URL_INVALID */
export async function openConnection(settled: Settled): Promise<Connection> {
  const driver = await import('mongodb');
  const client = makeClient(driver, settled);
  const db = client.db(settled.database);
  const waiting = new Map<unknown, () => void>();
  client.on('commandStarted', ({ commandName, command }: CommandStartedEvent) => {
    const list = LIST_OF[commandName];
    if (list !== undefined) waiting.get(command[list])?.();
  });
  const { w, j } = settled.writeConcern;
  return {
    driver,
    client,
    db,
    hosts: hostsOf(client),
    async write(command, limit, onBegin) {
      const list = 'insert' in command ? command.documents : 'update' in command ? command.updates : command.deletes;
      let begun = false;
      waiting.set(list, () => {
        begun = true;
        onBegin();
      });
      try {
        await ready(client, limit.signal);
        return await db.command({ ...command, ordered: true, writeConcern: { w, j } }, { signal: limit.signal });
      } catch (error) {
        // The answer is whole; only its write concern was not met.
        if (error instanceof driver.MongoWriteConcernError) return error.result;
        throw new BrokenCommand(limit.reason(), begun, error);
      } finally {
        waiting.delete(list);
      }
    },
    ready: ({ signal }) => ready(client, signal),
    close: () => client.close(),
  };
}

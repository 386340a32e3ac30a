import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Store } from '../../engine/contracts/store.ts';
import { StoreError } from '../errors.ts';
import type { Reply, Request } from './worker.ts';

export interface OpenOptions {
  /** Path of the ledger's file; its folder is made. */
  readonly path: string;
  /** Called when the thread dies: the process must end, since nothing can be promised any more. */
  readonly onDeath: (error: Error) => void;
  /** Most pages the file may have; for tests of a full disk. */
  readonly maxPages?: number;
}

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens the ledger in a thread of its own. The caller holds the data folder's lock.
 * @throws StoreError where it cannot be opened or was written by a newer version.
 */
export async function openStore(options: OpenOptions): Promise<Store> {
  mkdirSync(dirname(options.path), { recursive: true });
  const { path, maxPages } = options;
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { path, maxPages }, name: 'store' });
  await started(worker);
  const calls = new Map<number, Call>();
  let lastId = 0;
  let ended: StoreError | undefined;
  let closing: Promise<void> | undefined;

  /** Nothing is answered any more; where nobody asked for the end, it is a death. */
  const end = (reason: StoreError) => {
    if (ended) return;
    ended = reason;
    for (const { reject } of calls.values()) reject(reason);
    calls.clear();
    if (!closing) options.onDeath(reason);
  };
  worker.on('error', (error) => end(asStoreError(error)));
  worker.on('exit', () => end(closing ? closed() : threadEnded()));
  worker.on('message', (reply: Reply) => {
    const call = calls.get(reply.id);
    calls.delete(reply.id);
    if (reply.ok) call?.resolve(reply.value);
    else call?.reject(new StoreError(reply.code, reply.message));
  });

  const ask = <T>(method: keyof Store, request: unknown): Promise<T> => {
    if (closing) return Promise.reject(closed());
    if (ended) return Promise.reject(ended);
    return new Promise<T>((resolve, reject) => {
      lastId += 1;
      calls.set(lastId, { resolve: resolve as (value: unknown) => void, reject });
      worker.postMessage({ id: lastId, method, request } satisfies Request);
    });
  };
  const close = () => {
    closing ??= new Promise((resolve) => {
      if (ended) return resolve();
      worker.once('exit', () => resolve());
      worker.postMessage('close');
    });
    return closing;
  };
  return {
    facts: () => ask('facts', undefined),
    putSnapshot: (request) => ask('putSnapshot', request),
    snapshot: (request) => ask('snapshot', request),
    accept: (request) => ask('accept', request),
    acceptUpload: (request) => ask('acceptUpload', request),
    receipt: (request) => ask('receipt', request),
    nextToRoute: () => ask('nextToRoute', undefined),
    scanned: (request) => ask('scanned', request),
    refuse: (request) => ask('refuse', request),
    quarantine: (request) => ask('quarantine', request),
    release: (request) => ask('release', request),
    cancelSubmission: (request) => ask('cancelSubmission', request),
    beginRouting: (request) => ask('beginRouting', request),
    commitBlock: (request) => ask('commitBlock', request),
    uniqueKeys: (request) => ask('uniqueKeys', request),
    endRouting: (request) => ask('endRouting', request),
    recover: (request) => ask('recover', request),
    nextWork: (request) => ask('nextWork', request),
    plan: (request) => ask('plan', request),
    beginSending: (request) => ask('beginSending', request),
    answer: (request) => ask('answer', request),
    resolve: (request) => ask('resolve', request),
    doubts: (request) => ask('doubts', request),
    doubtMembers: (request) => ask('doubtMembers', request),
    decideDoubt: (request) => ask('decideDoubt', request),
    noteDoubt: (request) => ask('noteDoubt', request),
    notePause: (request) => ask('notePause', request),
    batchLimit: (request) => ask('batchLimit', request),
    noteBatchLimit: (request) => ask('noteBatchLimit', request),
    lanesInUse: (request) => ask('lanesInUse', request),
    stopDestination: (request) => ask('stopDestination', request),
    resumeDestination: (request) => ask('resumeDestination', request),
    recordAct: (request) => ask('recordAct', request),
    continueAct: (request) => ask('continueAct', request),
    newVersions: (request) => ask('newVersions', request),
    progress: (request) => ask('progress', request),
    findClaim: (request) => ask('findClaim', request),
    unfinished: (request) => ask('unfinished', request),
    submission: (request) => ask('submission', request),
    rejectBlocks: (request) => ask('rejectBlocks', request),
    setRetention: (request) => ask('setRetention', request),
    beginPurge: (request) => ask('beginPurge', request),
    openPurges: () => ask('openPurges', undefined),
    purgeSlice: () => ask('purgeSlice', undefined),
    endPurge: (request) => ask('endPurge', request),
    purgeBatches: (request) => ask('purgeBatches', request),
    notePurge: (request) => ask('notePurge', request),
    reclaim: () => ask('reclaim', undefined),
    due: (request) => ask('due', request),
    ask: (request) => ask('ask', request),
    close,
  };
}

/** Resolves when the thread has opened the ledger. */
function started(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(asStoreError(error));
    const exited = () => reject(threadEnded());
    worker.once('error', failed);
    worker.once('exit', exited);
    worker.once('message', () => {
      worker.off('error', failed);
      worker.off('exit', exited);
      resolve();
    });
  });
}

function closed(): StoreError {
  return new StoreError('STORE_CLOSED', 'The ledger is closed; the engine is stopping.');
}

function threadEnded(): StoreError {
  return new StoreError(
    'STORE_FAILED',
    'The thread that owns the ledger ended; the engine cannot go on and must be started again.',
  );
}

/** What killed the thread: before it was open, most often a ledger that cannot be opened. */
function asStoreError(error: Error): StoreError {
  const code = /^STORE_[A-Z]+/.exec(error.message)?.[0];
  return new StoreError(code ?? 'STORE_FAILED', error.message.replace(/^STORE_[A-Z]+: /, ''), { cause: error });
}

export { type Ledger, openLedger } from './reader.ts';

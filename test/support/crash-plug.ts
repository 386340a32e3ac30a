/**
 * Preloaded into an engine (`node --import crash-plug.ts`, in its worker threads too): pulls the plug, or makes a fault, when
 * a label is reached for the n-th time in the process. Armed by `WAYBILL_PLUG` from the start on, or by SIGUSR2 with what
 * the file named by `WAYBILL_PLUG_FILE` holds: `LABEL NTH FAULT`.
 */
import { channel } from 'node:diagnostics_channel';
import { readFileSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

const KEY = 'waybill-plug';
const WORDS_BYTES = 200;
/** Milliseconds for which a full disk stays full, or every commit fails. */
const FAULT_LASTS_MS = 400;
const SQLITE_IOERR = 10;
const MOST_PAGES = 1_073_741_823;

/** How often the label must still be reached, shared by all threads of the process; then its name and the fault. */
const shared = sharedMemory();
const countdown = new Int32Array(shared, 0, 1);
const words = new Uint8Array(shared, 4);

/** The ledger's connection, in the thread that has it. */
let ledger: DatabaseSync | undefined;
let commitsFailUntil = 0;

function sharedMemory(): SharedArrayBuffer {
  const given: unknown = getEnvironmentData(KEY);
  if (given instanceof SharedArrayBuffer) return given;
  const made = new SharedArrayBuffer(4 + WORDS_BYTES);
  setEnvironmentData(KEY, made);
  return made;
}

function arm(text: string): void {
  const [label = '', nth = '1', fault = 'kill'] = text.trim().split(' ');
  words.fill(0);
  words.set(Buffer.from(`${label} ${fault}`));
  Atomics.store(countdown, 0, Number(nth));
  say({ plug: 'armed', label, nth: Number(nth), fault });
}

/** One line of JSON, written before anything else can happen. */
function say(line: object): void {
  writeSync(2, `${JSON.stringify(line)}\n`);
}

const FAULTS: Readonly<Record<string, () => void>> = {
  kill: () => process.kill(process.pid, 'SIGKILL'),
  endThread: () => process.exit(70),
  commitFails: () => {
    commitsFailUntil = performance.now() + FAULT_LASTS_MS;
  },
  diskFull: () => {
    const db = ledger;
    if (!db) throw new Error('the disk of the ledger can be full only in the thread that has it');
    const { page_count: pages } = db.prepare('PRAGMA page_count').get() ?? {};
    db.exec(`PRAGMA max_page_count = ${Number(pages)}`);
    setTimeout(() => db.exec(`PRAGMA max_page_count = ${MOST_PAGES}`), FAULT_LASTS_MS);
  },
};

channel('waybill:label').subscribe((reached) => {
  if (Atomics.load(countdown, 0) <= 0) return;
  const [label, fault = ''] = Buffer.from(words).toString().replaceAll('\0', '').split(' ');
  if (reached !== label || Atomics.sub(countdown, 0, 1) !== 1) return;
  say({ plug: 'fired', label, fault });
  FAULTS[fault]?.();
});

if (isMainThread) {
  const { WAYBILL_PLUG: first, WAYBILL_PLUG_FILE: file } = process.env;
  if (first) arm(first);
  process.on('SIGUSR2', () => {
    if (file) arm(readFileSync(file, 'utf8'));
  });
} else {
  const exec = DatabaseSync.prototype.exec;
  DatabaseSync.prototype.exec = function (sql: string): void {
    if (sql === 'BEGIN IMMEDIATE') ledger = this;
    if (sql === 'COMMIT' && performance.now() < commitsFailUntil) {
      throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: SQLITE_IOERR });
    }
    exec.call(this, sql);
  };
}

/** Partners that upload while the engine is killed again and again, and repeat with their keys until they hear a receipt. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../scripts/start/free-port.ts';
import { openLedger } from '../../store/sqlite/reader.ts';
import { type PluggedEngine, type Pull, spawnPlugged } from '../support/crash.ts';
import { askLedger, waybill } from '../support/engine.ts';
import { dosesCsv, type TestProduction, temporaryProduction, withUploads } from '../support/production.ts';
import { until } from '../support/redis.ts';
import { randomFrom } from './seed.ts';

/** Labels on an upload's way in, and how often each is sure to be reached. */
const UPLOAD_LABELS = [
  { label: 'accept.bodyWritten', most: 6 },
  { label: 'accept.renamed', most: 6 },
  { label: 'accept.beforeCommit', most: 3 },
  { label: 'accept.afterCommit', most: 3 },
  { label: 'accept.answered', most: 3 },
];
const PARTNERS = 4;
const PARTS = ['doses', 'more'];
const ROWS = 20;
/** A death by the clock comes within so many milliseconds after an upload is through. */
const LATEST = 400;
/** Deaths leave little time to route: thousands of files may wait at the end, milliseconds. */
const ROUTED_WITHIN = 300_000;
/** Before a request is repeated, milliseconds. */
const AGAIN = 100;
/** Nothing listens there: what is accepted stays, and only the way in is tried. */
const NOBODY = 'http://127.0.0.1:9/soap';

export interface UploadFigures {
  readonly deaths: number;
  readonly uploads: number;
  /** Requests that had to be repeated. */
  readonly repeats: number;
  /** Repeats that got the receipt of a first try whose answer was lost. */
  readonly replays: number;
}

/** An upload that a partner has its receipt for. */
interface Known {
  readonly key: string;
  readonly receipt: string;
  readonly hashes: readonly string[];
}

/** Kills the engine so often, each time by a label or by the clock. @throws AssertionError where anything does not hold. */
export async function killUploads(t: TestContext, deaths: number, seed: number): Promise<UploadFigures> {
  const random = randomFrom(seed);
  const port = await freePort();
  const production = await temporaryProduction(t);
  const parts = PARTS.map((name) => `{ name: ${name}, format: { type: csv, recordMap: doses }, route: doses }`);
  await withUploads(production, port, parts);
  const added = await waybill(['partner', 'add', 'north', production.config, '--json']);
  assert.equal(added.code, 0, added.stderr);
  const { key } = JSON.parse(added.stdout) as { key: string };
  let audited = NOTHING_AUDITED;
  const senders = new Senders(`http://127.0.0.1:${port}/uploads`, key);
  for (let death = 0; death < deaths; death += 1) {
    const engine = spawnPlugged(t, production, { url: NOBODY }, death % 2 === 0 ? pullOf(random) : undefined);
    await die(engine, senders, death % 2 === 0 ? undefined : Math.floor(random() * LATEST));
    audited = auditReceipts(production, senders.known, audited);
  }
  senders.finish();
  const last = spawnPlugged(t, production, { url: NOBODY });
  await senders.ended;
  await until(
    'every submission is routed',
    () => {
      const { accepted = 0, scanned = 0, routing = 0 } = askLedger(production, 'status', {}).submissions;
      return accepted + scanned + routing === 0;
    },
    ROUTED_WITHIN,
  );
  assert.deepEqual(await last.stop(), { code: 0, signal: null }, last.log().slice(-2000));
  auditAll(production, senders.known);
  const verified = await waybill(['verify', '--data', production.data]);
  assert.equal(verified.code, 0, `${verified.stdout}${verified.stderr}`);
  return { deaths, uploads: senders.known.length, repeats: senders.repeats, replays: senders.replays };
}

function pullOf(random: () => number): Pull {
  const { label, most } = UPLOAD_LABELS[Math.floor(random() * UPLOAD_LABELS.length)] ?? { label: '', most: 1 };
  return { label, nth: 1 + Math.floor(random() * most), fault: 'kill' };
}

/** Waits for the plug, or kills it a while after the next upload is through. */
async function die(engine: PluggedEngine, { known }: Senders, after: number | undefined): Promise<void> {
  if (after !== undefined) {
    const before = known.length;
    await until('an upload is through', () => known.length > before, 60_000);
    await wait(after);
    void engine.kill();
  }
  assert.deepEqual(await engine.ended, { code: null, signal: 'SIGKILL' }, engine.log().slice(-2000));
}

/** Partners, each with one upload after the other, all of different content. */
class Senders {
  readonly known: Known[] = [];
  repeats = 0;
  replays = 0;
  readonly ended: Promise<void>;
  readonly #url: string;
  readonly #credential: string;
  #finishing = false;

  constructor(url: string, credential: string) {
    this.#url = url;
    this.#credential = credential;
    const senders = Array.from({ length: PARTNERS }, (_, partner) => this.#send(partner));
    this.ended = Promise.all(senders).then(() => undefined);
  }

  /** No new uploads; those that were begun are repeated until they are through. */
  finish(): void {
    this.#finishing = true;
  }

  async #send(partner: number): Promise<void> {
    for (let n = 0; !this.#finishing; n += 1) {
      const contents = PARTS.map((_, part) => dosesCsv(ROWS, 1 + (((n * PARTS.length + part) * ROWS) % 9900)));
      const key = `partner-${partner}-${n}`;
      const receipt = await this.#untilReceipt(key, contents, `${partner}-${n}`);
      this.known.push({ key, receipt, hashes: contents.map((content) => sha256(content)) });
    }
  }

  async #untilReceipt(key: string, contents: readonly string[], name: string): Promise<string> {
    for (;;) {
      const receipt = await this.#try(key, contents, name);
      if (receipt !== undefined) return receipt;
      this.repeats += 1;
      await wait(AGAIN);
    }
  }

  /** `undefined` where the connection broke, or the engine asks to come again. */
  async #try(key: string, contents: readonly string[], name: string): Promise<string | undefined> {
    const form = new FormData();
    contents.forEach((content, part) => {
      form.append(PARTS[part] ?? '', new Blob([content], { type: 'text/csv' }), `${name}-${part}.csv`);
    });
    try {
      const answer = await fetch(this.#url, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#credential}`, 'idempotency-key': key },
        body: form,
        signal: AbortSignal.timeout(30_000),
      });
      const text = await answer.text();
      if (answer.status === 409 || answer.status === 503) return undefined;
      assert.ok(answer.status === 202 || answer.status === 200, `${answer.status}: ${text}`);
      if (answer.status === 200) this.replays += 1;
      const location = answer.headers.get('location');
      assert.match(location ?? '', /^\/receipts\/[a-z0-9]{4}-R\d+$/);
      return location?.replace('/receipts/', '');
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return undefined;
    }
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** How far an audit came: what is in the ledger stays as it is, and the last audit of all looks at everything. */
interface Audited {
  readonly receipts: number;
  readonly known: number;
}

const NOTHING_AUDITED: Audited = { receipts: 0, known: 0 };

/** No half upload is visible, and every receipt that a partner was given is there with its parts. */
function auditReceipts(production: TestProduction, known: readonly Known[], from: Audited): Audited {
  const ledger = openLedger(join(production.data, 'ledger.db'));
  try {
    const { instance, lastReceipt } = ledger.ask('facts', {});
    for (let receipt = from.receipts + 1; receipt <= lastReceipt; receipt += 1) {
      const found = ledger.ask('receipt', { receipt });
      // Numbers are given before the commit: one whose commit never came is no receipt.
      if (found) assert.equal(found.submissions.length, PARTS.length, `receipt ${receipt} has half of its parts`);
    }
    for (const { receipt, hashes } of known.slice(from.known)) {
      const found = ledger.ask('receipt', { receipt: Number(receipt.replace(`${instance}-R`, '')) });
      assert.deepEqual(
        found?.submissions.map(({ hash }) => hash),
        hashes,
        `the receipt ${receipt} was given and is not there with its content`,
      );
    }
    return { receipts: lastReceipt, known: known.length };
  } finally {
    ledger.close();
  }
}

/** Each key has one receipt, each part one submission, each body its content, and nothing else is left. */
function auditAll(production: TestProduction, known: readonly Known[]): void {
  auditReceipts(production, known, NOTHING_AUDITED);
  assert.equal(new Set(known.map(({ receipt }) => receipt)).size, known.length, 'two keys have one receipt');
  const rows = askLedger(production, 'submissions', { limit: 100_000 });
  assert.equal(rows.length, known.length * PARTS.length, 'an upload came in twice, or in part');
  const bodies = join(production.data, 'bodies');
  assert.deepEqual(readdirSync(bodies).sort(), rows.map(({ number }) => `${number}.body`).sort());
  for (const { number, hash } of rows) assert.equal(sha256(readFileSync(join(bodies, `${number}.body`), 'utf8')), hash);
}

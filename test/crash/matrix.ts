/** The harness: one data folder, one receiver, and a chain of deaths, each at one label while files come in. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { resolveDialect } from '../../operations/soap/dialect.ts';
import { startTwin, type Twin } from '../../operations/soap/twin/index.ts';
import {
  control,
  describeLedger,
  type Fault,
  type PluggedEngine,
  type Pull,
  readLedger,
  readTwinLog,
  spawnPlugged,
  untilSubmissionsSettled,
} from '../support/crash.ts';
import { waybill } from '../support/engine.ts';
import type { TestProduction } from '../support/production.ts';
import { RECEIVER_CREDENTIALS } from '../support/receiver.ts';
import { cleanUp, until } from '../support/redis.ts';
import { type Audit, audit, type Death, folderProblems } from './audit.ts';
import { FileMaker, type TestFile } from './files.ts';
import { crashProduction, type Policy } from './production.ts';

export interface Label {
  readonly label: string;
  /** So often it is sure to be reached in one step. */
  readonly most: number;
  /** Default: SIGKILL. */
  readonly fault?: Fault;
}

/** Every label of durability.md, and the faults that it names. */
export const LABELS: readonly Label[] = [
  { label: 'accept.bodyWritten', most: 3 },
  { label: 'accept.renamed', most: 3 },
  { label: 'accept.beforeCommit', most: 3 },
  { label: 'accept.afterCommit', most: 3 },
  { label: 'accept.answered', most: 3 },
  { label: 'file.claimed', most: 3 },
  { label: 'file.moved', most: 3 },
  { label: 'route.scanCommitted', most: 3 },
  { label: 'route.beforeCommit', most: 4 },
  { label: 'route.afterCommit', most: 4 },
  { label: 'route.endCommitted', most: 3 },
  { label: 'plan.beforeCommit', most: 10 },
  { label: 'plan.afterCommit', most: 10 },
  { label: 'sending.beforeCommit', most: 10 },
  { label: 'sending.afterCommit', most: 10 },
  { label: 'sending.firstByte', most: 10 },
  { label: 'sending.lastByte', most: 10 },
  { label: 'answer.received', most: 10 },
  { label: 'answer.beforeCommit', most: 10 },
  { label: 'answer.afterCommit', most: 10 },
  { label: 'accept.beforeCommit', most: 3, fault: 'commitFails' },
  { label: 'route.beforeCommit', most: 4, fault: 'commitFails' },
  { label: 'sending.beforeCommit', most: 10, fault: 'commitFails' },
  { label: 'answer.beforeCommit', most: 10, fault: 'commitFails' },
  { label: 'route.scanned', most: 3, fault: 'endThread' },
  { label: 'route.blockMade', most: 4, fault: 'endThread' },
  { label: 'accept.afterCommit', most: 3, fault: 'endThread' },
  { label: 'answer.afterCommit', most: 10, fault: 'endThread' },
  { label: 'store.member', most: 40, fault: 'endThread' },
  { label: 'store.member', most: 40, fault: 'diskFull' },
];

export interface ChainRequest {
  readonly policy: Policy;
  readonly pulls: readonly Pull[];
  /** Rows of the files that are no longer than a block. */
  readonly rows?: number;
}

export interface Figures extends Audit {
  readonly crashes: number;
  /** Messages whose attempt was in flight at a death. */
  readonly inDoubt: number;
}

/** How long one step may take, milliseconds. */
const STEP_WITHIN = 60_000;
/** What a dead ledger thread makes of the process. */
const LEDGER_DIED = 7;

/** Runs the chain, settles what is left, and audits. @throws AssertionError where anything does not hold. */
export async function runChain(t: TestContext, request: ChainRequest): Promise<Figures> {
  const chain = await Chain.begin(t, request);
  for (const pull of request.pulls) await chain.step(pull);
  const figures = await chain.end();
  assert.deepEqual(figures.problems.slice(0, 20), []);
  return figures;
}

class Chain {
  readonly #t: TestContext;
  readonly #request: ChainRequest;
  readonly #production: TestProduction;
  readonly #twin: Twin;
  readonly #log: string;
  readonly #maker = new FileMaker();
  readonly #files: TestFile[] = [];
  readonly #deaths: Death[] = [];
  /** Batches that must be in doubt after the next start, and no others. */
  #doubtful: readonly number[] = [];
  #inDoubt = 0;
  #lived = 0;

  private constructor(t: TestContext, request: ChainRequest, production: TestProduction, twin: Twin, log: string) {
    this.#t = t;
    this.#request = request;
    this.#production = production;
    this.#twin = twin;
    this.#log = log;
  }

  static async begin(t: TestContext, request: ChainRequest): Promise<Chain> {
    const production = await crashProduction(t, request.policy);
    const dialect = resolveDialect('cdc-iis-2011', { timeZone: 'UTC', values: {}, tables: {}, files: {} });
    const log = join(production.root, 'twin.log');
    const twin = await startTwin({ dialect, credentials: RECEIVER_CREDENTIALS, log, logMessages: true });
    cleanUp(t, () => twin.close());
    return new Chain(t, request, production, twin, log);
  }

  async step(pull: Pull): Promise<void> {
    const files = this.#maker.three(this.#request.rows);
    const engine =
      this.#request.policy === 'hold'
        ? await this.#armedLater(pull, files)
        : await this.#armedFromTheStart(pull, files);
    await this.#until(engine, `${pull.label} is reached ${pull.nth} times`, () => engine.fired());
    if (this.#dies(pull)) await this.#death(engine, pull);
    else await this.#goesOn(engine);
  }

  /** Settles what is left without a plug, and compares. */
  async end(): Promise<Figures> {
    const engine = this.#spawn();
    await engine.ready();
    await this.#decide();
    await untilSubmissionsSettled(this.#production, this.#files.length, STEP_WITHIN);
    const put = { production: this.#production, files: this.#files };
    await until('the files are put away', () => folderProblems(put).length === 0);
    assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
    const verified = await waybill(['verify', '--data', this.#production.data]);
    assert.equal(verified.code, 0, `${verified.stdout}${verified.stderr}`);
    return { ...this.#audit(), crashes: this.#deaths.length + this.#lived, inDoubt: this.#inDoubt };
  }

  #audit(): Audit {
    return audit({
      production: this.#production,
      files: this.#files,
      twinLog: this.#log,
      deaths: this.#deaths,
    });
  }

  #spawn(pull?: Pull): PluggedEngine {
    return spawnPlugged(this.#t, this.#production, { url: this.#twin.url, args: ['--log-level', 'debug'] }, pull);
  }

  /** With `hold`: what the last death left is decided first, as a person would; then the plug is armed. */
  async #armedLater(pull: Pull, files: readonly TestFile[]): Promise<PluggedEngine> {
    const engine = this.#spawn();
    await engine.ready();
    await this.#decide();
    await untilSubmissionsSettled(this.#production, this.#files.length, STEP_WITHIN);
    await engine.arm(pull);
    await this.#until(engine, 'the plug is armed', () => engine.log().includes('{"plug":"armed"'));
    for (const file of files) await this.#drop(file);
    return engine;
  }

  /** With `resend`: also while the engine takes up what the last death left. */
  async #armedFromTheStart(pull: Pull, files: readonly TestFile[]): Promise<PluggedEngine> {
    const [first, ...others] = files;
    if (first) await this.#drop(first);
    const engine = this.#spawn(pull);
    await this.#until(
      engine,
      'the engine runs or has ended',
      () => engine.fired() || engine.events('engineStarted').length > 0,
    );
    for (const file of others) await this.#drop(file);
    return engine;
  }

  async #drop(file: TestFile): Promise<void> {
    this.#files.push(file);
    await this.#production.drop(file.name, file.bytes);
  }

  /** The end of the ledger's thread ends the process; the one that transforms is replaced. */
  #dies({ label, fault }: Pull): boolean {
    return fault === 'kill' || (fault === 'endThread' && !label.startsWith('route.'));
  }

  async #death(engine: PluggedEngine, pull: Pull): Promise<void> {
    const ended = await engine.ended;
    const wanted = pull.fault === 'kill' ? { code: null, signal: 'SIGKILL' } : { code: LEDGER_DIED, signal: null };
    assert.deepEqual(ended, wanted, engine.log().slice(-2000));
    const taken = this.#twin.counts().messages;
    const { delivered, sending, inFlight, inDoubt } = readLedger(this.#production);
    this.#inDoubt += inFlight;
    this.#deaths.push({ label: pull.label, delivered, taken });
    this.#doubtful = [...new Set([...sending, ...inDoubt.map(({ batch }) => batch)])];
  }

  /** The process lived through the fault: everything is settled without a restart. */
  async #goesOn(engine: PluggedEngine): Promise<void> {
    await untilSubmissionsSettled(this.#production, this.#files.length, STEP_WITHIN).catch((error: unknown) => {
      throw new Error(`it did not go on:\n${describeLedger(this.#production)}\n${engine.log().slice(-6000)}`, {
        cause: error,
      });
    });
    assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
    this.#lived += 1;
    this.#doubtful = [];
  }

  /** In doubt is exactly what must be; with `hold` each batch is decided by what the receiver has. */
  async #decide(): Promise<void> {
    if (this.#request.policy === 'resend') return;
    const { inDoubt } = readLedger(this.#production);
    assert.deepEqual(
      inDoubt.map(({ batch }) => batch),
      this.#doubtful,
    );
    if (inDoubt.length === 0) return;
    const taken = new Set(readTwinLog(this.#log).map(({ controlId }) => controlId));
    for (const { batch, controlIds } of inDoubt) {
      const there = controlIds.filter((id) => taken.has(id)).length;
      assert.ok(there === 0 || there === controlIds.length, 'the receiver takes a batch whole or not at all');
      const to = there === 0 ? 'queued' : 'delivered';
      const { status, body } = await control(this.#production, '/control/resolve', {
        batch,
        to,
        reason: 'asked the receiver',
        who: 'test',
      });
      assert.equal(status, 200, JSON.stringify(body));
    }
  }

  async #until(engine: PluggedEngine, what: string, condition: () => boolean): Promise<void> {
    let ended = false;
    void engine.ended.then(() => {
      ended = true;
    });
    await until(what, () => condition() || ended, STEP_WITHIN).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${describeLedger(this.#production)}\n${engine.log().slice(-6000)}`);
    });
    assert.ok(condition(), `the engine ended before ${what}:\n${engine.log().slice(-4000)}`);
  }
}

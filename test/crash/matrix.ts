/** The harness: one data folder, one receiver, and a chain of deaths, each at one label while files come in. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  control,
  describeLedger,
  type Fault,
  hasLedger,
  type PluggedEngine,
  type Pull,
  readDoubts,
  readLedger,
  spawnPlugged,
  untilSubmissionsSettled,
} from '../support/crash.ts';
import { waybill } from '../support/engine.ts';
import type { TestProduction } from '../support/production.ts';
import { until } from '../support/until.ts';
import { type Audit, audit, type Death, folderProblems } from './audit.ts';
import { FileMaker, type TestFile } from './files.ts';
import { crashProduction, type Way } from './production.ts';
import { type CrashReceiver, startCrashReceiver } from './receiver.ts';

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

export interface ChainRequest extends Way {
  /** Seed of a receiver that misbehaves; absent: it behaves. */
  readonly sins?: number;
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
  readonly #receiver: CrashReceiver;
  readonly #maker = new FileMaker();
  readonly #files: TestFile[] = [];
  readonly #deaths: Death[] = [];
  /** Batches that must be in doubt after the next start, and no others. */
  #doubtful: readonly number[] = [];
  #inDoubt = 0;
  #lived = 0;

  private constructor(t: TestContext, request: ChainRequest, production: TestProduction, receiver: CrashReceiver) {
    this.#t = t;
    this.#request = request;
    this.#production = production;
    this.#receiver = receiver;
  }

  static async begin(t: TestContext, request: ChainRequest): Promise<Chain> {
    const production = await crashProduction(t, request);
    return new Chain(t, request, production, await startCrashReceiver(t, production, request, request.sins));
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
    await this.#settle();
    const put = { production: this.#production, files: this.#files };
    await until('the files are put away', () => folderProblems(put).length === 0);
    assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
    const verified = await waybill(['verify', '--data', this.#production.data]);
    assert.equal(verified.code, 0, `${verified.stdout}${verified.stderr}`);
    return { ...(await this.#audit()), crashes: this.#deaths.length + this.#lived, inDoubt: this.#inDoubt };
  }

  async #audit(): Promise<Audit> {
    const { refuses } = this.#receiver;
    const taken = await this.#receiver.taken();
    return audit({ production: this.#production, files: this.#files, taken, refuses, deaths: this.#deaths });
  }

  #spawn(pull?: Pull): PluggedEngine {
    const { url, env } = this.#receiver;
    return spawnPlugged(this.#t, this.#production, { url, env, args: ['--log-level', 'debug'] }, pull);
  }

  /** With `hold`: what the last death left is decided first, as a person would; then the plug is armed. */
  async #armedLater(pull: Pull, files: readonly TestFile[]): Promise<PluggedEngine> {
    const engine = this.#spawn();
    await engine.ready();
    await this.#settle();
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
    await this.#receiver.atRest();
    const taken = this.#receiver.showsRepeats ? (await this.#receiver.taken()).length : Number.POSITIVE_INFINITY;
    const { delivered, sending, inFlight, inDoubt } = readLedger(this.#production);
    this.#inDoubt += inFlight;
    this.#deaths.push({ label: pull.label, delivered, taken });
    // What was in doubt already may be decided by an act that was begun before the death, and goes on after it.
    const doubtful = this.#request.sins === undefined ? inDoubt.map(({ batch }) => batch) : [];
    this.#doubtful = [...new Set([...sending, ...doubtful])];
  }

  /** The process lived through the fault: everything is settled without a restart. */
  async #goesOn(engine: PluggedEngine): Promise<void> {
    await this.#settle().catch((error: unknown) => {
      throw new Error(`it did not go on:\n${describeLedger(this.#production)}\n${engine.log().slice(-6000)}`, {
        cause: error,
      });
    });
    assert.deepEqual(await engine.stop(), { code: 0, signal: null }, engine.log().slice(-2000));
    this.#lived += 1;
    this.#doubtful = [];
  }

  /** Waits until everything is settled; with `hold`, what is in doubt is decided meanwhile. */
  async #settle(): Promise<void> {
    if (this.#request.policy === 'hold' && hasLedger(this.#production)) {
      const inDoubt = readDoubts(this.#production);
      const found = new Set(inDoubt.map(({ batch }) => batch));
      assert.deepEqual(
        this.#doubtful.filter((batch) => !found.has(batch)),
        [],
        'what was in flight is in doubt',
      );
      if (this.#request.sins === undefined) assert.equal(found.size, this.#doubtful.length, 'and nothing else is');
    }
    this.#doubtful = [];
    const settled = untilSubmissionsSettled(this.#production, this.#files.length, STEP_WITHIN);
    let done = false;
    void Promise.allSettled([settled]).then(() => {
      done = true;
    });
    await until(
      'everything is settled',
      async () => {
        if (!done) await this.#decide();
        return done;
      },
      STEP_WITHIN + 1000,
    );
    await settled;
  }

  /** With `hold`: each message in doubt is decided by what the receiver has, as a person would who asks it. */
  async #decide(): Promise<void> {
    if (this.#request.policy === 'resend' || !hasLedger(this.#production)) return;
    const inDoubt = readDoubts(this.#production);
    if (inDoubt.length === 0) return;
    const taken = new Set((await this.#receiver.taken()).map(({ controlId }) => controlId));
    for (const { batch, controlIds } of inDoubt) {
      const there = controlIds.filter((id) => taken.has(id));
      const lacking = controlIds.filter((id) => !taken.has(id));
      if (there.length === 0 || lacking.length === 0) await this.#resolveBatch(batch, lacking.length === 0);
      else {
        await this.#resolveMessages(there, 'delivered');
        await this.#resolveMessages(lacking, 'queued');
      }
    }
  }

  async #resolveBatch(batch: number, taken: boolean): Promise<void> {
    const to = taken ? 'delivered' : 'queued';
    await this.#tell('/control/resolve', { batch, to, reason: 'asked the receiver', who: 'test' });
  }

  async #resolveMessages(ids: readonly string[], outcome: 'delivered' | 'queued'): Promise<void> {
    const where = `message=${ids.join(',')} state=inDoubt`;
    const said = { reason: 'asked the receiver', who: 'test', confirm: 'any' };
    await this.#tell('/api/v1/acts', { verb: 'resolve', outcome, where, ...said });
  }

  /** An engine that dies meanwhile, or a decision that was made already, is none of this one's concern. */
  async #tell(path: string, body: object): Promise<void> {
    const { status, body: said } = await control(this.#production, path, body).catch(() => ({ status: 503, body: '' }));
    assert.ok([200, 202, 404, 409, 422, 503].includes(status), `${status} ${JSON.stringify(said)}`);
  }

  async #until(engine: PluggedEngine, what: string, condition: () => boolean): Promise<void> {
    let ended = false;
    void engine.ended.then(() => {
      ended = true;
    });
    const look = async () => {
      // A receiver that misbehaves brings doubt at any time: the lane would wait for a decision, and never come to the label.
      if (this.#request.sins !== undefined && !condition() && !ended) await this.#decide();
      return condition() || ended;
    };
    await until(what, look, STEP_WITHIN).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${describeLedger(this.#production)}\n${engine.log().slice(-6000)}`);
    });
    assert.ok(condition(), `the engine ended before ${what}:\n${engine.log().slice(-4000)}`);
  }
}

/** What stands at the other end of a crash test: a twin, which may misbehave by a seed, or a MongoDB server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { resolveDialect } from '../../operations/soap/dialect.ts';
import { type Rule, type Scenario, type Sin, startTwin } from '../../operations/soap/twin/index.ts';
import { readTwinLog, type TakenMessage } from '../support/crash.ts';
import { ownMongo } from '../support/mongo.ts';
import type { TestProduction } from '../support/production.ts';
import { RECEIVER_CREDENTIALS } from '../support/receiver.ts';
import { cleanUp } from '../support/redis.ts';
import { until } from '../support/until.ts';
import type { Way } from './production.ts';

export interface CrashReceiver {
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  /**
   * Resolves once it has read everything that a dead engine had sent: whoever asks before that may be told of a message that
   * it does not have, and is taken a moment later.
   */
  atRest(): Promise<void>;
  /** What it has, in the order in which it came. */
  taken(): Promise<readonly TakenMessage[]>;
  /** Messages that it never takes. */
  readonly refuses: (controlId: string) => boolean;
  /** True where a message that comes again is to be seen in what it has. */
  readonly showsRepeats: boolean;
}

/** Starts it; closed after the test. @param sins seed of a twin that misbehaves; `undefined`: it behaves */
export function startCrashReceiver(
  t: TestContext,
  production: TestProduction,
  { operation = 'soap' }: Way,
  sins: number | undefined,
): Promise<CrashReceiver> {
  return operation === 'soap' ? twin(t, production, sins) : mongo(t);
}

async function twin(t: TestContext, production: TestProduction, sins: number | undefined): Promise<CrashReceiver> {
  const dialect = resolveDialect('cdc-iis-2011', { timeZone: 'UTC', values: {}, tables: {}, files: {} });
  const log = join(production.root, 'twin.log');
  const started = await startTwin({
    dialect,
    credentials: RECEIVER_CREDENTIALS,
    log,
    logMessages: true,
    ...(sins === undefined ? {} : { scenario: misbehaving(sins) }),
  });
  cleanUp(t, () => started.close());
  return {
    url: started.url,
    env: {},
    atRest: () => until('the receiver has read what was sent', () => !hasHalfClosed(Number(new URL(started.url).port))),
    taken: async () => readTwinLog(log),
    refuses: sins === undefined ? () => false : (controlId) => controlId.endsWith('7'),
    showsRepeats: true,
  };
}

async function mongo(t: TestContext): Promise<CrashReceiver> {
  const server = await ownMongo(t);
  return {
    url: server.url,
    env: { CRASH_DATABASE: server.database },
    // The same document twice is one.
    atRest: async () => undefined,
    async taken() {
      const documents = await server.db.collection<{ _id: string }>('doses').find().toArray();
      return documents.map((each) => ({ request: 0, controlId: each._id, message: JSON.stringify(each) }));
    },
    refuses: () => false,
    showsRepeats: false,
  };
}

/** State of a connection that the other end has closed and this one has not (Linux, `include/net/tcp_states.h`). */
const CLOSE_WAIT = '08';

/** Whether there is a connection to this port that its other end has closed, and that was not read to its end. */
function hasHalfClosed(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return lines.some((line) => {
    const [, here, , state] = line.trim().split(/\s+/);
    return state === CLOSE_WAIT && here?.endsWith(local);
  });
}

/** Messages whose control id ends in 7 are refused whenever they come; everything else goes wrong by chance. */
const REFUSED: Sin = { sin: 'code', code: 'AE', controlId: '*7' };

/** Share of the requests that meet each of these. */
const OFTEN = 0.03;

const EARLY: readonly Sin[] = [{ sin: 'cut-before-body' }, { sin: 'cut-in-body', after: 500 }];

const LATE: readonly Sin[] = [
  { sin: 'cut-before-commit' },
  { sin: 'cut-after-commit' },
  { sin: 'cut-in-answer' },
  { sin: 'fault', fault: 'Receiver', status: 500, taken: false },
  { sin: 'http-status', status: 500, body: 'html', taken: false },
  { sin: 'http-status', status: 502, body: 'empty', taken: true },
  { sin: 'answer-status', status: 500 },
  { sin: 'half-answer', take: 'all' },
  { sin: 'half-answer', take: 'half' },
  { sin: 'wrong-id' },
  { sin: 'previous-answer' },
  { sin: 'named-twice', code: 'AR' },
  { sin: 'unknown-id' },
  { sin: 'wrong-counts' },
  { sin: 'shuffled' },
  { sin: 'line-feeds' },
  { sin: 'wrong-tags' },
  { sin: 'missing-end-tag' },
  { sin: 'plain-text' },
  { sin: 'empty-element' },
];

/**
 * Not for a single message: a refusal that names nothing speaks of the whole request, and as the answer before it would
 * refuse what was taken, which nobody could find out.
 */
const NAMELESS: Rule = { when: { probability: OFTEN, messagesOver: 1 }, do: [{ sin: 'empty-id' }, REFUSED] };

/** A receiver that does each of them now and then; the same seed does the same. */
export function misbehaving(seed: number): Scenario {
  const by = (sins: readonly Sin[]): Rule => ({ when: { probability: OFTEN }, do: sins });
  return {
    scenario: 'misbehaving',
    seed,
    timeZone: 'UTC',
    rules: [...EARLY.map((sin) => by([sin])), ...LATE.map((sin) => by([sin, REFUSED])), NAMELESS, { do: [REFUSED] }],
  };
}

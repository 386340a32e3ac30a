/**
 * Planted markers: credentials are found nowhere in what is written or said; what stands in rows only where it belongs, in
 * bodies, in the drop folder's own files and in `rejected.csv`. The run goes through success, faults, rejected messages,
 * invalid rows, refused files and a call in doubt, with the log at debug, against a receiver that repeats our credentials.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { socketPath } from '../../engine/socket-path.ts';
import { askLedger, countsOf, type RunningEngine, startEngine, waybill } from '../support/engine.ts';
import { DOSES_HEADER, type TestProduction, temporaryProduction } from '../support/production.ts';
import { redisSkip, until } from '../support/redis.ts';
import { type EchoReceiver, startEcho } from './echo.ts';
import { files, ledgerColumns, placesOf, processTitles, redisKeys, said, served, type Trace } from './search.ts';

const USER = 'zebrafinch-4711';
const PASSWORD = `nightjar<4711>&"key"`;
const WRONG_PASSWORD = 'kingfisher-4711';
const CREDENTIALS = [USER, PASSWORD, WRONG_PASSWORD, 'nightjar', 'kingfisher'];
/** Part of every name, street and bad value of the rows, and of nothing else. */
const PATIENT = 'quxley';

const HEADER = `${DOSES_HEADER},street`;
const row = (n: number, word: string, rest = '1990-02-03,female,207,2024-04-01') =>
  `S00${String(n).padStart(2, '0')},Quxley${word},Quxleyna,${rest},${n} Quxley Street`;

/** Lines 2 and 3 are sent; 4 is filtered; 5 to 9 are each invalid for another reason. */
const MIXED = [
  HEADER,
  row(1, 'One'),
  row(2, 'Two'),
  row(3, 'X').replace('QuxleyX', 'ZZTEST'),
  row(4, 'BadCode', '1990-02-03,quxleysex,207,2024-04-01'),
  row(5, 'BadDate', 'quxley-02-03,male,207,2024-04-01'),
  row(6, 'BadPattern', '1990-02-03,male,quxley,2024-04-01'),
  row(2, 'Again'),
  `${row(7, 'TooLong')},Quxley extra`,
].join('\n');

/** Files that are refused as a whole, each for another reason, with a row of a patient where the fault is. */
const REFUSED: Readonly<Record<string, readonly [content: Buffer, code: string]>> = {
  'doses-no-header.csv': [Buffer.from(`${row(11, 'NoHeader')}\n${row(12, 'NoHeader')}\n`), 'COLUMNS_MISSING'],
  'doses-quote.csv': [Buffer.from(`${HEADER}\n"Quxley"stray",${row(13, 'Quote')}\n`), 'BAD_QUOTE'],
  'doses-bytes.csv': [
    Buffer.concat([Buffer.from(`${HEADER}\nS0014,Quxley`), Buffer.from([0xff]), Buffer.from(row(14, 'Bytes'))]),
    'UNDECODABLE',
  ],
  'strict-1.csv': [Buffer.from(`${HEADER}\n${row(15, 'Strict', '1990-02-03,quxley,207,2024-04-01')}\n`), ''],
};

async function plantedProduction(t: TestContext): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  await production.edit('record-maps/doses.yaml', 'unique:', '  - { name: street, type: text }\nunique:');
  await production.edit(
    'transforms/dose-to-vxu.yaml',
    '      ORC-1: RE',
    '      PID-11.1: { from: street }\n      ORC-1: RE',
  );
  await production.write('secrets/password', `${WRONG_PASSWORD}\n`);
  return production;
}

interface Run {
  readonly production: TestProduction;
  readonly engine: RunningEngine;
  readonly receiver: EchoReceiver;
  /** What the commands said. */
  readonly told: Trace[];
  command(...args: string[]): Promise<void>;
}

async function start(t: TestContext): Promise<Run> {
  const production = await plantedProduction(t);
  const receiver = await startEcho(t);
  const env = { REGISTRY_USER: USER, REGISTRY_URL: receiver.url };
  const engine = await startEngine(t, production, { url: receiver.url, env, args: ['--log-level', 'debug'] });
  const told: Trace[] = [];
  return {
    production,
    engine,
    receiver,
    told,
    async command(...args) {
      const words = [...args, '--data', production.data];
      const { stdout, stderr } = await waybill(words, { cwd: production.root, env });
      told.push(said(`waybill ${args.join(' ')}`, `${stdout}\n${stderr}`));
    },
  };
}

const untilCounts = (production: TestProduction, wanted: Readonly<Record<string, number>>) =>
  until(`the ledger counts ${JSON.stringify(wanted)}`, () => {
    const counts = countsOf(production);
    return Object.entries(wanted).every(([state, n]) => counts[state] === n);
  });

/** Everything that can go wrong with rows, files, credentials and the connection, one after the other. */
async function liveThrough({ production, engine, receiver, command }: Run): Promise<void> {
  await production.drop('doses-mixed.csv', MIXED);
  await until('the wrong password stops the destination', () => engine.events('destinationStopped').length > 0);
  await command('status');
  await command('trace', 'doses-mixed.csv:2');
  await production.write('secrets/password', `${PASSWORD}\n`);
  receiver.mode = 'reject';
  await command('resume', 'registry');
  await untilCounts(production, { delivered: 1, rejected: 1, invalid: 5, filtered: 1 });

  for (const [name, [content]] of Object.entries(REFUSED)) await production.drop(name, content);
  await until('the other files are decided', () => {
    const rows = askLedger(production, 'submissions', { limit: 20 });
    return rows.length === 5 && rows.every(({ state }) => state === 'refused' || state === 'routed');
  });

  receiver.mode = 'cut';
  await production.drop('doses-cut.csv', `${HEADER}\n${row(21, 'Cut')}\n`);
  await untilCounts(production, { inDoubt: 1 });
  await command('status', '--json');
  await command('resolve', 'B2', '--delivered', '--reason', 'they have it');
  await production.drop('doses-twin.csv', `${HEADER}\n${row(21, 'Cut')}\n`);
  await until('the duplicate is put away', () =>
    files(production.inbox).some(({ where, bytes }) => where.endsWith('.report.json') && bytes.includes('"DUPLICATE"')),
  );
  receiver.mode = 'take';
  await production.drop('doses-good.csv', `${HEADER}\n${row(31, 'Good')}\n`);
  await untilCounts(production, { delivered: 3, rejected: 1 });
}

async function askEverything({ production, command }: Run): Promise<void> {
  for (const line of [2, 3, 4, 5, 6, 7, 8, 9]) await command('trace', `doses-mixed.csv:${line}`);
  for (const name of Object.keys(REFUSED)) await command('trace', name);
  await command('trace', 'doses-cut.csv:2', '--json');
  await command('status');
  await command('submissions');
  await command('verify');
  await command('check', production.config);
  await command('check', production.config, '--connect');
  // A secret where none belongs: the message must not show what it found.
  await production.edit('production.yaml', 'connect: 2s', 'connect: "\u0024{file:secrets/password}"');
  await production.edit('production.yaml', 'dialect: cdc-iis-2011', 'dialect: "\u0024{env:REGISTRY_USER}"');
  await command('check', production.config);
}

/** Where values of rows may stand in the ledger: bodies, rejected rows, and what the receiver answered. */
const BODIES = new Set(['column bodies.body', 'column item_blocks.rejects', 'column attempts.answer']);

function ownFile(where: string): boolean {
  return /^file bodies\//.test(where);
}

test('credentials are nowhere, and patients only in bodies and the drop folder', { skip: redisSkip() }, async (t) => {
  const run = await start(t);
  const { production, engine, told } = run;
  await liveThrough(run);
  const redisPid = Number(readFileSync(join(production.data, 'redis', 'redis.pid'), 'utf8'));
  const whileRunning = [
    ...files(production.data),
    ...(await redisKeys(await socketPath(production.data, 'redis/redis.sock'))),
    ...(await served(production.data)),
    ...processTitles(engine.pid),
    ...processTitles(redisPid),
    said(`environment of redis-server`, readFileSync(`/proc/${redisPid}/environ`, 'utf8')),
  ];
  await askEverything(run);
  await engine.stop();
  const log = said('log', engine.log());
  const columns = ledgerColumns(join(production.data, 'ledger.db'));
  const dataFiles = [...whileRunning, ...files(production.data), log, ...told];
  const inbox = files(production.inbox);

  await t.test('the search finds what is there', () => {
    assert.deepEqual(placesOf([said('here', `x${PASSWORD}x`)], CREDENTIALS), ['here']);
    assert.deepEqual(placesOf([said('wide', '')], CREDENTIALS), []);
    for (const column of ['column bodies.body', 'column item_blocks.rejects'])
      assert.ok(placesOf(columns, [PATIENT]).includes(column), column);
    assert.ok(placesOf(inbox, [PATIENT]).some((where) => where.endsWith('.rejected.csv')));
    assert.ok(
      whileRunning.some(({ where }) => /^redis (hash|zset|stream|list|set|string) waybill:/.test(where)),
      'Redis was looked into',
    );
    assert.ok(placesOf(told, ['***']).length > 0, 'the receiver did repeat the credentials');
    assert.ok(placesOf(whileRunning, ['waybill_messages']).includes('served /metrics'));
    assert.ok(log.bytes.includes('"level":"debug"'));
  });

  await t.test('every kind of trouble was gone through', () => {
    const states = new Map(
      askLedger(production, 'submissions', { limit: 20 }).map(({ name, state, refusal }) => [
        name,
        `${state} ${refusal?.code ?? ''}`.trim(),
      ]),
    );
    for (const [name, [, code]] of Object.entries(REFUSED))
      assert.equal(states.get(name), code === '' ? 'routed' : `refused ${code}`, name);
    assert.deepEqual(countsOf(production), { delivered: 3, rejected: 1, invalid: 6, filtered: 1 });
  });

  await t.test('credentials are nowhere', () => {
    assert.deepEqual(placesOf([...dataFiles, ...columns, ...inbox], CREDENTIALS), []);
  });

  await t.test('what stands in rows is only where it belongs', () => {
    const elsewhere = columns.filter(({ where }) => !BODIES.has(where));
    assert.deepEqual(placesOf(elsewhere, [PATIENT]), []);
    // The ledger's pages hold packed bodies, in which short words may stand as they are: it is searched by column.
    const others = dataFiles.filter(({ where }) => !ownFile(where) && !/^file ledger\.db/.test(where));
    assert.deepEqual(placesOf(others, [PATIENT]), []);
    const reports = inbox.filter(({ where }) => where.endsWith('.json'));
    assert.deepEqual(placesOf(reports, [PATIENT]), []);
  });
});

/**
 * Pennsylvania's contract through a running engine: a laboratory's file in, a file in the department's folder, and the
 * truth about it whatever the department does: no to the password, no to the file in an HTTP 200, death in the call.
 */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  absentDepartment,
  DEPARTMENT_CREDENTIALS,
  type Death,
  type Department,
  startDepartment,
} from '../support/department.ts';
import { countsOf, startEngine, untilSettled } from '../support/engine.ts';
import { peerSkip } from '../support/peers.ts';
import { type TestProduction, temporaryProduction } from '../support/production.ts';
import { redisSkip, until } from '../support/redis.ts';
import { commandsOn } from './commands.ts';
import {
  DESTINATION,
  inLedger,
  laboratory,
  ledgerBatch,
  publishedCsv,
  publishedHl7,
  RESULTS,
  RESULTS_FILE,
  untilStopped,
  withoutRun,
  writeSecrets,
} from './laboratory.ts';

const skip = peerSkip('php') || redisSkip();

/** The published laboratory, with Pennsylvania as its health department. */
async function pennsylvania(
  t: TestContext,
  password: string = DEPARTMENT_CREDENTIALS.password,
): Promise<TestProduction> {
  const production = await laboratory(t, { ...DEPARTMENT_CREDENTIALS, password });
  await production.edit('production.yaml', 'dialect: cdc-iis-2011', 'dialect: pa-elr');
  await production.edit('production.yaml', ', organisation: "\u0024{file:secrets/organisation}"', '');
  await production.edit('production.yaml', 'type: soap', 'type: soap\n    retry: { first: 100ms, ceiling: 200ms }');
  return production;
}

async function destinationOf(production: TestProduction) {
  const found = (await commandsOn(production).status()).destinations.find(({ name }) => name === DESTINATION);
  assert.ok(found, `status shows ${DESTINATION}`);
  return found;
}

/** States of the batches of a line of the file, each with its attempts. */
async function attemptsOf(production: TestProduction, line = 2): Promise<readonly string[]> {
  const { entries } = await commandsOn(production).trace(`${RESULTS_FILE}:${line}`);
  assert.equal(entries.length, 1);
  return (entries[0]?.batches ?? []).flatMap(({ attempts }) =>
    attempts.map(({ outcome, code }) => `${outcome} ${code}`.trim()),
  );
}

/** All are delivered, and the department's folder holds the one batch, byte for byte as the ledger has it. */
async function deliveredOnce(production: TestProduction, { url, files }: Department): Promise<void> {
  await untilSettled(production, 1);
  assert.deepEqual(countsOf(production, DESTINATION), { delivered: RESULTS });
  const kept = await files();
  assert.equal(kept.length, 1, 'one file was kept');
  assert.deepEqual(kept[0]?.content, await ledgerBatch(production, url, 1));
  assert.deepEqual(withoutRun(kept[0]?.content.toString('utf8') ?? ''), withoutRun(publishedHl7()));
  const { entries } = await commandsOn(production).trace(`${RESULTS_FILE}:2`);
  assert.equal(entries[0]?.state, 'delivered');
  assert.equal(kept[0]?.name, `${entries[0]?.batches[0]?.batch}.hl7`);
  assert.equal((await commandsOn(production).run('verify')).code, 0);
}

test('a file of reports arrives as one file, byte for byte, and trace says so', { skip }, async (t) => {
  const department = await startDepartment(t);
  const production = await pennsylvania(t);
  await startEngine(t, production, { url: department.url });
  await production.drop(RESULTS_FILE, publishedCsv());
  await deliveredOnce(production, department);
  for (const line of [2, RESULTS + 1]) assert.deepEqual(await attemptsOf(production, line), ['delivered ACCEPTED']);
  const { stdout } = await commandsOn(production).run('trace', `${RESULTS_FILE}:2`, '--bodies');
  const said = stdout.split('\n').filter((line) => /^ +attempt |messages received/.test(line));
  assert.match(said[0] ?? '', /delivered, 20 of 20 accepted \(ACCEPTED\)$/);
  assert.match(said[1] ?? '', />20 messages received</);
});

/** The destination stands, nothing was taken, and status, trace and the log say why without the secret. */
async function stoppedByPassword(production: TestProduction, department: Department, wrong: string): Promise<void> {
  const { stop, state, counts } = await destinationOf(production);
  assert.deepEqual([state, stop?.code, stop?.whose], ['stopped', 'SOAP_FAULT_SENDER', 'ours']);
  assert.match(stop?.reason ?? '', /Authentication failed/);
  assert.deepEqual(counts, { queued: RESULTS });
  const { stdout } = await commandsOn(production).run('status');
  assert.match(stdout, /STOPPED.+Authentication failed.+waybill resume health-department/s);
  assert.ok(!stdout.includes(wrong));
  assert.deepEqual(await department.files(), []);
}

test('a wrong password stops it in the department\u2019s words; mended and resumed, all are delivered once', {
  skip,
}, async (t) => {
  const wrong = 'not-the-password';
  const department = await startDepartment(t);
  const production = await pennsylvania(t, wrong);
  const engine = await startEngine(t, production, { url: department.url });
  await production.drop(RESULTS_FILE, publishedCsv());
  await untilStopped(production, 1);
  await stoppedByPassword(production, department, wrong);

  const { run } = commandsOn(production);
  assert.equal((await run('resume', DESTINATION)).code, 0);
  await untilStopped(production, 2);
  await stoppedByPassword(production, department, wrong);

  await writeSecrets(production, DEPARTMENT_CREDENTIALS);
  const resumed = await run('resume', DESTINATION, '--reason', 'the department gave a new password');
  assert.equal(resumed.code, 0, resumed.stderr);
  await deliveredOnce(production, department);
  const refused = 'queued SOAP_FAULT_SENDER';
  assert.deepEqual(await attemptsOf(production), [refused, refused, 'delivered ACCEPTED']);
  for (const secret of [wrong, DEPARTMENT_CREDENTIALS.password]) assert.ok(!engine.log().includes(secret));
});

/** A laboratory that hands over its own files as they stand, one in a call. */
const AS_IT_STANDS = `production: as-it-stands
timeZone: America/New_York
services:
  drop:
    type: file-drop
    folder: ../inbox
    complete: renamed
    pollEvery: 100ms
    files: [{ glob: "*", format: { type: raw }, route: files }]
routes:
  files: { to: [{ destination: ${DESTINATION} }] }
destinations:
  ${DESTINATION}:
    type: soap
    dialect: pa-elr
    url: "\u0024{env:REGISTRY_URL}"
    credentials: { username: "\u0024{file:secrets/username}", password: "\u0024{file:secrets/password}" }
`;

async function asItStands(t: TestContext): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  for (const part of ['transforms', 'record-maps', 'tables'])
    await rm(join(production.config, part), { recursive: true, force: true });
  await production.write('production.yaml', AS_IT_STANDS);
  await writeSecrets(production, DEPARTMENT_CREDENTIALS);
  return production;
}

test('what the department refuses in an HTTP 200 is rejected in its words, and what follows goes on', {
  skip,
}, async (t) => {
  const department = await startDepartment(t);
  const production = await asItStands(t);
  await startEngine(t, production, { url: department.url });
  const files: readonly (readonly [string, Buffer])[] = [
    ['results.csv', publishedCsv()],
    ['results.hl7', Buffer.from(publishedHl7())],
  ];
  for (const [index, [name, content]] of files.entries()) {
    await production.drop(name, content);
    await untilSettled(production, index + 1);
  }
  assert.deepEqual(countsOf(production, DESTINATION), { rejected: 1, delivered: 1 });
  assert.deepEqual(
    (await department.files()).map(({ content }) => content),
    files.map(([, content]) => content),
    'the department keeps what it refuses, too',
  );

  const commands = commandsOn(production);
  const { entries } = await commands.trace('results.csv:1');
  assert.equal(entries[0]?.state, 'rejected');
  const attempts = entries[0]?.batches.flatMap((batch) => batch.attempts) ?? [];
  assert.deepEqual(
    attempts.map(({ outcome, code, whose, words }) => [outcome, code, whose, words]),
    [['rejected', 'SOAP_SUCCESS_FALSE', 'data', '0 of 1 accepted: Not an HL7 file']],
  );
  const { stdout } = await commands.run('trace', 'results.csv:1');
  assert.match(stdout, /rejected.+Not an HL7 file.+SOAP_SUCCESS_FALSE/s);
  assert.equal((await commands.trace('results.hl7:1')).entries[0]?.state, 'delivered');
  assert.equal((await destinationOf(production)).stop, null);
});

test('nobody there: the reports stay queued, and go by themselves when the department is there', {
  skip,
}, async (t) => {
  const department = await absentDepartment(t);
  const production = await pennsylvania(t);
  await startEngine(t, production, { url: department.url });
  await production.drop(RESULTS_FILE, publishedCsv());
  await until('two tries found nobody', () => {
    const { attempts = 0, lastCode = '' } = inLedger(production)?.head ?? {};
    return attempts >= 2 && lastCode === 'SOAP_CONNECT_FAILED';
  });
  const { counts, stop } = await destinationOf(production);
  assert.equal(stop, null);
  assert.equal((counts.queued ?? 0) + (counts.sending ?? 0), RESULTS);

  await department.start();
  await deliveredOnce(production, department);
  const attempts = await attemptsOf(production);
  assert.equal(attempts.at(-1), 'delivered ACCEPTED');
  assert.deepEqual(new Set(attempts.slice(0, -1)), new Set(['queued SOAP_CONNECT_FAILED']));
});

/** What a person finds when asking the department, and says. */
const DEATHS: Readonly<
  Record<Death, { readonly kept: number; readonly say: string; readonly after: readonly string[] }>
> = {
  beforeKeeping: { kept: 0, say: '--resend', after: ['delivered ACCEPTED'] },
  afterKeeping: { kept: 1, say: '--delivered', after: [] },
};

for (const [death, { kept, say, after }] of Object.entries(DEATHS)) {
  test(`the department dies in the call (${death}): in doubt until ${say} is said, then delivered once`, {
    skip,
  }, async (t) => {
    const department = await startDepartment(t, death as Death);
    const production = await pennsylvania(t);
    await startEngine(t, production, { url: department.url });
    await production.drop(RESULTS_FILE, publishedCsv());
    await until('the reports are in doubt', () => countsOf(production, DESTINATION).inDoubt === RESULTS);
    await department.stop();
    await department.start();
    assert.equal((await department.files()).length, kept);
    assert.deepEqual(await attemptsOf(production), ['inDoubt SOAP_CONNECTION_LOST']);
    const { inDoubt } = await destinationOf(production);
    assert.equal(inDoubt.length, 1, 'nothing is sent again by itself');

    const commands = commandsOn(production);
    const batch = inDoubt[0]?.batch ?? '';
    assert.match((await commands.run('status')).stdout, new RegExp(`in doubt.+waybill resolve ${batch}`, 's'));
    const resolved = await commands.run('resolve', batch, say, '--reason', 'asked the department');
    assert.equal(resolved.code, 0, resolved.stderr);
    await deliveredOnce(production, department);
    assert.deepEqual(await attemptsOf(production), ['inDoubt SOAP_CONNECTION_LOST', ...after]);
  });
}

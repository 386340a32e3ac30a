/** What a twin knows over its own death: its log, its journal, and how torn ends of both are mended. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import { PROJECT_FOLDER } from '../../../engine/registry.ts';
import type { TwinCounts } from '../../../operations/soap/twin/index.ts';
import { waybill } from '../../support/engine.ts';
import { cleanUp, temporaryFolder } from '../../support/redis.ts';
import {
  batchOf,
  post,
  questionOf,
  requestOf,
  shipped,
  takenLines,
  testFile,
  testTwin,
  vaccination,
} from '../../support/twin.ts';

const CDC = shipped('cdc-iis-2011');
const MAIN = join(PROJECT_FOLDER, 'cli', 'main.ts');

interface TwinProcess {
  readonly url: string;
  counts(): Promise<TwinCounts>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
}

/** `waybill twin` as a process of its own. */
async function twinProcess(t: TestContext, ...args: readonly string[]): Promise<TwinProcess> {
  const { REGISTRY_USER: _user, REGISTRY_PASSWORD: _password, REGISTRY_FACILITY: _facility, ...env } = process.env;
  const child: ChildProcess = spawn(process.execPath, [MAIN, 'twin', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  cleanUp(t, kill);
  if (!child.stdout) throw new Error('the twin has no output');
  const lines = createInterface({ input: child.stdout });
  const [url] = (await Promise.race([once(lines, 'line'), ended.then(() => ['it ended'])])) as [string];
  assert.match(url, /^http:/);
  return {
    url,
    kill,
    counts: async () => (await (await request(new URL('/counts', url))).body.json()) as TwinCounts,
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

test('a killed twin goes on from its files: what it took, numbers, refusals, sins', async (t) => {
  const [log, state, file] = [testFile(t, 'log'), testFile(t, 'state'), testFile(t, 'scenario.yaml')];
  writeFileSync(
    file,
    'scenario: two-lives\nrules:\n  - { when: { request: 2 }, do: { sin: code, code: AE, messages: "2" } }\n  - { when: { request: 5 }, do: repeats }\n  - { times: 1, when: { request: 3- }, do: cut-after-commit }\n',
  );
  const args = ['--log', log, '--state', state, '--scenario', file];
  const first = await twinProcess(t, ...args);
  await post(first.url, requestOf(CDC, vaccination('1')));
  await post(first.url, requestOf(CDC, batchOf(['2', '3', '4'], 'B2')));
  await assert.rejects(post(first.url, requestOf(CDC, vaccination('5'))));
  const before = await first.counts();
  await first.kill();

  const second = await twinProcess(t, ...args);
  assert.deepEqual(await second.counts(), before);
  assert.deepEqual(before.sins, { code: 1, 'cut-after-commit': 1 });
  await post(second.url, requestOf(CDC, vaccination('6')));
  const { text } = await post(second.url, requestOf(CDC, batchOf(['1', '3', '7'])));
  assert.match(text, /AR\|1.*AA\|3.*AA\|7/);
  const lines = takenLines(log).map(({ request, position, of, controlId, batch, sha256 }) => ({
    request,
    position,
    of,
    controlId,
    batch,
    sha256,
  }));
  const line = (request: number, position: number, of: number, controlId: string, batch?: string): object => ({
    request,
    position,
    of,
    controlId,
    batch,
    sha256: sha256(vaccination(controlId)),
  });
  assert.deepEqual(lines, [
    line(1, 1, 1, '1'),
    line(2, 1, 2, '2', 'B2'),
    line(2, 3, 2, '4', 'B2'),
    line(3, 1, 1, '5'),
    line(4, 1, 1, '6'),
    line(5, 2, 2, '3', 'BATCH-1'),
    line(5, 3, 2, '7', 'BATCH-1'),
  ]);
  assert.deepEqual(
    { ...(await second.counts()), bytes: 0 },
    {
      requests: 5,
      messages: 7,
      duplicates: 0,
      bytes: 0,
      refused: 0,
      sins: { code: 1, 'cut-after-commit': 1, repeats: 1 },
    },
  );
});

test('killed in the middle of requests: what was answered is in the log, whole, and nothing of it twice', async (t) => {
  const [log, state] = [testFile(t, 'log'), testFile(t, 'state')];
  const answered: string[] = [];
  for (let life = 0; life < 3; life++) {
    const twin = await twinProcess(t, '--log', log, '--state', state);
    let dead = false;
    const sending = Array.from({ length: 4 }, async (_, lane) => {
      for (let n = 0; !dead; n++) {
        const ids = Array.from({ length: 50 }, (_, index) => `${life}-${lane}-${n}-${index}`);
        const came = await post(twin.url, requestOf(CDC, batchOf(ids))).catch(() => undefined);
        if (!came) return;
        answered.push(...ids);
        if (answered.length >= (life + 1) * 1000) dead = true;
      }
    });
    await Promise.race(sending);
    await twin.kill();
    await Promise.all(sending);
  }
  const last = await twinProcess(t, '--log', log, '--state', state);
  const lines = takenLines(log);
  const logged = new Set(lines.map(({ controlId }) => controlId));
  assert.equal(logged.size, lines.length);
  assert.deepEqual(
    answered.filter((id) => !logged.has(id)),
    [],
  );
  const groups = Map.groupBy(lines, ({ request }) => request);
  for (const group of groups.values()) assert.equal(group.length, 50);
  assert.equal((await last.counts()).messages, lines.length);
});

test('a ticket is known after a death, with what was refused under it', async (t) => {
  const dialect = shipped('submit-poll');
  const [log, state] = [testFile(t, 'log'), testFile(t, 'state')];
  const rules = [
    '{ when: { purpose: submit }, do: { sin: code, code: AR, messages: "2" } }',
    '{ when: { purpose: status }, do: { sin: still-working, asks: 2 } }',
  ];
  const options = { dialect, log, state, rules };
  const first = await testTwin(t, options);
  const { text } = await post(first.url, requestOf(dialect, batchOf(['1', '2'])));
  const ticket = /TWIN-1-[0-9a-f]{8}/.exec(text)?.[0] ?? '';
  assert.match((await post(first.url, questionOf(dialect, ticket))).text, /RECEIVED/);
  await first.close();
  const second = await testTwin(t, options);
  assert.match((await post(second.url, questionOf(dialect, ticket))).text, /RECEIVED/);
  const done = (await post(second.url, questionOf(dialect, ticket))).text;
  assert.match(done, /COMPLETE/);
  for (const verdict of [/MSA\|AA\|1&/, /MSA\|AR\|2&/, /\|BATCH-1&/, /BTS\|2&/]) assert.match(done, verdict);
});

test('an end that a death tore off is cut away: half a line, and half a request', async (t) => {
  const log = testFile(t, 'log');
  const line = (request: number, position: number, of: number, controlId: string): string =>
    `${JSON.stringify({ request, position, of, controlId, sha256: sha256(controlId) })}\n`;
  const whole = line(1, 1, 1, 'a') + line(2, 1, 2, 'b') + line(2, 2, 2, 'c');
  for (const torn of [
    '',
    '{"request":3,"posi',
    line(3, 1, 3, 'd') + line(3, 2, 3, 'e'),
    `${line(3, 1, 2, 'd')}{"req`,
  ]) {
    writeFileSync(log, whole + torn);
    const twin = await testTwin(t, { log });
    assert.equal(readFileSync(log, 'utf8'), whole);
    assert.equal(twin.counts().messages, 3);
    const { text } = await post(twin.url, requestOf(CDC, batchOf(['c', 'd'])), 'repeats');
    assert.match(text, /AR\|c.*AA\|d/);
    assert.equal(takenLines(log).at(-1)?.request, 3);
    await twin.close();
  }
  writeFileSync(log, `${whole}no json\n`);
  await assert.rejects(testTwin(t, { log }), /log:4: the line is no JSON/);
});

test('without files nothing is written; a log alone remembers what was taken', async (t) => {
  const log = testFile(t, 'log');
  const plain = await testTwin(t);
  await post(plain.url, requestOf(CDC, vaccination('A')));
  assert.ok(!existsSync(log));
  const first = await testTwin(t, { log });
  await post(first.url, requestOf(CDC, vaccination('A')));
  await first.close();
  const second = await testTwin(t, { log });
  await post(second.url, requestOf(CDC, vaccination('A')));
  assert.deepEqual(
    takenLines(log).map(({ request: number, controlId, repeat }) => ({ number, controlId, repeat })),
    [
      { number: 1, controlId: 'A', repeat: undefined },
      { number: 2, controlId: 'A', repeat: true },
    ],
  );
  assert.equal(second.counts().duplicates, 1);
});

test('on the command line: sins are listed; scenarios and dialects with problems are told and end with 3', async (t) => {
  const listed = await waybill(['twin', '--list-sins']);
  assert.equal(listed.code, 0);
  assert.match(listed.stdout, /^cut-in-body: .* Keys: after\.$/m);

  const folder = await temporaryFolder(t);
  const scenario = join(folder, 'bad.yaml');
  writeFileSync(scenario, 'scenario: bad\nrules:\n  - { do: emty-id }\n  - { do: code }\n');
  const bad = await waybill(['twin', '--scenario', scenario]);
  assert.equal(bad.code, 3);
  assert.match(
    bad.stderr,
    /bad\.yaml:3:11 rules\[0\]\.do: found emty-id.*\n.*bad\.yaml:4:11 rules\[1\]\.do: found no code/,
  );
  assert.equal((await waybill(['twin', '--seed', '4'])).code, 2);
  assert.equal((await waybill(['twin', '--scenario', join(folder, 'none.yaml')])).code, 5);

  mkdirSync(join(folder, 'dialects'));
  const file = join(folder, 'dialects', 'clinic.yaml');
  writeFileSync(file, 'dialect: clinic\nextends: ca\nrequest: { element: sendIt }\n');
  const { url, kill } = await twinProcess(t, '--production', folder, '--dialect', 'clinic');
  assert.match(await (await request(`${url}?wsdl`)).body.text(), /name="sendIt"/);
  await kill();
  appendFileSync(file, 'soap: 1.3\n');
  const broken = await waybill(['twin', '--production', folder, '--dialect', 'clinic']);
  assert.equal(broken.code, 3);
  assert.match(broken.stderr, /dialects\/clinic\.yaml:4:7 soap: found 1\.3/);
  assert.match((await waybill(['twin', '--dialect', 'unheard-of'])).stderr, /unheard-of/);
});

/** `waybill test` as a person and a CI run it, and what else knows of tests files: `check` and `schema`. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Check } from 'typebox/schema';
import { parse } from 'yaml';
import { waybill } from '../../support/engine.ts';
import { DOSES_HEADER, temporaryProduction } from '../../support/production.ts';
import { temporaryFolder } from '../../support/redis.ts';

/** Nothing of a registry in the environment: the tests bring what they need. */
const BARE = { REGISTRY_URL: undefined, REGISTRY_USER: undefined, REGISTRY_FACILITY: undefined };
const SAMPLE = join('config', 'tests', 'vaccinations.yaml');

function doses(sex: string): string {
  return `route: doses
env: { REGISTRY_URL: "http://127.0.0.1:9/soap", REGISTRY_USER: u, REGISTRY_FACILITY: CLINIC1 }
cases:
  - name: a dose
    rows: |
      ${DOSES_HEADER}
      S0001,Roe,Ana,1990-02-03,female,207,2024-04-01
    expect:
      registry: [{ PID-8: ${sex} }]
  - name: another dose
    rows: |
      ${DOSES_HEADER}
      S0002,Roe,Max,1990-02-03,male,207,2024-04-01
    expect:
      registry: 1
`;
}

test('the tests of the sample production pass, with no variable set', async () => {
  const { code, stdout, stderr } = await waybill(['test', 'config'], {
    env: { ...BARE, REGISTRY_PASSWORD: undefined },
  });
  assert.equal(stderr, '');
  assert.match(stdout, /^\d+ cases of 1 file: (\d+) passed, 0 failed \(\d+ ms\)\n$/);
  assert.equal(code, 0, stdout);
});

test('a failed case is shown as a difference and ends with 1; with --json as data', async (t) => {
  const production = await temporaryProduction(t);
  await production.write('tests/doses.yaml', doses('M'));
  const plain = await waybill(['test', production.config], { env: BARE });
  assert.equal(plain.code, 1, plain.stderr);
  assert.deepEqual(plain.stdout.replace(/\(\d+ ms\)/, '(N ms)').split('\n'), [
    'FAILED tests/doses.yaml:4 a dose',
    '  tests/doses.yaml:9:27 registry, message 1 (line 2), PID-8',
    '    expected: M',
    '    found:    F',
    '2 cases of 1 file: 1 passed, 1 failed (N ms)',
    '',
  ]);

  const made = JSON.parse((await waybill(['test', production.config, '--json'], { env: BARE })).stdout);
  assert.deepEqual([made.ok, made.files, made.passed, made.failed], [false, 1, 1, 1]);
  const [{ ms, ...first }] = made.cases;
  assert.ok(ms >= 0);
  assert.deepEqual(first, {
    file: 'tests/doses.yaml',
    name: 'a dose',
    line: 4,
    passed: false,
    failures: [
      {
        file: 'tests/doses.yaml',
        line: 9,
        column: 27,
        path: 'cases[0].expect.registry[0].PID-8',
        what: 'registry, message 1 (line 2), PID-8',
        expected: 'M',
        found: 'F',
      },
    ],
  });
  assert.equal((await waybill(['test', production.config, '--only', 'another*'], { env: BARE })).code, 0);
});

test('what cannot run ends with 2 and says why', async (t) => {
  const production = await temporaryProduction(t);
  const none = await waybill(['test', production.config], { env: BARE });
  assert.equal(none.code, 2);
  assert.match(none.stdout, /TESTS_NOT_FOUND/);
  await production.write('tests/doses.yaml', doses('F').replace('rows:', 'row:'));
  const wrong = await waybill(['test', production.config], { env: BARE });
  assert.equal(wrong.code, 2);
  assert.match(
    wrong.stdout,
    /^tests\/doses\.yaml:5:5 cases\[0\]\.row: found row, expected rows, what to do: write rows \(UNKNOWN_KEY\)\nno case was run\n$/,
  );
  const json = JSON.parse((await waybill(['test', production.config, '--json'], { env: BARE })).stdout);
  assert.deepEqual([json.ok, json.cases.length, json.problems.length], [false, 0, 1]);
  assert.equal((await waybill(['test', production.config, '--adapters', 'nowhere'], { env: BARE })).code, 2);
  assert.equal((await waybill(['test', 'a', 'b'])).code, 2);
});

test('check says what is wrong with a tests file', async (t) => {
  const production = await temporaryProduction(t);
  await mkdir(production.inbox);
  const check = () => waybill(['check', production.config, '--data', production.data]);
  await production.write('tests/doses.yaml', doses('F'));
  assert.equal((await check()).code, 0);
  await production.write('tests/doses.yaml', doses('F').replace('registry: 1', 'registy: 1'));
  const { code, stdout } = await check();
  assert.equal(code, 3);
  assert.match(
    stdout,
    /^tests\/doses\.yaml:15:\d+ cases\[1\]\.expect\.registy: found registy, expected registry, what to do: write registry \(TEST_ENTRY_UNKNOWN\)$/m,
  );
  await rm(join(production.config, 'tests'), { recursive: true });
  assert.equal((await check()).code, 0);
});

test('editors get a schema for tests files, as YAML reads them', async (t) => {
  const out = await temporaryFolder(t);
  const { stdout, code } = await waybill(['schema', '--out', out]);
  assert.equal(code, 0);
  assert.match(stdout, /tests\.schema\.json$/m);
  const schema = JSON.parse(await readFile(join(out, 'tests.schema.json'), 'utf8'));
  const sample = await readFile(SAMPLE, 'utf8');
  assert.ok(Check(schema, parse(sample)));
  const mistakes = [
    ['route: vaccinations', 'routes: vaccinations'],
    ['rows: |', 'row: |'],
    ['code: NOT_UNIQUE', 'cod: NOT_UNIQUE'],
    ['filtered: 1', 'filtered: one'],
  ] as const;
  for (const [right, wrong] of mistakes) {
    assert.ok(sample.includes(right), right);
    assert.equal(Check(schema, parse(sample.replace(right, wrong))), false, wrong);
  }
});

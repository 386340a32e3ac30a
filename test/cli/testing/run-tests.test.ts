/** Tests of productions, run on tests of ours: what passes, what fails, and where a failure says that it stands. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runTests, type TestRun } from '../../../cli/testing/run-tests.ts';
import { formatProblem } from '../../../engine/config/problems.ts';
import { loadAdapters } from '../../../engine/registry.ts';
import { DOSES_HEADER, temporaryProduction } from '../../support/production.ts';

const registry = await loadAdapters();

const ENV = `env: { REGISTRY_URL: "http://127.0.0.1:9/soap", REGISTRY_USER: u, REGISTRY_FACILITY: CLINIC1 }`;
const ROWS = `|
      ${DOSES_HEADER}
      S0001,O'Neil & Sons,Ana,1990-02-03,female,207,2024-04-01
      S0002,ZZTEST,Max,1991-02-03,male,207,2024-04-01
      S0003,Roe,Max,1991-02-03,other,207,2024-04-01
      S0004,Doe,Eva,1992-02-03,female,208,2024-04-02
`;

/** Runs one case on the small production; `expect` is indented by six. */
async function run(t: TestContext, expect: string, more = '', only?: string): Promise<TestRun> {
  const text = `route: doses\n${ENV}\ncases:\n  - name: the case\n    rows: ${ROWS}    ${more}\n    expect:\n${expect}\n`;
  return runFiles(t, { 'tests/doses.yaml': text }, only);
}

async function runFiles(t: TestContext, files: Readonly<Record<string, string>>, only?: string): Promise<TestRun> {
  const production = await temporaryProduction(t);
  for (const [file, content] of Object.entries(files)) await production.write(file, content);
  return runTests(production.config, registry, only);
}

/** Failures as `line:column what | expected | found`. */
function failuresOf({ problems, cases }: TestRun): string[] {
  assert.deepEqual(problems.filter(({ warning }) => !warning).map(formatProblem), []);
  return cases.flatMap(({ failures }) =>
    failures.map(({ line, column, what, expected, found }) => `${line}:${column} ${what} | ${expected} | ${found}`),
  );
}

function problemsOf({ problems, cases }: TestRun): string[] {
  assert.deepEqual(cases, [], 'nothing runs');
  return problems
    .filter(({ warning }) => !warning)
    .map(({ line, column, path, code, expected }) => `${line}:${column} ${path} ${code}: ${expected}`);
}

const INVALID = '      invalid: [{ line: 4, column: sex, code: NOT_IN_TABLE }]';

test('messages, invalid rows and filtered items as expected pass; what is not mentioned is not compared', async (t) => {
  const made = await run(
    t,
    `      registry:
        - { PID-5.1: "O'NEIL & SONS", PID-5: { raw: "O'NEIL \\\\T\\\\ SONS^ANA" }, PID-7: 19900203, MSH-4: CLINIC1, MSH-10: test-1-1, PID-9: "" }
        - { PID-5.1: DOE, MSH-7: 20300101120000+0000 }
      filtered: 1
${INVALID}`,
  );
  assert.deepEqual(failuresOf(made), []);
  assert.deepEqual(
    made.cases.map(({ name, passed }) => [name, passed]),
    [['the case', true]],
  );
  assert.deepEqual(failuresOf(await run(t, INVALID)), []);
  assert.deepEqual(failuresOf(await run(t, '      registry: 2\n      invalid: 1')), []);
});

test('a field that differs is shown with expected and found, at its place in the file', async (t) => {
  const made = await run(
    t,
    `      registry:\n        - { PID-5.1: ONEIL, PID-8: F }\n        - PID-8: M\n          PID5: x\n${INVALID}`,
  );
  assert.deepEqual(failuresOf(made), [
    "14:22 registry, message 1 (line 2), PID-5.1 | ONEIL | O'NEIL & SONS",
    '15:18 registry, message 2 (line 5), PID-8 | M | F',
    "16:17 registry, message 2 (line 5), PID5 | x | 'PID5' is not a path such as PID-5.1, OBX(2)-5 or PID-13(2).4: write PID-5",
  ]);
});

test('too many, too few and filtered are counted', async (t) => {
  const made = await run(t, `      registry:\n        - { PID-8: F }\n      filtered: 0\n${INVALID}`);
  assert.deepEqual(failuresOf(made), [
    '13:7 registry | 1 message | 2 messages (lines 2, 5)',
    '15:17 filtered | 0 items | 1 item',
  ]);
  assert.deepEqual(failuresOf(await run(t, `      registry: 3\n${INVALID}`)), [
    '13:17 registry | 3 messages | 2 messages (lines 2, 5)',
  ]);
});

test('an invalid row that is not mentioned is a failure, and so is one that was expected and is valid', async (t) => {
  const reason = 'sex must be a code of the table sexes';
  assert.deepEqual(failuresOf(await run(t, '      registry: 2')), [
    `4:11 invalid | no other invalid row | line 4, column sex: NOT_IN_TABLE (${reason})`,
  ]);
  assert.deepEqual(
    failuresOf(await run(t, '      invalid: [{ line: 4, code: NOT_A_DATE }, { line: 5, code: NOT_A_DATE }]')),
    [
      `13:17 invalid | line 4: NOT_A_DATE | line 4, column sex: NOT_IN_TABLE (${reason})`,
      '13:48 invalid | line 5: NOT_A_DATE | line 5 is valid',
    ],
  );
  assert.deepEqual(failuresOf(await run(t, '      invalid: 0')), [
    `13:16 invalid | 0 rows | 1 row: line 4, column sex: NOT_IN_TABLE (${reason})`,
  ]);
});

test('a whole message is compared line by line, whatever its line ends', async (t) => {
  const whole = (sex: string) => `      registry:
        - |
          MSH|^~\\&|SMALL|CLINIC1|IIS||20300101120000+0000||VXU^V04^VXU_V04|test-1-1|P|2.5.1||||||UNICODE UTF-8
          PID|1||S0001||O'NEIL \\T\\ SONS^ANA||19900203|${sex}
          ORC|RE||test-1-1
          RXA|0|1|20240401||207^^CVX|999
        - { PID-8: F }
${INVALID}`;
  assert.deepEqual(failuresOf(await run(t, whole('F'))), []);
  const [only, ...others] = failuresOf(await run(t, whole('M')));
  assert.deepEqual(others, []);
  assert.match(only ?? '', /^14:11 registry, message 1 \(line 2\) \| line 2: PID.*\|M \| line 2: PID.*\|F$/);
});

test('with refuseFile one invalid row keeps everything back', async (t) => {
  const text = `route: strict\n${ENV}\ncases:\n  - name: all or nothing\n    rows: ${ROWS}    expect:\n`;
  const nothing = `      registry: 0\n${INVALID}\n`;
  assert.deepEqual(failuresOf(await runFiles(t, { 'tests/a.yaml': text + nothing })), []);
  const [failure] = failuresOf(await runFiles(t, { 'tests/a.yaml': `${text}      registry: 3\n${INVALID}\n` }));
  assert.match(failure ?? '', /registry \| 3 messages \| none: the route has onInvalidRow: refuseFile/);
});

test('a refused input is expected with code, line and column; one that was not expected fails', async (t) => {
  const wrong = '    rows: |\n      chart,family\n      S0001,Roe\n    expect:\n';
  const text = (expect: string) => ({
    'tests/doses.yaml': `route: doses\n${ENV}\ncases:\n  - name: a\n${wrong}${expect}\n`,
  });
  assert.deepEqual(failuresOf(await runFiles(t, text('      refused: { code: COLUMNS_MISSING, line: 1 }'))), []);
  assert.deepEqual(failuresOf(await runFiles(t, text('      refused: { code: NUL_BYTE, line: 2 }'))), [
    '9:24 refused, code | NUL_BYTE | COLUMNS_MISSING',
    '9:40 refused, line | 2 | 1',
  ]);
  const [unexpected] = failuresOf(await runFiles(t, text('      registry: 1')));
  assert.match(unexpected ?? '', /^4:11 refused \| an input that is not refused \| COLUMNS_MISSING, line 1, /);
  assert.deepEqual(failuresOf(await run(t, `      refused: { code: NUL_BYTE }\n${INVALID}`)), [
    '13:7 refused | NUL_BYTE | an input that is not refused',
  ]);
});

test('input from a file in another charset, its name, the time, fields and partner reach the transform', async (t) => {
  const text = `route: doses
${ENV}
format: { type: csv, recordMap: doses, charset: iso-8859-1 }
acceptedAt: 2024-05-01T08:30:00-07:00
fields: { clinic: North }
cases:
  - name: from a file
    file: inputs/doses-9.csv
    partner: clinic-a
    expect:
      registry:
        - { PID-5.1: MÜLLER, PID-5.2: DOSES-9.CSV, MSH-5: North, MSH-6: clinic-a, MSH-7: 20240501153000+0000 }
`;
  const production = await temporaryProduction(t);
  await production.write('tests/doses.yaml', text);
  await production.edit(
    'transforms/dose-to-vxu.yaml',
    'MSH-5: IIS',
    'MSH-5: { from: fields.clinic }\n      MSH-6: { cel: partner }',
  );
  await production.edit(
    'transforms/dose-to-vxu.yaml',
    '{ from: given, as: upper }',
    '{ from: submission.name, as: upper }',
  );
  await production.write('tests/inputs/doses-9.csv', '');
  const row = Buffer.from(`${DOSES_HEADER}\nS0001,Müller,Ana,1990-02-03,female,207,2024-04-01\n`, 'latin1');
  await production.file('config/tests/inputs/doses-9.csv', row);
  assert.deepEqual(failuresOf(await runTests(production.config, registry)), []);
});

test('a tests file that is wrong keeps everything from running, each problem with its place', async (t) => {
  const wrong = `routes: doses
route: dose
env: {}
cases:
  - name: a
    row: x
    expect: {}
`;
  assert.deepEqual(problemsOf(await runFiles(t, { 'tests/doses.yaml': wrong.replace('env: {}', ENV) })), [
    '1:1 routes UNKNOWN_KEY: one of route, env, format, acceptedAt, fields, partner or cases',
    '6:5 cases[0].row UNKNOWN_KEY: rows',
  ]);
  const unknown = `route: dose\n${ENV}\ncases: [{ name: a, rows: x, expect: {} }]\n`;
  assert.deepEqual(problemsOf(await runFiles(t, { 'tests/doses.yaml': unknown })), [
    '1:8 route TEST_ROUTE_UNKNOWN: doses',
  ]);
  const cases = `route: doses
${ENV}
acceptedAt: yesterday
cases:
  - { name: none, expect: {} }
  - { name: two, rows: x, input: y, expect: {} }
  - { name: no file, file: missing.csv, expect: {} }
  - { name: entry, rows: x, expect: { regsitry: 1, invald: [] } }
  - { name: format, rows: x, format: { type: cvs }, expect: {} }
  - { name: format, rows: x, format: { type: csv, recordmap: doses }, expect: {} }
`;
  assert.deepEqual(problemsOf(await runFiles(t, { 'tests/doses.yaml': cases })), [
    '3:13 acceptedAt TEST_TIME: a time such as 2024-05-01T08:30:00Z',
    '5:5 cases[0] TEST_INPUT: one of rows, file, messages or input',
    '6:5 cases[1] TEST_INPUT: one of rows, file, messages or input',
    '7:28 cases[2].file TEST_FILE_NOT_READABLE: the path of a file',
    '8:49 cases[3].expect.regsitry TEST_ENTRY_UNKNOWN: registry',
    '8:52 cases[3].expect.invald TEST_ENTRY_UNKNOWN: invalid',
    '9:46 cases[4].format.type UNKNOWN_ADAPTER: csv',
    '10:51 cases[5].format.recordmap UNKNOWN_KEY: recordMap',
  ]);
});

test('a production that is wrong, or has no tests, cannot be tested', async (t) => {
  const production = await temporaryProduction(t);
  const none = await runTests(production.config, registry, undefined);
  assert.deepEqual(none.cases, []);
  assert.deepEqual(
    none.problems.map(({ code }) => code),
    ['TESTS_NOT_FOUND'],
  );
  const nowhere = await runTests(join(production.root, 'nowhere'), registry);
  assert.ok(nowhere.problems.some(({ code }) => code === 'PRODUCTION_NOT_FOUND'));
  await production.write('tests/doses.yaml', `route: doses\n${ENV}\ncases: [{ name: a, rows: x, expect: {} }]\n`);
  await production.edit('production.yaml', 'destination: registry', 'destination: regstry');
  const wrong = await runTests(production.config, registry);
  assert.deepEqual(
    wrong.problems.map(({ code }) => code),
    ['UNKNOWN_DESTINATION'],
  );
});

test('--only chooses by the name of a file or a case', async (t) => {
  const file = (name: string) =>
    `route: doses\n${ENV}\ncases:\n  - name: ${name}\n    rows: ${ROWS}    expect:\n${INVALID}\n`;
  const files = { 'tests/first.yaml': file('a row (valid)'), 'tests/second.yaml': file('another row') };
  const chosen = async (only: string) => (await runFiles(t, files, only)).cases.map(({ name }) => name);
  assert.deepEqual(await chosen('first'), ['a row (valid)']);
  assert.deepEqual(await chosen('*ROW*'), ['a row (valid)', 'another row']);
  assert.deepEqual(await chosen('a row (*)'), ['a row (valid)']);
  assert.deepEqual(
    (await runFiles(t, files, 'third')).problems.map(({ code }) => code),
    ['TESTS_NOT_FOUND'],
  );
});

test('several formats that feed one route: the name of the input chooses, or the case must say', async (t) => {
  const production = await temporaryProduction(t);
  await production.edit(
    'production.yaml',
    '{ type: csv, recordMap: doses }\n        route: strict',
    '{ type: csv, recordMap: doses, quotes: relaxed }\n        route: doses',
  );
  const name = (fileName: string) =>
    `route: doses\n${ENV}\ncases:\n  - name: a\n${fileName}    rows: |\n      ${DOSES_HEADER}\n      S0001,R"oe,Ana,1990-02-03,female,207,2024-04-01\n    expect:\n      registry: [{ PID-5.1: 'R"OE' }]\n`;
  await production.write('tests/doses.yaml', name('    fileName: strict-1.csv\n'));
  assert.deepEqual(failuresOf(await runTests(production.config, registry)), []);
  await production.write('tests/doses.yaml', name(''));
  assert.deepEqual(problemsOf(await runTests(production.config, registry)), [
    '4:11 cases[0].name TEST_FORMAT_UNCLEAR: format: or fileName: in this case',
  ]);
});

/** A production that takes HL7 as it comes, checks it, and makes documents of it. */
const HL7_IN = `production: results
services:
  drop:
    type: file-drop
    folder: ../inbox
    files:
      - { glob: "*.hl7", format: { type: hl7-batch }, route: results }
routes:
  results:
    to:
      - { destination: registry }
      - { name: copy, destination: registry, transform: result-to-document, when: 'true' }
destinations:
  registry: { type: soap, dialect: cdc-iis-2011, url: "http://127.0.0.1:9/", credentials: { username: "\${env:U}", password: "\${env:U}", organisation: "\${env:U}" } }
`;
const TO_DOCUMENT = `transform: result-to-document
from: { hl7: ORU_R01 }
to: { json: result }
actions:
  - set:
      patient.name.family: { from: PID-5.1 }
      codes(1): first
      codes(2): second
`;
const TESTS_OF_HL7 = `route: results
env: { U: someone }
cases:
  - name: two messages
    messages:
      - |
        MSH|^~\\&|LAB||||||ORU^R01|A1|P|2.5.1
        PID|1||M1||Roe^Max
      - |
        MSH|^~\\&|LAB||||||ORU^R01|A2|P|2.5.1
        PID|1||M2||Doe \\T\\ Sons^Eva
    expect:
      registry:
        - { MSH-10: A1 }
        - { PID-5.1: Doe & Sons, MSH-10: A2 }
      copy:
        - { patient.name.family: Roe }
        - { patient.name.family: Doe & Sons, codes(2): second, codes(3): "", patient.name: '{"family":"Doe & Sons"}' }
  - name: counts that do not hold
    input: |
      BHS|^~\\&|LAB
      MSH|^~\\&|LAB||||||ORU^R01|A1|P|2.5.1
      PID|1||M1||Roe^Max
      BTS|2
    expect:
      quarantined: { code: HL7_COUNTS_DIFFER, line: 4 }
`;

test('HL7 in: messages, entries by name, documents, and a batch whose counts do not hold', async (t) => {
  const production = await temporaryProduction(t);
  await production.write('production.yaml', HL7_IN);
  await rm(join(production.config, 'transforms/dose-to-vxu.yaml'));
  await production.write('transforms/result-to-document.yaml', TO_DOCUMENT);
  await production.write('tests/results.yaml', TESTS_OF_HL7);
  assert.deepEqual(failuresOf(await runTests(production.config, registry)), []);
});

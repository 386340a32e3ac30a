/** One mistake at a time, in one line of a sound production: the problem must name that line, and say what to do. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem, loadProduction } from '../../../engine/config/load.ts';
import { loadAdapters } from '../../../engine/registry.ts';

const SOUND = join(import.meta.dirname, '../../productions/mistakes');
const SECRET = 'marker-of-a-password';
const ENV = {
  PHARMACY_URL: 'https://registry.example.org/iis',
  PHARMACY_USER: 'marker-of-a-user',
  PHARMACY_PASSWORD: SECRET,
  PHARMACY_ID: 'PH77',
};

/** What is wrong, the file, the line as it stands (without the indent), the line with the mistake, and what is expected. */
interface Mistake {
  readonly title: string;
  readonly file: string;
  readonly line: string;
  readonly mistake: string;
  /** `file:line CODE`; the line of the mistake unless another is named. */
  readonly expected: string;
}

const MISTAKES: readonly Mistake[] = [
  {
    title: 'an unknown key',
    file: 'production.yaml',
    line: 'onInvalidRow: continue',
    mistake: 'onInvalidRows: continue',
    expected: 'production.yaml:34 UNKNOWN_KEY',
  },
  {
    title: 'a misspelt adapter',
    file: 'production.yaml',
    line: 'type: soap',
    mistake: 'type: saop',
    expected: 'production.yaml:48 UNKNOWN_ADAPTER',
  },
  {
    title: 'a misspelt format',
    file: 'production.yaml',
    line: 'format: { type: csv, recordMap: shots }',
    mistake: 'format: { type: cvs, recordMap: shots }',
    expected: 'production.yaml:20 UNKNOWN_ADAPTER',
  },
  {
    title: 'a record map that does not exist',
    file: 'production.yaml',
    line: 'format: { type: csv, recordMap: shots, delimiter: tab }',
    mistake: 'format: { type: csv, recordMap: shot, delimiter: tab }',
    expected: 'production.yaml:29 UNKNOWN_RECORD_MAP',
  },
  {
    title: 'an unknown route',
    file: 'production.yaml',
    line: 'route: shots',
    mistake: 'route: shot',
    expected: 'production.yaml:21 UNKNOWN_ROUTE',
  },
  {
    title: 'an unknown destination',
    file: 'production.yaml',
    line: '- destination: registry',
    mistake: '- destination: registrie',
    expected: 'production.yaml:39 UNKNOWN_DESTINATION',
  },
  {
    title: 'an unknown transform',
    file: 'production.yaml',
    line: 'transform: shot-to-vxu',
    mistake: 'transform: shots-to-vxu',
    expected: 'production.yaml:40 UNKNOWN_TRANSFORM',
  },
  {
    title: 'rows that would be sent without a transform',
    file: 'production.yaml',
    line: 'transform: shot-to-vxu',
    mistake: '# transform: shot-to-vxu',
    expected: 'production.yaml:39 TRANSFORM_MISSING',
  },
  {
    title: 'two entries of one name',
    file: 'production.yaml',
    line: 'name: registry-copy',
    mistake: 'name: registry',
    expected: 'production.yaml:42 DUPLICATE_ENTRY',
  },
  {
    title: 'CEL that is none',
    file: 'production.yaml',
    line: `- dropWhen: 'row.store == "T00"'`,
    mistake: `- dropWhen: 'row.store = "T00"'`,
    expected: 'production.yaml:36 CONDITION_SYNTAX',
  },
  {
    title: 'a column that the condition invents',
    file: 'production.yaml',
    line: `when: 'row.state == "IL" && row.code != "998"'`,
    mistake: `when: 'row.sate == "IL" && row.code != "998"'`,
    expected: 'production.yaml:44 CONDITION_UNKNOWN_NAME',
  },
  {
    title: 'a duration with a blank',
    file: 'production.yaml',
    line: 'timeouts: { connect: 5s, firstByte: 60s }',
    mistake: 'timeouts: { connect: 5 s, firstByte: 60s }',
    expected: 'production.yaml:55 BAD_DURATION',
  },
  {
    title: 'a size in another unit',
    file: 'production.yaml',
    line: 'maxBytes: 2MB',
    mistake: 'maxBytes: 2MiB',
    expected: 'production.yaml:62 BAD_SIZE',
  },
  {
    title: 'a number that is none',
    file: 'production.yaml',
    line: 'maxMessages: 100',
    mistake: 'maxMessages: 1,000',
    expected: 'production.yaml:61 BAD_NUMBER',
  },
  {
    title: 'a time zone that does not exist',
    file: 'production.yaml',
    line: 'timeZone: America/Chicago',
    mistake: 'timeZone: America/Chikago',
    expected: 'production.yaml:2 BAD_TIME_ZONE',
  },
  {
    title: 'a variable that is not set',
    file: 'production.yaml',
    line: `url: "\${env:PHARMACY_URL}"`,
    mistake: `url: "\${env:PHARMACY_ADDRESS}"`,
    expected: 'production.yaml:50 ENV_NOT_SET',
  },
  {
    title: 'a secret in the file',
    file: 'production.yaml',
    line: `password: "\${env:PHARMACY_PASSWORD}"`,
    mistake: `password: ${SECRET}`,
    expected: 'production.yaml:53 SECRET_IN_FILE',
  },
  {
    title: 'resending where that is not harmless',
    file: 'production.yaml',
    line: 'inDoubt: hold',
    mistake: 'inDoubt: resend',
    expected: 'production.yaml:64 RESEND_NOT_SAFE',
  },
  {
    title: 'one folder inside another',
    file: 'production.yaml',
    line: 'folder: ../drop/head-office',
    mistake: 'folder: ../drop/counter/second',
    expected: 'production.yaml:25 PATHS_OVERLAP',
  },
  {
    title: 'a word that is not one of those allowed',
    file: 'production.yaml',
    line: 'envelope: batch',
    mistake: 'envelope: batches',
    expected: 'production.yaml:59 NOT_ALLOWED',
  },
  {
    title: 'a quote that is not closed',
    file: 'production.yaml',
    line: 'reason: rows of the training store',
    mistake: 'reason: "rows of the training store',
    expected: 'production.yaml:37 YAML_SYNTAX',
  },
  {
    title: 'a key twice',
    file: 'production.yaml',
    line: 'maxBytes: 2MB',
    mistake: 'maxMessages: 200',
    expected: 'production.yaml:62 DUPLICATE_KEY',
  },
  {
    title: 'a table of the production whose file is missing',
    file: 'production.yaml',
    line: 'stores: { file: lists/stores.csv }',
    mistake: 'stores: { file: lists/shops.csv }',
    expected: 'production.yaml:8 FILE_NOT_READABLE',
  },
  {
    title: 'another name inside the file',
    file: 'record-maps/shots.yaml',
    line: 'recordMap: shots',
    mistake: 'recordMap: shotz',
    expected: 'record-maps/shots.yaml:1 NAME_MISMATCH',
  },
  {
    title: 'a table that does not exist',
    file: 'record-maps/shots.yaml',
    line: '- { name: gender, type: code, table: genders, required: true }',
    mistake: '- { name: gender, type: code, table: gender, required: true }',
    expected: 'record-maps/shots.yaml:8 UNKNOWN_TABLE',
  },
  {
    title: 'a date format that means something else',
    file: 'record-maps/shots.yaml',
    line: '- { name: born, type: date, formats: [yyyy-MM-dd], required: true, notAfter: today }',
    mistake: '- { name: born, type: date, formats: [YYYY-MM-DD], required: true, notAfter: today }',
    expected: 'record-maps/shots.yaml:7 BAD_DATE_FORMAT',
  },
  {
    title: 'a column that the record map does not have',
    file: 'transforms/shot-to-vxu.yaml',
    line: 'PID-5.2: { from: given }',
    mistake: 'PID-5.2: { from: givn }',
    expected: 'transforms/shot-to-vxu.yaml:14 DTL_UNKNOWN_NAME',
  },
  {
    title: 'an HL7 path that is none',
    file: 'transforms/shot-to-vxu.yaml',
    line: 'PID-3.1: { from: rx }',
    mistake: 'PID-3..1: { from: rx }',
    expected: 'transforms/shot-to-vxu.yaml:12 DTL_BAD_TARGET',
  },
  {
    title: 'a function with a comma, without quotes',
    file: 'transforms/shot-to-vxu.yaml',
    line: 'PID-11.5: { from: zip, as: "slice(0, 5)" }',
    mistake: 'PID-11.5: { from: zip, as: slice(0, 5) }',
    expected: 'transforms/shot-to-vxu.yaml:18 COMMA_NEEDS_QUOTES',
  },
  {
    title: 'a function with an argument that it cannot take',
    file: 'transforms/shot-to-vxu.yaml',
    line: 'PID-11.5: { from: zip, as: "slice(0, 5)" }',
    mistake: 'PID-11.5: { from: zip, as: "slice(0, five)" }',
    expected: 'transforms/shot-to-vxu.yaml:18 DTL_BAD_ARGUMENT',
  },
  {
    title: 'a subtransform that does not exist',
    file: 'transforms/shot-to-vxu.yaml',
    line: '- call: shot',
    mistake: '- call: shoot',
    expected: 'transforms/shot-to-vxu.yaml:19 DTL_UNKNOWN_SUBTRANSFORM',
  },
  {
    title: 'a variable in a file where none may be',
    file: 'transforms/shot-to-vxu.yaml',
    line: 'MSH-3: SHOTS',
    mistake: `MSH-3: "\${env:PHARMACY_ID}"`,
    expected: 'transforms/shot-to-vxu.yaml:6 SUBSTITUTION_PLACE',
  },
  {
    title: 'a table of another column',
    file: 'transforms/shot.yaml',
    line: 'RXA-5.2: { from: code, map: { table: shot-codes, give: name } }',
    mistake: 'RXA-5.2: { from: code, map: { table: shot-codes, give: title } }',
    expected: 'transforms/shot.yaml:12 DTL_UNKNOWN_TABLE',
  },
  {
    title: 'a dialect that extends nothing',
    file: 'dialects/prairie.yaml',
    line: 'extends: cdc-iis-2011',
    mistake: 'extends: cdc-iis-2010',
    expected: 'dialects/prairie.yaml:2 SOAP_DIALECT_UNKNOWN',
  },
  {
    title: 'a row of a table with a value too many',
    file: 'tables/genders.csv',
    line: 'man,M',
    mistake: 'man,M,male',
    expected: 'tables/genders.csv:3 TABLE_UNREADABLE',
  },
];

const registry = await loadAdapters();

async function problemsOf(folder: string) {
  const { production, problems } = await loadProduction(folder, registry, { env: ENV });
  return { production, errors: problems.filter(({ warning }) => !warning), problems };
}

test('the production without a mistake loads, without a warning', async () => {
  const { production, problems } = await problemsOf(SOUND);
  assert.deepEqual(problems.map(formatProblem), []);
  assert.equal(production?.name, 'pharmacy-shots');
});

for (const { title, file, line, mistake, expected } of MISTAKES) {
  test(`${title}: ${expected}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-mistake-'));
    t.after(() => rmSync(folder, { recursive: true }));
    cpSync(SOUND, folder, { recursive: true });
    const text = readFileSync(join(folder, file), 'utf8');
    const lines = text.split('\n');
    const index = lines.findIndex((each) => each.trim() === line);
    assert.notEqual(index, -1, `${file} has the line ${line}`);
    lines[index] = (lines[index] ?? '').replace(line, () => mistake);
    writeFileSync(join(folder, file), lines.join('\n'));

    const { production, errors, problems } = await problemsOf(folder);
    assert.equal(production, undefined);
    const told = errors.map((problem) => `${problem.file}:${problem.line} ${problem.code}`);
    assert.deepEqual(told, [expected], errors.map(formatProblem).join('\n'));
    for (const problem of errors) {
      assert.ok(problem.column >= 1);
      assert.match(problem.cure, /\S/);
      assert.match(problem.found, /\S/);
    }
    const everything = problems.map(formatProblem).join('\n');
    assert.equal(everything.includes(SECRET), false);
    assert.equal(everything.includes(ENV.PHARMACY_USER), false);
  });
}

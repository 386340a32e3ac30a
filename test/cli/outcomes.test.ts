/** `waybill outcomes`: the table as people and programs get it. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { outcomeParts } from '../../cli/outcome-table.ts';
import { loadAdapters, PROJECT_FOLDER } from '../../engine/registry.ts';
import { generatedPages } from '../../scripts/docs/pages.ts';
import { waybill } from '../support/engine.ts';
import { temporaryFolder } from '../support/redis.ts';

const parts = await outcomeParts(await loadAdapters());
const codes = parts.flatMap(({ lines }) => lines.map(({ code }) => code));

test('all lines, one a line; and as JSON, the same', async () => {
  const plain = await waybill(['outcomes']);
  assert.equal(plain.code, 0, plain.stderr);
  const lines = plain.stdout.trimEnd().split('\n').slice(1);
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    codes,
  );
  const json: { outcomes: { code: string; from: string; whose: string }[] } = JSON.parse(
    (await waybill(['outcomes', '--json'])).stdout,
  );
  assert.deepEqual(
    json.outcomes.map(({ code }) => code),
    codes,
  );
  assert.deepEqual(
    [...new Set(json.outcomes.map(({ from }) => from))],
    parts.map(({ from }) => from),
  );
});

test('one line in full, also in small letters: what happened, what follows, whose fault, what to do', async () => {
  const { stdout, code } = await waybill(['outcomes', 'soap-fault-security']);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^SOAP_FAULT_SECURITY \(soap\)\n {2}happened: .+\n {2}outcome: stop\. .+\n {2}next step: stop the destination\n {2}whose: ours\n {2}do: It is ours to mend\. .+\n$/,
  );
  const fixed = await waybill(['outcomes', 'GAVE_UP']);
  assert.match(fixed.stdout, /no override: retry\.giveUpAfter/);
});

test('a code that is none is refused, with the nearest; two codes are one too many', async () => {
  const wrong = await waybill(['outcomes', 'SOAP_HTTP_EROR']);
  assert.equal(wrong.code, 5);
  assert.match(wrong.stderr, /did you mean SOAP_HTTP_ERROR\? \(OUTCOME_UNKNOWN\)/);
  assert.match((await waybill(['outcomes', 'zzz'])).stderr, /it has lines of engine, .+ and soap/);
  assert.equal((await waybill(['outcomes', 'AA', 'AE'])).code, 2);
});

test('an operation of your own brings its lines along', async (t) => {
  const folder = await temporaryFolder(t, 'waybill-outcomes-');
  await mkdir(join(folder, 'operations'));
  const engine = (path: string) => JSON.stringify(pathToFileURL(join(PROJECT_FOLDER, 'engine', path)).href);
  await writeFile(
    join(folder, 'operations', 'fax.ts'),
    `import { defineOperation } from ${engine('contracts/operation.ts')};
export default defineOperation({
  name: 'fax',
  summary: 'Sends faxes',
  description: 'Sends faxes.',
  schema: { type: 'object', properties: {}, additionalProperties: false },
  examples: [],
  errors: { FAX_PAPER: { means: 'The receiver is out of paper.', cure: 'Nothing to do: it is tried again.' } },
  outcomes: { FAX_PAPER: { outcome: 'retry', next: 'retryAfter', whose: 'receiver' } },
  describe: () => { throw new Error('not asked'); },
  open: () => { throw new Error('not asked'); },
});
`,
  );
  const { stdout, stderr } = await waybill(['outcomes', 'FAX_PAPER', '--adapters', folder]);
  assert.match(stdout, /happened: The receiver is out of paper\.\n {2}outcome: retry/, stderr);
});

test('the generated page has every line, with its cells', async () => {
  const page = (await generatedPages()).get('docs/reference/outcomes.md') ?? '';
  const rows = page.split('\n').filter((line) => /^\| `[A-Z]/.test(line));
  assert.deepEqual(
    rows.map((row) => /^\| `([A-Z0-9_]+)`/.exec(row)?.[1]),
    codes,
  );
  for (const row of rows) assert.equal(row.replaceAll('\\|', '').split('|').length, 9, row);
});

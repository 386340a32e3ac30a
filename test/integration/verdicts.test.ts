/** The verdicts on published CSV files, from the drop folder to two receivers: ledger, `rejected.csv`, and reasons of refusal. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'csv-parse/sync';
import type { SubmissionSummary } from '../../engine/contracts/store.ts';
import { askLedger, startEngine } from '../support/engine.ts';
import type { TestProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';
import { needsShared, sharedPath } from '../support/shared.ts';
import { verdicts } from '../support/verdicts.ts';
import { startArchive } from './archive.ts';
import { commandsOn } from './commands.ts';
import { publishedCsvProduction } from './published-csv.ts';

type Verdict = Readonly<Record<string, string>>;

/** A file with a character that XML cannot carry: its line is invalid for the registry, and only there. */
const NOT_CARRIED = { file: 'reports-weird-data.csv', line: 7 };

function countsFor(submission: SubmissionSummary, entry: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    submission.counts.filter((row) => row.entry === entry && row.count > 0).map(({ state, count }) => [state, count]),
  );
}

/** Counts as the ledger gives them: states without messages are absent. */
function expectedCounts(valid: number, invalid: number): Readonly<Record<string, number>> {
  return { ...(valid > 0 ? { delivered: valid } : {}), ...(invalid > 0 ? { invalid } : {}) };
}

interface Rejected {
  readonly line: string;
  readonly column: string;
  readonly code: string;
  readonly entry?: string;
}

/** The lines of a file's `rejected.csv`; none where there is none. */
function rejectedOf(production: TestProduction, file: string): readonly Rejected[] {
  const done = join(production.inbox, 'done');
  const name = readdirSync(done).find((each) => each.endsWith(`-${file}.rejected.csv`));
  if (name === undefined) return [];
  return parse(readFileSync(join(done, name)), { bom: true, columns: true, relax_column_count: true });
}

function reasonOf(production: TestProduction, file: string): { readonly code: string; readonly reason: string } {
  const failed = join(production.inbox, 'failed');
  const names = readdirSync(failed).filter((each) => each.includes(`-${file}`));
  assert.equal(names.length, 2, `${file} and its reason`);
  const reason = names.find((each) => each.endsWith('.reason.json'));
  assert.ok(reason, file);
  return JSON.parse(readFileSync(join(failed, reason), 'utf8'));
}

function accepted(production: TestProduction, file: string, submission: SubmissionSummary, verdict: Verdict): void {
  const [valid, invalid] = [Number(verdict.valid), Number(verdict.invalid)];
  const lost = file === NOT_CARRIED.file ? 1 : 0;
  assert.equal(submission.state, 'routed');
  assert.equal(submission.items, Number(verdict.rows));
  assert.deepEqual(countsFor(submission, 'registry'), expectedCounts(valid - lost, invalid + lost));
  if (file.startsWith('reports-')) assert.deepEqual(countsFor(submission, 'archive'), expectedCounts(valid, invalid));

  const rejected = rejectedOf(production, file);
  const lines = verdict.invalidLines === '-' ? [] : (verdict.invalidLines ?? '').split(',');
  assert.deepEqual(
    rejected.map(({ line }) => line),
    lost > 0 ? [String(NOT_CARRIED.line)] : lines,
  );
  if (lost > 0) {
    assert.deepEqual([rejected[0]?.code, rejected[0]?.entry], ['CHARACTER_NOT_CARRIED', 'registry']);
    return;
  }
  const columns = new Set(rejected.flatMap(({ column }) => column.split('; ')).filter((name) => name !== ''));
  assert.deepEqual([...columns].sort(), verdict.columns === '-' ? [] : verdict.columns?.split(',').sort());
}

function refused(production: TestProduction, file: string, submission: SubmissionSummary, verdict: Verdict): void {
  assert.equal(submission.state, 'refused');
  assert.deepEqual(countsFor(submission, 'registry'), {});
  const { code, reason } = reasonOf(production, file);
  assert.equal(code, submission.refusal?.code);
  assert.equal(code, verdict.columns === '-' ? 'EMPTY_FILE' : 'COLUMNS_MISSING');
  for (const column of verdict.columns === '-' ? [] : (verdict.columns?.split(',') ?? []))
    assert.ok(reason.includes(column), `${file}: the reason names ${column}`);
}

test('every published CSV file comes to its verdict', { skip: needsShared.skip || redisSkip() }, async (t) => {
  const production = await publishedCsvProduction(t);
  const receiver = await startReceiver(t);
  await startEngine(t, production, { url: receiver.url, env: { ARCHIVE_URL: await startArchive(t) } });
  const files = new Map<string, Verdict>();
  for (const table of ['patients', 'reports'])
    for (const verdict of verdicts(`csv-${table}`)) {
      const file = `${table}-${basename(verdict.path ?? '')}`;
      files.set(file, verdict);
      await production.drop(file, readFileSync(sharedPath(`fixtures/${verdict.path}`)));
    }
  assert.equal(files.size, 30);
  const submissions = () => askLedger(production, 'submissions', { limit: 100 });
  await until(
    'every file is put away',
    () => submissions().length === files.size && submissions().every(({ progress }) => progress === 'closed'),
    60_000,
  );

  const found = new Map(submissions().map((submission) => [submission.name, submission]));
  for (const [file, verdict] of files)
    await t.test(`${file}: ${verdict.verdict}`, () => {
      const submission = found.get(file);
      assert.ok(submission, file);
      if (verdict.verdict === 'refused') refused(production, file, submission, verdict);
      else accepted(production, file, submission, verdict);
    });

  await t.test(
    'the character that XML cannot carry reached the archive, and trace says why not the registry',
    async () => {
      const { entries, faults } = await commandsOn(production).trace(
        `${NOT_CARRIED.file}:${NOT_CARRIED.line}`,
        'bodies',
      );
      assert.deepEqual(
        entries.map(({ entry, state }) => [entry, state]),
        [
          ['registry', 'invalid'],
          ['archive', 'delivered'],
        ],
      );
      assert.deepEqual(
        faults.map(({ code, line }) => [code, line]),
        [['CHARACTER_NOT_CARRIED', NOT_CARRIED.line]],
      );
      assert.match(entries[1]?.body ?? '', /\x06/);
    },
  );
  await t.test('everything adds up', async () => {
    assert.equal((await commandsOn(production).run('verify')).code, 0);
  });
});

/** `waybill edit` and what trace shows of it: without an engine, through a running one, and what is refused. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { askLedger, countsOf, type Ran, startEngine, untilSettled, waybill } from '../support/engine.ts';
import { DOSES_HEADER, type TestProduction, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';

/** Line 2 is delivered, 3 left out, 4 invalid by its record map, 5 delivered. */
const MIXED = `${[
  DOSES_HEADER,
  'S0001,Oldmarker,Ana,1990-02-03,female,207,2024-04-01',
  'S0002,ZZTEST,Ana,1990-02-03,female,207,2024-04-01',
  'S0003,Roe,Max,1991-02-03,other,207,2024-04-01',
  'S0004,Doe,Max,1992-02-03,male,208,2024-04-01',
].join('\n')}\n`;

function commandsOn(production: TestProduction, url: string) {
  const run = (...args: string[]): Promise<Ran> =>
    waybill([...args, '--data', production.data], {
      cwd: production.root,
      env: { REGISTRY_URL: url, REGISTRY_USER: 'user', REGISTRY_FACILITY: 'facility' },
    });
  const edit = (target: string, ...args: string[]) =>
    run('edit', target, ...args, '--reason', 'the clinic called', '--by', 'ana', '--yes');
  const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);
  return { run, edit, json };
}

test('rows and messages are edited while the engine runs and while it does not', { skip: redisSkip() }, async (t) => {
  const production = await temporaryProduction(t);
  const receiver = await startReceiver(t);
  const { run, edit, json } = commandsOn(production, receiver.url);
  const engine = await startEngine(t, production, { url: receiver.url });
  await production.drop('doses-1.csv', MIXED);
  await untilSettled(production, 1);
  const { instance } = await json('status');
  const untilCounts = (wanted: Readonly<Record<string, number>>) =>
    until(`the counts are ${JSON.stringify(wanted)}`, () => isDeepStrictEqual(countsOf(production), wanted), 20_000);

  await t.test('without --yes it only shows what would differ, and no value', async () => {
    const ran = await run('edit', '1:4', '--set', 'sex=Newmarker', '--set', 'sex=male', '--reason', 'to see');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(
      ran.stdout,
      new RegExp(`entry registry: ${instance}-1-3v2 takes the place of ${instance}-1-3, which is invalid`),
    );
    assert.match(ran.stdout, /Nothing was changed\./);
    assert.deepEqual(countsOf(production), { delivered: 2, invalid: 1, filtered: 1 });
  });

  await t.test('faults of the new values are shown by column, and nothing is changed', async () => {
    const ran = await edit('1:4', '--set', 'sex=Newmarker');
    assert.equal(ran.code, 5);
    assert.match(ran.stderr, /nothing was changed:\n {2}sex: .+\(NOT_IN_TABLE\)/);
    assert.doesNotMatch(ran.stderr + ran.stdout, /Newmarker/);
    const unknown = await edit('1:4', '--set', 'gender=Newmarker');
    assert.match(unknown.stderr, /no column "gender": its columns are chart, family, .+\(EDIT_COLUMN_UNKNOWN\)/);
    assert.doesNotMatch(unknown.stderr, /Newmarker/);
    assert.match((await edit('1:4', '--set', 'sex=other')).stderr, /EDIT_CHANGES_NOTHING/);
    assert.deepEqual(countsOf(production), { delivered: 2, invalid: 1, filtered: 1 });
  });

  await t.test('an invalid row is mended: its new version is delivered', async () => {
    const ran = await edit('1:4', '--set', 'sex=male', 'family=Newmarker');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, new RegExp(`${instance}-1-3v2 is queued\\. \\(said by ana\\)`));
    assert.doesNotMatch(ran.stdout, /Newmarker/);
    await untilCounts({ delivered: 3, filtered: 1 });
    const trace = await json('trace', '1:4', '--bodies');
    assert.deepEqual(
      trace.entries.map(({ message, version, state }: Record<string, unknown>) => [message, version, state]),
      [
        [`${instance}-1-3`, 1, 'replaced'],
        [`${instance}-1-3v2`, 2, 'delivered'],
      ],
    );
    assert.equal(trace.entries[0].replacedBy.id, `${instance}-1-3v2`);
    assert.deepEqual(trace.entries[0].replacedBy.changed, ['sex', 'family']);
    assert.match(trace.entries[1].body, /PID\|1\|\|S0003\|\|NEWMARKER/);
    assert.match(trace.entries[1].body, new RegExp(`\\|${instance}-1-3v2\\|`), 'a control id of its own');
    assert.ok(trace.entries[1].lineage.length > 0);
    const plain = (await run('trace', '1:4')).stdout;
    assert.match(plain, /replaced by .+-1-3v2: the row was edited \(sex, family\) by ana, .+: the clinic called/);
    assert.match(plain, /family +edited/);
    assert.match(plain, /ana +rowEdited +.*reason: the clinic called/);
    assert.doesNotMatch(plain, /Newmarker/i);
  });

  await t.test('what was delivered is edited only with --again', async () => {
    assert.match((await edit('1:2', '--set', 'given=Eva')).stderr, /was delivered in entry registry: say --again/);
    const shown = await run('edit', '1:2', '--set', 'given=Eva', '--again', '--bodies', '--reason', 'to see');
    assert.match(shown.stdout, /it was delivered on \d{4}-.+: registry gets it once more/);
    assert.match(shown.stdout, /PID-5: "OLDMARKER\^ANA" -> "OLDMARKER\^EVA"/);
    assert.equal((await edit('1:2', '--set', 'given=Eva', '--again')).code, 0);
    await untilCounts({ delivered: 3, filtered: 1 });
    assert.match((await edit('1:3', '--set', 'family=Roe')).stderr, /is filtered in entry registry/);
  });

  await engine.stop();

  await t.test('without an engine: values from standard input and a file, kept for the next engine', async (inner) => {
    const path = await production.file('values.yaml', 'given: Mia\nborn: 1992-02-05\n');
    const ran = await edit('1:5', '--from', path, '--again', production.config);
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /The engine does not run; it goes on with it at its next start/);
    assert.deepEqual(countsOf(production), { delivered: 2, filtered: 1, queued: 1 });
    const more = await edit('1:5', '--set', 'family=Third', production.config);
    assert.equal(more.code, 0, more.stderr);
    const [, , third] = (await json('trace', '1:5', '--bodies')).entries;
    assert.match(third.body, /THIRD\^MIA/, 'the first edit is not lost by the second');
    assert.deepEqual(countsOf(production), { delivered: 2, filtered: 1, queued: 1 });
    const next = await startEngine(inner, production, { url: receiver.url });
    await untilCounts({ delivered: 3, filtered: 1 });
    await next.stop();
  });

  await t.test('a whole message, from a file and in an editor', async (inner) => {
    const [, { body }] = (await json('trace', '1:2', '--bodies')).entries;
    const whole = async (text: string, ...args: string[]) =>
      edit(
        `${instance}-1-1`,
        '--file',
        await production.file('message.hl7', text),
        '--again',
        production.config,
        ...args,
      );
    assert.match((await whole('{}')).stderr, /it does not begin with MSH.+\(EDIT_REFUSED\)/s);
    assert.match((await whole(`${body}${body}`)).stderr, /holds 2 messages/);
    assert.match((await whole(body.replace(/PID\|/, 'PID\u0001|'))).stderr, /EDIT_REFUSED/);
    assert.match((await whole(body)).stderr, /EDIT_CHANGES_NOTHING/);
    const ran = await whole(body.replaceAll('\r', '\n').replace('OLDMARKER', 'FILEMARKER'));
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /it differs in:\n {6}PID-5\n/);
    assert.match(ran.stdout, /its control id is the same/);
    assert.doesNotMatch(ran.stdout, /MARKER/);
    const editor = await production.file('editor.sh', '#!/bin/sh\nsed -i s/FILEMARKER/EDITMARKER/ "$1"\n');
    await chmod(editor, 0o700);
    const edited = await waybill(
      ['edit', `${instance}-1-1v3`, '--editor', '--reason', 'x', '--yes', '--data', production.data, production.config],
      {
        cwd: production.root,
        env: { REGISTRY_URL: receiver.url, REGISTRY_USER: 'user', REGISTRY_FACILITY: 'facility', VISUAL: editor },
      },
    );
    assert.equal(edited.code, 0, edited.stderr);
    assert.match((await edit(`${instance}-1-1v2`, '--file', editor)).stderr, /EDIT_VERSION/);
    const { entries } = await json('trace', `${instance}-1-1`, '--bodies');
    assert.match(entries.at(-1).body, /EDITMARKER/);
    assert.ok(!entries.at(-1).body.includes('\n'), 'segments end with CR');
    const next = await startEngine(inner, production, { url: receiver.url });
    await untilCounts({ delivered: 3, filtered: 1 });
    assert.doesNotMatch(next.log(), /MARKER|marker/, 'no value in the log');
    await next.stop();
  });

  await t.test(
    'what was delivered is sent again on purpose: the same bytes, after it was said what that means',
    async (inner) => {
      const again = (...args: string[]) =>
        run('resend', `${instance}-1-3`, '--again', '--reason', 'they lost it', ...args);
      const shown = await again();
      assert.match(shown.stdout, /takes the place of .+-1-3v2, which is delivered, and goes to registry/);
      assert.match(
        shown.stdout,
        /gets it once more\n {4}its control id is the same: .+\n {4}the same bytes\nNothing was changed/,
      );
      const next = await startEngine(inner, production, { url: receiver.url });
      const ran = await again('--yes', '--json');
      assert.deepEqual(JSON.parse(ran.stdout).versions[0].message, `${instance}-1-3v3`);
      await untilCounts({ delivered: 3, filtered: 1 });
      const { entries } = await json('trace', '1:4', '--bodies');
      assert.deepEqual(
        entries.map(({ state }: { state: string }) => state),
        ['replaced', 'replaced', 'delivered'],
      );
      assert.equal(entries[2].body, entries[1].body);
      assert.equal(entries[1].replacedBy.kind, 'sentAgain');
      await next.stop();
    },
  );

  await t.test('the ledger holds, and no event has a value', async () => {
    const verified = await run('verify');
    assert.equal(verified.code, 0, verified.stdout);
    const events = askLedger(production, 'events', { submission: 1, limit: 50 });
    assert.ok(events.filter(({ what }) => what === 'rowEdited').length >= 4);
    assert.doesNotMatch(JSON.stringify(events), /marker/i);
  });

  await t.test('a wrong line says so, without a value', async () => {
    const lines = [
      ['1:4', '--set', 'Newmarker'],
      ['1:4'],
      ['1:4', '--set', 'sex=male', '--editor'],
      ['1:99', '--set', 'sex=male'],
    ];
    for (const [target = '', ...args] of lines) {
      const ran = await edit(target, ...args);
      assert.ok(ran.code === 2 || ran.code === 5, `${ran.code}: ${ran.stderr}`);
      assert.doesNotMatch(ran.stderr, /Newmarker/);
    }
  });
});

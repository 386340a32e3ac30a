/** Alerts of a running engine, and the command beside it: a real mail server, webhook and program. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readState } from '../../alerts/state-file.ts';
import { startEngine, untilSettled, waybill } from '../support/engine.ts';
import { dosesCsv, temporaryProduction } from '../support/production.ts';
import { startReceiver } from '../support/receiver.ts';
import { redisSkip, until } from '../support/redis.ts';
import { mailServer, webhookServer } from './support.ts';

async function rig(t: TestContext) {
  const [mail, hook] = [await mailServer(t, { disabledCommands: ['STARTTLS', 'AUTH'] }), await webhookServer(t)];
  const production = await temporaryProduction(t);
  const alerts = `alerts:
  every: 50ms
  group: 100ms
  channels:
    on-call: { type: email, host: 127.0.0.1, port: ${mail.port}, tls: none, from: w@clinic.example, to: [one@clinic.example] }
    hook: { type: webhook, url: "${hook.url}" }
    program: { type: command, command: [./notify.sh] }
  rules:
    - { name: stopped, when: { stopped: {} }, channels: [on-call, hook], severity: critical }
    - { name: rejected, when: { rejectedRows: { overPercent: 10 } }, channels: [program] }
    - { name: disk, when: { disk: { below: 1KB } }, channels: [hook] }

routes:
`;
  await production.edit('production.yaml', 'routes:\n', alerts);
  const program = join(production.config, 'notify.sh');
  await writeFile(program, '#!/bin/sh\ncat > alert.part && mv alert.part alert.json\n');
  await chmod(program, 0o755);
  const run = (...args: readonly string[]) =>
    waybill(['alerts', production.config, '--data', production.data, ...args], { cwd: production.root });
  return { mail, hook, production, run, alert: join(production.config, 'alert.json') };
}

test('a destination that stops and goes on, rows that are rejected', { skip: redisSkip() }, async (t) => {
  const { mail, hook, production, run, alert } = await rig(t);
  const receiver = await startReceiver(t, { credentials: { password: 'another' } });
  await production.drop('doses-1.csv', `${dosesCsv(3)}S9999,Markerfamily,Person,1990-01-01,wrong,207,2024-04-01\n`);
  const engine = await startEngine(t, production, { url: receiver.url });

  await t.test('everybody is told', async () => {
    await until(
      'mail, webhook and program',
      () => mail.mails.length === 1 && hook.posted.length === 1 && existsSync(alert),
    );
    assert.match(
      mail.mails[0]?.text ?? '',
      /^Subject: \[waybill\] CRITICAL small-clinic: The destination registry has been/m,
    );
    assert.equal(JSON.parse(hook.posted[0]?.body ?? '').alerts[0].rule, 'stopped');
    const rejected = JSON.parse(await readFile(alert, 'utf8'));
    assert.match(rejected.summary, /1 of 4 rows \(25 %\) of submission \w{4}-1 of service drop were rejected\./);
  });

  await t.test('the command says what was told', async () => {
    const told = () => readState(production.data).state.kept.flatMap(({ told: channels }) => Object.keys(channels));
    await until('it is in the file', () => told().sort().join(' ') === 'hook on-call');
    const { stdout } = await run();
    assert.match(stdout, /told: on-call at .+, hook at /);
    assert.match(stdout, /^engine: runs\nchannel on-call \(email\): well$/m);
    assert.match(stdout, /^stopped \(critical, to on-call, hook\): a destination stopped\n {2}TOLD, since /m);
    assert.match(stdout, /^disk \(.+\): less than 1\.0 KB left on the disk of the data folder\n {2}nothing$/m);
    assert.equal((await run('--dry-run')).stdout, 'Nothing would be sent now.\n');
    const json = JSON.parse((await run('--json')).stdout);
    assert.deepEqual(
      json.rules.map(({ seen }: { seen: { level: string }[] }) => seen.map(({ level }) => level)),
      [['told'], [], []],
    );
  });

  await t.test('a restart says nothing again; its end is told once', async () => {
    await engine.stop();
    assert.match((await run()).stdout, /^engine: does not run, so nobody is told/m);
    const mended = await startReceiver(t);
    await startEngine(t, production, { url: mended.url });
    await untilSettled(production, 1);
    await until('the end was told', () => mail.mails.length === 2 && hook.posted.length === 2);
    assert.match(mail.mails[1]?.text ?? '', /RESOLVED: The destination registry is no longer stopped\./);
  });
  const said = [
    ...mail.mails.map(({ text }) => text),
    ...hook.posted.map(({ body }) => body),
    await readFile(alert, 'utf8'),
  ];
  assert.equal(/Marker|doses-1|Sample|another/.test(said.join('')), false);
});

test('without an engine: dry run, test of a channel, and what cannot be done', { skip: redisSkip() }, async (t) => {
  const { mail, hook, production, run, alert } = await rig(t);
  const receiver = await startReceiver(t, { credentials: { password: 'another' } });
  const engine = await startEngine(t, production, { url: receiver.url });
  await production.drop('doses-1.csv', dosesCsv(2));
  await until('it was told', () => hook.posted.length === 1 && mail.mails.length === 1);
  await engine.stop();

  await rm(join(production.data, 'alerts.json'));

  const dry = await run('--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^To on-call \(critical\), not sent:\n {2}Production small-clinic on /);
  assert.match(
    dry.stdout,
    /^To hook \(critical\), not sent:\n[\s\S]+ {2}CRITICAL: The destination registry has been stopped/m,
  );
  assert.equal(JSON.parse((await run('--dry-run', '--json')).stdout).messages.length, 2);
  assert.deepEqual(
    [mail.mails.length, hook.posted.length, existsSync(join(production.data, 'alerts.json'))],
    [1, 1, false],
  );

  assert.match((await run('--test', 'on-call')).stdout, /^on-call \(email\) was told\.$/m);
  assert.match(mail.mails[1]?.text ?? '', /^small-clinic: a test of the channel on-call; nothing is wrong\.\r$/m);
  assert.equal((await run('--test', 'program')).code, 0);
  assert.equal(JSON.parse(await readFile(alert, 'utf8')).kind, 'test');
  hook.answer = 500;
  const refused = await run('--test', 'hook');
  assert.deepEqual([refused.code, refused.stderr], [5, 'The webhook answered HTTP 500. (ALERT_REFUSED)\n']);
  assert.match((await run('--test', 'on-cal')).stderr, /did you mean on-call\? \(ALERT_CHANNEL_UNKNOWN\)/);
  await production.edit('production.yaml', 'alerts:', 'alertz:');
  assert.equal((await run()).code, 3);
});

test('a production without alerts says so', async (t) => {
  const production = await temporaryProduction(t);
  const ran = await waybill(['alerts', production.config, '--data', production.data], { cwd: production.root });
  assert.deepEqual([ran.code, /ALERTS_MISSING/.test(ran.stderr)], [5, true]);
});

/** `alerts` in production.yaml: what it comes to, and one mistake at a time. */
import assert from 'node:assert/strict';
import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { alertProblems } from '../../alerts/check.ts';
import { formatProblem, loadProduction } from '../../engine/config/load.ts';
import { loadAdapters, PROJECT_FOLDER } from '../../engine/registry.ts';
import { temporaryFolder } from '../support/redis.ts';

const SECRET = 'marker-of-a-password';
const ENV = {
  PHARMACY_URL: 'https://registry.example.org/iis',
  PHARMACY_USER: 'user',
  PHARMACY_PASSWORD: 'correct-horse',
  PHARMACY_ID: 'PH77',
  SMTP_URL: `smtps://me:${SECRET}%21@mail.example.org`,
  TOKEN: SECRET,
};

const SOUND = `
alerts:
  group: 1m
  channels:
    mail:
      type: email
      url: "\${env:SMTP_URL}"
      from: waybill@clinic.example
      to: [one@clinic.example]
      quiet: [{ days: [saturday, sunday], from: "22:00", to: "06:00" }]
    relay:
      type: email
      host: localhost
      port: 25
      tls: none
      from: waybill@clinic.example
      to: [one@clinic.example]
    hook:
      type: webhook
      url: https://hooks.example.org/a
      headers: { Authorization: "\${env:TOKEN}" }
      signature: "\${env:TOKEN}"
    program:
      type: command
      command: [./notify.sh, --now]
      timeLimit: 10s
  rules:
    - name: stopped
      when: { stopped: { for: 5m, destinations: [registry] } }
      channels: [mail, hook]
      severity: critical
      repeat: never
    - name: late
      when: { oldestMessage: { olderThan: 1h } }
      channels: [relay]
    - name: doubt
      when: { inDoubt: { for: 10m, messages: 5 } }
      channels: [relay]
    - name: rejected
      when: { rejectedRows: { overPercent: 5, minRows: 20, services: [counter] } }
      channels: [program]
    - name: disk-share
      when: { disk: { below: 10% } }
      channels: [program]
    - name: disk-size
      when: { disk: { below: 5GB } }
      channels: [program]
    - name: certificates
      when: { certificate: { endsWithin: 30d } }
      channels: [mail]
    - name: failed
      when: { event: { name: batchFailed, times: 3, within: 1h, destinations: [registry] } }
      channels: [mail]
      resolved: false
    - name: redis
      when: { redisAway: { for: 1m } }
      channels: [mail]
    - name: ledger
      when: { cannotStore: {} }
      channels: [mail]
`;

async function load(t: TestContext, change: (alerts: string) => string = (text) => text) {
  const folder = join(await temporaryFolder(t), 'config');
  await cp(join(PROJECT_FOLDER, 'test', 'productions', 'mistakes'), folder, { recursive: true });
  const file = join(folder, 'production.yaml');
  await writeFile(file, `${await readFile(file, 'utf8')}${change(SOUND)}`);
  const loaded = await loadProduction(folder, await loadAdapters(), { env: ENV });
  const lines = loaded.problems.map(formatProblem);
  assert.equal(lines.join('\n').includes(SECRET), false);
  return { ...loaded, folder, lines };
}

test('the settings, with every default', async (t) => {
  const { production, lines } = await load(t);
  assert.deepEqual(lines, []);
  const { alerts } = production ?? assert.fail('not loaded');
  assert.deepEqual([alerts?.every, alerts?.group], [10_000, 60_000]);
  const { mail, relay, hook, program } = alerts?.channels ?? {};
  const people = { type: 'email', from: 'waybill@clinic.example', to: ['one@clinic.example'] };
  const timeZone = 'America/Chicago';
  assert.deepEqual(JSON.parse(JSON.stringify(mail)), {
    ...people,
    host: 'mail.example.org',
    port: 465,
    tls: 'implicit',
    credentials: { username: 'me', password: `${SECRET}!` },
    quiet: [{ days: [6, 0], from: 1320, to: 360, timeZone }],
    timeLimit: 30_000,
  });
  assert.deepEqual(JSON.parse(JSON.stringify(relay)), {
    ...people,
    host: 'localhost',
    port: 25,
    tls: 'none',
    quiet: [],
    timeLimit: 30_000,
  });
  assert.deepEqual(JSON.parse(JSON.stringify(hook)), {
    type: 'webhook',
    url: 'https://hooks.example.org/a',
    headers: { Authorization: SECRET },
    signature: SECRET,
    quiet: [],
    timeLimit: 30_000,
  });
  assert.deepEqual(program?.type === 'command' && [program.command, program.timeLimit], [
    ['./notify.sh', '--now'],
    10_000,
  ]);
  const rules = JSON.parse(JSON.stringify(alerts?.rules));
  assert.deepEqual(rules[0], {
    name: 'stopped',
    when: { kind: 'stopped', for: 300_000, destinations: ['registry'] },
    channels: ['mail', 'hook'],
    severity: 'critical',
    repeat: 'never',
    resolved: true,
  });
  assert.deepEqual(rules.map(({ when }: { when: unknown }) => when).slice(1), [
    { kind: 'oldestMessage', olderThan: 3_600_000, destinations: [] },
    { kind: 'inDoubt', for: 600_000, messages: 5, destinations: [] },
    { kind: 'rejectedRows', overPercent: 5, minRows: 20, services: ['counter'] },
    { kind: 'disk', below: { percent: 10 } },
    { kind: 'disk', below: { bytes: 5e9 } },
    { kind: 'certificate', endsWithin: 2_592_000_000, receivers: true },
    { kind: 'event', name: 'batchFailed', times: 3, within: 3_600_000, destinations: ['registry'] },
    { kind: 'redisAway', for: 60_000 },
    { kind: 'cannotStore', for: 0 },
  ]);
});

/** What is wrong, the text, the mistake in its place, and what is said of it: path, code, and the cure or what is expected. */
const MISTAKES: readonly (readonly [string, string, string, RegExp])[] = [
  [
    'an unknown channel',
    'channels: [relay]',
    'channels: [relais]',
    /rules\[1\]\.channels\[0\]: found relais, expected relay.+\(UNKNOWN_CHANNEL\)/,
  ],
  [
    'an unknown event',
    'name: batchFailed',
    'name: batchFaild',
    /rules\[7\]\.when\.event\.name: found batchFaild.+write batchFailed \(NOT_ALLOWED\)/,
  ],
  [
    'an unknown destination',
    'destinations: [registry] } }\n      channels: [mail, hook]',
    'destinations: [registri] } }\n      channels: [mail, hook]',
    /when\.stopped\.destinations\[0\]: .+expected registry.+\(UNKNOWN_DESTINATION\)/,
  ],
  [
    'an unknown service',
    'services: [counter]',
    'services: [conter]',
    /when\.rejectedRows\.services\[0\]: .+write counter \(UNKNOWN_SERVICE\)/,
  ],
  [
    'an unknown condition',
    'oldestMessage:',
    'oldestMesage:',
    /when\.oldestMesage: .+write oldestMessage \(UNKNOWN_KEY\)/,
  ],
  [
    'two conditions',
    '{ cannotStore: {} }',
    '{ cannotStore: {}, redisAway: {} }',
    /rules\[9\]\.when: found cannotStore and redisAway, expected exactly one .+\(ALERT_CONDITION\)/,
  ],
  ['no condition', '{ cannotStore: {} }', '{}', /rules\[9\]\.when: found no condition.+\(ALERT_CONDITION\)/],
  ['a name twice', 'name: ledger', 'name: redis', /rules\[9\]\.name: found redis again.+\(ALERT_RULE_TWICE\)/],
  ['a share that is none', 'below: 10%', 'below: ten', /when\.disk\.below: found ten/],
  [
    'a severity that is none',
    'severity: critical',
    'severity: critcal',
    /severity: found critcal.+write critical \(NOT_ALLOWED\)/,
  ],
  [
    'a type of channel that is none',
    'type: webhook',
    'type: webhok',
    /hook\.type: found webhok.+write webhook \(NOT_ALLOWED\)/,
  ],
  [
    'two mail servers',
    `url: "\${env:SMTP_URL}"`,
    `url: "\${env:SMTP_URL}"\n      host: localhost`,
    /channels\.mail: found both.+\(ALERT_MAIL_SERVER\)/,
  ],
  [
    'no mail server',
    'host: localhost\n      port: 25',
    'port: 25',
    /channels\.relay: found neither.+\(ALERT_MAIL_SERVER\)/,
  ],
  [
    'a password in the clear',
    `url: "\${env:SMTP_URL}"`,
    `url: "\${env:SMTP_URL}"\n      tls: none`,
    /mail\.tls: found a password in the clear.+\(ALERT_NOT_ENCRYPTED\)/,
  ],
  [
    'a secret in the file',
    `signature: "\${env:TOKEN}"`,
    'signature: swordfish',
    /hook\.signature: found a secret in the file itself.+\(SECRET_IN_FILE\)/,
  ],
  ['an address of a webhook with a user', 'https://hooks', 'https://me:pw@hooks', /hook\.url: .+\(BAD_TEXT\)/],
  [
    'no address to write to',
    'to: [one@clinic.example]\n      quiet',
    'to: []\n      quiet',
    /mail\.to: .+\(BAD_LIST\)/,
  ],
  ['a time that is none', '"22:00"', '"24:00"', /quiet\[0\]\.from: .+\(BAD_TEXT\)/],
];

for (const [title, text, mistake, expected] of MISTAKES) {
  test(`a mistake: ${title}`, async (t) => {
    const { production, lines } = await load(t, (sound) => {
      assert.ok(sound.includes(text), text);
      return sound.replace(text, () => mistake);
    });
    assert.equal(production, undefined);
    assert.match(lines.join('\n'), expected);
    assert.equal(lines.length, 1, lines.join('\n'));
  });
}

test('warnings: a channel that nothing uses, and plain http or mail to another machine', async (t) => {
  const { production, lines } = await load(t, (sound) =>
    sound
      .replace('https://hooks', 'http://hooks')
      .replace('host: localhost', 'host: mail.example.org')
      .replaceAll('[program]', '[mail]'),
  );
  assert.ok(production);
  assert.deepEqual(
    lines.map((line) => /(\S+): .+\((\w+)\)$/.exec(line)?.slice(1)),
    [
      ['alerts.channels.relay.tls', 'ALERT_NOT_ENCRYPTED'],
      ['alerts.channels.hook.url', 'ALERT_NOT_ENCRYPTED'],
      ['alerts.channels.program', 'UNUSED'],
    ],
  );
});

test('check: a program that is not there or may not be run, a CA that is none', async (t) => {
  const { production, folder } = await load(t, (sound) =>
    sound.replace('signature:', `ca: "\${env:TOKEN}"\n      signature:`),
  );
  const found = async () => (await alertProblems(production ?? assert.fail('not loaded'))).map(formatProblem);
  const [ca, missing, ...more] = await found();
  assert.match(ca ?? '', /alerts\.channels\.hook\.ca: found no certificate that can be read.+\(ALERT_CERTIFICATE\)/);
  assert.match(missing ?? '', /program\.command\[0\]: found \.\/notify\.sh, .+\(ALERT_COMMAND_NOT_FOUND\)/);
  assert.equal(more.length, 0);
  await writeFile(join(folder, 'notify.sh'), '#!/bin/sh\n');
  assert.equal((await found()).length, 2);
  await chmod(join(folder, 'notify.sh'), 0o755);
  assert.equal((await found()).length, 1);
  const path = await load(t, (sound) => sound.replace('./notify.sh', 'sh'));
  assert.deepEqual(await alertProblems(path.production ?? assert.fail('not loaded')), []);
});

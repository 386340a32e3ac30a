/** Real programs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tell } from '../../../alerts/channels/index.ts';
import { testMessage } from '../../../alerts/message.ts';
import type { CommandChannel } from '../../../engine/contracts/alerts.ts';
import { sendSignal, temporaryFolder, until } from '../../support/redis.ts';
import { NOW } from '../support.ts';

const MESSAGE = testMessage({ production: 'clinic', timeZone: 'UTC', channel: 'a', now: NOW });

function command(...words: readonly string[]): CommandChannel {
  return { type: 'command', command: words, quiet: [], timeLimit: 20_000 };
}

async function program(t: TestContext, text: string) {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'notify.sh'), `#!/bin/sh\n${text}\n`);
  await chmod(join(folder, 'notify.sh'), 0o755);
  const run = (channel: CommandChannel, signal = new AbortController().signal) =>
    tell(channel, MESSAGE, { folder }, signal);
  return { folder, run, read: (file: string) => readFile(join(folder, file), 'utf8') };
}

test('the alert on standard input, arguments as they are, no shell, no secrets of the environment', async (t) => {
  process.env.WAYBILL_TEST_SECRET = 'a secret';
  t.after(() => {
    delete process.env.WAYBILL_TEST_SECRET;
  });
  const { run, read } = await program(t, 'cat > alert.json; printf "%s\\n" "$@" > words; env > environment');
  await run(command('./notify.sh', '$(id)', 'a b', '; echo'));
  assert.deepEqual(JSON.parse(await read('alert.json')), MESSAGE);
  assert.equal(await read('words'), '$(id)\na b\n; echo\n');
  assert.equal((await read('environment')).includes('a secret'), false);
});

test('a program on the PATH that does not read its input', async (t) => {
  const { run } = await program(t, '');
  await run(command('true'));
  await assert.rejects(run(command('false')), { code: 'ALERT_COMMAND_FAILED', message: /exit code 1\.$/ });
});

test('a program that is not there, or may not be run', async (t) => {
  const { run, folder } = await program(t, '');
  await assert.rejects(run(command('./missing.sh')), { code: 'ALERT_COMMAND_NOT_FOUND', message: /ENOENT/ });
  await writeFile(join(folder, 'plain.txt'), 'text');
  await assert.rejects(run(command('./plain.txt')), { code: 'ALERT_COMMAND_NOT_FOUND', message: /EACCES/ });
});

test('over its time it is ended with all that it started, even where it does not listen', async (t) => {
  const { run, read } = await program(t, 'trap "" TERM; sleep 600 & echo $! > pid; wait; wait');
  const ending = new AbortController();
  const told = run(command('./notify.sh'), ending.signal);
  await until('it has started', () =>
    read('pid').then(
      (text) => text.endsWith('\n'),
      () => false,
    ),
  );
  const child = Number(await read('pid'));
  assert.equal(sendSignal(child, 0), true);
  ending.abort();
  await assert.rejects(told, { code: 'ALERT_TIMED_OUT' });
  await until('the child is gone', () => !alive(child));
});

test('the time limit of the channel counts', async (t) => {
  const { run } = await program(t, '');
  await assert.rejects(run({ ...command('sleep', '600'), timeLimit: 50 }), {
    code: 'ALERT_TIMED_OUT',
    message: /50 ms/,
  });
});

test('what cannot be ended, since it runs as another user, neither ends us nor is waited for', async (t) => {
  const { run } = await program(t, '');
  let started = 0;
  const mocked = t.mock.method(process, 'kill', (pid: number) => {
    started = -pid;
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  });
  t.after(() => sendSignal(started, 'SIGKILL'));
  await assert.rejects(run({ ...command('sleep', '600'), timeLimit: 50 }), { code: 'ALERT_TIMED_OUT' });
  assert.equal(mocked.mock.callCount(), 2);
  mocked.mock.restore();
  assert.equal(alive(started), true);
});

/** False also for a process that has ended and that nobody has waited for. */
function alive(pid: number): boolean {
  return sendSignal(pid, 0) && !isZombie(pid);
}

function isZombie(pid: number): boolean {
  return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

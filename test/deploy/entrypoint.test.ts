/** What the image starts: secrets from files, then the program itself in its place. */
import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { temporaryFolder } from '../support/redis.ts';
import { ran } from './support.ts';

const SCRIPT = join(PROJECT_FOLDER, 'deploy', 'entrypoint.sh');

/** Runs the script with a `waybill` that says what it was given. */
async function start(t: TestContext, files: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const folder = await temporaryFolder(t, 'waybill-entry-');
  await mkdir(join(folder, 'bin'));
  await writeFile(
    join(folder, 'bin', 'waybill'),
    '#!/bin/sh\necho "arguments: $*"\nenv | grep "^MADE_UP" | sort\nexit 7\n',
  );
  await chmod(join(folder, 'bin', 'waybill'), 0o755);
  const env: Record<string, string> = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, WAYBILL_SECRETS: folder };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
    env[`${name}_FILE`] = join(folder, name);
  }
  return { folder, env, run: (more: Readonly<Record<string, string>> = {}) => ran(SCRIPT, args, { ...env, ...more }) };
}

test('each NAME_FILE becomes NAME, without the last line end; the others stay', async (t) => {
  const secret = 'a "b" $HOME `id` \\ c';
  const { run } = await start(t, { MADE_UP_SECRET: `${secret}\n`, MADE_UP_URL: 'redis://x' }, ['run', '/production']);
  const { status, output } = run({ MADE_UP_PLAIN: 'stays' });
  assert.equal(
    output,
    `arguments: run /production\nMADE_UP_PLAIN=stays\nMADE_UP_SECRET=${secret}\nMADE_UP_URL=redis://x\n`,
  );
  assert.equal(status, 7, 'its end is the end of the program');
});

test('a file that is missing or empty ends it, with the name of the variable', async (t) => {
  const { run, folder } = await start(t, { MADE_UP_EMPTY: '' });
  const empty = run();
  assert.equal(empty.status, 3);
  assert.match(empty.output, /MADE_UP_EMPTY_FILE names .*, which cannot be read or is empty/);
  const missing = run({ MADE_UP_EMPTY_FILE: join(folder, 'no-such-file') });
  assert.equal(missing.status, 3);
  assert.ok(!missing.output.includes('arguments:'));
});

test('a file elsewhere is no secret, and its variable is left as it is', async (t) => {
  const { run } = await start(t, {});
  const { output } = run({ MADE_UP_CERT_FILE: '/etc/ssl/no-such.pem' });
  assert.equal(output, 'arguments: \nMADE_UP_CERT_FILE=/etc/ssl/no-such.pem\n');
});

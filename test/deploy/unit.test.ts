/** The systemd unit: systemd itself finds nothing wrong with it, and what it names exists here. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EXIT } from '../../cli/command.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { DEFAULT_LIMITS } from '../../operations/soap/config.ts';
import { temporaryFolder } from '../support/redis.ts';
import { projectText } from '../support/source-files.ts';
import { needsProgram, ran, seconds, variablesOfProgram } from './support.ts';

const UNIT = projectText('deploy/waybill.service');
const HOME = '/opt/waybill';
/** The slowest call of a destination that says nothing else, in seconds. */
const SLOWEST_CALL = DEFAULT_LIMITS.total / 1000;
/** Of 100, as `systemd-analyze security` counts exposure; a unit without any hardening has 96. */
const MOST_EXPOSURE = 25;

const lines = UNIT.split('\n').filter((line) => /^\w+=/.test(line));
const values = (key: string) =>
  lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
const value = (key: string) => {
  const [only, ...others] = values(key);
  assert.ok(only !== undefined && others.length === 0, `${key} once`);
  return only;
};

/** The unit as it would be on this machine: with the Node and the folder of this project. */
async function here(t: TestContext, change = (text: string) => text): Promise<string> {
  const folder = await temporaryFolder(t, 'waybill-unit-');
  const path = join(folder, 'waybill.service');
  await writeFile(path, change(UNIT.replaceAll('/usr/bin/node', process.execPath).replaceAll(HOME, PROJECT_FOLDER)));
  return path;
}

test('systemd finds nothing wrong with it', needsProgram('systemd-analyze'), async (t) => {
  assert.deepEqual(ran('systemd-analyze', ['verify', await here(t)]), { status: 0, output: '' });
});

test('systemd would find a key that it does not know', needsProgram('systemd-analyze'), async (t) => {
  const path = await here(t, (text) => text.replace('ProtectSystem=', 'ProtectSytem='));
  assert.match(ran('systemd-analyze', ['verify', path]).output, /Unknown key.*ProtectSytem/);
});

test('it is closed off as far as systemd can measure', needsProgram('systemd-analyze'), async (t) => {
  const args = ['security', '--offline=true', `--threshold=${MOST_EXPOSURE}`, '--no-pager', await here(t)];
  const { status, output } = ran('systemd-analyze', args);
  assert.equal(status, 0, output);
  const bare = await here(t, (text) => text.replace(/^(?!\[|ExecStart|Type).*\n/gm, ''));
  assert.notEqual(ran('systemd-analyze', [...args.slice(0, -1), bare]).status, 0);
});

test('what it starts is there, and is a command', () => {
  const [node, file, command = '', production, ...others] = value('ExecStart').split(' ');
  assert.equal(node, '/usr/bin/node');
  assert.ok(file?.startsWith(`${HOME}/`) && existsSync(join(PROJECT_FOLDER, file.slice(HOME.length))));
  assert.ok(Object.hasOwn(COMMANDS, command));
  assert.equal(production, '/etc/waybill/production');
  assert.deepEqual(others, []);
  const page = value('Documentation').replace(`file://${HOME}/`, '');
  assert.ok(existsSync(join(PROJECT_FOLDER, page)), page);
});

test('the data folder and the cache are those that systemd makes', () => {
  const given = Object.fromEntries(values('Environment').map((line) => line.split('=')));
  assert.deepEqual(given, {
    WAYBILL_DATA: `/var/lib/${value('StateDirectory')}`,
    NODE_COMPILE_CACHE: `/var/cache/${value('CacheDirectory')}`,
  });
  const known = variablesOfProgram();
  for (const name of Object.keys(given)) assert.ok(known.has(name), `nothing reads ${name}`);
  assert.equal(value('StateDirectoryMode'), '0700');
});

test('it stops as the engine stops, and is started again only where that can help', () => {
  assert.equal(value('KillSignal'), 'SIGTERM');
  assert.equal(value('KillMode'), 'mixed');
  assert.ok(seconds(value('TimeoutStopSec')) > SLOWEST_CALL);
  assert.equal(value('Restart'), 'on-failure');
  assert.deepEqual(value('RestartPreventExitStatus').split(' ').map(Number), [
    EXIT.usage.code,
    EXIT.configuration.code,
  ]);
});

test('what must be off for the compiler of JavaScript is off', () => {
  assert.deepEqual(values('MemoryDenyWriteExecute'), []);
});

/** `waybill partner`, as a process and, since that takes long, mostly in this one; and a listener that reads what it wrote. */
import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseArgs } from 'node:util';
import { parseOptions } from '../../cli/command.ts';
import { partner } from '../../cli/commands/partner.ts';
import { codeOf, messageOf } from '../../engine/errors.ts';
import { waybill } from '../support/engine.ts';
import { basic, bearer, testListener } from '../support/listener.ts';
import { temporaryProduction } from '../support/production.ts';

const KEY = /^wb_clinic-a-[a-z0-9]{6}_[A-Za-z0-9_-]{43}\n$/;

interface Said {
  readonly stdout: string;
  readonly stderr: string;
  /** Of what was thrown. */
  readonly code: string | undefined;
}

/** Runs the command as `cli/main.ts` does. */
async function run(...args: readonly string[]): Promise<Said> {
  const said = { stdout: '', stderr: '' };
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: parseOptions(partner),
      allowPositionals: true,
    });
    await partner.run({
      flags: values as Record<string, string | boolean | undefined>,
      words: positionals,
      print: (line) => {
        said.stdout += `${line}\n`;
      },
      tell: (line) => {
        said.stderr += `${line}\n`;
      },
    });
    return { ...said, code: undefined };
  } catch (error) {
    return { ...said, stderr: messageOf(error), code: codeOf(error) };
  }
}

async function rig(t: TestContext) {
  const production = await temporaryProduction(t);
  const { config } = production;
  const json = async (...args: string[]) => JSON.parse((await run(...args, config, '--json')).stdout);
  const made = await testListener(t, { production: { name: 'small', folder: config } });
  made.listener.forService('drop').mount(async (scope) => {
    scope.get('/who', () => ({}));
  });
  const { send } = await made.open();
  const status = async (headers: Record<string, string>) => (await send('/who', { headers })).status;
  return { production, config, json, status, file: join(config, 'partners', 'clinic-a.yaml') };
}

test('a partner is made, given a new key, and removed; a running listener knows at once', async (t) => {
  const { production, config, json, status, file } = await rig(t);
  const added = await waybill(['partner', 'add', 'clinic-a', '--note', 'nightly job'], { cwd: production.root });
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stdout, KEY, 'standard output is the key alone');
  assert.match(added.stderr, /shown once and kept nowhere/);
  const key = added.stdout.trim();
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const secret = key.slice(-43);
  for (const name of await readdir(config, { recursive: true, withFileTypes: true }))
    if (name.isFile())
      assert.ok(
        !(await readFile(join(name.parentPath, name.name), 'utf8')).includes(secret),
        'the key is kept nowhere',
      );
  assert.equal(await status(bearer(key)), 200);

  const again = await run('add', 'clinic-a', config);
  assert.equal(again.code, 'PARTNER_EXISTS');
  assert.match(again.stderr, /waybill partner rotate clinic-a/);
  assert.equal(await status(bearer(key)), 200);

  const rotated = await run('rotate', 'clinic-a', config);
  assert.match(rotated.stdout, KEY);
  assert.match(rotated.stderr, /--finish/);
  const second = rotated.stdout.trim();
  assert.deepEqual([await status(bearer(key)), await status(bearer(second))], [200, 200]);

  const third = await json('rotate', 'clinic-a', '--note', 'third');
  assert.deepEqual([third.partner, third.kind, third.note], ['clinic-a', 'apiKey', 'third']);
  assert.deepEqual(
    [await status(bearer(key)), await status(bearer(second)), await status(bearer(third.key))],
    [401, 200, 200],
    'two at once, not three',
  );

  assert.match(
    (await run('rotate', 'clinic-a', config, '--finish')).stdout,
    /^1 earlier credential of clinic-a ended\.$/m,
  );
  assert.deepEqual([await status(bearer(second)), await status(bearer(third.key))], [401, 200]);

  const password = (await run('rotate', 'clinic-a', config, '--now', '--basic')).stdout.trim();
  assert.deepEqual([await status(bearer(third.key)), await status(basic('clinic-a', password))], [401, 200]);

  assert.match((await run('remove', 'clinic-a', config)).stdout, /is removed/);
  assert.equal(await status(basic('clinic-a', password)), 401);
  assert.equal((await run('remove', 'clinic-a', config)).code, 'PARTNER_UNKNOWN');
});

test('a partner of some services, by Basic; and the list', async (t) => {
  const { config, json, status } = await rig(t);
  assert.match((await run('list', config)).stdout, /There is no partner yet/);
  const { username, password } = await json('add', 'clinic-b', '--basic', '--services', 'drop');
  assert.equal(username, 'clinic-b');
  assert.equal(await status(basic(username, password)), 200);
  const wrong = await run('add', 'clinic-c', config, '--services', 'drop,dorp');
  assert.equal(wrong.code, 'PARTNER_SERVICE_UNKNOWN');
  assert.match(wrong.stderr, /did you mean drop\?/);
  await run('add', 'clinic-a', config);
  await writeFile(join(config, 'partners', 'broken.yaml'), 'partner: [');
  const { partners } = await json('list');
  assert.deepEqual(
    partners.map(({ partner, sound }: { partner: string; sound: boolean }) => [partner, sound]),
    [
      ['broken', false],
      ['clinic-a', true],
      ['clinic-b', true],
    ],
  );
  assert.deepEqual(partners[2].services, ['drop']);
  const plain = (await run('list', config)).stdout;
  assert.match(plain, /clinic-b +basic +clinic-b-[a-z0-9]{6} +\d{4}-.+to drop/);
  assert.match(plain, /broken +the file is broken/);
  assert.doesNotMatch(plain + JSON.stringify(partners), /scrypt/);
  assert.equal((await run('rotate', 'broken', config)).code, 'PARTNER_FILE_BROKEN');
});

test('what cannot be done says why', async (t) => {
  const { production, config } = await rig(t);
  const cases: readonly [readonly string[], string, RegExp][] = [
    [[], 'UNEXPECTED', /a word is missing: add, list, rotate or remove/],
    [['grant', 'x'], 'UNEXPECTED', /there is no grant/],
    [['constructor', 'x'], 'UNEXPECTED', /there is no constructor/],
    [['add'], 'UNEXPECTED', /NAME is missing/],
    [['add', 'a', 'b', 'c'], 'UNEXPECTED', /one FOLDER/],
    [['add', '../x', config], 'PARTNER_NAME', /lower-case/],
    [['add', 'Clinic A', config], 'PARTNER_NAME', /lower-case/],
    [['add', 'a', production.root], 'NOT_A_PRODUCTION', /production\.yaml/],
    [['add', 'a', config, '--services', ','], 'UNEXPECTED', /--services takes names/],
    [['rotate', 'nobody', config], 'PARTNER_UNKNOWN', /there are none/],
  ];
  for (const [args, code, says] of cases) {
    const ran = await run(...args);
    assert.equal(ran.code, code, `${args.join(' ')}: ${ran.stderr}`);
    assert.match(ran.stderr, says);
    assert.equal(ran.stdout, '');
  }
  const asked = await waybill(['partner', 'grant'], { cwd: production.root });
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /usage: waybill partner add NAME/);
});

test('check tells of broken files, and of a production that listens for nobody', async (t) => {
  const { production, config, file } = await rig(t);
  const env = { REGISTRY_URL: 'http://127.0.0.1:1/', REGISTRY_USER: 'u', REGISTRY_FACILITY: 'f' };
  const check = () => waybill(['check', config, '--data', production.data], { cwd: production.root, env });
  await production.edit('production.yaml', 'services:', 'listen: { port: 8443 }\nservices:');
  const nobody = await check();
  assert.equal(nobody.code, 0, nobody.stdout);
  assert.match(nobody.stdout, /partners:1:1: .+waybill partner add.+\(warning NO_PARTNER\)/);
  await run('add', 'clinic-a', config);
  await chmod(file, 0o620);
  await writeFile(file, (await readFile(file, 'utf8')).replace('$scrypt', 'scrypt'));
  const broken = await check();
  assert.equal(broken.code, 3);
  assert.match(broken.stdout, /PARTNER_FILE_OPEN/);
  assert.match(broken.stdout, /partners\/clinic-a\.yaml:5:\d+ credentials\[0\]\.hash: .+\(PARTNER_HASH\)/);
});

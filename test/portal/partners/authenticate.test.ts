/** Who is let in, by files on disk: rotated, changed, removed and broken ones; wrong credentials and their limits. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { newCredential } from '../../../portal/partners/credentials.ts';
import { parsePartner, partnerPath, removePartner, writePartner } from '../../../portal/partners/file.ts';
import { hashSecret, newSecret } from '../../../portal/partners/hash.ts';
import { addPartner, basic, bearer, testListener } from '../../support/listener.ts';

async function rig(t: TestContext, over: Parameters<typeof testListener>[1] = {}) {
  const made = await testListener(t, over);
  made.listener.forService('uploads').mount(async (scope) => {
    scope.get('/who', () => ({}));
  });
  const { send } = await made.open();
  const get = async (headers: Record<string, string>) => send('/who', { headers });
  return { ...made, get, status: async (headers: Record<string, string>) => (await get(headers)).status };
}

const wrong = (name: string) => bearer(`wb_${name}-abcdef_${newSecret()}`);

describe('credentials', () => {
  test('a key by either header, or a password by Basic, and nothing else', async (t) => {
    const { folder, partner, status } = await rig(t);
    const key = await partner('clinic-a');
    const password = await addPartner(folder, 'clinic-b', {}, 'basic');
    assert.equal(await status(bearer(key)), 200);
    assert.equal(await status({ 'x-api-key': key }), 200);
    assert.equal(await status(basic('clinic-b', password)), 200);
    assert.equal(await status(basic('clinic-a', password)), 401);
    assert.equal(await status(basic('clinic-a', key)), 401);
    assert.equal(await status(bearer(password)), 401);
    assert.equal(await status({ ...bearer(key), 'x-api-key': key }), 401);
  });

  test('every refusal looks the same, whatever is wrong', async (t) => {
    const { partner, get } = await rig(t);
    const key = await partner('clinic-a');
    const answers = [
      await get({}),
      await get(wrong('clinic-a')),
      await get(wrong('nobody')),
      await get(bearer(`${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`)),
      await get(bearer('nonsense')),
      await get(basic('clinic-a', 'x')),
    ];
    const parts = answers.map(({ status, body, headers }) => {
      const { date: _date, ...rest } = headers;
      return JSON.stringify([status, body, rest]);
    });
    assert.equal(answers[0]?.status, 401);
    assert.equal(new Set(parts).size, 1);
  });

  test('the event of a refused credential holds nothing of it', async (t) => {
    const { events, get } = await rig(t);
    const secret = newSecret();
    await get(bearer(`wb_clinic-a-abcdef_${secret}`));
    await get(basic('clinic-a', secret));
    const told = events.filter(({ name }) => name === 'credentialRefused');
    assert.deepEqual(told[0]?.fields, { address: '127.0.0.1', partner: 'clinic-a' });
    assert.equal(told.length, 2);
    assert.doesNotMatch(JSON.stringify(events), new RegExp(secret.slice(0, 12)));
  });

  test('two are valid while a key is rotated, and one when that is over', async (t) => {
    const { folder, partner, status } = await rig(t);
    const old = await partner('clinic-a');
    assert.equal(await status(bearer(old)), 200);
    const before = parsePartner(await readFile(partnerPath(folder, 'clinic-a'), 'utf8'), 'clinic-a').partner;
    assert.ok(before);
    const { id, secret, text } = newCredential('clinic-a', 'apiKey');
    const fresh = { kind: 'apiKey', id, hash: await hashSecret(secret), created: '2026-01-01' } as const;
    await writePartner(folder, { ...before, credentials: [...before.credentials, fresh] }, false);
    assert.deepEqual([await status(bearer(old)), await status(bearer(text))], [200, 200]);
    await writePartner(folder, { ...before, credentials: [fresh] }, false);
    assert.deepEqual([await status(bearer(old)), await status(bearer(text))], [401, 200]);
  });
});

describe('files of partners', () => {
  test('a partner that is removed is out at once, and in again when it is back', async (t) => {
    const { folder, partner, status } = await rig(t);
    const key = await partner('clinic-a');
    const file = partnerPath(folder, 'clinic-a');
    assert.equal(await status(bearer(key)), 200);
    await rename(file, `${file}.away`);
    assert.equal(await status(bearer(key)), 401);
    await rename(`${file}.away`, file);
    assert.equal(await status(bearer(key)), 200);
    assert.equal(await removePartner(folder, 'clinic-a'), true);
    assert.equal(await status(bearer(key)), 401);
    assert.equal(await removePartner(folder, 'clinic-a'), false);
  });

  test('a change in place counts at once, also when size and time of the file stay', async (t) => {
    const { folder, partner, status } = await rig(t);
    const key = await partner('clinic-a', { services: ['uploads'] });
    const file = partnerPath(folder, 'clinic-a');
    const time = new Date(1_700_000_000_000);
    await utimes(file, time, time);
    assert.equal(await status(bearer(key)), 200);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('- uploads', '- uploadz'));
    await utimes(file, time, time);
    assert.equal(await status(bearer(key)), 403);
  });

  test('a broken file lets nobody in, is told once for each change, and harms nobody else', async (t) => {
    const { folder, partner, events, status } = await rig(t, { failures: { perAddress: 1000 } });
    const [key, other] = [await partner('clinic-a'), await partner('clinic-b')];
    const file = partnerPath(folder, 'clinic-a');
    const text = await readFile(file, 'utf8');
    const broken: readonly string[] = [
      '',
      ': : :\n- [',
      '\0\0\0',
      'partner: clinic-a\n',
      text.replace('partner: clinic-a', 'partner: clinic-b'),
      text.replace('$scrypt', '$plain'),
      text.replace('kind: apiKey', 'kind: open'),
      text.replace(/id: .*/, 'id: clinic-b-abcdef'),
      `${text}everybody: true\n`,
      `${text}services: uploads\n`,
      'x'.repeat(100_000),
    ];
    for (const [index, content] of broken.entries()) {
      await writeFile(file, content);
      assert.equal(await status(bearer(key)), 401, content.slice(0, 80));
      assert.equal(await status(bearer(key)), 401);
      assert.equal(events.filter(({ name }) => name === 'partnerFileBroken').length, index + 1, content.slice(0, 80));
    }
    assert.ok(
      events.filter(({ name }) => name === 'partnerFileBroken').every(({ fields }) => fields.partner === 'clinic-a'),
    );
    assert.equal(await status(bearer(other)), 200);
    await writeFile(file, text);
    assert.equal(await status(bearer(key)), 200);
  });

  test('a folder, a pipe or a file that cannot be read is a broken file', async (t) => {
    const { folder, partner, events, status } = await rig(t);
    const key = await partner('clinic-a');
    const file = partnerPath(folder, 'clinic-a');
    await rm(file);
    await mkdir(file);
    assert.equal(await status(bearer(key)), 401);
    await rm(file, { recursive: true });
    execFileSync('mkfifo', [file]);
    assert.equal(await status(bearer(key)), 401);
    assert.equal(events.filter(({ name }) => name === 'partnerFileBroken').length, 2);
  });

  test('no name leads out of the folder', async (t) => {
    const { folder, status } = await rig(t, { failures: { perAddress: 1000 } });
    const { secret } = newCredential('a', 'apiKey');
    const credentials = [{ kind: 'apiKey', id: 'a-abcdef', hash: await hashSecret(secret), created: '2026-01-01' }];
    await writeFile(join(folder, 'a.yaml'), stringify({ partner: 'a', credentials }));
    for (const name of ['../a', '..%2fa', 'a/../../a', '/a', '.', 'A', 'a\0'])
      assert.equal(await status(basic(name, `abcdef_${secret}`)), 401);
    assert.equal(await status(bearer(`wb_../a-abcdef_${secret}`)), 401);
  });
});

describe('too many wrong credentials', () => {
  const failures = { perAddress: 3, perPartner: 5, windowMs: 60_000 };

  test('from an address: 429 with the time to wait, until that is over', async (t) => {
    const { partner, clock, events, get, status } = await rig(t, { failures });
    const key = await partner('clinic-a');
    for (let n = 0; n < 3; n += 1) assert.equal(await status(wrong(`p${n}`)), 401);
    clock.at += 20_000;
    const limited = await get(wrong('p9'));
    assert.deepEqual([limited.status, limited.headers['retry-after']], [429, '40']);
    assert.equal(limited.json().code, 'TOO_MANY_FAILURES');
    assert.equal(await status(bearer(key)), 429, 'a right one is not looked at either');
    assert.equal(await status(bearer('nonsense')), 429);
    assert.equal(await status({}), 401);
    assert.equal(events.filter(({ name }) => name === 'credentialsLimited').length, 1);
    clock.at += 40_000;
    assert.equal(await status(bearer(key)), 200);
  });

  test('a partner that was let in before stays in, while others guess', async (t) => {
    const { partner, status } = await rig(t, { failures });
    const key = await partner('clinic-a');
    assert.equal(await status(bearer(key)), 200);
    for (let n = 0; n < 3; n += 1) assert.equal(await status(wrong('clinic-a')), 401);
    assert.equal(await status(wrong('clinic-a')), 429);
    assert.equal(await status(bearer(key)), 200);
  });

  test('for a partner, from many addresses, whether there is one of that name or not', async (t) => {
    const settings = { host: '127.0.0.1', port: 0, behindProxy: true };
    const { partner, status } = await rig(t, { failures, settings });
    await partner('clinic-a');
    for (const name of ['clinic-a', 'nobody']) {
      const from = (n: number) => ({ ...wrong(name), 'x-forwarded-for': `198.51.100.${n}` });
      for (let n = 0; n < 5; n += 1) assert.equal(await status(from(n)), 401);
      assert.equal(await status(from(9)), 429);
    }
  });

  test('of many guesses at once no more are checked than are allowed', async (t) => {
    const { events, status } = await rig(t, { failures });
    const statuses = await Promise.all(Array.from({ length: 20 }, () => status(wrong('clinic-a'))));
    assert.equal(statuses.filter((each) => each === 401).length, 3);
    assert.equal(statuses.filter((each) => each === 429).length, 17);
    assert.equal(events.filter(({ name }) => name === 'credentialRefused').length, 3);
  });

  test('many at once with one right key are no guesses', async (t) => {
    const { partner, events, status } = await rig(t, { failures });
    const key = await partner('clinic-a');
    const statuses = await Promise.all(Array.from({ length: 60 }, () => status(bearer(key))));
    assert.deepEqual(new Set(statuses), new Set([200]));
    assert.deepEqual(events, []);
  });
});

test('a right key is hashed once, and remembered', async (t) => {
  const { partner, status } = await rig(t);
  const key = await partner('clinic-a');
  await status(bearer(key));
  const before = process.cpuUsage();
  for (let n = 0; n < 50; n += 1) assert.equal(await status(bearer(key)), 200);
  const { user, system } = process.cpuUsage(before);
  const begun = process.cpuUsage();
  for (let n = 0; n < 5; n += 1) await hashSecret(newSecret());
  const hashing = process.cpuUsage(begun);
  assert.ok(user + system < 10 * (hashing.user + hashing.system), 'fifty requests cost far less than fifty hashes');
});

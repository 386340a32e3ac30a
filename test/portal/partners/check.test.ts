import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem } from '../../../engine/config/problems.ts';
import { partnerProblems } from '../../../portal/partners/check.ts';
import { partnerFiles, partnerPath, writePartner } from '../../../portal/partners/file.ts';
import { addPartner } from '../../support/listener.ts';
import { temporaryFolder } from '../../support/redis.ts';

const services = { uploads: { type: 'rest-multipart', config: {} } };
const listen = { host: '127.0.0.1', port: 8443, behindProxy: false };

test('a production that listens for nobody is told so, one that does not listen is not', async (t) => {
  const folder = await temporaryFolder(t);
  assert.deepEqual(
    (await partnerProblems({ folder, services, listen })).map(({ code, warning }) => [code, warning]),
    [['NO_PARTNER', true]],
  );
  assert.deepEqual(await partnerProblems({ folder, services }), []);
  await addPartner(folder, 'locked', { credentials: [] });
  assert.equal((await partnerProblems({ folder, services, listen })).length, 1);
  await addPartner(folder, 'clinic-a', { services: ['uploads'] });
  assert.deepEqual(await partnerProblems({ folder, services, listen }), []);
});

test('every broken file is told with its place, and no hash', async (t) => {
  const folder = await temporaryFolder(t);
  await addPartner(folder, 'clinic-a');
  const sound = await readFile(partnerPath(folder, 'clinic-a'), 'utf8');
  const as = (name: string) => sound.replaceAll('clinic-a', name);
  const files: Readonly<Record<string, string>> = {
    'empty.yaml': '',
    'syntax.yaml': 'partner: [',
    'plain.yaml': as('plain').replace(/hash: .*/, 'hash: SECRETPASSWORD'),
    'key.yaml': as('key').replace('hash:', 'pasword:'),
    'other.yaml': as('another'),
    'ids.yaml': as('ids').replace(/id: .*/, 'id: somebody-abcdef'),
    'service.yaml': `${as('service')}services:\n  - upload\n`,
    'Name.yaml': as('Name'),
    'late.json': '{}',
    'open.yaml': as('open'),
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, 'partners', name), text, { mode: 0o600 });
  await chmod(join(folder, 'partners', 'open.yaml'), 0o666);
  await mkdir(join(folder, 'partners', 'folder'));
  await writeFile(join(folder, 'partners', '.clinic-a.tmp'), 'left over');
  await writeFile(join(folder, 'partners', 'README.md'), 'for people');
  const problems = await partnerProblems({ folder, services, listen });
  const found = problems.map(({ file, code, line }) => `${file.replace('partners/', '')}:${line} ${code}`);
  assert.deepEqual(found.sort(), [
    'Name.yaml:1 PARTNER_NAME',
    'empty.yaml:1 PARTNER_FILE_BROKEN',
    'ids.yaml:4 PARTNER_CREDENTIAL_ID',
    'key.yaml:3 MISSING_KEY',
    'key.yaml:5 UNKNOWN_KEY',
    'late.json:1 PARTNER_NAME',
    'open.yaml:1 PARTNER_FILE_OPEN',
    'other.yaml:1 PARTNER_FILE_NAME',
    'plain.yaml:5 PARTNER_HASH',
    'service.yaml:8 PARTNER_SERVICE_UNKNOWN',
    'syntax.yaml:1 YAML_SYNTAX',
  ]);
  assert.doesNotMatch(problems.map(formatProblem).join('\n'), /SECRETPASSWORD|scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9]/);
});

test('a file of a partner is written whole, for its owner alone, and never over another', async (t) => {
  const folder = await temporaryFolder(t);
  const made = await Promise.allSettled(
    Array.from({ length: 5 }, (_, n) =>
      writePartner(folder, { partner: 'clinic-a', credentials: [], services: [`s${n}`] }, true),
    ),
  );
  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.ok(made.every((each) => each.status === 'fulfilled' || each.reason.code === 'PARTNER_EXISTS'));
  const first = await readFile(partnerPath(folder, 'clinic-a'), 'utf8');
  assert.match(first, new RegExp(`s${made.findIndex(({ status }) => status === 'fulfilled')}`));
  assert.deepEqual(await partnerFiles(folder), ['clinic-a.yaml']);
  assert.equal((await stat(partnerPath(folder, 'clinic-a'))).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, 'partners'))).mode & 0o777, 0o700);
});

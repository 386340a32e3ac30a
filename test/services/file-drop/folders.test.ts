import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFolders } from '../../../services/file-drop/folders.ts';
import fileDrop, { type FileDropConfig, overlappingFolders } from '../../../services/file-drop/index.ts';
import { exists, FILES } from './support.ts';

async function makeRoot(t: TestContext): Promise<string> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'file-drop-')));
  t.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

async function codes(root: string, config: Partial<FileDropConfig> = {}): Promise<readonly string[]> {
  const issues = await fileDrop.probe!({ folder: 'inbox', files: FILES, ...config }, root);
  return issues.map(({ path, code }) => `${path.join('.')} ${code}`);
}

const codeIs = (code: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === code;

test('the folders are made inside the drop folder, and probe finds nothing wrong', async (t) => {
  const root = await makeRoot(t);
  assert.deepEqual(await codes(root), []);
  assert.equal(await exists(join(root, 'inbox')), false);
  const folders = await openFolders(root, 'inbox');
  assert.deepEqual(
    [folders.work, folders.done, folders.failed],
    ['work', 'done', 'failed'].map((name) => join(root, 'inbox', name)),
  );
  for (const folder of [folders.work, folders.done, folders.failed]) assert.ok(await exists(folder));
  await openFolders(root, 'inbox');
  assert.deepEqual(await codes(root), []);
});

test('parents are made inside the production, not where a share may be missing', async (t) => {
  const root = await makeRoot(t);
  assert.deepEqual(await codes(root, { folder: 'data/in/inbox' }), []);
  await openFolders(root, 'data/in/inbox');
  assert.ok(await exists(join(root, 'data/in/inbox/work')));
  const share = join(root, 'share', 'inbox');
  assert.deepEqual(await codes(root, { folder: share }), ['folder FOLDER_MISSING']);
  await assert.rejects(openFolders(root, share), codeIs('FOLDER_MISSING'));
  assert.equal(await exists(join(root, 'share')), false);
});

test('a file where a folder is needed, a link where a real folder is needed', async (t) => {
  const root = await makeRoot(t);
  await writeFile(join(root, 'inbox'), '');
  assert.deepEqual(await codes(root), ['folder FOLDER_NOT_A_FOLDER']);
  await assert.rejects(openFolders(root, 'inbox'), codeIs('FOLDER_NOT_A_FOLDER'));
  await mkdir(join(root, 'drop'));
  await symlink(root, join(root, 'drop', 'done'));
  await writeFile(join(root, 'drop', 'work'), '');
  assert.deepEqual(await codes(root, { folder: 'drop' }), ['folder FOLDER_NOT_A_FOLDER', 'folder FOLDER_IS_LINK']);
  await rm(join(root, 'drop', 'work'));
  await assert.rejects(openFolders(root, 'drop'), codeIs('FOLDER_IS_LINK'));
});

test('an inner folder on another file system is refused', async (t) => {
  const root = await makeRoot(t);
  await mkdir(join(root, 'inbox', 'done'), { recursive: true });
  const script = `
    const { default: fileDrop } = await import(process.argv[1]);
    const { openFolders } = await import(process.argv[2]);
    const issues = await fileDrop.probe({ folder: 'inbox', files: [] }, process.argv[3]);
    const opened = await openFolders(process.argv[3], 'inbox').catch((error) => error.code);
    console.log(issues.map(({ code }) => code).join(), opened);`;
  const modules = ['index.ts', 'folders.ts'].map((file) =>
    join(import.meta.dirname, '../../../services/file-drop', file),
  );
  // In a namespace of its own a process may mount; the machine's own mounts stay as they are.
  const mountAndRun = 'mount -t tmpfs none "$1/inbox/done" && exec "$2" --input-type=module -e "$3" "$4" "$5" "$1"';
  const args = ['-rm', 'sh', '-c', mountAndRun, 'sh', root, process.execPath, script, ...modules];
  const { status, stdout, error } = spawnSync('unshare', args, { encoding: 'utf8' });
  if (error || status !== 0) return t.skip('this machine lets nobody mount in a namespace');
  assert.equal(stdout, 'FOLDER_OTHER_FILE_SYSTEM FOLDER_OTHER_FILE_SYSTEM\n');
});

test('missing rights are found before the start', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root has every right');
  const root = await makeRoot(t);
  await mkdir(join(root, 'inbox'), { mode: 0o500 });
  assert.deepEqual(await codes(root), ['folder FOLDER_NO_PERMISSION']);
  await assert.rejects(openFolders(root, 'inbox'), codeIs('FOLDER_NO_PERMISSION'));
});

test('patterns that match nothing and a wait of nothing are found', async (t) => {
  const root = await makeRoot(t);
  const format = { type: 'csv' };
  const files = ['in/*.csv', '*.csv', '*.tmp', '.*.csv'].map((glob) => ({ glob, format, route: 'doses' }));
  assert.deepEqual(await codes(root, { files, complete: { stableFor: 0 } }), [
    'complete.stableFor STABLE_FOR_ZERO',
    'files.0.glob GLOB_NEVER_MATCHES',
    'files.2.glob GLOB_NEVER_MATCHES',
    'files.3.glob GLOB_NEVER_MATCHES',
  ]);
});

test('verify sees that a folder was replaced', async (t) => {
  const root = await makeRoot(t);
  const folders = await openFolders(root, 'inbox');
  await folders.verify();
  await rm(folders.done, { recursive: true });
  await assert.rejects(folders.verify(), codeIs('FOLDER_REPLACED'));
  await symlink(root, folders.done);
  await assert.rejects(folders.verify(), codeIs('FOLDER_REPLACED'));
});

test('folders that are the same or one inside the other overlap, also through links', async (t) => {
  const root = await makeRoot(t);
  await mkdir(join(root, 'inbox', 'done'), { recursive: true });
  await symlink(join(root, 'inbox'), join(root, 'alias'));
  const folders = [
    { owner: 'a', path: join(root, 'inbox') },
    { owner: 'b', path: join(root, 'inbox-2') },
    { owner: 'c', path: join(root, 'alias', 'done', 'new') },
    { owner: 'd', path: join(root, 'alias') },
  ];
  const pairs = (await overlappingFolders(folders)).map(([one, other]) => one.owner + other.owner);
  assert.deepEqual(pairs, ['ac', 'ad', 'cd']);
});

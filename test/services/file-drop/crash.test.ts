import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFileDrop } from '../../../services/file-drop/drop.ts';
import { engineOf, goOn, isOver, SCENE, setScene } from './crash-scene.ts';
import { QUICK, until } from './support.ts';

interface Ended {
  readonly signal: string | undefined;
  readonly out: string;
}

/** Runs the scene in a process of its own until it dies at a step. */
function runChild(root: string, at: number): Promise<Ended> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [join(import.meta.dirname, 'crash-child.ts'), root, String(at)],
      { timeout: 60_000 },
      (error, out, err) => {
        if (error && error.signal !== 'SIGKILL') reject(new Error(`the child failed: ${err}`));
        else resolve({ signal: error?.signal ?? undefined, out });
      },
    );
  });
}

async function withRoot<T>(action: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'file-drop-crash-'));
  try {
    await setScene(root);
    return await action(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Starts again after the crash, with the engine's state as it was, and goes on to the end. */
async function recover(root: string): Promise<void> {
  const engine = engineOf(root);
  const handle = await startFileDrop(engine.context, QUICK);
  for (const id of engine.submissions.keys()) goOn(engine, id);
  try {
    await until('all is over', async () => {
      const left = [...(await readdir(join(root, 'inbox', 'work'))), ...(await readdir(join(root, 'inbox')))];
      return isOver(engine) && left.length === 3;
    });
  } finally {
    await handle.stop();
  }
  const names = [...engine.submissions.values()].map(({ view }) => view.name);
  assert.deepEqual(names, ['1-routed.csv', '2-refused.csv']);
  const complaints = engine.log.filter(({ level }) => level === 'error').map(({ message }) => message);
  assert.deepEqual(complaints, []);
}

/** Every file is there once, with its companions, whole; and nothing else is. */
async function audit(root: string): Promise<void> {
  const all = new Map<string, string>();
  for (const folder of ['done', 'failed']) {
    for (const name of await readdir(join(root, 'inbox', folder))) {
      // What stands before the sender's name is the submission's id or the claim's.
      const plain = `${folder}/${name.replace(/^(7kq2-\d+|[0-9a-z]{9}-[0-9a-f]{16})-/, '')}`;
      assert.ok(!all.has(plain), `${plain} is there twice`);
      all.set(plain, await readFile(join(root, 'inbox', folder, name), 'utf8'));
    }
  }
  const [routed, refused, again, unknown] = SCENE.map(([, content]) => content);
  assert.deepEqual([...all.keys()].sort(), [
    'done/1-routed.csv',
    'done/1-routed.csv.rejected.csv',
    'done/1-routed.csv.report.json',
    'done/3-again.csv',
    'done/3-again.csv.report.json',
    'failed/2-refused.csv',
    'failed/2-refused.csv.reason.json',
    'failed/4-unknown.doc',
    'failed/4-unknown.doc.reason.json',
  ]);
  assert.equal(all.get('done/1-routed.csv'), routed);
  assert.equal(all.get('done/3-again.csv'), again);
  assert.equal(all.get('failed/2-refused.csv'), refused);
  assert.equal(all.get('failed/4-unknown.doc'), unknown);
  assert.equal(
    all.get('done/1-routed.csv.rejected.csv'),
    '\uFEFFwaybill_id,line,column,code,reason,a,b\r\n7kq2-1-1,2,a,REQUIRED,needed,1,2\r\n',
  );
  assert.equal(JSON.parse(all.get('done/1-routed.csv.report.json')!).submission, '7kq2-1');
  assert.equal(JSON.parse(all.get('done/3-again.csv.report.json')!).duplicateOf.submission, '7kq2-1');
  assert.equal(JSON.parse(all.get('failed/2-refused.csv.reason.json')!).code, 'BAD_QUOTE');
  assert.equal(JSON.parse(all.get('failed/4-unknown.doc.reason.json')!).code, 'FILE_MATCHES_NOTHING');
}

test('killed at any step and started again: nothing is lost, overwritten or done twice', async (t) => {
  const steps = await withRoot(async (root) => {
    const { signal, out } = await runChild(root, 0);
    assert.equal(signal, undefined);
    await audit(root);
    return Number(out);
  });
  assert.ok(steps > 40, `only ${steps} steps`);
  // All of them where there is time; on a person's machine every fourth.
  const stride = process.env.CI ? 1 : 4;
  for (let at = 1; at <= steps; at += stride) {
    await t.test(`killed before step ${at} of ${steps}`, () =>
      withRoot(async (root) => {
        // Steps of the two loops interleave, so a run may have one or two less.
        const { signal } = await runChild(root, at);
        if (at < steps - 5) assert.equal(signal, 'SIGKILL');
        await recover(root);
        await audit(root);
      }),
    );
  }
});

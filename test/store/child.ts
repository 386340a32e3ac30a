import { writeSync } from 'node:fs';
import { messageOf } from '../../engine/errors.ts';
import { takeLock } from '../../store/lock.ts';
import { openOne } from './ledger.ts';
import { accept, begin, block, routed } from './support.ts';

/** What a test runs in a process of its own: `accept LEDGER` or `lock FOLDER`; a line on standard output when done. */
const [, , what, path = ''] = process.argv;

if (what === 'accept') {
  const store = await openOne(path);
  await accept(store, 1);
  writeSync(1, 'stored\n');
  process.kill(process.pid, 'SIGKILL');
}
if (what === 'versions' || what === 'corrections') {
  const store = await openOne(path);
  await routed(store, 1, [{ items: 3, exceptions: { 1: 'invalid' } }]);
  writeSync(1, 'routed\n');
  if (what === 'versions') {
    const version = { replaces: 1, from: 'queued', state: 'queued', body: Buffer.from('new'), bytes: 3 } as const;
    const asked = { submission: 1, item: 1, at: 1, who: 'ana', reason: 'asked', changed: [], row: Buffer.from('row') };
    await store.newVersions({ ...asked, kind: 'rowEdited', search: [], versions: [version] });
  } else {
    await begin(store, 2, 1);
    await block(store, 2, { items: 1, over: { corrections: [{ position: 0, submission: 1, item: 2 }] } });
  }
  writeSync(1, 'stored\n');
  process.kill(process.pid, 'SIGKILL');
}
if (what === 'lock') {
  try {
    takeLock(path, 'the engine');
    writeSync(1, 'held\n');
    setInterval(() => undefined, 1000);
  } catch (error) {
    writeSync(1, `${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

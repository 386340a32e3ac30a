import { writeSync } from 'node:fs';
import { messageOf } from '../../engine/errors.ts';
import { takeLock } from '../../store/lock.ts';
import { openOne } from './ledger.ts';
import { accept } from './support.ts';

/** What a test runs in a process of its own: `accept LEDGER` or `lock FOLDER`; a line on standard output when done. */
const [, , what, path = ''] = process.argv;

if (what === 'accept') {
  const store = await openOne(path);
  await accept(store, 1);
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

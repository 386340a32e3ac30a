/** What a test of purging kills: `FOLDER`, with the label at which the plug is pulled in `PULL_AT`. */
import { writeSync } from 'node:fs';
import { openOne } from '../store/ledger.ts';
import { keepingOn, ledgerOf } from './keeping-support.ts';

const folder = process.argv[2] ?? '';
const store = await openOne(ledgerOf(folder));
const keeping = keepingOn(folder, store, { at: Date.now() });
await keeping.start();
await keeping.idle();
await keeping.stop();
await store.close();
writeSync(1, 'done\n');

/** Traces lines of the one file in a ledger, one after the other, and prints how long each took as JSON. */
import { DatabaseSync } from 'node:sqlite';
import { ledgerPath } from '../../cli/folders.ts';
import { reading } from '../../cli/ledger.ts';
import { traceItem } from '../../cli/trace/item-trace.ts';
import { findTarget, locateTarget } from '../../cli/trace/target.ts';
import { loadAdapters } from '../../engine/registry.ts';

const [data = '', rows = '0', runs = '0'] = process.argv.slice(2);
const registry = await loadAdapters([]);

/** Lines of items, the same at every run. */
function* lines(): Generator<number> {
  let seed = 20_240_117;
  for (let n = 0; n < Number(runs); n += 1) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield 2 + (seed % Number(rows));
  }
}

async function traceLine(line: number): Promise<number> {
  const began = performance.now();
  await reading(data, async (open) => {
    const target = findTarget(open, `doses-1.csv:${line}`);
    const row = open.ledger.ask('submission', { submission: target.submission });
    const located = locateTarget(open, target);
    if (!row || !located) throw new Error(`there is no item at line ${line}`);
    const found = await traceItem(open, row, located, registry, false);
    if (found.line !== line || found.entries[0]?.state !== 'delivered')
      throw new Error(`the trace of line ${line} does not say that it was delivered`);
  });
  return performance.now() - began;
}

const trace: number[] = [];
for (const line of lines()) trace.push(await traceLine(line));

const ledger = new DatabaseSync(ledgerPath(data), { readOnly: true });
const find = ledger.prepare('SELECT * FROM messages WHERE id = ?');
const lookUp: number[] = [];
for (const line of lines()) {
  const began = performance.now();
  if (!find.get(line - 1)) throw new Error('the message is not in the ledger');
  lookUp.push(performance.now() - began);
}
console.log(JSON.stringify({ trace, lookUp }));

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Database, openForWriting } from '../../store/sqlite/database.ts';
import { ask } from '../../store/sqlite/questions.ts';
import { nextWork } from '../../store/sqlite/read-lanes.ts';
import { accept, putSnapshot } from '../../store/sqlite/write-accept.ts';
import { answer, beginSending, plan } from '../../store/sqlite/write-deliveries.ts';
import { beginRouting, commitBlock, endRouting, scanned } from '../../store/sqlite/write-submissions.ts';
import { dataFolder } from './ledger.ts';
import { answerTo, exception, newBlock, partsOf, RUN, SNAPSHOT, STRICT, submission } from './support.ts';

/** Three messages, of which the first two were sent: one delivered, one rejected. */
function ledger(path: string): Database {
  const db = openForWriting(path);
  putSnapshot(db, { hash: SNAPSHOT, body: Buffer.from('x') });
  accept(db, submission(1));
  scanned(db, {
    submission: 1,
    scan: { items: 3, charset: 'utf-8', transcoded: false, cursor: 0, lines: 1, details: {} },
  });
  beginRouting(db, { submission: 1 });
  commitBlock(db, newBlock(1, 0, 0, 0, { items: 3 }));
  endRouting(db, { submission: 1, at: 1 });
  sendNext(db, 2);
  return db;
}

function sendNext(db: Database, maxMessages: number): void {
  const work = nextWork(db, {
    destination: 'registry',
    lane: 0,
    now: 10_000,
    inHand: [],
    maxMessages,
    mixSubmissions: false,
    ahead: false,
    ...STRICT,
  });
  assert.equal(work.kind, 'candidates');
  const parts = partsOf(work.blocks, maxMessages);
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const { batch } = plan(db, {
    destination: 'registry',
    lane: 0,
    parts,
    count,
    bytes: 1,
    plannedAt: 1,
    replaces: undefined,
  });
  beginSending(db, { batch, attempt: 1, run: RUN, at: 1, ...STRICT });
  const exceptions = maxMessages === 2 ? [exception(2, 'rejected')] : [];
  answer(db, answerTo(batch, { exceptions, stop: { since: 1, code: 'X', reason: '', whose: '', next: '' } }));
}

test('bodies of unsettled messages cannot be deleted, nor those of settled ones but by a purge', (t) => {
  const db = ledger(join(dataFolder(t), 'ledger.db'));
  assert.throws(() => db.run('DELETE FROM bodies'), /not settled cannot be deleted/);
  assert.throws(() => db.run('DELETE FROM body_blocks'), /not settled cannot be deleted/);
  assert.throws(() => db.run('DELETE FROM messages WHERE id = 3'), /not settled cannot be deleted/);
  db.run('DELETE FROM destinations');
  sendNext(db, 1);
  assert.throws(() => db.run('DELETE FROM bodies'), /deleted only by a purge/);
  assert.throws(() => db.run('DELETE FROM messages'), /deleted only by a purge/);
  assert.deepEqual(ask(db, 'verify', { after: 0 }).submissions[0]?.entries[0]?.mismatches, []);
  db.close();
});

test('bodies, events, outcomes and attempts that have ended are never changed, the last three never deleted', (t) => {
  const db = ledger(join(dataFolder(t), 'ledger.db'));
  assert.throws(() => db.run(`UPDATE bodies SET body = x'00'`), /never changed/);
  for (const table of ['events', 'outcomes', 'attempts']) {
    assert.ok(db.all(`SELECT * FROM ${table}`).length > 0, `${table} has rows`);
    assert.throws(() => db.run(`DELETE FROM ${table}`), /never deleted/);
  }
  assert.throws(() => db.run(`UPDATE events SET who = 'somebody'`), /never changed/);
  assert.throws(() => db.run(`UPDATE outcomes SET state = 'delivered'`), /never changed/);
  assert.throws(() => db.run(`UPDATE attempts SET outcome = 'delivered'`), /never changed/);
  db.close();
});

test('states outside the list are refused', (t) => {
  const db = ledger(join(dataFolder(t), 'ledger.db'));
  assert.throws(() => db.run('UPDATE messages SET state = 99'), /CHECK/);
  assert.throws(() => db.run('UPDATE messages SET state = 1'), /CHECK/);
  assert.throws(() => db.run(`UPDATE submissions SET state = 'lost'`), /CHECK/);
  assert.throws(() => db.run('UPDATE counters SET n = -1'), /CHECK/);
  db.close();
});

test('verify finds a counter, a row and a number of a block that are wrong', (t) => {
  const db = ledger(join(dataFolder(t), 'ledger.db'));
  const wrong = (...changes: string[]) => {
    db.exec('SAVEPOINT spoiled');
    for (const sql of changes) db.exec(sql);
    const { mismatches = [] } = ask(db, 'verify', { after: 0 }).submissions[0]?.entries[0] ?? {};
    db.exec('ROLLBACK TO spoiled; RELEASE spoiled');
    return mismatches;
  };
  assert.deepEqual(wrong(), []);
  assert.match(wrong('UPDATE counters SET n = n + 1 WHERE n > 0').join(), /delivered: 1 rows, the counter says 2/);
  assert.match(wrong('DELETE FROM counters').join(), /queued: 1 rows, the counter says 0/);
  assert.match(
    wrong('DROP TRIGGER messages_purged', 'DELETE FROM messages WHERE id = 1').join(),
    /3 items were read, 2 rows/,
  );
  assert.match(wrong('UPDATE body_blocks SET pending = 2').join(), /1 rows wait, the block says 2/);
  assert.match(wrong('UPDATE body_blocks SET unsettled = 2').join(), /1 rows are not settled, the block says 2/);
  assert.match(wrong('UPDATE submissions SET unsettled = 0').join(), /the submission says 0/);
  db.close();
});

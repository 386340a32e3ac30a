import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { openForWriting, SCHEMA_VERSION } from '../../store/sqlite/database.ts';
import { readSubmission } from '../../store/sqlite/rows.ts';
import { MIGRATIONS } from '../../store/sqlite/schema.ts';
import { accept } from '../../store/sqlite/write-accept.ts';
import { dataFolder } from './ledger.ts';
import { SNAPSHOT, submission } from './support.ts';

test('a ledger of the first version is brought forward, with what is in it', (t) => {
  const path = join(dataFolder(t), 'ledger.db');
  const old = new DatabaseSync(path);
  old.exec('PRAGMA auto_vacuum = INCREMENTAL');
  old.exec(MIGRATIONS[0] ?? '');
  old.exec('PRAGMA user_version = 1');
  old.prepare('INSERT INTO snapshots (hash, body) VALUES (?, ?)').run(SNAPSHOT, Buffer.from('x'));
  old.exec(`INSERT INTO submissions (number, place, state, service, partner, name, content_type, bytes, hash, fields,
    accepted_at, format, route, snapshot, gate) VALUES (1, 1, 'accepted', 'drop', '', 'a.csv', '', 3, 'h', '{}', 1,
    '{"type":"csv"}', 'rows', '${SNAPSHOT}', 0)`);
  old.close();

  const db = openForWriting(path);
  assert.equal(db.get('PRAGMA user_version')?.user_version, SCHEMA_VERSION);
  const kept = readSubmission(db, 1);
  assert.deepEqual([kept?.name, kept?.receipt, kept?.cause], ['a.csv', undefined, undefined]);
  accept(db, submission(2));
  assert.equal(readSubmission(db, 2)?.state, 'accepted');
  db.close();
});

import assert from 'node:assert/strict';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { socketPath } from '../../engine/socket-path.ts';

test('a socket lies in the data folder where its path fits', () => {
  assert.equal(socketPath('/srv/data', 'control.sock'), '/srv/data/control.sock');
});

test('otherwise in a short folder for its owner alone, the same each time', (t) => {
  const data = join('/srv', `long-${process.pid}-`.padEnd(120, 'x'));
  const path = socketPath(data, 'control.sock');
  t.after(() => rmSync(dirname(path), { recursive: true, force: true }));
  assert.ok(Buffer.byteLength(path) <= 100);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  assert.equal(socketPath(data, 'control.sock'), path);
  assert.notEqual(socketPath(`${data}y`, 'control.sock'), path);
  rmSync(dirname(socketPath(`${data}y`, 'control.sock')), { recursive: true });
  chmodSync(dirname(path), 0o755);
  assert.throws(() => socketPath(data, 'control.sock'), { code: 'RUNTIME_FOLDER' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServedRoutes } from '../../portal/routes.ts';

test('a path is served with the methods of every route that fits it', () => {
  const routes = new ServedRoutes();
  routes.add('/', 'GET');
  routes.add('/receipts/:id', ['GET', 'HEAD']);
  routes.add('/receipts/:id/parts/:part/rejected.csv', 'GET');
  routes.add('/receipts/latest', 'DELETE');
  routes.add('/files/*', 'PUT');
  routes.add('/a.b', 'POST');
  const expected: readonly [string, readonly string[]][] = [
    ['/', ['GET']],
    ['', []],
    ['/receipts', []],
    ['/receipts/', []],
    ['/receipts/7kq2-R1', ['GET', 'HEAD']],
    ['/receipts/latest', ['DELETE', 'GET', 'HEAD']],
    ['/receipts/7kq2-R1/', []],
    ['/receipts/x/parts/y/rejected.csv', ['GET']],
    ['/receipts/x/parts/y/rejectedxcsv', []],
    ['/files', []],
    ['/files/', ['PUT']],
    ['/files/a/b', ['PUT']],
    ['/a.b', ['POST']],
    ['/axb', []],
    ['/constructor', []],
  ];
  for (const [path, methods] of expected) assert.deepEqual(routes.allowed(path), methods, path);
});

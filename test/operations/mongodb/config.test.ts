/** What a destination may say, and that nothing of its url is repeated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaybillError } from '../../../engine/errors.ts';
import { type MongoConfig, settle } from '../../../operations/mongodb/config.ts';
import mongodb from '../../../operations/mongodb/index.ts';
import { Words } from '../../../operations/mongodb/words.ts';

const BASE: MongoConfig = {
  url: 'mongodb://marker-user:marker%2Fpass@127.0.0.1:9/',
  database: 'd',
  collection: 'c',
  verb: 'insertOrUpdate',
};

function codeOf(config: Partial<MongoConfig>): string {
  try {
    settle({ ...BASE, ...config });
  } catch (error) {
    assert.ok(error instanceof WaybillError);
    assert.doesNotMatch(error.message, /marker/);
    return `${error.code} ${error.place.path}`;
  }
  return 'fine';
}

test('settings that contradict each other, or name no path, are refused with their place', () => {
  assert.equal(codeOf({ url: 'http://marker-host' }), 'MONGODB_URL_INVALID url');
  assert.equal(codeOf({ deleteMany: true }), 'MONGODB_SETTINGS deleteMany');
  assert.equal(codeOf({ deleteMany: false, limit: 100, maxAnswerBytes: 16_000_000 }), 'fine', 'as the loader fills in');
  assert.equal(codeOf({ verb: 'delete', limit: 5 }), 'MONGODB_SETTINGS limit');
  assert.equal(codeOf({ verb: 'query', fields: ['a'], sort: { a: 'desc' }, limit: 5 }), 'fine');
  for (const path of ['', '.', 'a.', '$where', 'a.$b', 'a..b']) {
    assert.equal(codeOf({ filter: [path] }), 'MONGODB_SETTINGS filter', path);
    assert.equal(codeOf({ filter: { a: path } }), 'MONGODB_SETTINGS filter', path);
    assert.equal(codeOf({ verb: 'query', sort: { [path]: 'asc' } }), 'MONGODB_SETTINGS sort', path);
  }
  assert.equal(codeOf({ filter: ['a', 'a'] }), 'MONGODB_SETTINGS filter');
  assert.equal(codeOf({ filter: ['a', 'a.b'] }), 'MONGODB_SETTINGS filter');
  assert.equal(codeOf({ tls: { certificate: 'x' } }), 'MONGODB_TLS_MATERIAL tls');
  assert.equal(codeOf({ tls: { ca: 'x' } }), 'MONGODB_TLS_MATERIAL tls.ca');
  assert.equal(codeOf({ tls: { certificate: 'x', key: 'y' } }), 'MONGODB_TLS_MATERIAL tls');
});

test('what may be repeated: everything but the delete of one of several', () => {
  const repeatable = (config: Partial<MongoConfig>) =>
    mongodb.describe({ ...BASE, ...config }, { timeZone: 'UTC', values: {}, tables: {}, files: {} }).repeatable;
  assert.equal(repeatable({}), true);
  assert.equal(repeatable({ filter: ['a'] }), true);
  assert.equal(repeatable({ verb: 'delete' }), true);
  assert.equal(repeatable({ verb: 'delete', filter: ['a'] }), false);
  assert.equal(repeatable({ verb: 'delete', filter: ['a', '_id'] }), true);
  assert.equal(repeatable({ verb: 'delete', filter: ['a'], deleteMany: true }), true);
  assert.equal(repeatable({ verb: 'query', filter: ['a'] }), true);
});

test('a url that the driver does not take is refused without being quoted', async () => {
  const context = {
    name: 'archive',
    folder: '.',
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    resources: { timeZone: 'UTC', values: {}, tables: {}, files: {} },
  };
  for (const url of ['mongodb://', 'mongodb://marker:p@ss@h/', 'mongodb://h/?markerOption=1', 'mongodb://h:marker/']) {
    await assert.rejects(
      async () => await mongodb.open({ ...BASE, url }, context),
      (error: unknown) => {
        assert.ok(error instanceof WaybillError, String(error));
        assert.equal(error.code, 'MONGODB_URL_INVALID');
        assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /marker/);
        return true;
      },
    );
  }
});

test('what a server says is shown without user and password, on one line, cut short', () => {
  const words = new Words(BASE.url);
  const said = `no user "marker-user"\n(marker/pass, marker%2Fpass) at ${BASE.url}`;
  assert.equal(words.tidy(said), 'no user "***" (***, ***) at ***');
  assert.equal(words.tidy('x'.repeat(1000)).length, 500);
  assert.equal(new Words('mongodb://127.0.0.1/').tidy('a b'), 'a b');
  assert.equal(new Words('mongodb://%:%%%%@h/').tidy('error: %%%%'), 'error: ***');
});

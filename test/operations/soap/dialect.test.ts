import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { WaybillError } from '../../../engine/errors.ts';
import { settle } from '../../../operations/soap/config.ts';
import {
  builtInDialect,
  builtInDialects,
  DIALECTS,
  readDialectFile,
  resolveDialect,
} from '../../../operations/soap/dialect.ts';
import { type GenericSettings, genericLines } from '../../../operations/soap/generic.ts';
import soap from '../../../operations/soap/index.ts';
import { CREDENTIALS, NO_RESOURCES, resources } from './rig.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof WaybillError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

// A literal `then` would be taken for a promise by the linter.
const THEN = 'then';
const rule = (action: string): object => ({ [THEN]: action });

const OWN = {
  dialect: 'own',
  namespace: 'urn:own',
  request: { element: 'put', children: [{ element: 'text', from: 'message' }] },
  answer: { element: 'putResponse/result' },
};

const GENERIC: GenericSettings = {
  soap: '1.1',
  namespace: 'urn:put',
  element: 'Put',
  username: 'User',
  message: 'Text',
  answer: 'PutResponse/Answer',
};

test('every dialect that is shipped is listed, fits the schema and is whole', () => {
  const files = readdirSync(join(import.meta.dirname, '../../../operations/soap/dialects'));
  const names = files.filter((name) => name.endsWith('.yaml')).map((name) => name.replace(/\.yaml$/, ''));
  assert.deepEqual(names.sort(), [...builtInDialects()].sort());
  for (const name of builtInDialects()) {
    const text = readFileSync(join(import.meta.dirname, `../../../operations/soap/dialects/${name}.yaml`), 'utf8');
    assert.deepEqual(readDialectFile(text), builtInDialect(name), name);
    const names = name === 'generic' ? genericLines(GENERIC) : undefined;
    assert.equal(resolveDialect(name, NO_RESOURCES, names).dialect, name);
  }
  assert.equal(builtInDialect('made-up'), undefined);
});

test('cdc-iis-2011 is the national standard', () => {
  const dialect = resolveDialect('cdc-iis-2011', NO_RESOURCES);
  assert.equal(dialect.soap, '1.2');
  assert.equal(dialect.action, 'urn:cdc:iisb:2011:submitSingleMessage');
  assert.deepEqual(
    dialect.request.children.map((child) => child.element),
    ['username', 'password', 'facilityID', 'hl7Message'],
  );
  assert.equal(dialect.repeatable, false);
  assert.deepEqual([dialect.request.qualified, dialect.generic], [true, false]);
});

test('generic takes its names from the destination, the rest from its file or one that extends it', () => {
  const named = resolveDialect('generic', NO_RESOURCES, genericLines({ ...GENERIC, carry: 'base64' }));
  assert.equal(named.contentType, 'text/xml');
  assert.equal(named.action, '');
  assert.equal(named.generic, true);
  assert.deepEqual(named.request, {
    element: 'Put',
    qualified: true,
    children: [
      { element: 'User', from: 'credentials.username' },
      { element: 'Text', from: 'message', carry: 'base64' },
    ],
  });
  const county = { dialect: 'county', extends: 'generic', contentType: 'application/xml', charset: 'us-ascii' };
  const from = resources({
    county: { ...county, answer: { unmentioned: 'delivered' }, faults: { Busy: rule('retry') } },
  });
  assert.deepEqual(DIALECTS.check?.(from.files.dialects?.county, from, 'county'), []);
  const over = resolveDialect('county', from, genericLines({ ...GENERIC, order: ['message', 'username'] }));
  assert.deepEqual(
    [
      over.contentType,
      over.charset,
      over.answer.element,
      over.batch.rules.unmentioned,
      Object.keys(over.faults).sort(),
    ],
    ['application/xml', 'us-ascii', 'PutResponse/Answer', 'delivered', ['Busy', 'Receiver', 'Sender', 'other']],
  );
  assert.deepEqual(
    over.request.children.map(({ element }) => element),
    ['Text', 'User'],
  );
});

test('generic without names, names that contradict each other, names that nobody reads: named', () => {
  const config = { dialect: 'generic', url: 'http://localhost/', credentials: CREDENTIALS };
  const cases: readonly [object, RegExp][] = [
    [{}, /generic has no namespace/],
    [{ generic: GENERIC, dialect: 'cdc-iis-2011' }, /cdc-iis-2011 does not, and would not read it/],
    [{ generic: { ...GENERIC, order: ['message'] } }, /generic\.order must have each of username, message once/],
    [{ generic: { ...GENERIC, order: ['message', 'message'] } }, /must have each of/],
    [{ generic: { ...GENERIC, username: 'Text' } }, /two elements called Text/],
  ];
  for (const [lines, why] of cases)
    assert.throws(
      () => settle({ ...config, ...lines }, NO_RESOURCES),
      (error) => {
        assert.ok(error instanceof WaybillError);
        assert.equal(error.code, 'SOAP_GENERIC_SETTINGS');
        assert.match(error.place.path ?? '', /^generic/);
        assert.match(error.message, why);
        return true;
      },
    );
});

test('the names of generic are refused where they could become markup or a header of their own', () => {
  const config = { dialect: 'generic', url: 'http://localhost/', generic: GENERIC };
  assert.equal(Check(soap.schema, config), true);
  const bad = [
    { soap: '1.3' },
    { action: 'urn:a\r\nX-Evil: 1' },
    { action: 'urn:a"; x="' },
    { namespace: 'urn:a b' },
    { namespace: '' },
    { element: 'a><b' },
    { element: 'p:Put' },
    { username: 'x y' },
    { message: 'Text/>' },
    { organisation: '' },
    { answer: 'a//b' },
    { answer: '//a' },
    { order: ['message', 'other'] },
    { carry: 'xml' },
    { Namespace: 'urn:a' },
  ];
  for (const lines of bad)
    assert.equal(Check(soap.schema, { ...config, generic: { ...GENERIC, ...lines } }), false, JSON.stringify(lines));
});

test('a dialect takes over the lines of the one it extends, key by key, lists as a whole', () => {
  const faults = { Sender: rule('fail'), Extra: rule('retry') };
  const from = resources({
    state: { dialect: 'state', extends: 'cdc-iis-2011', soap: '1.1', answer: { unmentioned: 'delivered' }, faults },
    county: {
      dialect: 'county',
      extends: 'state',
      repeatable: true,
      request: { children: [{ element: 'hl7Message', from: 'message', carry: 'cdata' }] },
    },
  });
  const county = resolveDialect('county', from);
  assert.equal(county.dialect, 'county');
  assert.equal(county.soap, '1.1');
  assert.equal(county.contentType, 'text/xml', 'the content type of 1.2 is not taken over into 1.1');
  assert.equal(county.namespace, 'urn:cdc:iisb:2011');
  assert.equal(county.request.element, 'submitSingleMessage');
  assert.equal(county.request.children.length, 1);
  assert.deepEqual(county.answer, {
    element: 'submitSingleMessageResponse/return',
    content: 'hl7',
    encoding: 'text',
    lenient: ['plainText', 'extraElement', 'wrongTags', 'missingEndTag'],
  });
  assert.equal(county.batch.rules.unmentioned, 'delivered');
  assert.deepEqual(county.faults.Sender, rule('fail'));
  assert.equal(county.faults.SecurityFault?.then, 'stop');
  assert.equal(county.repeatable, true);
  assert.deepEqual(DIALECTS.check?.(from.files.dialects?.county, from, 'county'), []);
});

test('a production may replace a shipped dialect by one of the same name that extends it', () => {
  const from = resources({ 'cdc-iis-2011': { dialect: 'cdc-iis-2011', extends: 'cdc-iis-2011', repeatable: true } });
  assert.equal(resolveDialect('cdc-iis-2011', from).repeatable, true);
  assert.equal(resolveDialect('cdc-iis-2011', from).namespace, 'urn:cdc:iisb:2011');
});

test('unknown names, circles and missing lines are named', () => {
  const circle = resources({ a: { dialect: 'a', extends: 'b' }, b: { dialect: 'b', extends: 'a' } });
  assert.equal(
    codeOf(() => resolveDialect('nope', NO_RESOURCES)),
    'SOAP_DIALECT_UNKNOWN',
  );
  assert.equal(
    codeOf(() => resolveDialect('constructor', resources({}))),
    'SOAP_DIALECT_UNKNOWN',
  );
  assert.equal(
    codeOf(() => resolveDialect('a', circle)),
    'SOAP_DIALECT_LOOP',
  );
  for (const path of ['namespace', 'request', 'answer']) {
    const file = { ...OWN, [path]: undefined };
    assert.equal(
      codeOf(() => resolveDialect('own', resources({ own: file }))),
      'SOAP_DIALECT_INCOMPLETE',
      path,
    );
    const [issue] = DIALECTS.check?.(file, resources({ own: file }), 'own') ?? [];
    assert.equal(issue?.code, 'SOAP_DIALECT_INCOMPLETE');
    assert.equal(issue?.path[0], path);
  }
  const twice = { ...OWN, request: { ...OWN.request, children: [...OWN.request.children, ...OWN.request.children] } };
  assert.equal(
    codeOf(() => resolveDialect('own', resources({ own: twice }))),
    'SOAP_DIALECT_INCOMPLETE',
  );
});

test('the schema refuses what could become markup or a header of its own', () => {
  const bad = [
    { action: 'urn:a"; x="' },
    { action: 'urn:a\r\nX-Evil: 1' },
    { contentType: 'text/xml\r\nX-Evil: 1' },
    { contentType: 'text/xml; charset=utf-8' },
    { request: { element: 'a><b' } },
    { answer: { element: 'a//b' } },
    { request: { element: 'put', children: [{ element: 'x y', from: 'message' }] } },
    { faults: { 'a b': rule('stop') } },
    { faults: { Sender: rule('explode') } },
    { charset: 'utf-7' },
    { namespace: 'urn:a b' },
    { nameSpace: 'urn:a' },
  ];
  for (const lines of bad)
    assert.equal(Check(DIALECTS.schema, { dialect: 'own', ...lines }), false, JSON.stringify(lines));
  assert.equal(Check(DIALECTS.schema, { ...OWN, action: 'urn:x', contentType: 'text/xml' }), true);
});

test('describe says what the transport can carry, without a receiver', () => {
  const config = { dialect: 'cdc-iis-2011', url: 'https://registry.invalid/iis', credentials: CREDENTIALS };
  assert.deepEqual(soap.describe(config, NO_RESOURCES), {
    carries: { charset: 'utf-8', characters: 'xml10' },
    repeatable: false,
    answers: { unmentioned: 'inDoubt', twice: 'inDoubt', unknown: 'inDoubt', counts: 'warn' },
    probes: false,
    largest: {},
  });
  const children = [{ element: 'file', from: 'message', carry: 'base64' }];
  const from = resources({ own: { ...OWN, request: { element: 'put', children } } });
  assert.equal(soap.describe({ dialect: 'own', url: 'http://localhost/' }, from).carries.characters, 'any');
  const small = resources({ own: { ...OWN, batch: { maxMessages: 9, maxBytes: 5000 } } });
  const { largest } = soap.describe({ dialect: 'own', url: 'http://localhost/' }, small);
  assert.deepEqual(largest, { messages: 9, bytes: 5000 });
});

test('a config that cannot be used is refused before anything is sent, without its secrets', () => {
  const good = { dialect: 'cdc-iis-2011', url: 'https://registry.invalid/iis', credentials: CREDENTIALS };
  const cases: readonly [string, object][] = [
    ['SOAP_URL_INVALID', { url: 'registry' }],
    ['SOAP_URL_INVALID', { url: 'ftp://registry.invalid/' }],
    ['SOAP_URL_INVALID', { url: 'https://marker-user:marker-secret@registry.invalid/' }],
    ['SOAP_CREDENTIAL_MISSING', { credentials: { username: 'u', password: 'p' } }],
    ['SOAP_CREDENTIAL_CHARACTERS', { credentials: { ...CREDENTIALS, password: 'marker-secret\u0000' } }],
    ['SOAP_DIALECT_UNKNOWN', { dialect: 'nope' }],
  ];
  for (const [code, lines] of cases) {
    assert.throws(
      () => settle({ ...good, ...lines }, NO_RESOURCES),
      (error) => error instanceof WaybillError && error.code === code && !error.message.includes('marker'),
      code,
    );
  }
});

/** What a dialect puts into a request, and where. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { TooLargeError, WaybillError } from '../../../engine/errors.ts';
import { type SoapConfig, settle } from '../../../operations/soap/config.ts';
import { DIALECTS } from '../../../operations/soap/dialect.ts';
import { makeBody, makeQuestion } from '../../../operations/soap/envelope.ts';
import { isFixed } from '../../../operations/soap/template.ts';
import { parseTree } from '../../../operations/soap/tree.ts';
import { answering, CREDENTIALS, delivery, http, openSoap, resources, vxu } from './rig.ts';

const OWN = {
  dialect: 'own',
  namespace: 'urn:own',
  request: { element: 'put', children: [{ element: 'text', from: 'message' }] },
  answer: { element: 'putResponse/result' },
};

interface Made {
  readonly xml: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fixed: boolean;
}

function made(lines: object, config: Partial<SoapConfig> = {}): Made {
  const from = { ...resources({ own: { ...OWN, ...lines } }), timeZone: 'America/Denver' };
  const { frame } = settle(
    { dialect: 'own', url: 'https://r.invalid/a?b=1&c', credentials: CREDENTIALS, ...config },
    from,
  );
  const what = delivery(vxu('M1'), 3);
  const body = makeBody(frame, what);
  const first = Buffer.concat([...body.chunks()]);
  assert.equal(first.length, body.length);
  assert.deepEqual(Buffer.concat([...body.chunks()]), first, 'the same bytes each time that they are read');
  const xml = first.toString('utf8');
  parseTree(xml);
  return { xml, headers: frame.headers, fixed: isFixed(frame.head) && isFixed(frame.tail) };
}

function refusal(lines: object, config: Partial<SoapConfig> = {}): string {
  try {
    made(lines, config);
  } catch (error) {
    if (error instanceof WaybillError) return `${error.code} ${error.place.path}: ${error.message}`;
    throw error;
  }
  return 'nothing thrown';
}

test('a dialect without parts of a call has one frame that never changes', () => {
  assert.equal(made({}).fixed, true);
  const withTime = {
    request: { element: 'put', children: [...OWN.request.children, { element: 'at', from: 'time' }] },
  };
  assert.equal(made(withTime).fixed, false);
});

test('children: fixed texts, parts of the call, elements inside elements, namespaces of their own', () => {
  const children = [
    { element: 'kind', text: 'a & <b>' },
    { element: 'at', from: 'time' },
    { element: 'day', from: 'time', format: "yyyy-MM-dd'T'HH:mm:ssxxx" },
    { element: 'batch', from: 'batchId' },
    { element: 'name', from: 'fileName', extension: '.txt' },
    { element: 'size', from: 'byteLength' },
    { element: 'count', from: 'messages' },
    { element: 'site', from: 'parameters.site' },
    {
      element: 'files',
      namespace: 'urn:files',
      children: [
        { element: 'file', children: [{ element: 'content', from: 'message', carry: 'base64' }] },
        { element: 'none', namespace: '', children: [{ element: 'user', from: 'credentials.username' }] },
      ],
    },
  ];
  const { xml } = made({ request: { element: 'put', children } }, { parameters: { site: 'N<1>' } });
  assert.match(xml, /<put xmlns="urn:own"><kind>a &amp; &lt;b&gt;<\/kind><at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ<\/at>/);
  assert.match(xml, /<day>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[67]:00<\/day>/);
  assert.match(xml, /<batch>(B[0-9a-f]{8})<\/batch><name>\1\.txt<\/name><size>\d+<\/size><count>3<\/count>/);
  assert.match(xml, /<site>N&lt;1&gt;<\/site><files xmlns="urn:files"><file><content>TVNI/);
  assert.match(xml, /<\/content><\/file><none xmlns=""><user>marker-user<\/user><\/none><\/files><\/put>/);
  const size = Number(/<size>(\d+)</.exec(xml)?.[1]);
  const content = Buffer.from(/<content>([^<]*)</.exec(xml)?.[1] ?? '', 'base64');
  assert.equal(content.length, size);
});

test('unqualified children stand in no namespace, one may have its own', () => {
  const children = [
    { element: 'a', text: '1' },
    { element: 'b', text: '2', namespace: 'urn:b' },
    { element: 'c', from: 'message' },
  ];
  const { xml } = made({ request: { element: 'put', qualified: false, children } });
  assert.match(xml, /<r:put xmlns:r="urn:own"><a>1<\/a><b xmlns="urn:b">2<\/b><c>MSH/);
});

test('HTTP Basic: in UTF-8, never with a colon in the name', () => {
  const { headers } = made({ http: 'basic' });
  assert.equal(headers.authorization, `Basic ${Buffer.from('marker-user:marker-<pass>&word').toString('base64')}`);
  assert.equal(made({}).headers.authorization, undefined);
  assert.match(
    refusal({ http: 'basic' }, { credentials: { ...CREDENTIALS, username: 'a:b' } }),
    /^SOAP_CREDENTIAL_CHARACTERS credentials.username/,
  );
  assert.match(refusal({ http: 'basic' }, { credentials: {} }), /^SOAP_CREDENTIAL_MISSING/);
});

test('a UsernameToken as text, and as a digest that a receiver can make too', () => {
  const text = made({ security: { usernameToken: 'passwordText', mustUnderstand: false } });
  assert.match(
    text.xml,
    /<soap:Header><wsse:Security [^>]*><wsse:UsernameToken><wsse:Username>marker-user<\/wsse:Username>/,
  );
  assert.match(text.xml, /#PasswordText">marker-&lt;pass&gt;&amp;word<\/wsse:Password><\/wsse:UsernameToken>/);
  assert.doesNotMatch(text.xml, /mustUnderstand|Timestamp/);
  assert.equal(text.fixed, true);
  const lines = { security: { usernameToken: 'passwordDigest', timestamp: true } };
  const { xml } = made(lines);
  assert.doesNotMatch(xml, /marker-&lt;pass/);
  assert.match(xml, /soap:mustUnderstand="1"><wsu:Timestamp><wsu:Created>[^<]+<\/wsu:Created><wsu:Expires>[^<]+Z</);
  const [, digest = '', nonce = '', created = ''] =
    /#PasswordDigest">([^<]+)<\/wsse:Password><wsse:Nonce[^>]*>([^<]+)<\/wsse:Nonce><wsu:Created>([^<]+)</.exec(xml) ??
    [];
  const expected = createHash('sha1').update(Buffer.from(nonce, 'base64')).update(created).update(CREDENTIALS.password);
  assert.equal(digest, expected.digest('base64'));
  assert.notEqual(/Nonce[^>]*>([^<]+)/.exec(made(lines).xml)?.[1], nonce, 'each call has its own');
});

test('header elements and WS-Addressing', () => {
  const headers = [
    { element: 'To', namespace: 'urn:hub', mustUnderstand: true, children: [{ element: 'Id', from: 'parameters.id' }] },
    { element: 'Who', from: 'credentials.organisation' },
  ];
  const { xml } = made({ headers, addressing: true, action: 'urn:own/put' }, { parameters: { id: 'dev' } });
  assert.match(
    xml,
    /<wsa:Action [^>]*>urn:own\/put<\/wsa:Action><wsa:To [^>]*>https:\/\/r\.invalid\/a\?b=1&amp;c<\/wsa:To>/,
  );
  assert.match(xml, /<wsa:MessageID [^>]*>urn:uuid:[0-9a-f-]{36}<\/wsa:MessageID>/);
  assert.match(
    xml,
    /<To xmlns="urn:hub" soap:mustUnderstand="1"><Id>dev<\/Id><\/To><Who xmlns="urn:own">MARKER-ORG<\/Who><\/soap:Header>/,
  );
  assert.match(refusal({ headers }), /^SOAP_PARAMETER_MISSING parameters\.id/);
  assert.match(refusal({ headers }, { parameters: { id: 'a\u0001' } }), /^SOAP_CREDENTIAL_CHARACTERS parameters\.id/);
});

test('a status query has its own action, its children and the same header', () => {
  const status = {
    action: 'urn:own/ask',
    namespace: 'urn:ask',
    request: {
      element: 'ask',
      children: [
        { element: 'ticket', from: 'ticket' },
        { element: 'pw', from: 'credentials.password' },
      ],
    },
    state: 'askResponse/state',
    states: { delivered: ['OK'] },
  };
  const from = resources({ own: { ...OWN, answer: { ticket: 'putResponse/ticket' }, status, http: 'basic' } });
  const { query } = settle({ dialect: 'own', url: 'https://r.invalid/', credentials: CREDENTIALS }, from);
  assert.ok(query);
  const body = makeQuestion(query, { batchId: 'B1', ticket: 'T<1>' });
  const xml = Buffer.concat([...body.chunks()]).toString();
  assert.match(
    xml,
    /<ask xmlns="urn:ask"><ticket>T&lt;1&gt;<\/ticket><pw>marker-&lt;pass&gt;&amp;word<\/pw><\/ask><\/soap:Body>/,
  );
  assert.match(query.headers['content-type'] ?? '', /action="urn:own\/ask"$/);
  assert.match(query.headers.authorization ?? '', /^Basic /);
});

test('lines that contradict each other are named with their place', () => {
  const message = OWN.request.children;
  const children = (...more: readonly object[]): object => ({
    request: { element: 'put', children: [...message, ...more] },
  });
  const status = { request: { element: 'ask', children: [{ element: 't', from: 'ticket' }] } };
  const cases: readonly [object, RegExp][] = [
    [children({ element: 'x' }), /request\.children: .*x must have exactly one of from, text and children/],
    [children({ element: 'x', text: 'a', from: 'time' }), /exactly one of/],
    [
      children({ element: 'x', children: [{ element: 'y', from: 'message' }] }),
      /exactly one child must have `from: message`/,
    ],
    [children({ element: 'x', from: 'time', carry: 'cdata' }), /carry, which belongs to the message/],
    [children({ element: 'x', from: 'batchId', format: 'yyyy' }), /format, which belongs to time/],
    [children({ element: 'x', from: 'time', format: 'YYYY' }), /no date pattern: .*week/],
    [children({ element: 'x', from: 'time', extension: '.a' }), /extension, which belongs to fileName/],
    [children({ element: 'x', from: 'ticket' }), /which only a status query has/],
    [{ headers: [{ element: 'x', from: 'message' }] }, /headers: .*cannot stand in a header/],
    [{ answer: { element: 'a', ticket: 'b' } }, /answer\.ticket: .*needs a status query/],
    [{ status }, /status\.request: .*answer\.ticket does not say/],
    [{ answer: { ticket: 'b' }, status }, /status\.states: .*what means taken/],
    [{ batch: { answers: 'report' } }, /batch\.answers: .*content: text/],
    [{ security: { timestamp: true } }, /security\.usernameToken: .*has no security\.usernameToken/],
  ];
  for (const [lines, why] of cases) {
    assert.match(refusal(lines), why);
    const from = resources({ own: { ...OWN, ...lines } });
    const [issue] = DIALECTS.check?.(from.files.dialects?.own, from, 'own') ?? [];
    assert.equal(issue?.code, 'SOAP_DIALECT_INCOMPLETE', JSON.stringify(lines));
  }
});

test('the schema refuses what could become markup or a header of its own, in every new place', () => {
  const child = (lines: object): object => ({ request: { children: [{ element: 'a', children: [lines] }] } });
  const bad = [
    child({ element: 'x y', text: '' }),
    child({ element: 'x', from: 'parameters.a b' }),
    child({ element: 'x', from: 'env' }),
    child({ element: 'x', text: '', namespace: 'urn:a" b' }),
    child({ element: 'x', from: 'fileName', extension: '/../x' }),
    { headers: [{ element: 'x><y' }] },
    { http: 'digest' },
    { security: { usernameToken: 'kerberos' } },
    { answer: { success: { element: 'a b', equals: ['x'] } } },
    { answer: { success: { element: 'a', equals: [] } } },
    { answer: { lenient: ['guess'] } },
    { faults: { 'Fault/1/2': {} } },
    { statuses: { 200: { whose: 'ours' } } },
    { status: { action: 'a\r\nb' } },
    { batch: { twice: 'best' } },
  ];
  for (const lines of bad)
    assert.equal(Check(DIALECTS.schema, { dialect: 'own', ...lines }), false, JSON.stringify(lines));
  assert.equal(Check(DIALECTS.schema, { dialect: 'own', ...child({ element: 'x', from: 'parameters.a' }) }), true);
});

test('what the dialect says is too much is not sent, and can be split', async (t) => {
  const server = await answering(t, http(200, ''));
  const from = resources({
    small: { dialect: 'small', extends: 'cdc-iis-2011', batch: { maxMessages: 2, maxBytes: 1000 } },
  });
  const operation = await openSoap(t, { url: server.url, dialect: 'small' }, from);
  const attempt = (bytes: string, messages: number) =>
    operation.send(delivery(bytes, messages), AbortSignal.timeout(9000));
  const refused = (bytes: string, messages: number, maxBytes: number | undefined) =>
    assert.rejects(attempt(bytes, messages), (error) => {
      assert.ok(error instanceof TooLargeError);
      assert.deepEqual([error.code, error.maxBytes, error.whose], ['SOAP_BATCH_TOO_LARGE', maxBytes, 'ours']);
      return true;
    });
  await refused('x', 3, undefined);
  await refused('x'.repeat(1001), 1, 1000);
  assert.equal(server.connections(), 0);
  await assert.rejects(attempt('x'.repeat(1000), 2), /cannot be read/);
  assert.equal(server.connections(), 1);
});

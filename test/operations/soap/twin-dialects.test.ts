/** The twin plays every dialect that is shipped: what the operation sends is taken, what the contract does not have is refused. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { request } from 'undici';
import { builtInDialects, type Dialect, resolveDialect } from '../../../operations/soap/dialect.ts';
import type { SentRequest } from '../../support/twin.ts';
import {
  batchOf,
  post,
  questionOf,
  requestOf,
  shipped,
  TWIN_CREDENTIALS,
  takenLines,
  testFile,
  testTwin,
  vaccination,
} from '../../support/twin.ts';
import { resources } from './rig.ts';

const PARAMETERS = { destinationId: 'STATE-7' };
const CHECKS = { credentials: TWIN_CREDENTIALS, parameters: PARAMETERS };
const SENDING = { parameters: PARAMETERS };

/** A generic dialect has no names of its own. */
const names = builtInDialects().filter((name) => name !== 'generic');

/** The request with a text of its envelope replaced; the text must stand there. */
function changed({ headers, body }: SentRequest, from: string | RegExp, to: string): SentRequest {
  const text = body.toString('utf8');
  const after = text.replace(from, to);
  assert.notEqual(after, text, String(from));
  return { headers, body: Buffer.from(after) };
}

/** Extends a shipped dialect by these lines. */
function own(lines: object): Dialect {
  return resolveDialect('own', resources({ own: { dialect: 'own', extends: 'cdc-iis-2011', ...lines } }));
}

test('all dialects that are to be played are there', () => {
  const wanted = ['ca', 'cdc-iis-2011', 'cdc-iis-2014', 'il', 'iz-hub-2014', 'ma-wsse', 'pa-elr', 'submit-poll', 'wi'];
  assert.deepEqual(
    wanted.filter((name) => !names.includes(name)),
    [],
  );
});

for (const name of names) {
  const dialect = shipped(name);

  test(`${name}: a right request is taken whole, and answered as the dialect has it`, async (t) => {
    const log = testFile(t, 'log');
    const twin = await testTwin(t, { dialect, log, logMessages: true, ...CHECKS });
    const text = batchOf(['one', 'two']);
    const {
      status,
      text: answer,
      headers,
    } = await post(twin.url, requestOf(dialect, text, { ...SENDING, messages: 2 }));
    assert.equal(status, 200, answer);
    assert.ok(String(headers['content-type']).startsWith(`${dialect.contentType};`));
    if (dialect.answer.ticket !== undefined) assert.match(answer, /TWIN-1-[0-9a-f]{8}</);
    else if (dialect.answer.success) assert.match(answer, /2 messages received, 2 accepted.*true</);
    else assert.match(answer, /MSA\|AA\|one&#xD;.*MSA\|AA\|two&#xD;BTS\|2&#xD;/);
    assert.deepEqual(
      takenLines(log).map(({ controlId, position, of, message }) => ({ controlId, position, of, message })),
      ['one', 'two'].map((id, index) => ({ controlId: id, position: index + 1, of: 2, message: vaccination(id) })),
    );
  });

  test(`${name}: wrong credentials, wherever they stand, are refused`, async (t) => {
    const twin = await testTwin(t, { dialect, ...CHECKS });
    const sent = JSON.stringify(dialect.request) + JSON.stringify(dialect.headers);
    for (const wrong of ['username', 'password', 'organisation'] as const) {
      const isSent =
        sent.includes(`credentials.${wrong}`) || (wrong !== 'organisation' && dialect.security !== undefined);
      const credentials = { ...TWIN_CREDENTIALS, [wrong]: 'wrong' };
      const { status, text } = await post(twin.url, requestOf(dialect, vaccination('A'), { ...SENDING, credentials }));
      assert.equal(status, isSent ? 500 : 200, `${wrong}: ${text}`);
      if (isSent)
        assert.match(text, Object.hasOwn(dialect.faults, 'SecurityFault') ? /<SecurityFault/ : /Client|Sender/);
    }
    assert.equal(twin.counts().refused, twin.counts().requests - twin.counts().messages);
  });

  test(`${name}: another order, an element too many, another operation, action and content type are refused`, async (t) => {
    const twin = await testTwin(t, { dialect, ...CHECKS });
    const right = requestOf(dialect, vaccination('A'), SENDING);
    const { element, children } = dialect.request;
    const [first, second] = children;
    if (first && second) {
      const swapped = changed(
        right,
        new RegExp(`(<${first.element}>.*</${first.element}>)(<${second.element}>.*?</${second.element}>)`),
        '$2$1',
      );
      assert.match((await post(twin.url, swapped)).text, /another order/);
    }
    assert.match(
      (await post(twin.url, changed(right, `</${element}>`, `<More>x</More></${element}>`))).text,
      /does not have/,
    );
    const other = changed(changed(right, `<${element}`, '<Other'), `</${element}>`, '</Other>');
    assert.match((await post(twin.url, other)).text, /not offered/);
    const headers = Object.fromEntries(
      Object.entries(right.headers).map(([key, value]) => [
        key,
        key === 'soapaction' ? '"urn:other"' : value.replace(/action="[^"]*"/, 'action="urn:other"'),
      ]),
    );
    assert.match((await post(twin.url, { headers, body: right.body })).text, /action is that of another/);
    const type = { ...right.headers, 'content-type': 'application/json' };
    assert.equal((await post(twin.url, { headers: type, body: right.body })).status, 415);
    assert.equal(twin.counts().messages, 0);
    assert.equal((await post(twin.url, right)).status, 200);
  });

  test(`${name}: its WSDL is served and is well-formed`, async (t) => {
    const { url } = await testTwin(t, { dialect });
    const wsdl = await (await request(`${url}?wsdl`)).body.text();
    for (const { element } of dialect.request.children) assert.ok(wsdl.includes(`name="${element}"`), element);
    assert.ok(wsdl.includes(`name="${dialect.answer.element.split('/').at(-1)}"`));
  });
}

test('a hub wants its destination, and the right one where that is known', async (t) => {
  const dialect = shipped('iz-hub-2014');
  const twin = await testTwin(t, { dialect, ...CHECKS });
  const right = requestOf(dialect, vaccination('A'), SENDING);
  assert.match((await post(twin.url, changed(right, 'STATE-7', 'STATE-8'))).text, /DestinationId is not right/);
  assert.match(
    (await post(twin.url, changed(right, /<HubRequestHeader.*<\/HubRequestHeader>/, ''))).text,
    /DestinationId is missing/,
  );
  assert.match((await post(twin.url, changed(right, /<wsa:MessageID.*<\/wsa:MessageID>/, ''))).text, /WS-Addressing/);
  const strange = changed(right, '<soap:Header>', '<soap:Header><x xmlns="urn:x" soap:mustUnderstand="1"/>');
  assert.match((await post(twin.url, strange)).text, /<soap:Value>soap:MustUnderstand</);
  const open = await testTwin(t, { dialect });
  assert.equal((await post(open.url, changed(right, 'STATE-7', 'STATE-8'))).status, 200);
});

test('WS-Security: digest, nonce and time are checked; a token that was used is refused', async (t) => {
  const dialect = own({
    security: { usernameToken: 'passwordDigest', timestamp: true },
    request: { children: [{ element: 'hl7Message', from: 'message' }] },
  });
  const twin = await testTwin(t, { dialect, ...CHECKS });
  const right = requestOf(dialect, vaccination('A'));
  assert.equal((await post(twin.url, right)).status, 200);
  assert.match((await post(twin.url, right)).text, /nonce/);
  const again = (): SentRequest => requestOf(dialect, vaccination('A'));
  assert.match(
    (await post(twin.url, changed(again(), /#PasswordDigest">[^<]*/, '#PasswordDigest">AAAA'))).text,
    /is wrong/,
  );
  assert.match((await post(twin.url, changed(again(), '#PasswordDigest', '#PasswordText'))).text, /not written as/);
  assert.match(
    (await post(twin.url, changed(again(), /<wsu:Expires>[^<]*/, '<wsu:Expires>2020-01-01T00:00:00Z'))).text,
    /Timestamp/,
  );
  assert.match(
    (await post(twin.url, changed(again(), /<wsse:UsernameToken>.*<\/wsse:UsernameToken>/, ''))).text,
    /no UsernameToken/,
  );
  assert.equal(twin.counts().messages, 1);
});

test('HTTP Basic: 401 with a challenge', async (t) => {
  const dialect = own({ http: 'basic', request: { children: [{ element: 'hl7Message', from: 'message' }] } });
  const twin = await testTwin(t, { dialect, ...CHECKS });
  const right = requestOf(dialect, vaccination('A'));
  assert.equal((await post(twin.url, right)).status, 200);
  for (const authorization of ['Basic AAAA', 'Bearer x', '']) {
    const { status, headers } = await post(twin.url, {
      headers: { ...right.headers, authorization },
      body: right.body,
    });
    assert.equal(status, 401);
    assert.equal(headers['www-authenticate'], 'Basic realm="twin"');
  }
  assert.equal(twin.counts().messages, 1);
});

test("what a request says of itself must hold; encodings and styles of answers are the dialect's", async (t) => {
  const counting = own({
    request: {
      children: [
        { element: 'count', from: 'messages' },
        { element: 'hl7Message', from: 'message', carry: 'base64' },
      ],
    },
  });
  const strict = await testTwin(t, { dialect: counting });
  assert.match(
    (await post(strict.url, requestOf(counting, batchOf(['1', '2']), { messages: 3 }))).text,
    /count is not the number/,
  );
  const right = requestOf(counting, batchOf(['1', '2']), { messages: 2 });
  assert.equal((await post(strict.url, right)).status, 200);
  assert.match((await post(strict.url, changed(right, '<hl7Message>', '<hl7Message>!'))).text, /no base64/);

  const packed = own({ answer: { encoding: 'base64' } });
  const { text } = await post((await testTwin(t, { dialect: packed })).url, requestOf(packed, vaccination('A')));
  const inside = Buffer.from(/<return>(.*)<\/return>/.exec(text)?.[1] ?? '', 'base64').toString();
  assert.match(inside, /\rMSA\|AA\|A\r$/);
  const url = own({ answer: { encoding: 'url' } });
  const quoted = await post((await testTwin(t, { dialect: url })).url, requestOf(url, vaccination('A')));
  assert.match(decodeURIComponent(/<return>(.*)<\/return>/.exec(quoted.text)?.[1] ?? ''), /\rMSA\|AA\|A\r$/);

  const quiet = own({ batch: { answers: 'errorsOnly', maxMessages: 3 } });
  const errors = await testTwin(t, { dialect: quiet, rules: ['{ do: { sin: code, code: AE, messages: "2" } }'] });
  const some = (await post(errors.url, requestOf(quiet, batchOf(['1', '2', '3'])))).text;
  assert.match(some, /MSA\|AE\|2&#xD;ERR.*BTS\|1&#xD;/);
  assert.doesNotMatch(some, /MSA\|AA/);
  assert.match((await post(errors.url, requestOf(quiet, batchOf(['1', '2', '3', '4'])))).text, /MessageTooLargeFault/);
});

test('a charset that is not UTF-8 is read, and the log has the text', async (t) => {
  const dialect = own({ charset: 'iso-8859-1' });
  const log = testFile(t, 'log');
  const twin = await testTwin(t, { dialect, log });
  const text = vaccination('A').replace('Zoe', 'Zo\u00eb');
  assert.equal((await post(twin.url, requestOf(dialect, text))).status, 200);
  assert.equal(takenLines(log)[0]?.sha256, createHash('sha256').update(text).digest('hex'));
});

test('submit, then poll: a ticket, then the verdict; what was never sent is unknown', async (t) => {
  const dialect = shipped('submit-poll');
  const twin = await testTwin(t, {
    dialect,
    ...CHECKS,
    rules: [
      '{ when: { purpose: submit }, do: { sin: code, code: AE, messages: "2" } }',
      '{ when: { purpose: status }, do: { sin: still-working, asks: 2 } }',
    ],
  });
  const { text } = await post(twin.url, requestOf(dialect, batchOf(['1', '2', '3'])));
  const ticket = /TWIN-1-[0-9a-f]{8}/.exec(text)?.[0] ?? '';
  const ask = async (about: string): Promise<string> => (await post(twin.url, questionOf(dialect, about))).text;
  assert.match(await ask(ticket), /<State>RECEIVED</);
  assert.match(await ask(ticket), /<State>RECEIVED</);
  const done = await ask(ticket);
  assert.match(done, /MSA\|AA\|1&#xD;.*MSA\|AE\|2&#xD;.*MSA\|AA\|3&#xD;BTS\|3&#xD;/);
  assert.match(done, /<State>COMPLETE</);
  assert.match(done, /<Hl7Message>BHS\|.*\|BATCH-1&#xD;/);
  assert.match(await ask('TWIN-9-00000000'), /<State>NOT_FOUND</);
  assert.match(
    (await post(twin.url, questionOf(dialect, ticket, { credentials: { ...TWIN_CREDENTIALS, password: 'x' } }))).text,
    /SecurityFault/,
  );
  assert.deepEqual(twin.counts().sins, { code: 1, 'still-working': 2 });
});

test('a status query by control id is answered from what was taken', async (t) => {
  const dialect = own({
    status: {
      action: 'urn:cdc:iisb:2011:query',
      request: { element: 'query', children: [{ element: 'id', from: 'controlId' }] },
      state: 'queryResponse/state',
      states: { unknown: ['NONE'], delivered: ['TAKEN'], rejected: ['REFUSED'] },
    },
  });
  const twin = await testTwin(t, { dialect, rules: ['{ do: { sin: code, code: AR, controlId: "bad*" } }'] });
  await post(twin.url, requestOf(dialect, batchOf(['good', 'bad-1'])));
  const ask = async (about: string): Promise<string> => (await post(twin.url, questionOf(dialect, about))).text;
  assert.match(await ask('good'), /<state>TAKEN</);
  assert.match(await ask('bad-1'), /<state>REFUSED</);
  assert.match(await ask('other'), /<state>NONE</);
});

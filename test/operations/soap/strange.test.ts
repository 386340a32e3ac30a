/** Answers of receivers that nobody has seen before: contradictions, parts, charsets, faults of other makes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Answer } from '../../../engine/contracts/operation.ts';
import { DeliveryError } from '../../../engine/errors.ts';
import { readAcknowledgements } from '../../../hl7/acknowledgements.ts';
import { decodeAnswer, UnreadableAnswer } from '../../../operations/soap/answer.ts';
import { type DialectFile, resolveDialect } from '../../../operations/soap/dialect.ts';
import { unpacked } from '../../../operations/soap/multipart.ts';
import { Secrets } from '../../../operations/soap/secrets.ts';
import { understand } from '../../../operations/soap/understand.ts';
import { ack, answering, className, envelope, failure, fault, http, openSoap, resources, response } from './rig.ts';

interface Came {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly lines?: Omit<DialectFile, 'dialect'>;
}

function read(body: string | Buffer, { status = 200, headers = {}, lines = {} }: Came = {}): Answer {
  const from = resources({ own: { dialect: 'own', extends: 'generic', ...NAMES, ...lines } });
  const dialect = resolveDialect('own', from);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const answer = { status, headers: { 'content-length': String(bytes.length), ...headers }, body: bytes };
  return understand({ url: new URL('https://r.invalid/'), dialect, secrets: new Secrets([]) }, answer, 2);
}

/** A literal key of this name is refused by the linter. */
const THEN = 'then';

const NAMES: Omit<DialectFile, 'dialect'> = {
  soap: '1.1',
  namespace: 'urn:x',
  request: { element: 'Put', children: [{ element: 'm', from: 'message' }] },
  answer: { element: 'submitSingleMessageResponse/return' },
};

/** What becomes of the messages `1` and `2`, or the error. */
function become(body: string | Buffer, came: Came = {}): string | DeliveryError {
  try {
    const answer = read(body, came);
    if (answer.kind === 'later') return 'later';
    if (answer.kind === 'outcomes') return answer.outcomes.map(({ outcome }) => outcome).join(' ');
    const { acknowledgements } = readAcknowledgements(answer.text);
    return ['1', '2']
      .map((id) => acknowledgements.filter(({ controlId }) => controlId === id).map(({ code }) => code))
      .map((codes) => codes.join('+') || 'unnamed')
      .join(' ');
  } catch (error) {
    if (error instanceof DeliveryError) return error;
    throw error;
  }
}

function code(body: string | Buffer, came: Came = {}): string {
  const found = become(body, came);
  return typeof found === 'string' ? found : `${className(found)} ${found.code}`;
}

const returns = (...texts: readonly string[]): string =>
  envelope(
    `<n:submitSingleMessageResponse xmlns:n="urn:x">${texts.map((text) => `<n:return>${text.replaceAll('&', '&amp;')}</n:return>`).join('')}</n:submitSingleMessageResponse>`,
  );

test('several elements for the answer: each of them counts, and a yes does not hide a no', () => {
  assert.equal(code(returns(ack('1'), ack('2'))), 'AA AA');
  assert.equal(code(returns(ack('1', 'AA'), ack('1', 'AE'))), 'AA+AE unnamed');
  assert.equal(code(returns('', ack('1'), ' \n')), 'AA unnamed');
  assert.equal(code(returns(`${ack('1')}\n${ack('2')}`)), 'AA AA');
  const packed = [ack('1'), ack('2', 'AE')].map((text) => Buffer.from(text).toString('base64'));
  const base64: Came = { lines: { answer: { element: 'return', encoding: 'base64' } } };
  assert.equal(code(returns(...packed), base64), 'AA AE');
  assert.equal(code(returns('', ''), base64), 'UncertainError SOAP_ANSWER_EMPTY');
});

test('an acknowledgement and a fault in one answer: nobody knows, in either order and with either status', () => {
  const broken = '<env:Fault><env:Code><env:Value>env:Receiver</env:Value></env:Code></env:Fault>';
  for (const status of [200, 500, 503]) {
    for (const body of [
      returns(ack('1')).replace('</env:Body>', `${broken}</env:Body>`),
      returns(ack('1')).replace('<env:Body>', `<env:Body>${broken}`),
    ])
      assert.equal(code(body, { status }), 'UncertainError SOAP_FAULT_IN_DOUBT', `${status}`);
  }
});

test('a status that means "not taken" does not stand against a yes in the body; a no leaves the status its word', () => {
  const busy = { status: 503, headers: { 'retry-after': '10' } };
  assert.equal(code(response(ack('1')), busy), 'AA unnamed');
  for (const status of [429, 408, 413]) assert.equal(code(response(ack('1')), { status }), 'AA unnamed');
  assert.equal(code(response(ack('1')), { status: 403 }), 'ConfigError SOAP_HTTP_UNAUTHORIZED', 'a person looks first');
  assert.equal(code(response(ack('1', 'AR')), busy), 'TransientError SOAP_HTTP_BUSY');
  assert.equal(code(response(ack('1', 'AE')), { status: 401 }), 'ConfigError SOAP_HTTP_UNAUTHORIZED');
  assert.equal(code('', busy), 'TransientError SOAP_HTTP_BUSY');
});

test('an acknowledgement that refuses is never read as words of success', () => {
  const lines: Came['lines'] = {
    answer: { element: 'r/why', content: 'text', success: { element: 'r/ok', equals: ['true'] } },
    batch: { answers: 'report' },
  };
  const body = (text: string): string => envelope(`<r><ok>true</ok><why>${text.replaceAll('&', '&amp;')}</why></r>`);
  const found = become(body(ack('1', 'AE')), { lines });
  assert.ok(found instanceof DeliveryError);
  assert.equal(found.code, 'SOAP_SUCCESS_UNKNOWN');
  assert.match(found.message, /content: hl7/);
  assert.equal(code(body(ack('1')), { lines }), 'delivered delivered');
  assert.equal(code(body('filed, MSA|AE is a word'), { lines }), 'delivered delivered');
});

test('codes of SOAP 1.1 with a point find the line of their general part; those that SOAP names are explained', () => {
  const old = (name: string): string =>
    `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>e:${name}</faultcode><faultstring>No</faultstring></e:Fault></e:Body></e:Envelope>`;
  assert.equal(code(old('Server.Busy.Database'), { status: 500 }), 'TransientError SOAP_FAULT_RECEIVER');
  assert.equal(code(old('Client.Authentication'), { status: 500 }), 'ConfigError SOAP_FAULT_SENDER');
  assert.equal(code(old('Serverless'), { status: 500 }), 'ConfigError SOAP_FAULT_UNKNOWN');
  const own: Came['lines'] = {
    faults: { 'Server.Busy': { [THEN]: 'inDoubt', whose: 'receiver' } } as DialectFile['faults'] & object,
  };
  assert.equal(code(old('Server.Busy.Database'), { status: 500, lines: own }), 'UncertainError SOAP_FAULT_IN_DOUBT');
  const explained = (body: string): string => {
    const found = become(body, { status: 500 });
    return typeof found === 'string' ? found : found.message;
  };
  assert.match(explained(old('VersionMismatch')), /another version of SOAP/);
  assert.match(explained(fault('', 'env:MustUnderstand')), /SOAP header/);
});

test('charsets: UTF-16 with or without a mark, as announced or not, and those of one byte', () => {
  const xml = returns(ack('1', 'AA'));
  const little = Buffer.from(xml, 'utf16le');
  for (const type of ['text/xml', 'text/xml; charset=utf-16', 'text/xml; charset=utf-8']) {
    const headers = { 'content-type': type };
    assert.equal(code(little, { headers }), 'AA unnamed', type);
    assert.equal(code(Buffer.from(little).swap16(), { headers }), 'AA unnamed', type);
    assert.equal(code(xml, { headers }), 'AA unnamed', `${type} in one byte`);
  }
  const body = Buffer.from([
    ...Buffer.from('<?xml version="1.0" encoding="ISO-8859-2"?><a>'),
    0xb3,
    ...Buffer.from('</a>'),
  ]);
  assert.match(decodeAnswer({ status: 200, headers: {}, body }), /\u0142/);
  const euro = Buffer.from([...Buffer.from('<a>'), 0xa4, ...Buffer.from('</a>')]);
  const latin9 = { 'content-type': 'text/xml; charset=ISO-8859-15' };
  assert.match(decodeAnswer({ status: 200, headers: latin9, body: euro }), /\u20ac/);
});

const BOUNDARY = 'uuid:0e5a';

function parts(all: readonly (readonly [string, string])[], end = `\r\n--${BOUNDARY}--\r\n`): string {
  return `${all.map(([head, body]) => `\r\n--${BOUNDARY}\r\n${head}\r\n\r\n${body}`).join('')}${end}`;
}
const TYPE = `multipart/related; type="application/xop+xml"; boundary="${BOUNDARY}"; start="<root@x>"`;
const ROOT = 'Content-Type: application/xop+xml; charset=UTF-8\r\nContent-ID: <root@x>';
const came = (type = TYPE): Came => ({ headers: { 'content-type': type } });
const INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:ack%40x"/>';

test('an answer in parts (MTOM): the envelope is the part that is named, or the first; a part stands for its text', () => {
  const whole = returns(ack('1'));
  assert.equal(code(parts([[ROOT, whole]]), came()), 'AA unnamed');
  assert.equal(code(`a preamble${parts([[ROOT, whole]])}and an end`, came()), 'AA unnamed');
  assert.equal(code(parts([[ROOT, whole]]).replaceAll('\r\n', '\n'), came()), 'AA unnamed');
  assert.equal(
    code(parts([['Content-Type: text/xml', whole]]), came(`multipart/related; boundary=${BOUNDARY}`)),
    'AA unnamed',
  );
  const beside = ['Content-Type: text/plain\r\nContent-ID: <ack@x>', ack('2')] as const;
  const root = returns(INCLUDE).replaceAll('&amp;', '&');
  assert.equal(code(parts([beside, [ROOT, root]]), came()), 'unnamed AA');
  const packed = Buffer.from(ack('2', 'AE')).toString('base64');
  const coded = ['Content-ID: <ack@x>\r\nContent-Transfer-Encoding: base64', packed] as const;
  assert.equal(code(parts([[ROOT, root], coded]), came()), 'unnamed AE');
  assert.equal(
    code(parts([[ROOT, fault('<SecurityFault/>')]]), { ...came(), status: 500 }),
    'ConfigError SOAP_FAULT_SENDER',
  );
});

test('parts that are not whole, or lead nowhere, are told and leave the messages in doubt', () => {
  const whole = returns(ack('1'));
  const root = returns(INCLUDE).replaceAll('&amp;', '&');
  const odd: readonly (readonly [string, string, RegExp])[] = [
    [parts([[ROOT, whole]], ''), TYPE, /may have been cut/],
    [parts([[ROOT, whole]]), 'multipart/related', /without a boundary/],
    [parts([]), TYPE, /no part at all/],
    [parts([[ROOT, root]]), TYPE, /did not come with it/],
    [parts(Array.from({ length: 101 }, () => [ROOT, whole] as const)), TYPE, /more than 100 parts/],
    [parts([[`${ROOT}\r\nContent-Transfer-Encoding: quoted-printable`, whole]]), TYPE, /quoted-printable/],
  ];
  for (const [body, type, why] of odd) {
    const found = become(body, came(type));
    assert.ok(found instanceof DeliveryError, String(why));
    assert.equal(className(found), 'UncertainError');
    assert.match(found.message, why);
  }
});

test('a long run of line ends or blanks costs no more than its length', () => {
  for (const filler of ['\n', ' ', '\rMSA|  ', '\r \t']) {
    const text = `MSH|^~\\&|A\r${filler.repeat(200_000)}`;
    const found = code(returns(text.replaceAll('\r', '\n')), { status: 500 });
    assert.equal(found, 'UncertainError SOAP_HTTP_ERROR', JSON.stringify(filler));
  }
});

test('any bytes between any boundaries are read or refused, in time', () => {
  const piece = fc.constantFrom(
    `--${BOUNDARY}`,
    `--${BOUNDARY}--`,
    '\r\n',
    '\n',
    'Content-ID: <a>',
    'Content-ID: <root@x>',
    '<a/>',
    ':',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const body = Buffer.from(pieces.join(''));
      try {
        const { root } = unpacked({ status: 200, headers: { 'content-type': TYPE }, body });
        assert.ok(root.body.length <= body.length);
      } catch (error) {
        assert.ok(error instanceof UnreadableAnswer, String(error));
      }
    }),
  );
});

test('what an operator reads: an empty answer, a web page, no HTTP, HTTP 100, headers without end', async (t) => {
  const all: readonly (readonly [Buffer, RegExp])[] = [
    [http(202, ''), /HTTP 202, but the answer cannot be read: it is empty/],
    [http(200, '<!DOCTYPE html><html><p>Log in<br></html>', { 'content-type': 'text/html' }), /it is a web page/],
    [Buffer.from('SOAP/9 hello\r\n\r\n'), /no HTTP that can be read/],
    [Buffer.concat([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), http(200, response(ack('1')))]), /HTTP 100/],
    [http(200, response(ack('1')), { 'x-large': 'a'.repeat(30_000) }), /headers of the answer are larger/],
    [http(200, response(ack('1')), { 'content-length': '5', 'Content-Length': '5000' }), /connection/],
  ];
  for (const [bytes, why] of all) {
    const server = await answering(t, bytes);
    const error = await failure(await openSoap(t, { url: server.url }));
    assert.equal(className(error), 'UncertainError', String(why));
    assert.match(error.message, why);
    await server.close();
  }
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeAnswer, readAnswer, UnreadableAnswer } from '../../../operations/soap/answer.ts';
import { CUT_MARK, cutText, decodeCharacters } from '../../../operations/soap/cut.ts';
import { needsShared, sharedPath } from '../../support/shared.ts';
import { ack, envelope, fault, response } from './rig.ts';

const PATH = 'submitSingleMessageResponse/return';

function decoded(body: Buffer, contentType?: string): string {
  return decodeAnswer({ status: 200, headers: { 'content-type': contentType }, body });
}

test('the text of the answer is whole: CR by reference, raw LF, outer white space, entities', () => {
  assert.equal(readAnswer(response('MSH|^~\\&|a<b\rMSA|AA|1\r'), PATH).text, 'MSH|^~\\&|a<b\rMSA|AA|1\r');
  const raw = envelope(
    '<submitSingleMessageResponse><return>\n MSA|AA|1\r\nERR\r \n</return></submitSingleMessageResponse>',
  );
  assert.equal(readAnswer(raw, PATH).text, '\n MSA|AA|1\nERR\n \n');
});

test('found by local name: no prefix, another prefix, an undeclared one, CDATA, a comment, an extra element', () => {
  const shapes = [
    '<submitSingleMessageResponse><return>X</return></submitSingleMessageResponse>',
    '<q:submitSingleMessageResponse xmlns:q="urn:else"><q:return>X</q:return></q:submitSingleMessageResponse>',
    '<nope:submitSingleMessageResponse><nope:return>X</nope:return></nope:submitSingleMessageResponse>',
    '<submitSingleMessageResponse><return><![CDATA[X]]></return></submitSingleMessageResponse>',
    '<submitSingleMessageResponse><!-- <return>Y</return> --><return>X</return></submitSingleMessageResponse>',
    '<submitSingleMessageResponse><note>Z</note><return>X</return><more/></submitSingleMessageResponse>',
    '<wrap><submitSingleMessageResponse><return a="b">X</return></submitSingleMessageResponse></wrap>',
    '<return>Y</return><submitSingleMessageResponse><return>X</return></submitSingleMessageResponse>',
    '<submitSingleMessageResponse><return>X<i>Y</i></return></submitSingleMessageResponse>',
  ];
  for (const shape of shapes) assert.equal(readAnswer(envelope(shape), PATH).text, 'X', shape);
});

test('an answer without the element, or with an empty one', () => {
  assert.deepEqual(readAnswer(envelope('<other/>'), PATH), { values: {} });
  assert.equal(
    readAnswer(envelope('<submitSingleMessageResponse><return/></submitSingleMessageResponse>'), PATH).text,
    '',
  );
});

test('what is no well-formed XML, has a document type or is beyond the caps is refused', () => {
  const good = response(ack('1'));
  const cases: Readonly<Record<string, string>> = {
    plain: ack('1'),
    empty: '',
    cut: good.slice(0, -20),
    'missing end tag': good.replace('</n:return>', ''),
    'wrong end tag': good.replace('</n:return>', '</n:retrun>'),
    'bare &': good.replace('&amp;', '&'),
    'unknown entity': good.replace('&amp;', '&nbsp;'),
    'control character': good.replace('MSA', '\u0001'),
    'control character by reference': good.replace('&#xD;', '&#x1;'),
    'after the end': `${good}x`,
    doctype: good.replace('?>', '?><!DOCTYPE x [<!ENTITY y "z">]>'),
    'external doctype': good.replace('?>', '?><!DOCTYPE x SYSTEM "file:///etc/hostname">'),
    deep: envelope('<a>'.repeat(70) + '</a>'.repeat(70)),
    'many elements': envelope('<a/>'.repeat(100_001)),
    'many attributes': envelope(`<a ${Array.from({ length: 65 }, (_, i) => `a${i}="1"`).join(' ')}/>`),
  };
  for (const [name, xml] of Object.entries(cases)) {
    assert.throws(
      () => readAnswer(xml, PATH),
      (error) => error instanceof UnreadableAnswer && error.kind === 'xml',
      name,
    );
  }
});

test('what is said about an unreadable answer repeats nothing of it', () => {
  const xml = response('MARKER').replace('</n:return>', '</MARKER>');
  assert.throws(
    () => readAnswer(xml, PATH),
    (error) => error instanceof Error && !error.message.includes('MARKER'),
  );
});

test('faults of both versions, by local names, with missing and careless parts', () => {
  assert.deepEqual(
    readAnswer(
      fault('<SecurityFault xmlns="urn:cdc:iisb:2011"><Code>401</Code><Reason>Security</Reason></SecurityFault>'),
      PATH,
    ).fault,
    {
      detail: 'SecurityFault',
      codes: ['Sender'],
      reason: 'No - 401 - Security',
      values: { Code: '401', Reason: 'Security' },
    },
  );
  const bare = readAnswer(fault('', 'Sender', ''), PATH).fault;
  assert.deepEqual(bare, { detail: '', codes: ['Sender'], reason: '', values: {} });
  const nested = envelope(
    '<env:Fault><env:Code><env:Value>env:Receiver</env:Value><env:Subcode><env:Value>x:Busy</env:Value></env:Subcode></env:Code></env:Fault>',
  );
  assert.deepEqual(readAnswer(nested, PATH).fault?.codes, ['Receiver', 'Busy']);
  const old = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>Nope</faultstring><detail><e:SecurityFault xmlns:e="u"/></detail></s:Fault></s:Body></s:Envelope>`;
  assert.deepEqual(readAnswer(old, PATH).fault, {
    detail: 'SecurityFault',
    codes: ['Client'],
    reason: 'Nope',
    values: {},
  });
  assert.deepEqual(readAnswer(envelope('<env:Fault/>'), PATH).fault, { detail: '', codes: [], reason: '', values: {} });
});

test('the charset is that of the mark, of the header, of the declaration, in this order, and strictly', () => {
  const xml = (encoding: string): string => `<?xml version="1.0" encoding="${encoding}"?><a>\u00e9\u20ac</a>`;
  assert.equal(decoded(Buffer.from(xml('utf-8'))), xml('utf-8'));
  assert.equal(decoded(Buffer.from(`\ufeff${xml('utf-16')}`, 'utf16le'), 'text/xml'), xml('utf-16'));
  assert.equal(decoded(Buffer.from(xml('utf-16'), 'utf16le'), 'text/xml; charset=utf-16'), xml('utf-16'));
  const western = Buffer.concat([
    Buffer.from('<?xml version="1.0" encoding="windows-1252"?><a>'),
    Buffer.from([0xe9, 0x80]),
    Buffer.from('</a>'),
  ]);
  assert.match(decoded(western), /\u00e9\u20ac/);
  assert.match(
    decoded(western, 'text/xml; charset="utf-8"'),
    /\u00e9\u20ac/,
    'the header lies, the declaration does not',
  );
  const latin = Buffer.from('<a>\u00e9</a>', 'latin1');
  assert.match(decoded(latin, 'text/xml;charset=ISO-8859-1'), /\u00e9/);
  assert.throws(
    () => decoded(latin),
    (error) => error instanceof UnreadableAnswer && error.kind === 'charset',
  );
  assert.match(decoded(Buffer.from('<a/>'), 'text/xml; charset=made-up'), /<a\/>/);
});

test('the short cut reads what the parser reads, or is not taken', () => {
  const piece = fc.constantFrom(
    '&',
    '&amp;',
    '&#xD;',
    '&#13;',
    '&#x0;',
    '&lt;',
    '&bad;',
    '\r',
    '\n',
    ']]>',
    '<i>',
    '</i>',
    'MSA|AA|1',
    '\u0001',
    '\u00e9',
    '<!--',
    '-->',
    '<![CDATA[',
    '<return>',
    '</return>',
    CUT_MARK,
  );
  const outcome = (xml: string, path: string): string => {
    try {
      return JSON.stringify(readAnswer(xml, path));
    } catch (error) {
      assert.ok(error instanceof UnreadableAnswer);
      return 'refused';
    }
  };
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      // A comment in the element keeps the short cut from being taken, and changes nothing else.
      const text = pieces.join('');
      const plain = envelope(`<submitSingleMessageResponse><return>${text}</return></submitSingleMessageResponse>`);
      const slow = envelope(
        `<submitSingleMessageResponse><return><!---->${text}</return></submitSingleMessageResponse>`,
      );
      assert.equal(outcome(plain, PATH), outcome(slow, PATH));
    }),
    { numRuns: 500 },
  );
  assert.equal(cutText('<a><b>x</b></a>', 'b')?.text, 'x');
  assert.equal(cutText('<a><b>x<c/></b></a>', 'b'), undefined);
  assert.equal(decodeCharacters('&#x41;&#65;&quot;&apos;'), 'AA"\'');
  assert.equal(decodeCharacters('&'.repeat(3)), undefined);
});

const answers = 'fixtures/soap/answers';

test('acknowledgements that real registries gave come through byte for byte', needsShared, () => {
  const names = readdirSync(sharedPath(answers)).filter((name) => name.endsWith('.hl7'));
  assert.equal(names.length, 6);
  for (const name of names) {
    const text = readFileSync(sharedPath(`${answers}/${name}`), 'utf8');
    assert.equal(readAnswer(response(text), PATH).text, text, name);
  }
});

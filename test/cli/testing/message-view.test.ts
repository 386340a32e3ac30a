/** How a made message is looked at: HL7, documents in Extended JSON, and anything else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../../../cli/testing/message-view.ts';

const view = (text: string) => viewOf(Buffer.from(text));

test('values of HL7 are compared decoded, or as they stand', () => {
  const message = view('MSH|^~\\&|LAB||||||ADT^A01|1|P|2.5.1\rPID|1||M1~M2||Roe \\T\\ Sons^Max||""\r');
  assert.equal(message.compare('PID-5.1', 'Roe & Sons'), undefined);
  assert.equal(message.compare('PID-5.1', { raw: 'Roe \\T\\ Sons' }), undefined);
  assert.equal(message.compare('PID-3(2)', 'M2'), undefined);
  assert.equal(message.compare('PID-7', { raw: '""' }), undefined);
  assert.equal(message.compare('ZZZ-1', ''), undefined);
  assert.deepEqual(message.compare('PID-5.2', 'Eva'), { expected: 'Eva', found: 'Max' });
  assert.match(message.compare('pid.5', 'x')?.found ?? '', /write PID-5/);
});

test('values of documents are compared by their text', () => {
  const document = view(
    '{"a":{"b":"x","n":1.5,"yes":true},"at":{"$date":"2024-01-17T12:30:00Z"},"old":{"$date":{"$numberLong":"-5"}},"big":{"$numberLong":"9007199254740993"},"pdf":{"$binary":{"base64":"AAE=","subType":"00"}},"list":["p",{"q":"r"}]}',
  );
  const values = {
    'a.b': 'x',
    'a.n': '1.5',
    'a.yes': 'true',
    at: '2024-01-17T12:30:00Z',
    old: '-5',
    big: '9007199254740993',
    pdf: 'AAE=',
    'list(1)': 'p',
    'list(2).q': 'r',
    'list(3)': '',
    'a.missing.deep': '',
    toString: '',
    a: '{"b":"x","n":1.5,"yes":true}',
  };
  for (const [path, value] of Object.entries(values)) assert.equal(document.compare(path, value), undefined, path);
  assert.deepEqual(document.compare('a.n', '1.50'), { expected: '1.50', found: '1.5' });
  assert.match(document.compare('list[0]', 'p')?.found ?? '', /a path that is none/);
});

test('whole messages: line ends do not count, nor the spaces of a document', () => {
  assert.equal(view('MSH|^~\\&|A\rPID|1\r').compareWhole('MSH|^~\\&|A\nPID|1\n'), undefined);
  assert.deepEqual(view('MSH|^~\\&|A\rPID|1\r').compareWhole('MSH|^~\\&|A\nPID|2'), {
    expected: 'line 2: PID|2',
    found: 'line 2: PID|1',
  });
  assert.deepEqual(view('MSH|^~\\&|A\rPID|1\r').compareWhole('MSH|^~\\&|A'), {
    expected: 'no line 2',
    found: 'line 2: PID|1',
  });
  assert.equal(view('{"a":1,"b":[2]}').compareWhole('{ "b": [2],\n "a": 1 }'), undefined);
  assert.deepEqual(view('{"a":1}').compareWhole('{"a":2}'), {
    expected: 'line 2:   "a": 2',
    found: 'line 2:   "a": 1',
  });
});

test('what is neither has a text and no paths', () => {
  for (const text of ['plain', 'MSH', '"json text"', '']) {
    assert.equal(view(text).compareWhole(text), undefined, text);
    assert.match(view(text).compare('PID-5', 'x')?.found ?? '', /neither HL7 nor a document/, text);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  MessagePacker,
  packLines,
  packRejects,
  unpackLines,
  unpackMessages,
  unpackRejects,
} from '../../engine/blocks.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
const controlId = fc.stringMatching(/^[A-Za-z0-9-]{0,20}$/);
const message = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), body: text, controlId }),
  fc.record({ kind: fc.constant('bytes' as const), body: fc.uint8Array({ maxLength: 300 }), controlId }),
  fc.constant({ kind: 'nothing' as const }),
);

test('messages come back byte for byte, with their control ids, also from a packer that is used again', () => {
  const packer = new MessagePacker();
  fc.assert(
    fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
      packer.reset();
      for (const m of messages) {
        if (m.kind === 'text') packer.addText(m.body, m.controlId);
        else if (m.kind === 'bytes') packer.addBytes(m.body, m.controlId);
        else packer.addNothing();
      }
      const expected = messages.map((m) => (m.kind === 'nothing' ? Buffer.alloc(0) : Buffer.from(m.body)));
      assert.equal(packer.count, messages.length);
      assert.equal(
        packer.bytes,
        expected.reduce((sum, body) => sum + body.length, 0),
      );
      const unpacked = unpackMessages(packer.pack());
      assert.equal(unpacked.count, messages.length);
      messages.forEach((m, position) => {
        assert.deepEqual(Buffer.from(unpacked.body(position)), expected[position]);
        assert.equal(unpacked.length(position), expected[position]?.length);
        assert.equal(unpacked.controlId(position), m.kind === 'nothing' ? '' : m.controlId);
      });
    }),
  );
});

test('a block larger than the first buffer grows and keeps what it holds', () => {
  const packer = new MessagePacker();
  const bodies = Array.from({ length: 12 }, (_, n) => `${n} `.repeat(100_000));
  bodies.forEach((body, n) => {
    packer.addText(body, `id-${n}`);
  });
  const unpacked = unpackMessages(packer.pack());
  bodies.forEach((body, n) => {
    assert.equal(Buffer.from(unpacked.body(n)).toString(), body);
    assert.equal(unpacked.controlId(n), `id-${n}`);
  });
});

test('many like messages shrink; positions outside the block are empty', () => {
  const packer = new MessagePacker();
  for (let n = 0; n < 1000; n += 1)
    packer.addText(`MSH|^~\\&|COUNTY|||IIS||||VXU^V04|${n}|P|2.5.1\rPID|1||${n}\r`, `${n}`);
  const packed = packer.pack();
  assert.ok(packed.length * 4 < packer.bytes, `${packed.length} of ${packer.bytes}`);
  const unpacked = unpackMessages(packed);
  assert.equal(unpacked.length(1000), 0);
  assert.equal(unpacked.body(1000).length, 0);
  assert.equal(unpacked.controlId(1000), '');
});

test('a line break in a control id does not move the others', () => {
  const packer = new MessagePacker();
  packer.addText('a', 'one\ntwo');
  packer.addText('b', 'three');
  assert.equal(unpackMessages(packer.pack()).controlId(1), 'three');
});

test('lines come back', () => {
  const line = fc.nat(2 ** 32 - 1);
  fc.assert(
    fc.property(fc.array(fc.record({ line, lastLine: line }), { maxLength: 50 }), (items) => {
      assert.deepEqual(
        unpackLines(packLines(items.flatMap(({ line, lastLine }) => [line, lastLine]))),
        items.map((item) => ({ first: item.line, last: item.lastLine })),
      );
    }),
  );
});

test('rejected items come back', () => {
  const reason = 'Expected a date.';
  const rejects = [
    { item: 7, line: 9, fields: ['Ana', 'Ü|^~\\&'], faults: [{ code: 'NOT_A_DATE', column: 'born', line: 9, reason }] },
  ];
  assert.deepEqual(unpackRejects(packRejects(rejects)), rejects);
  assert.deepEqual(unpackRejects(packRejects([])), []);
});

test('what was cut or changed is an error, never a shorter block', () => {
  const packer = new MessagePacker();
  packer.addText('MSH|^~\\&|'.repeat(50), 'a');
  const packed = packer.pack();
  assert.throws(() => unpackMessages(packed.subarray(0, packed.length - 5)));
  assert.throws(() => unpackMessages(new Uint8Array(packed.length)));
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MessagePacker } from '../../engine/blocks.ts';
import type { BatchSettings } from '../../engine/contracts/production.ts';
import type { Candidate } from '../../engine/contracts/store.ts';
import { chooseBatch, type Members, openPlanned } from '../../engine/plan-batch.ts';

const NOW = 10_000;
const SETTINGS: BatchSettings = { mode: 'batch', maxMessages: 10, maxBytes: 1000, maxAge: 500, mixSubmissions: false };

/** Messages by text; the empty text is a position without a message. The control id is the text up to a colon. */
function block(texts: readonly string[], over: Partial<Candidate> = {}): Candidate {
  const packer = new MessagePacker();
  for (const text of texts) {
    if (text === '') packer.addNothing();
    else packer.addText(text, text.split(':')[0] ?? '');
  }
  return {
    bodyBlock: 1,
    submission: 1,
    entries: 1,
    firstMessage: 100,
    messages: texts.length,
    pending: texts.filter((text) => text !== '').length,
    body: packer.pack(),
    waiting: undefined,
    since: NOW,
    last: false,
    replaces: undefined,
    ...over,
  };
}

function texts(members: Members): string[] {
  return [...members.bodies()].map((body) => Buffer.from(body).toString());
}

function chosen(blocks: readonly Candidate[], settings: Partial<BatchSettings> = {}, now = NOW) {
  const choice = chooseBatch(blocks, { ...SETTINGS, ...settings }, now);
  return choice.kind === 'batch' ? texts(choice.members) : choice.until;
}

describe('the first limit that is reached closes a batch', () => {
  test('count', () => {
    assert.deepEqual(chosen([block(['a', 'b', 'c'])], { maxMessages: 2 }), ['a', 'b']);
    assert.deepEqual(chosen([block(['a', 'b'])], { maxMessages: 2 }), ['a', 'b']);
  });

  test('bytes; one message that is larger alone goes alone', () => {
    const [four, five, nine] = ['4444', '55555', '999999999'];
    assert.deepEqual(chosen([block([four, five, 'x'])], { maxBytes: 9 }), [four, five]);
    assert.deepEqual(chosen([block([four, nine, 'x'])], { maxBytes: 9 }), [four]);
    assert.deepEqual(chosen([block([nine, 'x'])], { maxBytes: 8 }), [nine]);
  });

  test('age of the oldest block that waits', () => {
    const young = block(['b'], { bodyBlock: 2, firstMessage: 200, since: NOW + 400 });
    assert.equal(chosen([block(['a']), young], {}, NOW + 499), NOW + 500);
    assert.deepEqual(chosen([block(['a']), young], {}, NOW + 500), ['a', 'b']);
  });

  test('the end of the submission', () => {
    assert.deepEqual(chosen([block(['a'], { last: true })]), ['a']);
  });

  test('with mixSubmissions the end of a submission closes none', () => {
    assert.equal(chosen([block(['a'], { last: true })], { mixSubmissions: true }), NOW + 500);
    const other = block(['b'], { bodyBlock: 2, firstMessage: 200, submission: 2, last: true });
    assert.deepEqual(chosen([block(['a'], { last: true }), other], { mixSubmissions: true, maxMessages: 2 }), [
      'a',
      'b',
    ]);
  });

  test('left-overs at the end of a submission do not wait for more', () => {
    const left = block(['a', 'b', 'c'], { last: true, waiting: [1] });
    assert.deepEqual(chosen([left], { mixSubmissions: true }), ['b']);
  });

  test('a control id that the batch holds already', () => {
    assert.deepEqual(chosen([block(['a:1', 'b:1', 'a:2', 'c:1'])]), ['a:1', 'b:1']);
    const second = block(['a:2'], { bodyBlock: 2, firstMessage: 200, last: true });
    assert.deepEqual(chosen([block(['a:1']), second]), ['a:1']);
  });

  test('messages without a control id may share one', () => {
    assert.deepEqual(chosen([block([':1', ':2'], { last: true })]), [':1', ':2']);
  });
});

describe('what a batch is made of', () => {
  test('positions without a message are left out; ranges and counts say what becomes a member', () => {
    const blocks = [
      block(['', 'a', '', 'b'], { replaces: 7 }),
      block(['', ''], { bodyBlock: 2, firstMessage: 200, pending: 0 }),
      block(['c'], { bodyBlock: 3, firstMessage: 300, last: true }),
    ];
    const choice = chooseBatch(blocks, SETTINGS, NOW);
    assert.equal(choice.kind, 'batch');
    assert.deepEqual(choice.parts, [
      { bodyBlock: 1, firstMessage: 101, lastMessage: 103, count: 2 },
      { bodyBlock: 3, firstMessage: 300, lastMessage: 300, count: 1 },
    ]);
    assert.equal(choice.replaces, 7);
    assert.equal(choice.members.bytes, 3);
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => choice.members.message(index)),
      [101, 103, 300, 0],
    );
  });

  test('a planned batch opens with the same bodies in the same order', () => {
    const { body } = block(['a', 'b', '', 'c']);
    const ready = openPlanned({
      batch: 5,
      destination: 'registry',
      attempts: 2,
      firstAttemptAt: 77,
      count: 2,
      bytes: 2,
      plannedAt: 66,
      dueAt: 88,
      replaces: 4,
      parts: [
        {
          bodyBlock: 1,
          firstMessage: 100,
          lastMessage: 103,
          count: 2,
          body,
          blockFirstMessage: 100,
          members: [101, 103],
        },
      ],
    });
    assert.deepEqual(texts(ready.members), ['b', 'c']);
    assert.deepEqual(ready.members.controlIds, ['b', 'c']);
    const { batch, attempts, firstAttemptAt, plannedAt, dueAt, replaces } = ready;
    assert.deepEqual([batch, attempts, firstAttemptAt, plannedAt, dueAt, replaces], [5, 2, 77, 66, 88, 4]);
  });

  test('batch after batch, whatever the limits: every message once, in order, within the limits', () => {
    const message = fc
      .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(40))
      .map(([id, n]) => `${id}:${'x'.repeat(n)}`);
    const settings = fc.record({
      maxMessages: fc.integer({ min: 1, max: 6 }),
      maxBytes: fc.integer({ min: 1, max: 90 }),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(message, fc.constant('')), { maxLength: 30 }), settings, (all, limits) => {
        const sent: string[] = [];
        const waiting = all.flatMap((text, position) => (text === '' ? [] : [position]));
        while (waiting.length > 0) {
          const offered = block(all, { waiting: [...waiting], last: true });
          const choice = chooseBatch([offered], { ...SETTINGS, ...limits }, NOW);
          assert.equal(choice.kind, 'batch');
          const { members } = choice;
          assert.ok(members.count > 0 && members.count <= limits.maxMessages);
          assert.ok(members.count === 1 || members.bytes <= limits.maxBytes);
          assert.equal(new Set(members.controlIds).size, members.count);
          sent.push(...texts(members));
          waiting.splice(0, members.count);
        }
        assert.deepEqual(
          sent,
          all.filter((text) => text !== ''),
        );
      }),
    );
  });
});

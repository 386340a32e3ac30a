/** What is told when: a clock of the test's own, and a model for every way through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Book, type Kept } from '../../alerts/book.ts';
import type { Condition } from '../../alerts/condition.ts';
import type { AlertSettings } from '../../engine/contracts/alerts.ts';
import { condition, HOUR, MINUTE, NOW, rule, STOPPED, settings, webhook } from './support.ts';

const GROUP = 30_000;

function seen(book: Book, at: number, ...conditions: readonly Condition[]): void {
  book.see({ conditions, unknown: new Set() }, at);
}

/** Tells a channel everything; gives what was told. */
function tellAll(book: Book, at: number, channel = 'a'): readonly string[] {
  const wanted = book.wanted(channel, at);
  book.sending(wanted.map(({ key }) => key));
  book.sent(channel, wanted, true, at);
  return wanted.map(({ notice }) => notice.kind);
}

function restarted(book: Book, with_: AlertSettings = settings()): Book {
  return new Book(with_, JSON.parse(JSON.stringify(book.kept)) as readonly Kept[]);
}

test('told once, again after `repeat`, and once when it is over', () => {
  const book = new Book(settings());
  seen(book, NOW, condition());
  assert.deepEqual(tellAll(book, NOW), ['raised']);
  assert.deepEqual(tellAll(book, NOW + HOUR - 1), []);
  assert.deepEqual(tellAll(book, NOW + HOUR), ['lasting']);
  const over = NOW + HOUR + MINUTE;
  seen(book, over);
  assert.deepEqual(tellAll(book, over + GROUP - 1), [], 'it may come back');
  assert.deepEqual(
    book.wanted('a', over + GROUP).map(({ notice }) => [notice.kind, notice.sentence]),
    [['resolved', 'The destination registry is no longer stopped.']],
  );
  assert.deepEqual(tellAll(book, over + GROUP), ['resolved']);
  assert.deepEqual([tellAll(book, over + HOUR), book.kept], [[], []]);
});

test('what is not due is not told; what was told lasts until it is gone', () => {
  const book = new Book(settings());
  seen(book, NOW, condition({ due: false }));
  assert.deepEqual([book.kept, tellAll(book, NOW)], [[], []]);
  seen(book, NOW, condition());
  tellAll(book, NOW);
  seen(book, NOW + MINUTE, condition({ due: false, sentence: 'less' }));
  assert.deepEqual(
    [book.kept.length, book.kept[0]?.clearSince, book.kept[0]?.sentence],
    [1, undefined, condition().sentence],
  );
});

test('what ends before it was told is never told, and neither is its end', () => {
  const book = new Book(settings());
  seen(book, NOW, condition());
  seen(book, NOW + 10);
  assert.deepEqual([book.kept, tellAll(book, NOW + HOUR)], [[], []]);
});

test('what comes back soon is the same alert', () => {
  const book = new Book(settings());
  seen(book, NOW, condition());
  tellAll(book, NOW);
  seen(book, NOW + MINUTE);
  seen(book, NOW + MINUTE + GROUP - 1, condition({ since: NOW + MINUTE }));
  assert.deepEqual(tellAll(book, NOW + 2 * MINUTE), []);
  assert.equal(book.kept[0]?.since, NOW, 'since it began first');
});

test('a rule that cannot be looked at changes nothing', () => {
  const book = new Book(settings());
  seen(book, NOW, condition());
  tellAll(book, NOW);
  book.see({ conditions: [], unknown: new Set(['the-rule']) }, NOW + MINUTE);
  assert.deepEqual(tellAll(book, NOW + 5 * MINUTE), []);
  assert.equal(book.kept[0]?.clearSince, undefined);
});

test('a restart neither repeats nor forgets', () => {
  const book = new Book(settings());
  seen(book, NOW, condition());
  tellAll(book, NOW);
  const next = restarted(book);
  seen(next, NOW + MINUTE, condition());
  assert.deepEqual(tellAll(next, NOW + MINUTE), []);
  assert.deepEqual(tellAll(next, NOW + HOUR), ['lasting']);
  seen(next, NOW + HOUR + 1);
  const last = restarted(next);
  seen(last, NOW + HOUR + MINUTE);
  assert.deepEqual(tellAll(last, NOW + HOUR + 2 * MINUTE), ['resolved']);
});

test('what was not told before a restart is told after it', () => {
  const book = new Book(settings());
  seen(book, NOW, condition());
  const next = restarted(book);
  seen(next, NOW + MINUTE, condition());
  assert.deepEqual(tellAll(next, NOW + MINUTE), ['raised']);
});

test('rules and channels that are gone are forgotten', () => {
  const book = new Book(settings());
  seen(book, NOW, condition());
  tellAll(book, NOW);
  assert.deepEqual(restarted(book, settings({ rules: [] })).kept, []);
  const other = settings({ channels: { b: webhook('http://127.0.0.1:9/') }, rules: [{ ...STOPPED, channels: ['b'] }] });
  assert.deepEqual(restarted(book, other).kept[0]?.told, {});
});

test('what is on its way is not forgotten, whatever becomes of it', () => {
  for (const told of [true, false]) {
    const book = new Book(settings());
    seen(book, NOW, condition());
    const wanted = book.wanted('a', NOW);
    book.sending(wanted.map(({ key }) => key));
    seen(book, NOW + 10);
    book.sent('a', wanted, told, NOW + 20);
    seen(book, NOW + 30);
    assert.deepEqual(tellAll(book, NOW + MINUTE), told ? ['resolved'] : []);
    assert.deepEqual(book.kept, []);
  }
});

test('each channel is told by itself', () => {
  const channels = { a: webhook('http://127.0.0.1:9/'), b: webhook('http://127.0.0.1:9/') };
  const book = new Book(settings({ channels, rules: [{ ...STOPPED, channels: ['a', 'b'] }] }));
  seen(book, NOW, condition());
  assert.deepEqual(tellAll(book, NOW, 'a'), ['raised']);
  seen(book, NOW + 10);
  assert.deepEqual(tellAll(book, NOW + MINUTE, 'b'), [], 'it never heard of it');
  assert.deepEqual(tellAll(book, NOW + MINUTE, 'a'), ['resolved']);
});

test('what happens once is told once to every channel, or not at all after a day', () => {
  const channels = { a: webhook('http://127.0.0.1:9/'), b: webhook('http://127.0.0.1:9/') };
  const book = new Book(settings({ channels, rules: [{ ...STOPPED, channels: ['a', 'b'] }] }));
  seen(book, NOW, condition({ once: true, subject: '7kq2-1' }), condition({ once: true, subject: '7kq2-2' }));
  seen(book, NOW + MINUTE);
  assert.deepEqual(tellAll(book, NOW + MINUTE, 'a'), ['raised', 'raised']);
  assert.deepEqual(tellAll(book, NOW + 9 * HOUR, 'a'), [], 'no repeating');
  assert.equal(restarted(book).kept.length, 2);
  seen(book, NOW + 25 * HOUR);
  assert.deepEqual([tellAll(book, NOW + 25 * HOUR, 'b'), book.kept], [[], []]);
});

test('without `resolved` the end is silent; with repeat never it is told once', () => {
  const silent = new Book(settings({ rules: [{ ...STOPPED, resolved: false, repeat: 'never' }] }));
  seen(silent, NOW, condition());
  assert.deepEqual([tellAll(silent, NOW), tellAll(silent, NOW + 99 * HOUR)], [['raised'], []]);
  seen(silent, NOW + 99 * HOUR);
  seen(silent, NOW + 99 * HOUR + GROUP);
  assert.deepEqual([tellAll(silent, NOW + 100 * HOUR), silent.kept], [[], []]);
});

test('in quiet hours only what is critical is told; the rest afterwards, if it lasts', () => {
  const quiet = [{ days: [1], from: 12 * 60, to: 13 * 60, timeZone: 'UTC' }];
  const channels = { a: webhook('http://127.0.0.1:9/', { quiet }) };
  const rules = [STOPPED, rule(STOPPED.when, { name: 'bad', severity: 'critical' })];
  const book = new Book(settings({ channels, rules }));
  seen(book, NOW, condition(), condition({ rule: 'bad' }));
  assert.deepEqual(
    book.wanted('a', NOW).map(({ notice }) => notice.rule),
    ['bad'],
  );
  assert.deepEqual(tellAll(book, NOW + HOUR), ['raised', 'raised']);
});

test('property: raised and resolved take turns, and nothing else comes between but lasting', () => {
  const step = fc.record({
    wait: fc.integer({ min: 1, max: 40_000 }),
    there: fc.boolean(),
    told: fc.boolean(),
    restart: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let book = new Book(settings());
      let at = NOW;
      let open = false;
      for (const { wait, there, told, restart } of steps) {
        at += wait;
        if (restart) book = restarted(book);
        seen(book, at, ...(there ? [condition()] : []));
        const wanted = book.wanted('a', at);
        assert.ok(wanted.length <= 1);
        const [first] = wanted;
        if (!first) continue;
        if (first.notice.kind === 'raised') assert.ok(!open && there);
        else assert.ok(open && there === (first.notice.kind === 'lasting'));
        book.sending([first.key]);
        book.sent('a', wanted, told, at);
        if (told) open = first.notice.kind !== 'resolved';
      }
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Failures, networkOf } from '../../../portal/partners/failures.ts';

const LIMITS = { perAddress: 3, perPartner: 5, windowMs: 1000, remembered: 50 };

test('an address waits after its limit until its window is over', () => {
  const failures = new Failures(LIMITS);
  for (const now of [0, 100, 200]) {
    assert.equal(failures.waitFor('192.0.2.1', 'a', now), 0);
    failures.add('192.0.2.1', 'a', now);
  }
  assert.equal(failures.waitFor('192.0.2.1', 'b', 300), 700);
  assert.equal(failures.waitFor('192.0.2.2', 'a', 300), 0);
  assert.equal(failures.waitFor('192.0.2.1', 'a', 1000), 0);
  failures.add('192.0.2.1', 'a', 1000);
  assert.equal(failures.waitFor('192.0.2.1', 'a', 1001), 0);
});

test('a partner is waited for after its limit, from wherever the failures came', () => {
  const failures = new Failures(LIMITS);
  for (let n = 0; n < 5; n += 1) failures.add(`192.0.2.${n}`, 'a', 0);
  assert.equal(failures.waitFor('198.51.100.1', 'a', 400), 600);
  assert.equal(failures.waitFor('198.51.100.1', 'b', 400), 0);
  assert.equal(failures.waitFor('198.51.100.1', undefined, 400), 0);
});

test('what is remembered is limited, and the oldest goes first', () => {
  const failures = new Failures(LIMITS);
  for (let n = 0; n < 3; n += 1) failures.add('203.0.113.1', 'held', 0);
  for (let n = 0; n < 49; n += 1) failures.add(`198.51.100.${n}`, `p${n}`, 0);
  assert.equal(failures.waitFor('203.0.113.1', 'x', 1), 999);
  for (let n = 0; n < 1000; n += 1) failures.add(`10.0.${n >> 8}.${n & 255}`, `q${n}`, 0);
  assert.equal(failures.size, 2 * LIMITS.remembered);
  assert.equal(failures.waitFor('203.0.113.1', 'x', 1), 0);
});

test('never more than the limit pass in a window, whatever comes', () => {
  const event = fc.record({ address: fc.constantFrom('192.0.2.1', '192.0.2.2'), after: fc.nat(400) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const failures = new Failures(LIMITS);
      const passed = new Map<string, number[]>();
      let now = 0;
      for (const { address, after } of events) {
        now += after;
        if (failures.waitFor(address, undefined, now) > 0) continue;
        failures.add(address, undefined, now);
        const times = [...(passed.get(address) ?? []), now];
        passed.set(address, times);
        // Windows begin with their first failure, so at most two of them touch any span of one window.
        assert.ok(times.filter((time) => time > now - LIMITS.windowMs).length <= 2 * LIMITS.perAddress);
      }
    }),
  );
});

test('one network is counted as one address', () => {
  const same: readonly (readonly string[])[] = [
    ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1', '192.0.2.1:4711', '[::ffff:192.0.2.1]:99'],
    ['2001:db8::1', '2001:db8::2', '2001:db8:0:0:ffff::', '2001:0DB8::1:2', '[2001:db8::7]:443', '2001:db8::1%eth0'],
    ['::1', '::2'],
    ['2001:db8:0:1::1', '2001:db8:0:1:2:3:4:5'],
  ];
  const networks = same.map((addresses) => new Set(addresses.map(networkOf)));
  for (const network of networks) assert.equal(network.size, 1, [...network].join(' '));
  assert.equal(new Set(networks.flatMap((network) => [...network])).size, same.length);
  assert.equal(networkOf('x'.repeat(1000)).length, 64);
});

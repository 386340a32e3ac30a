import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTimestamp } from '../../hl7/timestamps.ts';

test('an instant is written in local time with its offset', () => {
  const instant = Date.UTC(2024, 0, 17, 19, 30, 5, 999);
  assert.equal(formatTimestamp(instant, 0), '20240117193005+0000');
  assert.equal(formatTimestamp(instant, -420), '20240117123005-0700');
  assert.equal(formatTimestamp(instant, 345), '20240118011505+0545');
  assert.equal(formatTimestamp(instant, -210), '20240117160005-0330');
});

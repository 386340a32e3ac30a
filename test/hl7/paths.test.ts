import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WaybillError } from '../../engine/errors.ts';
import { parsePath, parseSegmentPath, printPath } from '../../hl7/paths.ts';

test('a path is read as people write it', () => {
  assert.deepEqual(parsePath('PID-5.1'), {
    segment: 'PID',
    occurrence: 0,
    field: 5,
    repetition: 0,
    component: 1,
    subcomponent: 0,
  });
  assert.deepEqual(parsePath('OBX(12)-5(2).3.4'), {
    segment: 'OBX',
    occurrence: 12,
    field: 5,
    repetition: 2,
    component: 3,
    subcomponent: 4,
  });
  assert.deepEqual(parseSegmentPath('ZX1(3)'), { segment: 'ZX1', occurrence: 3 });
  assert.deepEqual(parseSegmentPath('OBX'), { segment: 'OBX', occurrence: 0 });
});

test('a path prints as it was read', () => {
  for (const path of ['MSH-10', 'PID-3(2)', 'PID-13(2).4', 'OBX(2)-5', 'OBX(2)-5.1.2', 'Z01(9999)-999(9999).999.999']) {
    assert.equal(printPath(parsePath(path)), path);
  }
});

test('a bad path is refused with the likely spelling', () => {
  const cures: readonly (readonly [string, RegExp])[] = [
    ['pid-5.1', /write PID-5\.1$/],
    ['PID.5.1', /write PID-5\.1$/],
    ['PID:5', /write PID-5$/],
    ['PID5', /write PID-5$/],
    ['PID-5-1', /write PID-5\.1$/],
    ['PID-13(2)-4', /write PID-13\(2\)\.4$/],
    ['OBX[2]-5', /write OBX\(2\)-5$/],
    ['PID-05', /write PID-5$/],
    [' PID-5 ', /write PID-5$/],
    ['PID-0', /counts from 1/],
    ['OBX(0)-5', /counts from 1/],
    ['PID', /the field is missing/],
    ['', /write SEGMENT/],
    ['PIDX-5', /write SEGMENT/],
    ['PID-5.1.2.3', /write SEGMENT/],
    ['PID-1000', /write SEGMENT/],
    ['__proto__', /write SEGMENT/],
  ];
  for (const [text, cure] of cures) {
    assert.throws(
      () => parsePath(text),
      (error) => error instanceof WaybillError && error.code === 'HL7_PATH_INVALID' && cure.test(error.message),
      text,
    );
  }
  assert.throws(() => parseSegmentPath('obx[2]'), /write OBX\(2\)$/);
  assert.throws(() => parseSegmentPath('OBX-5'), { code: 'HL7_PATH_INVALID' });
});

test('a long bad path is cut in the message', () => {
  assert.throws(
    () => parsePath('x'.repeat(5000)),
    (error) => error instanceof WaybillError && error.message.length < 250,
  );
});

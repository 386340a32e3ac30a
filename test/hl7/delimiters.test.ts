import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delimitersOf, isComplete, isDelimiter, printDelimiters, STANDARD_DELIMITERS } from '../../hl7/delimiters.ts';

test('delimiters are read from each of the three header segments', () => {
  for (const segment of ['MSH', 'FHS', 'BHS']) {
    assert.equal(delimitersOf(`${segment}|^~\\&|APP`), STANDARD_DELIMITERS);
    const other = delimitersOf(`${segment}$%-!/$APP`);
    assert.deepEqual(other, {
      field: '$',
      component: '%',
      repetition: '-',
      escape: '!',
      subcomponent: '/',
      truncation: '',
    });
    assert.equal(printDelimiters(other), '$%-!/');
  }
});

test('what is not declared is the empty text', () => {
  const poor = delimitersOf('MSH|^\rPID|1');
  assert.deepEqual(poor, { field: '|', component: '^', repetition: '', escape: '', subcomponent: '', truncation: '' });
  assert.equal(isComplete(poor), false);
  assert.equal(isComplete(delimitersOf('MSH|^~\\&')), true);
  assert.equal(delimitersOf('MSH|^~\\&#|').truncation, '#');
  assert.equal(delimitersOf('MSH|^~\\&amp;|').truncation, '', 'damage by XML is no truncation character');
});

test('letters, digits, white space and doubles are refused', () => {
  for (const header of ['MSH|APP|X', 'MSH|^^\\&|', 'MSH|^~\\ |']) {
    assert.throws(() => delimitersOf(header), { code: 'HL7_DELIMITERS_INVALID' }, header);
  }
  for (const header of ['', 'MSH', 'MSHA^~\\&', 'MSH ^~\\&', 'MSH\r', 'PID|1', 'msh|^~\\&']) {
    assert.throws(() => delimitersOf(header), { code: 'HL7_NOT_A_MESSAGE' }, header);
  }
  assert.equal(isDelimiter('||'), false);
  assert.equal(isDelimiter('\ud83d'), false);
});

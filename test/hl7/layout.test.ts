import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delimitersOf } from '../../hl7/delimiters.ts';
import { compileLayout, type Draft, type Layout } from '../../hl7/layout.ts';
import { parsePath } from '../../hl7/paths.ts';

function layoutOf(...paths: string[]): { layout: Layout; set: (draft: Draft, path: string, text: string) => void } {
  const layout = compileLayout(paths.map(parsePath));
  return { layout, set: (draft, path, text) => draft.set(layout.target(parsePath(path)), text) };
}

test('values land where their paths say, without separators at the end', () => {
  const { layout, set } = layoutOf(
    'MSH-3',
    'MSH-9',
    'PID-3.1',
    'PID-3.4.2',
    'PID-3(2).1',
    'PID-5.1',
    'PID-5.2',
    'PID-8',
  );
  const draft = layout.draft();
  set(draft, 'PID-5.2', 'MAX');
  set(draft, 'PID-3.4.2', '2.16');
  set(draft, 'PID-3(2).1', 'S|2');
  set(draft, 'PID-8', '');
  draft.setRaw(layout.target(parsePath('MSH-9')), 'VXU^V04');
  assert.equal(draft.print(), 'MSH|^~\\&|||||||VXU^V04\rPID|||^^^&2.16~S\\F\\2||^MAX\r');
});

test('segments come in the order in which they are first written; those without a value are left out', () => {
  const { layout, set } = layoutOf('MSH-10', 'PID-1', 'OBX-1', 'OBX-5', 'NK1-1', 'NTE-3');
  const draft = layout.draft();
  set(draft, 'NK1-1', '');
  set(draft, 'OBX-1', '1');
  set(draft, 'PID-1', '1');
  draft.append(layout.segment('NTE'));
  assert.equal(draft.print(), 'MSH|^~\\&\rOBX|1\rPID|1\r');
});

test('appended segments are filled without an occurrence, and reached with one', () => {
  const { layout, set } = layoutOf('OBX-1', 'OBX(2)-5', 'OBX(4)-5');
  const draft = layout.draft();
  for (const n of ['1', '2']) draft.append(layout.segment('OBX')).set(layout.target(parsePath('OBX-1')), n);
  set(draft, 'OBX(2)-5', 'two');
  set(draft, 'OBX(4)-5', 'four');
  assert.equal(draft.print(), 'MSH|^~\\&\rOBX|1\rOBX|2||||two\rOBX|||||four\r');
  assert.equal(draft.segments(layout.segment('OBX')).length, 4);
});

test('segments are inserted before others and removed, and occurrences follow', () => {
  const { layout, set } = layoutOf('PID-1', 'OBX-1', 'OBX(2)-1');
  const draft = layout.draft();
  set(draft, 'PID-1', '1');
  set(draft, 'OBX-1', 'b');
  const [first] = draft.segments(layout.segment('OBX'));
  draft.insert(layout.segment('OBX'), first).set(layout.target(parsePath('OBX-1')), 'a');
  set(draft, 'OBX(2)-1', 'B');
  assert.equal(draft.print(), 'MSH|^~\\&\rPID|1\rOBX|a\rOBX|B\r');
  draft.remove(draft.segments(layout.segment('OBX'))[0]!);
  set(draft, 'OBX-1', 'first now');
  assert.equal(draft.print(), 'MSH|^~\\&\rPID|1\rOBX|first now\r');
});

test('paths that overlap write into one field, the last one wins', () => {
  const { layout, set } = layoutOf(
    'PID-5',
    'PID-5.1',
    'PID-5.2.2',
    'PID-5(2).1',
    'PID-6(1)',
    'PID-6.2',
    'PID-7.1',
    'PID-7.2',
  );
  const draft = layout.draft();
  draft.setRaw(layout.target(parsePath('PID-5')), 'A^B&C^D');
  set(draft, 'PID-5.1', 'x^y');
  set(draft, 'PID-5.2.2', 'z');
  set(draft, 'PID-5(2).1', 'again');
  draft.setRaw(layout.target(parsePath('PID-6(1)')), 'P^Q');
  set(draft, 'PID-6.2', 'R');
  set(draft, 'PID-7.2', 's');
  assert.equal(draft.print(), 'MSH|^~\\&\rPID|||||x\\S\\y^B&z^D~again|P^R|^s\r');
  draft.setRaw(layout.target(parsePath('PID-5')), 'whole');
  assert.match(draft.print(), /\rPID\|\|\|\|\|whole\|P\^R\|\^s\r/);
  assert.equal(draft.raw(layout.target(parsePath('PID-5.1'))), 'whole');
});

test('a component and the same one of repetition 1 are one place', () => {
  const { layout, set } = layoutOf('PID-3.1', 'PID-3(1).1');
  const draft = layout.draft();
  set(draft, 'PID-3.1', 'a');
  set(draft, 'PID-3(1).1', 'b');
  assert.equal(draft.print(), 'MSH|^~\\&\rPID|||b\r');
});

test('a later empty text clears, a delete is written out', () => {
  const { layout, set } = layoutOf('PID-7', 'PID-8');
  const draft = layout.draft();
  set(draft, 'PID-8', 'F');
  set(draft, 'PID-8', '');
  draft.delete(layout.target(parsePath('PID-7')));
  assert.equal(draft.print(), 'MSH|^~\\&\rPID|||||||""\r');
});

test('other delimiters are used throughout', () => {
  const layout = compileLayout([parsePath('MSH-3'), parsePath('PID-3(2).2.2')], delimitersOf('MSH#*+!$#'));
  const draft = layout.draft();
  draft.set(layout.target(parsePath('MSH-3')), 'a#b|c');
  draft.set(layout.target(parsePath('PID-3(2).2.2')), 'v');
  assert.equal(draft.print(), 'MSH#*+!$#a!F!b|c\rPID###+*$v\r');
});

test('what cannot be compiled or was not compiled is refused', () => {
  assert.throws(() => compileLayout([parsePath('MSH-2')]), { code: 'HL7_DELIMITERS_FIXED' });
  assert.throws(() => compileLayout([], delimitersOf('MSH|^~')), { code: 'HL7_DELIMITER_MISSING' });
  const { layout } = layoutOf('PID-3.1', 'OBX-1');
  assert.throws(() => layout.target(parsePath('PID-3')), /compiled without PID-3/);
  assert.throws(() => layout.target(parsePath('NK1-3')), /compiled without NK1-3/);
  assert.throws(() => layout.segment('NK1'), /NK1/);
  const obx = layout.draft().append(layout.segment('OBX'));
  assert.throws(() => obx.set(layout.target(parsePath('PID-3.1')), 'x'), /a target of PID in OBX/);
});

/** What we read and write, as another implementation (node-hl7-client) reads it; and why it is not used for writing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Batch, Message as Theirs } from 'node-hl7-client';
import { MessageBuilder } from '../../hl7/build.ts';
import { parseMessage } from '../../hl7/parse.ts';
import { splitMessages } from '../../hl7/split.ts';
import { needsShared, sharedPath } from '../support/shared.ts';

const HEADER = 'MSH|^~\\&|APP|FAC|IIS|STATE|20240117||ADT^A01^ADT_A01|A-1|P|2.5.1\r';
const HOSTILE = ["O'Neil & Sons", 'a|b^c~d', 'back\\slash', '\\F\\', 'two\rlines\nhere', '{}', 'é😀', '""""'];

test('hostile values written by us are read by them as they were', () => {
  for (const [n, value] of HOSTILE.entries()) {
    const message = new MessageBuilder()
      .setRaw('MSH-9', 'ADT^A01^ADT_A01')
      .set('MSH-10', `A-${n}`)
      .set('MSH-12', '2.5.1');
    message.set('PID-5.1', value).set('PID-5.2', 'MAX').set('PID-11.3', value);
    const theirs = new Theirs({ text: message.print().trimEnd() });
    assert.equal(theirs.get('PID.5.1').toString(), value);
    assert.equal(theirs.get('PID.5.2').toString(), 'MAX');
    assert.equal(theirs.get('PID.11.3').toString(), value);
  }
});

test('published messages have the same values for both', needsShared, () => {
  const bytes = readFileSync(sharedPath('fixtures/csv-to-hl7/pdi-elr/sample-batch-pdi-20210608-0001.hl7'));
  let compared = 0;
  for (const part of splitMessages(bytes)) {
    if (part.kind !== 'message') continue;
    const text = Buffer.from(part.bytes).toString('utf8');
    const ours = parseMessage(text);
    const theirs = new Theirs({ text: text.trimEnd() });
    for (const { segment, occurrence, raw } of ours.segments()) {
      if (occurrence > 1 || segment === 'MSH') continue;
      for (const [at, field] of raw.split('|').entries()) {
        if (at === 0 || field.includes('~') || field.includes('&')) continue;
        for (let component = 1; component <= field.split('^').length; component++) {
          assert.equal(
            theirs.get(`${segment}.${at}.${component}`).toString(),
            ours.get(`${segment}-${at}.${component}`),
            `${segment}-${at}.${component}`,
          );
          compared++;
        }
      }
    }
  }
  assert.ok(compared > 2000, `${compared} values`);
});

test('a batch has the same number of messages for both', needsShared, () => {
  const path = sharedPath('fixtures/hl7/batch/reportstream/batch_message.hl7');
  const text = readFileSync(path, 'utf8').replace(/\r?\n/g, '\r');
  const ours = splitMessages(Buffer.from(text)).filter((part) => part.kind === 'message').length;
  const withoutFile = text.replace(/^FHS[^\r]*\r/, '').replace(/\rFTS[^\r]*\r?$/, '');
  assert.equal(new Batch({ text: withoutFile }).messages().length, ours);
});

test('trap: what they write is not escaped, so a value becomes structure', () => {
  const theirs = new Theirs({ text: `${HEADER}PID|1||M1||ROE^MAX` });
  theirs.set('PID.5.1', 'O|B\rZZZ|1');
  const reread = parseMessage(theirs.toString());
  assert.equal(reread.get('PID-5.1'), 'O', 'the value is cut at its delimiter');
  assert.equal(reread.get('PID-6.1'), 'B');
  assert.equal(reread.count('ZZZ'), 1, 'a line break in a value makes a segment');

  const ours = parseMessage(`${HEADER}PID|1||M1||ROE^MAX`);
  ours.set('PID-5.1', 'O|B\rZZZ|1');
  assert.equal(parseMessage(ours.print()).get('PID-5.1'), 'O|B\rZZZ|1');
});

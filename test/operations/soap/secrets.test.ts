import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Secrets } from '../../../operations/soap/secrets.ts';

const PASSWORD = `n&ght<jar>"é'`;
const secrets = new Secrets(['zebrafinch', PASSWORD, undefined, 'abc']);

test('credentials are taken out of a text, as they are and as XML writes them', () => {
  const ways = [
    PASSWORD,
    `n&amp;ght&lt;jar>"é'`,
    'n&#38;ght&#x3C;jar&gt;&quot;&#xE9;&apos;',
    Buffer.from(PASSWORD).toString('base64'),
    'zebrafinch',
  ];
  for (const way of ways) assert.equal(secrets.outOf(`before ${way} after`), 'before *** after', way);
  assert.equal(secrets.outOf('abc is a word like any other'), 'abc is a word like any other');
  assert.equal(new Secrets([]).outOf(PASSWORD), PASSWORD);
});

test('and out of bytes of any charset; bytes without them stay the very same', () => {
  for (const charset of ['utf8', 'utf16le'] as const) {
    const clean = secrets.outOfBytes(Buffer.from(`<a>${PASSWORD}</a>`, charset));
    assert.ok(!clean.includes(Buffer.from('ght', charset)), charset);
    assert.ok(clean.toString('latin1').includes('***'));
  }
  const other = Buffer.from('<a>nothing of the kind</a>');
  assert.equal(secrets.outOfBytes(other), other);
});

test('an acknowledgement keeps its codes and control ids', () => {
  const text = 'MSH|^~\\&|zebrafinch\rMSA|AE|zebrafinch-1|zebrafinch said\rERR||PID^1|101|E||||zebrafinch\r';
  assert.equal(
    secrets.outOfAcknowledgement(text),
    'MSH|^~\\&|zebrafinch\rMSA|AE|zebrafinch-1|*** said\rERR||PID^1|101|E||||***\r',
  );
});

test('no value is found again, whatever it is made of', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 4, unit: 'grapheme' }), fc.string(), (value, around) => {
      const clean = new Secrets([value]).outOf(`${around}${value}${around}`);
      const asBytes = new Secrets([value]).outOfBytes(Buffer.from(`${around}${value}`)).toString();
      // The stars may complete it again only where it is made of stars itself.
      return value.includes('*') || (!clean.includes(value) && !asBytes.includes(value));
    }),
  );
});

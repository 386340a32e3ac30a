import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isIdOf, newCredential, presentedIn } from '../../../portal/partners/credentials.ts';
import { hashSecret, isSecretOf, NOBODY, newSecret, parseHash } from '../../../portal/partners/hash.ts';

test('a hash is of its secret and of no other, and two of one secret differ', async () => {
  const secret = newSecret();
  const [one, two] = await Promise.all([hashSecret(secret), hashSecret(secret)]);
  assert.notEqual(one, two);
  assert.match(one, /^\$scrypt\$ln=14,r=8,p=2\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  const hash = parseHash(one);
  assert.ok(hash);
  assert.equal(await isSecretOf(secret, hash), true);
  assert.equal(await isSecretOf(`${secret} `, hash), false);
  assert.equal(await isSecretOf(newSecret(), NOBODY), false);
});

test('what is no hash, or asks for too much, is not taken', () => {
  const good = '$scrypt$ln=15,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY';
  assert.ok(parseHash(good));
  assert.ok(parseHash(good.replace('ln=15', 'ln=17')));
  const bad = [
    '',
    'password',
    good.replace('ln=15', 'ln=13'),
    good.replace('ln=15', 'ln=18'),
    good.replace('r=8', 'r=1'),
    good.replace('r=8', 'r=64'),
    good.replace('p=1', 'p=0'),
    good.replace('p=1', 'p=6'),
    good.replace('$MDE', '$'),
    `${good}$`,
    good.replace('$scrypt', '$argon2id'),
  ];
  for (const text of bad) assert.equal(parseHash(text), undefined, text);
});

test('a new credential is shown as what it was made as, and each is another', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,59}$/);
  fc.assert(
    fc.property(name, (partner) => {
      const key = newCredential(partner, 'apiKey');
      const shown = { kind: 'apiKey', partner, id: key.id, secret: key.secret };
      assert.deepEqual(presentedIn({ authorization: `Bearer ${key.text}` }), shown);
      assert.deepEqual(presentedIn({ 'x-api-key': key.text }), shown);
      const password = newCredential(partner, 'basic');
      const basic = Buffer.from(`${partner}:${password.text}`).toString('base64');
      assert.deepEqual(presentedIn({ authorization: `BASIC ${basic}` }), {
        kind: 'basic',
        partner,
        id: password.id,
        secret: password.secret,
      });
      assert.ok(isIdOf(partner, key.id) && isIdOf(partner, password.id));
      assert.notEqual(key.id, password.id);
      assert.notEqual(key.secret, password.secret);
    }),
  );
});

test('whatever else comes is malformed, and never throws', () => {
  const { text } = newCredential('clinic-a', 'apiKey');
  const basic = (plain: string) => `Basic ${Buffer.from(plain).toString('base64')}`;
  const malformed = [
    { authorization: '' },
    { authorization: text },
    { authorization: `Token ${text}` },
    { authorization: `Bearer ${text}x` },
    { authorization: `Bearer ${text} ${text}` },
    { authorization: `Bearer ${text}`, 'x-api-key': text },
    { 'x-api-key': `${text}, ${text}` },
    { 'x-api-key': ['a', 'b'] },
    { 'x-api-key': 'x'.repeat(10_000) },
    { authorization: basic('clinic-a') },
    { authorization: basic(`../clinic-a:${'a'.repeat(50)}`) },
    { authorization: basic('clinic-a:password') },
    { authorization: basic(`__proto__:abcdef_${'a'.repeat(43)}`) },
    { authorization: 'Basic \u0000' },
  ];
  for (const headers of malformed) assert.equal(presentedIn(headers), 'malformed', JSON.stringify(headers));
  assert.equal(presentedIn({}), 'none');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (value, key) => {
      assert.equal(presentedIn(key ? { 'x-api-key': value } : { authorization: value }), 'malformed');
    }),
  );
});

test('an id belongs to one partner', () => {
  assert.ok(isIdOf('a', 'a-abcdef'));
  for (const id of ['a-abcde', 'a-abcdefg', 'b-abcdef', 'aabcdef', 'a-ABCDEF', 'a-b-abcdef', ''])
    assert.equal(isIdOf('a', id), false, id);
});

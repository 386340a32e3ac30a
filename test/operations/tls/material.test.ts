/** Texts that cannot be used are refused by the operation's own code, and never quoted. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WaybillError } from '../../../engine/errors.ts';
import { PROJECT_FOLDER } from '../../../engine/registry.ts';
import { secureContextOf, type TlsTexts } from '../../../operations/tls/material.ts';
import { projectText } from '../../support/source-files.ts';

const MARKER = 'MARKER-OF-A-SECRET';

function refusal(tls: TlsTexts): string {
  try {
    secureContextOf(tls, 'X_TLS_MATERIAL');
  } catch (error) {
    assert.ok(error instanceof WaybillError);
    assert.doesNotMatch(error.message, new RegExp(MARKER));
    return `${error.code} ${error.place.path}`;
  }
  return 'taken';
}

test('texts that cannot be used are refused by path, with the code of the operation', () => {
  assert.equal(refusal({ certificate: MARKER }), 'X_TLS_MATERIAL tls');
  assert.equal(refusal({ key: MARKER }), 'X_TLS_MATERIAL tls');
  assert.equal(refusal({ ca: MARKER }), 'X_TLS_MATERIAL tls.ca');
  assert.equal(refusal({ certificate: MARKER, key: MARKER }), 'X_TLS_MATERIAL tls');
});

test('no texts at all make a context that trusts the public authorities', () => {
  assert.equal(refusal({}), 'taken');
});

test('nobody keeps a list of TLS codes or makes a context of a destination beside operations/tls', () => {
  const folder = join(PROJECT_FOLDER, 'operations');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const own = files.filter((name) =>
    /UNABLE_TO_VERIFY_LEAF|ALERT_\(BAD_CERT|[^.]createSecureContext\(/.test(projectText(`operations/${name}`)),
  );
  assert.deepEqual(own.sort(), ['tls/codes.ts', 'tls/material.ts']);
});

/** Codes in the source and codes in the tables are the same; each is told once, in whole sentences. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorTables, sourceTexts } from '../../scripts/docs/error-tables.ts';

const tables = await errorTables();
const texts = sourceTexts();
const defined = new Set(tables.flatMap(({ entries }) => Object.keys(entries)));

/** Codes that stand where a code is given to an error, a fault or an issue. */
function codesGiven(text: string): string[] {
  const forms = [/\bnew \w*Error\(\s*'([A-Z][A-Z0-9_]+)'/g, /\bcode: '([A-Z][A-Z0-9_]+)'/g];
  // Two letters are a word of HL7 (AA, CE), not a code of ours.
  return forms
    .flatMap((form) => [...text.matchAll(form)].map((match) => match[1] ?? ''))
    .filter((code) => code.length > 2);
}

describe('error codes', () => {
  test('every code that is given is in a table', () => {
    const unknown = [...texts].flatMap(([file, text]) =>
      codesGiven(text)
        .filter((code) => !defined.has(code))
        .map((code) => `${file}: ${code}`),
    );
    assert.deepEqual(unknown, []);
  });

  test('every code in a table is used', () => {
    const all = [...texts.values()].join('\n');
    const unused = [...defined].filter((code) => !new RegExp(`['"\`]${code}['"\`]`).test(all));
    assert.deepEqual(unused, []);
  });

  test('each says what it means and what to do, in whole sentences', () => {
    const bad = tables.flatMap(({ file, entries }) =>
      Object.entries(entries)
        .filter(
          ([code, { means, cure }]) =>
            !/^[A-Z][A-Z0-9_]+$/.test(code) || ![means, cure].every((text) => /[.!?)]$/.test(text)),
        )
        .map(([code]) => `${file}: ${code}`),
    );
    assert.deepEqual(bad, []);
  });
});

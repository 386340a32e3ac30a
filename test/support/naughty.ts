/** Strings that break software: a published list and our own, as a CSV file, and what each way out must make of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseMessage } from '../../hl7/parse.ts';
import { type TestProduction, temporaryProduction } from './production.ts';
import { sharedPath } from './shared.ts';
import { verdicts } from './verdicts.ts';

/** One row of the file. */
export interface NaughtyRow {
  /** Stands in the column `n`, and in PID-3.1: 0 and up. The published list comes first, by its index. */
  readonly number: number;
  /** Line of the file on which the row begins. */
  readonly line: number;
  readonly value: string;
  /** XML 1.0 has a way to write it; where not, the row is invalid for whoever takes text in XML, and only there. */
  readonly inXml: boolean;
}

const LARGE_BYTES = 65_536;

/** Whole repetitions of a text, as many as 64 KB of UTF-8 hold, and what is missing. */
function large(text: string): string {
  const times = Math.floor(LARGE_BYTES / Buffer.byteLength(text));
  return text.repeat(times).padEnd(text.length * times + (LARGE_BYTES % Buffer.byteLength(text)), '.');
}

/** Values that mean something to HL7, to XML or to a reader of lines; XML can carry all of them. */
const OWN: readonly string[] = [
  'one\rtwo',
  'one\ntwo',
  'one\r\ntwo',
  '\r',
  '\n',
  '\r\n\r\n',
  'MSH|^~\\&|not a segment\rPID|1',
  '|^~\\&',
  '\\F\\',
  '\\X0D\\',
  '\\.br\\',
  '\\',
  '""',
  '"',
  '""""',
  ']]>',
  '<![CDATA[x]]>',
  '&#13;&amp;',
  '$where',
  ' both ends ',
  '\t',
  'é😀'.normalize('NFD'),
  large('a|^~\\&\r\n"é😀<>'),
];

/** The published list, value by value as its table of verdicts counts them, and our own after it. */
export function naughtyRows(): readonly NaughtyRow[] {
  const published: readonly string[] = JSON.parse(readFileSync(sharedPath('fixtures/csv/naughty/blns.json'), 'utf8'));
  const table = verdicts('naughty');
  assert.deepEqual(
    table.map(({ index }) => Number(index)),
    published.map((_, index) => index),
  );
  const notInXml = new Set(table.filter(({ xml }) => xml !== 'yes').map(({ index }) => Number(index)));
  let line = 2;
  return [...published, ...OWN].map((value, number) => {
    const row = { number, line, value, inXml: !notInXml.has(number) };
    line += 1 + (value.match(/\r\n|\r|\n/g)?.length ?? 0);
    return row;
  });
}

/** The file: CRLF after each row, a cell in quotes only where RFC 4180 wants them. */
export function naughtyCsv(rows: readonly NaughtyRow[]): string {
  return `n,value\r\n${rows.map(({ number, value }) => `${number},${cell(value)}\r\n`).join('')}`;
}

function cell(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** What a production for the file has of its own. */
export interface NaughtyParts {
  /** Lines under the route's `to`. */
  readonly entries: readonly string[];
  /** YAML under `destinations`, indented by two. */
  readonly destinations: string;
  /** YAML of `services` and `listen`; without it, a drop folder that takes any `*.csv`. */
  readonly services?: string;
}

export const NAUGHTY_FORMAT = '{ type: csv, recordMap: naughty }';

const DROP = `services:
  drop:
    type: file-drop
    folder: ../inbox
    complete: renamed
    pollEvery: 100ms
    files: [{ glob: "*.csv", format: ${NAUGHTY_FORMAT}, route: naughty }]
    duplicates: { within: 1d, then: accept }
`;
const RECORD_MAP = `recordMap: naughty
trim: false
columns:
  - { name: n, type: integer, required: true }
  - { name: value, type: text }
`;
const TO_HL7 = `transform: naughty-to-hl7
from: { recordMap: naughty }
to: { hl7: VXU_V04, version: 2.5.1 }
actions:
  - set:
      MSH-7: { acceptedAt: yyyyMMddHHmmssxx }
      MSH-9: { raw: VXU^V04^VXU_V04 }
      MSH-10: { id: message }
      MSH-11: P
      PID-1: 1
      PID-3.1: { from: n }
      PID-11.1: { from: value }
      PID-11.3: end
`;

const TO_DOCUMENT = `transform: naughty-to-document
from: { recordMap: naughty }
to: { json: naughty }
actions:
  - set:
      n: { from: typed.n }
      value: { from: value }
`;

/** A production with the route `naughty` and the transforms `naughty-to-hl7` and `naughty-to-document`. */
export async function naughtyProduction(t: TestContext, parts: NaughtyParts): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  for (const part of ['transforms', 'record-maps', 'tables'])
    await rm(join(production.config, part), { recursive: true, force: true });
  await production.write('record-maps/naughty.yaml', RECORD_MAP);
  await production.write('transforms/naughty-to-hl7.yaml', TO_HL7);
  await production.write('transforms/naughty-to-document.yaml', TO_DOCUMENT);
  const entries = parts.entries.map((entry) => `      - ${entry}\n`).join('');
  await production.write(
    'production.yaml',
    `production: naughty\ntimeZone: UTC\n${parts.services ?? DROP}routes:\n  naughty:\n    to:\n${entries}destinations:\n${parts.destinations}`,
  );
  return production;
}

/** The messages of HL7 text that may stand in an envelope. */
export function messagesIn(text: string): readonly string[] {
  const messages: string[] = [];
  for (const segment of text.split('\r').filter((each) => each !== '' && !/^(FHS|BHS|BTS|FTS)\|/.test(each))) {
    if (segment.startsWith('MSH|')) messages.push(segment);
    else messages.push(`${messages.pop() ?? ''}\r${segment}`);
  }
  return messages;
}

/** The values of HL7 messages by the number in PID-3.1, parsed and unescaped; no number comes twice. */
export function valuesInHl7(messages: readonly string[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const text of messages) {
    const message = parseMessage(text);
    assert.equal(message.get('PID-11.3'), 'end', 'what follows the value is in its place');
    assert.equal(message.count('PID'), 1);
    const number = Number(message.get('PID-3.1'));
    assert.ok(!found.has(number), `value ${number} came twice`);
    found.set(number, message.get('PID-11.1'));
  }
  return found;
}

/** Every value of these rows arrived as it stood in its cell, and nothing else did. */
export function assertReadBack(rows: readonly NaughtyRow[], found: ReadonlyMap<number, string>): void {
  for (const { number, value } of rows) assert.equal(found.get(number), value, `value ${number}`);
  assert.equal(found.size, rows.length);
}

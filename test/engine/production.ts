/** A production of the test's own: rows of `id,note` become the message `id`; what the note says is done to the worker. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { formatProblem, loadProduction } from '../../engine/config/load.ts';
import type { Production } from '../../engine/contracts/production.ts';
import { loadAdapters, PROJECT_FOLDER, type Registry } from '../../engine/registry.ts';
import { temporaryFolder } from '../support/redis.ts';

export const ADAPTERS = [join(PROJECT_FOLDER, 'test', 'engine', 'adapters')];

const PRODUCTION = `production: engine-test
timeZone: UTC
services:
  hand: { type: manual, format: { type: csv, recordMap: rows }, route: rows }
  strict: { type: manual, format: { type: csv, recordMap: rows }, route: strict }
routes:
  rows:
    filter:
      - { dropWhen: 'row.note == "test"', reason: a test row }
      - { dropWhen: 'row.note.startsWith("%") && int(row.note) > 1', reason: never }
    to:
      - { destination: registry, transform: plain }
  strict:
    onInvalidRow: refuseFile
    to:
      - { destination: registry, transform: plain }
destinations:
  registry:
    type: capture
    batch: { maxMessages: 1000, maxAge: 0s }
    retry: { first: 5ms, factor: 2, ceiling: 20ms, jitter: 0, giveUpAfter: never }
`;

const RECORD_MAP = `recordMap: rows
columns:
  - { name: id, type: text, required: true, pattern: '[a-z0-9]+' }
  - { name: note, type: text }
unique: { columns: [id] }
`;

const TRANSFORM = `
export const from = { recordMap: 'rows' };
export default (item, context) => {
  const note = item.text('note');
  if (note === 'hang') for (;;);
  if (note === 'exit') process.exit(3);
  if (note === 'throw') throw new TypeError('a value');
  if (note === 'empty') return { text: '', controlId: '' };
  if (note === 'odd') return { text: '\\u0001', controlId: '' };
  if (note === 'drop') return { drop: 'not wanted' };
  return { text: item.text('id') + '\\n', controlId: context.messageId };
};
`;

export interface EngineProduction {
  readonly root: string;
  readonly data: string;
  readonly folder: string;
  readonly production: Production;
  readonly registry: Registry;
}

/** @param change of `production.yaml`, before it is loaded */
export async function engineProduction(
  t: TestContext,
  change: (yaml: string) => string = (yaml) => yaml,
): Promise<EngineProduction> {
  const root = await temporaryFolder(t, 'waybill-engine-');
  const [folder, data] = [join(root, 'config'), join(root, 'data')];
  for (const part of ['record-maps', 'transforms']) await mkdir(join(folder, part), { recursive: true });
  await mkdir(data);
  await writeFile(join(folder, 'production.yaml'), change(PRODUCTION));
  await writeFile(join(folder, 'record-maps', 'rows.yaml'), RECORD_MAP);
  await writeFile(join(folder, 'transforms', 'plain.ts'), TRANSFORM);
  const registry = await loadAdapters(ADAPTERS);
  const { production, problems } = await loadProduction(folder, registry);
  if (!production) throw new Error(problems.map((problem) => formatProblem(problem)).join('\n'));
  return { root, data, folder, production, registry };
}

/** A file of rows; `notes` by the number of the row, from 1. */
export function rowsCsv(rows: number, notes: Readonly<Record<number, string>> = {}): string {
  const lines = Array.from({ length: rows }, (_, index) => `r${index + 1},${notes[index + 1] ?? ''}`);
  return `${['id,note', ...lines].join('\n')}\n`;
}

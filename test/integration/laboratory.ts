/** The laboratory of a published pair (20 rows of CSV and the HL7 that they became), with its secrets in files. */
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { unpackMessages } from '../../engine/blocks.ts';
import { loadProduction } from '../../engine/config/load.ts';
import { batchId } from '../../engine/ids.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { askLedger } from '../support/engine.ts';
import { PEER_CREDENTIALS } from '../support/peers.ts';
import { type TestProduction, temporaryProduction } from '../support/production.ts';
import { until } from '../support/redis.ts';
import { sharedPath } from '../support/shared.ts';

const PAIR = 'fixtures/csv-to-hl7/pdi-elr';
export const RESULTS_FILE = 'sample-batch-pdi-20210608-0001.csv';
export const RESULTS = 20;
export const DESTINATION = 'health-department';

export function publishedCsv(): Buffer {
  return readFileSync(sharedPath(`${PAIR}/${RESULTS_FILE}`));
}

export function publishedHl7(): string {
  return readFileSync(sharedPath(`${PAIR}/${RESULTS_FILE.replace('.csv', '.hl7')}`), 'utf8');
}

export interface Secrets {
  readonly username: string;
  readonly password: string;
  /** Only where the receiver asks for it. */
  readonly organisation?: string;
}

/** Writes the secrets that the destination reads at the engine's start and at `waybill resume`. */
export async function writeSecrets(production: TestProduction, secrets: Secrets): Promise<void> {
  for (const [name, value] of Object.entries(secrets)) await production.write(`secrets/${name}`, `${value}\n`);
}

/** A copy of the laboratory's production. Its destination's address stands in `REGISTRY_URL`. */
export async function laboratory(t: TestContext, secrets: Secrets = PEER_CREDENTIALS): Promise<TestProduction> {
  const production = await temporaryProduction(t, 'pdi-elr');
  const change = (from: string, to: string) => production.edit('production.yaml', from, to);
  await change('../../../../shared/fixtures', sharedPath('fixtures'));
  await change('../../../../shared/fixtures', sharedPath('fixtures'));
  await change('folder: inbox', 'folder: ../inbox\n    pollEvery: 100ms');
  await change('complete: { stableFor: 5s }', 'complete: renamed');
  await change('http://127.0.0.1:9/', '"\u0024{env:REGISTRY_URL}"');
  for (const [variable, file] of [
    ['ELR_USER', 'username'],
    ['ELR_PASSWORD', 'password'],
    ['ELR_FACILITY', 'organisation'],
  ])
    await change(`{env:${variable}}`, `{file:secrets/${file}}`);
  await writeSecrets(production, secrets);
  return production;
}

/** The destination as the ledger knows it; absent as long as nothing was planned for it. */
export function inLedger(production: TestProduction) {
  return askLedger(production, 'status', {}).destinations.find(({ name }) => name === DESTINATION);
}

/** Waits until an attempt with this number has stopped the destination. */
export async function untilStopped(production: TestProduction, attempt: number): Promise<void> {
  await until(`attempt ${attempt} has stopped the destination`, () => {
    const found = inLedger(production);
    return found?.stop !== undefined && found.head?.attempts === attempt;
  });
}

/** The bodies of a submission's messages as the ledger holds them, in order. */
export function ledgerBodies(production: TestProduction, submission: number): readonly Buffer[] {
  const lines = Array.from({ length: RESULTS }, (_, index) => index + 2);
  return lines.map((line) => {
    const message = askLedger(production, 'locate', { submission, line })?.messages[0];
    const block = message && askLedger(production, 'bodyBlock', { bodyBlock: message.bodyBlock });
    if (!block) throw new Error(`the ledger has no body for line ${line}`);
    return Buffer.from(unpackMessages(block.body).body(message.position));
  });
}

/** A batch as the ledger says that it was sent: the plan's envelope around the messages. */
export async function ledgerBatch(production: TestProduction, url: string, submission: number): Promise<Buffer> {
  const batch = askLedger(production, 'locate', { submission, line: 2 })?.messages[0]?.batch ?? 0;
  const planned = askLedger(production, 'batch', { batch });
  const registry = await loadAdapters();
  const { production: loaded } = await loadProduction(production.config, registry, { env: { REGISTRY_URL: url } });
  const reference = loaded?.destinations[DESTINATION]?.batch.format;
  if (!planned || !loaded || !reference) throw new Error('the ledger or the production does not know the batch');
  const definition = await registry.get('format', reference.type);
  const { instance } = askLedger(production, 'facts', {});
  const plan = {
    id: batchId(instance, batch),
    plannedAt: planned.plannedAt,
    timeZone: loaded.resources.timeZone,
    count: planned.count,
  };
  const format = definition.open(reference, { resources: loaded.resources });
  return Buffer.concat([...(format.write?.(plan, ledgerBodies(production, submission)) ?? [])]);
}

/** Fields that say when and by which software a file was made, and nothing about its rows. */
const OF_THE_RUN: Readonly<Record<string, readonly number[]>> = { FHS: [7], BHS: [7], MSH: [7], SFT: [2, 4, 6] };

/** The segments of a text with what is of the run taken out; each must end with CR, the last one too. */
export function withoutRun(text: string): readonly string[] {
  if (!text.endsWith('\r')) throw new Error('the last segment does not end with CR');
  return text
    .slice(0, -1)
    .split('\r')
    .map((segment) => {
      const fields = segment.split('|');
      const name = fields[0] ?? '';
      // In header segments the first separator is itself field 1.
      const shift = ['MSH', 'FHS', 'BHS'].includes(name) ? 1 : 0;
      for (const field of OF_THE_RUN[name] ?? []) fields[field - shift] = '(of the run)';
      return fields.join('|');
    });
}

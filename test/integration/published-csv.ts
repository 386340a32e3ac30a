/** A production that reads the published CSV files with the record maps of the format's own tests, for a registry and an archive. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import { PROJECT_FOLDER } from '../../engine/registry.ts';
import { type TestProduction, temporaryProduction } from '../support/production.ts';
import { archiveDestination } from './archive.ts';

const MAPS = join(PROJECT_FOLDER, 'test', 'formats', 'csv', 'maps');
/** As the configuration language writes a variable. */
const variable = (name: string) => `"\u0024{env:${name}}"`;

const REGISTRY = `  registry:
    type: soap
    dialect: cdc-iis-2011
    url: ${variable('REGISTRY_URL')}
    credentials:
      username: ${variable('REGISTRY_USER')}
      password: "\u0024{file:secrets/password}"
      organisation: ${variable('REGISTRY_FACILITY')}
    batch: { format: { type: hl7-batch }, maxMessages: 1000, maxAge: 200ms }
`;

const PRODUCTION = `production: published
timeZone: America/Denver
services:
  drop:
    type: file-drop
    folder: ../inbox
    complete: renamed
    pollEvery: 100ms
    files:
      - { glob: "patients-*.csv", format: { type: csv, recordMap: patients }, route: patients }
      - { glob: "reports-*.csv", format: { type: csv, recordMap: reports }, route: reports }
    duplicates: { within: 1d, then: accept }
routes:
  patients: { to: [{ destination: registry, transform: patient-to-hl7 }] }
  reports:
    to:
      - { destination: registry, transform: report-to-hl7 }
      - { destination: archive, transform: report-to-hl7 }
destinations:
${REGISTRY}${archiveDestination('archive', 'ARCHIVE_URL')}`;

function transform(name: string, recordMap: string, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries(fields).map(([path, column]) => `      ${path}: { from: ${column} }`);
  return `transform: ${name}
from: { recordMap: ${recordMap} }
to: { hl7: VXU_V04, version: 2.5.1 }
actions:
  - set:
      MSH-7: { acceptedAt: yyyyMMddHHmmssxx }
      MSH-9: { raw: VXU^V04^VXU_V04 }
      MSH-10: { id: message }
      MSH-11: P
      PID-1: 1
${lines.join('\n')}
`;
}

/** Copies nothing of the published files: only the production is made. */
export async function publishedCsvProduction(t: TestContext): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  for (const part of ['transforms', 'record-maps', 'tables'])
    await rm(join(production.config, part), { recursive: true });
  await production.write('production.yaml', PRODUCTION);
  const names = { 'PID-5.1': 'last_name', 'PID-5.2': 'first_name' };
  await production.write('transforms/patient-to-hl7.yaml', transform('patient-to-hl7', 'patients', names));
  await production.write(
    'transforms/report-to-hl7.yaml',
    transform('report-to-hl7', 'reports', { ...names, 'PID-11.1': 'lab' }),
  );
  for (const map of ['patients', 'reports'])
    await production.write(`record-maps/${map}.yaml`, readFileSync(join(MAPS, `${map}.yaml`), 'utf8'));
  const tables: Record<string, string[]> = parse(readFileSync(join(MAPS, 'tables.yaml'), 'utf8'), {
    schema: 'failsafe',
  });
  for (const [name, codes] of Object.entries(tables))
    await production.write(
      `tables/${name}.yaml`,
      codes.map((code) => `${JSON.stringify(code)}: ${JSON.stringify(code)}\n`).join(''),
    );
  return production;
}

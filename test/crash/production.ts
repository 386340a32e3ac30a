/** The production of the crash tests: doses in three charsets, as HL7 batches to one SOAP receiver. Everyone is made up. */
import type { TestContext } from 'node:test';
import { type TestProduction, temporaryProduction } from '../support/production.ts';

export type Policy = 'hold' | 'resend';

/** How the production sends. */
export interface Way {
  readonly policy: Policy;
  /** Default: soap. */
  readonly operation?: 'soap' | 'mongodb';
  /** Default: strict. */
  readonly order?: 'strict' | 'key' | 'none';
  /** Default: batch. */
  readonly mode?: 'batch' | 'auto';
}

/** Messages of a batch. */
export const BATCH = 100;

const ORDERS = {
  strict: 'order: strict',
  key: 'order: { key: vaccine }\n    maxInFlight: 4',
  none: 'order: none\n    maxInFlight: 4',
} as const;

function soapYaml({ policy, mode = 'batch' }: Way, maxMessages: number): string {
  return `    type: soap
    dialect: ${policy === 'resend' ? 'repeatable' : 'cdc-iis-2011'}
    url: "\${env:REGISTRY_URL}"
    credentials:
      username: "\${env:REGISTRY_USER}"
      password: "\${file:secrets/password}"
      organisation: "\${env:REGISTRY_FACILITY}"
    timeouts: { connect: 2s, firstByte: 10s, total: 20s }
    batch:
      format: { type: hl7-batch, envelope: file, sendingApplication: CRASH, receivingApplication: IIS }
      mode: ${mode}
      maxMessages: ${maxMessages}
      maxAge: 200ms
`;
}

function mongoYaml(maxMessages: number): string {
  return `    type: mongodb
    url: "\${env:REGISTRY_URL}"
    database: "\${env:CRASH_DATABASE}"
    collection: doses
    verb: insertOrUpdate
    batch: { maxMessages: ${maxMessages}, maxAge: 200ms }
`;
}

function productionYaml(way: Way, maxMessages: number): string {
  const { policy, operation = 'soap', order = 'strict' } = way;
  const pattern = (glob: string, more = '') =>
    `      - { glob: "${glob}", format: { type: csv, recordMap: doses${more} }, route: doses }`;
  return `production: crash
timeZone: UTC
values:
  facility: "\${env:REGISTRY_FACILITY}"
services:
  drop:
    type: file-drop
    folder: ../inbox
    complete: renamed
    pollEvery: 50ms
    files:
${pattern('utf8*.csv')}
${pattern('utf16*.csv', ', charset: utf-16le')}
${pattern('cp1252*.csv', ', charset: windows-1252')}
    duplicates: { within: 30d, then: report }
routes:
  doses:
    to:
      - destination: registry
        transform: ${operation === 'soap' ? 'dose-to-vxu' : 'dose-to-document'}
destinations:
  registry:
${operation === 'soap' ? soapYaml(way, maxMessages) : mongoYaml(maxMessages)}    ${ORDERS[order]}
    retry: { first: 50ms, factor: 2, ceiling: 500ms, jitter: 0.1, giveUpAfter: never }
    inDoubt: ${policy}
`;
}

const DIALECT = `dialect: repeatable
summary: A receiver for which the same control id twice is harmless
extends: cdc-iis-2011
repeatable: true
`;

const RECORD_MAP = `recordMap: doses
columns:
  - { name: chart, type: text, required: true, pattern: 'C\\d{7}' }
  - { name: family, type: text, required: true }
  - { name: note, type: text }
  - { name: vaccine, type: text, required: true, pattern: '\\d{1,3}' }
unique: { columns: [chart] }
`;

const TRANSFORM = `transform: dose-to-vxu
from: { recordMap: doses }
to: { hl7: VXU_V04, version: 2.5.1 }
actions:
  - set:
      MSH-3: CRASH
      MSH-4: { from: values.facility }
      MSH-5: IIS
      MSH-7: { acceptedAt: yyyyMMddHHmmssxx }
      MSH-9: { raw: VXU^V04^VXU_V04 }
      MSH-10: { id: message }
      MSH-11: P
      PID-1: 1
      PID-3.1: { from: chart }
      PID-5.1: { from: family }
      PID-5.2: { from: note }
      RXA-1: 0
      RXA-2: 1
      RXA-5.1: { from: vaccine }
      RXA-6: 999
`;

const DOCUMENT = `transform: dose-to-document
from: { recordMap: doses }
to: { json: dose }
actions:
  - set:
      _id: { id: message }
      chart: { from: chart }
      family: { from: family }
      note: { from: note, default: "" }
`;

/** A production in a folder of its own; gone after the test. */
export async function crashProduction(t: TestContext, way: Way, maxMessages = BATCH): Promise<TestProduction> {
  const production = await temporaryProduction(t);
  await production.write('production.yaml', productionYaml(way, maxMessages));
  await production.write('dialects/repeatable.yaml', DIALECT);
  await production.write('record-maps/doses.yaml', RECORD_MAP);
  await production.write('transforms/dose-to-vxu.yaml', TRANSFORM);
  await production.write('transforms/dose-to-document.yaml', DOCUMENT);
  return production;
}

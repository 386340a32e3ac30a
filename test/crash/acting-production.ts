/** The production of the crash tests of people's acts: two receivers, and a route whose submissions are soon to be purged. */
import type { TestContext } from 'node:test';
import type { TestProduction } from '../support/production.ts';
import { crashProduction } from './production.ts';

/** Messages of a batch to the receiver whose answers are lost. */
export const LOST = 10;

function destination(name: string, url: string, maxMessages: number): string {
  return `  ${name}:
    type: soap
    dialect: cdc-iis-2011
    url: "\${env:${url}}"
    credentials:
      username: "\${env:REGISTRY_USER}"
      password: "\${file:secrets/password}"
      organisation: "\${env:REGISTRY_FACILITY}"
    timeouts: { connect: 2s, firstByte: 10s, total: 20s }
    batch:
      format: { type: hl7-batch, envelope: file, sendingApplication: CRASH, receivingApplication: IIS }
      maxMessages: ${maxMessages}
      maxAge: 100ms
    retry: { first: 50ms, factor: 2, ceiling: 500ms, jitter: 0.1, giveUpAfter: never }
    inDoubt: hold
`;
}

const ROUTES = [
  { route: 'doses', to: 'registry' },
  { route: 'old', to: 'registry' },
  { route: 'lossy', to: 'archive' },
] as const;

/** No purge by the clock comes into a run: its hour is the one that is farthest away. */
function farHour(): string {
  return `${String((new Date().getUTCHours() + 12) % 24).padStart(2, '0')}:00`;
}

function yaml(): string {
  return `production: crash
timeZone: UTC
keep:
  bodies: forever
  ledger: forever
  routes: { old: { bodies: 100ms, ledger: 100ms } }
  at: "${farHour()}"
values:
  facility: "\${env:REGISTRY_FACILITY}"
services:
  drop:
    type: file-drop
    folder: ../inbox
    complete: renamed
    pollEvery: 50ms
    files:
${ROUTES.map(({ route }) => `      - { glob: "${route}*.csv", format: { type: csv, recordMap: doses }, route: ${route} }`).join('\n')}
    duplicates: { within: 30d, then: report }
routes:
${ROUTES.map(({ route, to }) => `  ${route}: { to: [{ destination: ${to}, transform: dose-to-vxu }] }`).join('\n')}
destinations:
${destination('registry', 'REGISTRY_URL', 100)}${destination('archive', 'ARCHIVE_URL', LOST)}`;
}

/** A production in a folder of its own; gone after the test. */
export async function actingProduction(t: TestContext): Promise<TestProduction> {
  const production = await crashProduction(t, { policy: 'hold' });
  await production.write('production.yaml', yaml());
  return production;
}

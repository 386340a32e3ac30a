/** An archive beside the registry: a twin that takes messages as base64, and so any character. */
import type { TestContext } from 'node:test';
import { resolveDialect } from '../../operations/soap/dialect.ts';
import { type GenericSettings, genericLines } from '../../operations/soap/generic.ts';
import { startTwin, type TwinOptions } from '../../operations/soap/twin/index.ts';
import { RECEIVER_CREDENTIALS } from '../support/receiver.ts';
import { cleanUp } from '../support/redis.ts';

const NAMES: GenericSettings = {
  soap: '1.2',
  namespace: 'urn:example:archive',
  element: 'Keep',
  username: 'User',
  password: 'Password',
  organisation: 'Owner',
  message: 'Document',
  carry: 'base64',
  answer: 'KeepResponse/Kept',
};

/** Starts it; gives its address. Closed after the test. */
export async function startArchive(
  t: TestContext,
  options: Pick<TwinOptions, 'log' | 'logMessages'> = {},
): Promise<string> {
  const dialect = resolveDialect(
    'generic',
    { timeZone: 'UTC', values: {}, tables: {}, files: {} },
    genericLines(NAMES),
  );
  const twin = await startTwin({ dialect, credentials: RECEIVER_CREDENTIALS, ...options });
  cleanUp(t, () => twin.close());
  return twin.url;
}

/** It as a destination of a copy of the small production, with that one's credentials; its address stands in a variable. */
export function archiveDestination(name: string, address: string): string {
  const names = Object.entries(NAMES).map(([key, value]) => `      ${key}: ${value}\n`);
  return `  ${name}:
    type: soap
    dialect: generic
    generic:
${names.join('')}    url: "\u0024{env:${address}}"
    credentials:
      username: "\u0024{env:REGISTRY_USER}"
      password: "\u0024{file:secrets/password}"
      organisation: "\u0024{env:REGISTRY_FACILITY}"
    batch: { format: { type: hl7-batch }, maxMessages: 1000, maxAge: 200ms }
`;
}

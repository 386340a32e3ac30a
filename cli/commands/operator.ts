import {
  operatorFiles,
  operatorPath,
  parseOperator,
  removeOperator,
  writeOperator,
} from '../../portal/acting/operators.ts';
import type { Command } from '../command.ts';
import { credentialCommand } from '../credentials/command.ts';

export const operator: Command = credentialCommand({
  noun: 'operator',
  withArticle: 'An operator',
  summary:
    'Say who may act over the network (api in production.yaml): make an operator and print its key once, give it a new key, list, remove. A running engine knows at once.',
  credential: 'key',
  flags: {},
  codes: { name: 'OPERATOR_NAME', unknown: 'OPERATOR_UNKNOWN', broken: 'OPERATOR_FILE_BROKEN' },
  files: {
    path: operatorPath,
    names: operatorFiles,
    parse: parseOperator,
    write: (folder, { partner: name, credentials }, fresh) =>
      writeOperator(folder, { operator: name, credentials }, fresh),
    remove: removeOperator,
  },
  services: () => undefined,
  kind: () => 'apiKey',
  shown: ({ id, created, note }) => ({ id, created, note }),
  secret: (_name, _kind, key) => ({
    json: { key },
    words: 'The key, shown once and kept nowhere; it is sent as `Authorization: Bearer KEY` or `X-Api-Key: KEY`:',
  }),
  added: ({ partner: name }) => `The operator ${name} may act over the network.`,
  removed: 'What it did stays in the ledger.',
  listed: () => ({}),
  rows({ partner: name, credentials }) {
    if (credentials.length === 0) return [[name, 'no key']];
    return credentials.map(({ id, created, note }) => [name, id, created, note ?? '']);
  },
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PRODUCTION_FILE } from '../../engine/config/loading.ts';
import { listWords, suggest } from '../../engine/config/suggest.ts';
import { isTreeMap, parseYaml, treeAt } from '../../engine/config/yaml.ts';
import { WaybillError } from '../../engine/errors.ts';
import { parsePartner, partnerFiles, partnerPath, removePartner, writePartner } from '../../portal/partners/file.ts';
import { type Command, type Invocation, optionalFlag, UsageError } from '../command.ts';
import { credentialCommand } from '../credentials/command.ts';

export const partner: Command = credentialCommand({
  noun: 'partner',
  withArticle: 'A partner',
  summary:
    'Say who may send to the REST services: make a partner and print its key once, give it a new key, list, remove. A running engine knows at once.',
  credential: 'credential',
  flags: {
    basic: {
      type: 'boolean',
      description: 'add, rotate: a password to be sent with the name by HTTP Basic, instead of an API key.',
    },
    services: {
      type: 'string',
      value: 'A,B',
      description: 'add: the partner may use these services only; default: all.',
    },
  },
  codes: { name: 'PARTNER_NAME', unknown: 'PARTNER_UNKNOWN', broken: 'PARTNER_FILE_BROKEN' },
  files: {
    path: partnerPath,
    names: partnerFiles,
    parse: parsePartner,
    write: writePartner,
    remove: removePartner,
  },
  services: servicesOf,
  kind: ({ flags }, newest) => (flags.basic === true ? 'basic' : (newest?.kind ?? 'apiKey')),
  shown: ({ kind, id, created, note }) => ({ kind, id, created, note }),
  secret: (name, kind, text) =>
    kind === 'apiKey'
      ? {
          json: { key: text },
          words: told('API key', '`Authorization: Bearer KEY` or `X-Api-Key: KEY`'),
        }
      : {
          json: { username: name, password: text },
          words: told(`password for the user name ${name}`, `\`curl --user ${name}:PASSWORD\``),
        },
  added: ({ partner: name, services }) =>
    `The partner ${name} may send${services ? ` to ${listWords(services, 'and')}` : ''}.`,
  removed: 'Its receipts are kept.',
  listed: (known) => ({ services: known?.services }),
  rows({ partner: name, services, credentials }) {
    const to = services ? `to ${listWords(services, 'and')}` : 'to all services';
    if (credentials.length === 0) return [[name, 'no credential', '', '', to]];
    return credentials.map(({ kind, id, created, note }) => [name, kind, id, created, to, note ?? '']);
  },
});

function told(what: string, how: string): string {
  return `The ${what}, shown once and kept nowhere; it is sent as ${how}:`;
}

/** The services of `--services`, each of which the production must have. */
function servicesOf(invocation: Invocation, folder: string): readonly string[] | undefined {
  const text = optionalFlag(invocation, 'services');
  if (text === undefined) return undefined;
  const names = [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '');
  if (names.length === 0) throw new UsageError('--services takes names with commas between them');
  const { tree } = parseYaml(readFileSync(join(folder, PRODUCTION_FILE), 'utf8'));
  const services = treeAt(tree, ['services']);
  const known = isTreeMap(services) ? Object.keys(services) : [];
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return names;
  const near = suggest(wrong, known);
  throw new WaybillError(
    'PARTNER_SERVICE_UNKNOWN',
    `The production has no service ${JSON.stringify(wrong)}${near ? `: did you mean ${near}?` : `; it has ${listWords(known, 'and')}.`}`,
  );
}

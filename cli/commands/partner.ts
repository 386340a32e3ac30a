import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PRODUCTION_FILE } from '../../engine/config/loading.ts';
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { listWords, suggest } from '../../engine/config/suggest.ts';
import { isTreeMap, parseYaml, treeAt } from '../../engine/config/yaml.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { type CredentialKind, newCredential } from '../../portal/partners/credentials.ts';
import {
  type Credential,
  type Partner,
  parsePartner,
  partnerFiles,
  partnerPath,
  removePartner,
  writePartner,
} from '../../portal/partners/file.ts';
import { hashSecret } from '../../portal/partners/hash.ts';
import { type Command, EXIT, type Invocation, JSON_FLAG, optionalFlag, UsageError } from '../command.ts';
import { productionFolder } from '../folders.ts';
import { aligned, counted, printJson, printLines, wantsJson } from '../output.ts';

type Verb = (invocation: Invocation, words: readonly string[]) => Promise<void>;

const VERBS: Readonly<Record<string, Verb>> = { add, list, rotate, remove };

export const partner: Command = {
  name: 'partner',
  summary:
    'Say who may send to the REST services: make a partner and print its key once, give it a new key, list, remove. A running engine knows at once.',
  usage: 'add NAME | rotate NAME | remove NAME | list, each with [FOLDER] at the end',
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
    note: { type: 'string', value: 'TEXT', description: 'add, rotate: kept with the credential, for people.' },
    now: { type: 'boolean', description: 'rotate: the earlier credentials end at once.' },
    finish: {
      type: 'boolean',
      description: 'rotate: makes nothing new; the newest credential stays, the earlier ones end.',
    },
    ...JSON_FLAG,
  },
  async run(invocation) {
    const [word = '', ...words] = invocation.words;
    const verb = Object.hasOwn(VERBS, word) ? VERBS[word] : undefined;
    if (!verb)
      throw new UsageError(`${word === '' ? 'a word is missing' : `there is no ${word}`}: add, list, rotate or remove`);
    await verb(invocation, words);
    return EXIT.ok.code;
  },
};

async function add(invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(words);
  const services = servicesOf(invocation, folder);
  const { credential, text } = await make(invocation, name, invocation.flags.basic === true ? 'basic' : 'apiKey');
  await writePartner(folder, { partner: name, credentials: [credential], ...(services && { services }) }, true);
  show(invocation, name, credential, text, [
    `The partner ${name} may send${services ? ` to ${listWords(services, 'and')}` : ''}.`,
  ]);
}

async function rotate(invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(words);
  const known = await read(folder, name);
  const newest = known.credentials.at(-1);
  if (invocation.flags.finish === true) {
    const credentials = newest ? [newest] : [];
    await writePartner(folder, { ...known, credentials }, false);
    const ended = known.credentials.length - credentials.length;
    if (wantsJson(invocation))
      printJson(invocation, { partner: name, ended, credentials: credentials.map(publicPart) });
    else printLines(invocation, [`${counted(ended, 'earlier credential')} of ${name} ended.`]);
    return;
  }
  const kind = invocation.flags.basic === true ? 'basic' : (newest?.kind ?? 'apiKey');
  const { credential, text } = await make(invocation, name, kind);
  const kept = invocation.flags.now === true || !newest ? [] : [newest];
  await writePartner(folder, { ...known, credentials: [...kept, credential] }, false);
  const after =
    kept.length === 0
      ? 'The earlier ones ended.'
      : `The one from ${newest?.created} goes on to open too; end it with waybill partner rotate ${name} --finish.`;
  show(invocation, name, credential, text, [`A new credential of ${name}.`, after]);
}

async function remove(invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(words);
  if (!(await removePartner(folder, name))) throw await unknownPartner(folder, name);
  if (wantsJson(invocation)) printJson(invocation, { partner: name, removed: true });
  else printLines(invocation, [`${name} is removed: nobody gets in as ${name} any more. Its receipts are kept.`]);
}

async function list(invocation: Invocation, words: readonly string[]): Promise<void> {
  const folder = folderOf(words);
  const names = (await partnerFiles(folder)).filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -5));
  const found = await Promise.all(names.map(async (name) => ({ name, partner: await readSound(folder, name) })));
  if (wantsJson(invocation)) {
    printJson(invocation, {
      partners: found.map(({ name, partner: known }) => ({
        partner: name,
        sound: known !== undefined,
        services: known?.services,
        credentials: known?.credentials.map(publicPart),
      })),
    });
    return;
  }
  const rows = found.flatMap(({ name, partner: known }) => {
    if (!known) return [[name, 'the file is broken: waybill check says what is wrong with it']];
    const to = known.services ? `to ${listWords(known.services, 'and')}` : 'to all services';
    if (known.credentials.length === 0) return [[name, 'no credential', '', '', to]];
    return known.credentials.map(({ kind, id, created, note }) => [name, kind, id, created, to, note ?? '']);
  });
  printLines(invocation, rows.length === 0 ? ['There is no partner yet: waybill partner add NAME.'] : aligned(rows));
}

async function make(invocation: Invocation, name: string, kind: CredentialKind) {
  const { id, secret, text } = newCredential(name, kind);
  const note = optionalFlag(invocation, 'note');
  const created = new Date().toISOString();
  const credential: Credential = {
    kind,
    id,
    hash: await hashSecret(secret),
    created,
    ...(note === undefined ? {} : { note }),
  };
  return { credential, text };
}

/** The secret alone goes to standard output, so that a script can take it; what people want to know goes beside it. */
function show(
  invocation: Invocation,
  name: string,
  credential: Credential,
  text: string,
  words: readonly string[],
): void {
  if (wantsJson(invocation)) {
    const secret = credential.kind === 'apiKey' ? { key: text } : { username: name, password: text };
    printJson(invocation, { partner: name, ...publicPart(credential), ...secret });
    return;
  }
  const what = credential.kind === 'apiKey' ? 'API key' : `password for the user name ${name}`;
  const how =
    credential.kind === 'apiKey'
      ? '`Authorization: Bearer KEY` or `X-Api-Key: KEY`'
      : `\`curl --user ${name}:PASSWORD\``;
  for (const line of words) invocation.tell(line);
  invocation.tell(`The ${what}, shown once and kept nowhere; it is sent as ${how}:`);
  invocation.print(text);
}

function publicPart({ kind, id, created, note }: Credential) {
  return { kind, id, created, note };
}

function nameAndFolder(words: readonly string[]): { readonly name: string; readonly folder: string } {
  const [name, ...rest] = words;
  if (name === undefined) throw new UsageError('NAME is missing');
  if (!new RegExp(NAME_PATTERN).test(name))
    throw new WaybillError(
      'PARTNER_NAME',
      `A partner cannot have the name ${JSON.stringify(name)}: it takes lower-case letters, digits and dashes, a letter first, at most 60.`,
    );
  return { name, folder: folderOf(rest) };
}

function folderOf(words: readonly string[]): string {
  if (words.length > 1) throw new UsageError(`one FOLDER is taken, and ${words.length} words were given`);
  const folder = productionFolder(words[0]);
  if (existsSync(join(folder, PRODUCTION_FILE))) return folder;
  throw new WaybillError(
    'NOT_A_PRODUCTION',
    `There is no ${PRODUCTION_FILE} in ${folder}: name the folder of the production.`,
  );
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

async function read(folder: string, name: string): Promise<Partner> {
  const file = partnerPath(folder, name);
  const text = await readFile(file, 'utf8').catch(async (error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? await unknownPartner(folder, name) : error;
  });
  const { partner: known, issues } = parsePartner(text, name);
  if (known) return known;
  throw new WaybillError(
    'PARTNER_FILE_BROKEN',
    `${file} cannot be used (${issues[0]?.code}): waybill check says what is wrong with it.`,
    { file },
  );
}

async function readSound(folder: string, name: string): Promise<Partner | undefined> {
  return parsePartner(await readFile(partnerPath(folder, name), 'utf8').catch(() => ''), name).partner;
}

async function unknownPartner(folder: string, name: string): Promise<WaybillError> {
  const names = (await partnerFiles(folder)).map((file) => file.replace(/\.yaml$/, ''));
  return new WaybillError(
    'PARTNER_UNKNOWN',
    `There is no partner ${name} in ${folder}; there ${names.length === 1 ? 'is' : 'are'} ${listWords(names, 'and')}.`,
  );
}

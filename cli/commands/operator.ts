import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PRODUCTION_FILE } from '../../engine/config/loading.ts';
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { listWords } from '../../engine/config/suggest.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import {
  type Operator,
  operatorFiles,
  operatorPath,
  parseOperator,
  removeOperator,
  writeOperator,
} from '../../portal/acting/operators.ts';
import { newCredential } from '../../portal/partners/credentials.ts';
import type { Credential } from '../../portal/partners/file.ts';
import { hashSecret } from '../../portal/partners/hash.ts';
import { type Command, EXIT, type Invocation, JSON_FLAG, optionalFlag, UsageError } from '../command.ts';
import { productionFolder } from '../folders.ts';
import { aligned, counted, printJson, printLines, wantsJson } from '../output.ts';

type Verb = (invocation: Invocation, words: readonly string[]) => Promise<void>;

const VERBS: Readonly<Record<string, Verb>> = { add, list, rotate, remove };

export const operator: Command = {
  name: 'operator',
  summary:
    'Say who may act over the network (api in production.yaml): make an operator and print its key once, give it a new key, list, remove. A running engine knows at once.',
  usage: 'add NAME | rotate NAME | remove NAME | list, each with [FOLDER] at the end',
  flags: {
    note: { type: 'string', value: 'TEXT', description: 'add, rotate: kept with the key, for people.' },
    now: { type: 'boolean', description: 'rotate: the earlier keys end at once.' },
    finish: { type: 'boolean', description: 'rotate: makes nothing new; the newest key stays, the earlier ones end.' },
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
  const { credential, text } = await makeKey(invocation, name);
  await writeOperator(folder, { operator: name, credentials: [credential] }, true);
  show(invocation, name, credential, text, [`The operator ${name} may act over the network.`]);
}

async function rotate(invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(words);
  const known = await read(folder, name);
  const newest = known.credentials.at(-1);
  if (invocation.flags.finish === true) {
    const credentials = newest ? [newest] : [];
    await writeOperator(folder, { operator: name, credentials }, false);
    const ended = known.credentials.length - credentials.length;
    if (wantsJson(invocation))
      printJson(invocation, { operator: name, ended, credentials: credentials.map(publicPart) });
    else printLines(invocation, [`${counted(ended, 'earlier key')} of ${name} ended.`]);
    return;
  }
  const { credential, text } = await makeKey(invocation, name);
  const kept = invocation.flags.now === true || !newest ? [] : [newest];
  await writeOperator(folder, { operator: name, credentials: [...kept, credential] }, false);
  const after =
    kept.length === 0
      ? 'The earlier ones ended.'
      : `The one from ${newest?.created} goes on to open too; end it with waybill operator rotate ${name} --finish.`;
  show(invocation, name, credential, text, [`A new key of ${name}.`, after]);
}

async function remove(invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(words);
  if (!(await removeOperator(folder, name))) throw await unknown(folder, name);
  if (wantsJson(invocation)) printJson(invocation, { operator: name, removed: true });
  else
    printLines(invocation, [
      `${name} is removed: nobody gets in as ${name} any more. What it did stays in the ledger.`,
    ]);
}

async function list(invocation: Invocation, words: readonly string[]): Promise<void> {
  const folder = folderOf(words);
  const names = (await operatorFiles(folder)).filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -5));
  const found = await Promise.all(names.map(async (name) => ({ name, credentials: await soundKeys(folder, name) })));
  if (wantsJson(invocation)) {
    printJson(invocation, {
      operators: found.map(({ name, credentials }) => ({
        operator: name,
        sound: credentials !== undefined,
        credentials: credentials?.map(publicPart),
      })),
    });
    return;
  }
  const rows = found.flatMap(({ name, credentials }) => {
    if (!credentials) return [[name, 'the file is broken: waybill check says what is wrong with it']];
    if (credentials.length === 0) return [[name, 'no key']];
    return credentials.map(({ id, created, note }) => [name, id, created, note ?? '']);
  });
  printLines(invocation, rows.length === 0 ? ['There is no operator yet: waybill operator add NAME.'] : aligned(rows));
}

async function makeKey(invocation: Invocation, name: string) {
  const { id, secret, text } = newCredential(name, 'apiKey');
  const note = optionalFlag(invocation, 'note');
  const credential: Credential = {
    kind: 'apiKey',
    id,
    hash: await hashSecret(secret),
    created: new Date().toISOString(),
    ...(note === undefined ? {} : { note }),
  };
  return { credential, text };
}

/** The key alone goes to standard output, so that a script can take it; what people want to know goes beside it. */
function show(
  invocation: Invocation,
  name: string,
  credential: Credential,
  text: string,
  words: readonly string[],
): void {
  if (wantsJson(invocation)) {
    printJson(invocation, { operator: name, ...publicPart(credential), key: text });
    return;
  }
  for (const line of words) invocation.tell(line);
  invocation.tell(
    'The key, shown once and kept nowhere; it is sent as `Authorization: Bearer KEY` or `X-Api-Key: KEY`:',
  );
  invocation.print(text);
}

function publicPart({ id, created, note }: Credential) {
  return { id, created, note };
}

function nameAndFolder(words: readonly string[]): { readonly name: string; readonly folder: string } {
  const [name, ...rest] = words;
  if (name === undefined) throw new UsageError('NAME is missing');
  if (!new RegExp(NAME_PATTERN).test(name))
    throw new WaybillError(
      'OPERATOR_NAME',
      `An operator cannot have the name ${JSON.stringify(name)}: it takes lower-case letters, digits and dashes, a letter first, at most 60.`,
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

async function read(folder: string, name: string): Promise<Operator> {
  const file = operatorPath(folder, name);
  const text = await readFile(file, 'utf8').catch(async (error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? await unknown(folder, name) : error;
  });
  const { partner: known } = parseOperator(text, name);
  if (known) return { operator: name, credentials: known.credentials };
  throw new WaybillError('OPERATOR_FILE_BROKEN', `${file} cannot be used: waybill check says what is wrong with it.`, {
    file,
  });
}

async function soundKeys(folder: string, name: string): Promise<readonly Credential[] | undefined> {
  const text = await readFile(operatorPath(folder, name), 'utf8').catch(() => '');
  return parseOperator(text, name).partner?.credentials;
}

async function unknown(folder: string, name: string): Promise<WaybillError> {
  const names = (await operatorFiles(folder)).map((file) => file.replace(/\.yaml$/, ''));
  return new WaybillError(
    'OPERATOR_UNKNOWN',
    `There is no operator ${name} in ${folder}; there ${names.length === 1 ? 'is' : 'are'} ${listWords(names, 'and')}.`,
  );
}

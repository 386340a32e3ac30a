import { newCredential } from '../../portal/partners/credentials.ts';
import type { Credential, Partner } from '../../portal/partners/file.ts';
import { hashSecret } from '../../portal/partners/hash.ts';
import { type Command, EXIT, type Invocation, JSON_FLAG, optionalFlag, UsageError } from '../command.ts';
import { aligned, counted, printJson, printLines, wantsJson } from '../output.ts';
import { allHolders, folderOf, type Holders, nameAndFolder, readHolder, unknownHolder } from './holders.ts';

type Verb = (holders: Holders, invocation: Invocation, words: readonly string[]) => Promise<void>;

const VERBS: Readonly<Record<string, Verb>> = { add, list, rotate, remove };

/** The command that makes, lists and removes those who hold credentials, and gives them new ones. */
export function credentialCommand(holders: Holders): Command {
  const { noun, summary, credential, flags } = holders;
  return {
    name: noun,
    summary,
    usage: 'add NAME | rotate NAME | remove NAME | list, each with [FOLDER] at the end',
    flags: {
      ...flags,
      note: { type: 'string', value: 'TEXT', description: `add, rotate: kept with the ${credential}, for people.` },
      now: { type: 'boolean', description: `rotate: the earlier ${credential}s end at once.` },
      finish: {
        type: 'boolean',
        description: `rotate: makes nothing new; the newest ${credential} stays, the earlier ones end.`,
      },
      ...JSON_FLAG,
    },
    async run(invocation) {
      const [word = '', ...words] = invocation.words;
      const verb = Object.hasOwn(VERBS, word) ? VERBS[word] : undefined;
      if (!verb)
        throw new UsageError(
          `${word === '' ? 'a word is missing' : `there is no ${word}`}: add, list, rotate or remove`,
        );
      await verb(holders, invocation, words);
      return EXIT.ok.code;
    },
  };
}

async function add(holders: Holders, invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(holders, words);
  const services = holders.services(invocation, folder);
  const { credential, text } = await make(holders, invocation, name, undefined);
  const holder: Partner = { partner: name, credentials: [credential], ...(services && { services }) };
  await holders.files.write(folder, holder, true);
  show(holders, invocation, name, credential, text, [holders.added(holder)]);
}

async function rotate(holders: Holders, invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(holders, words);
  const known = await readHolder(holders, folder, name);
  const newest = known.credentials.at(-1);
  if (invocation.flags.finish === true) {
    const credentials = newest ? [newest] : [];
    await holders.files.write(folder, { ...known, credentials }, false);
    const ended = known.credentials.length - credentials.length;
    if (wantsJson(invocation))
      printJson(invocation, { [holders.noun]: name, ended, credentials: credentials.map(holders.shown) });
    else printLines(invocation, [`${counted(ended, `earlier ${holders.credential}`)} of ${name} ended.`]);
    return;
  }
  const { credential, text } = await make(holders, invocation, name, newest);
  const kept = invocation.flags.now === true || !newest ? [] : [newest];
  await holders.files.write(folder, { ...known, credentials: [...kept, credential] }, false);
  const after =
    kept.length === 0
      ? 'The earlier ones ended.'
      : `The one from ${newest?.created} goes on to open too; end it with waybill ${holders.noun} rotate ${name} --finish.`;
  show(holders, invocation, name, credential, text, [`A new ${holders.credential} of ${name}.`, after]);
}

async function remove(holders: Holders, invocation: Invocation, words: readonly string[]): Promise<void> {
  const { name, folder } = nameAndFolder(holders, words);
  if (!(await holders.files.remove(folder, name))) throw await unknownHolder(holders, folder, name);
  if (wantsJson(invocation)) printJson(invocation, { [holders.noun]: name, removed: true });
  else printLines(invocation, [`${name} is removed: nobody gets in as ${name} any more. ${holders.removed}`]);
}

async function list(holders: Holders, invocation: Invocation, words: readonly string[]): Promise<void> {
  const { noun } = holders;
  const found = await allHolders(holders, folderOf(words));
  if (wantsJson(invocation)) {
    printJson(invocation, {
      [`${noun}s`]: found.map(({ name, holder }) => ({
        [noun]: name,
        sound: holder !== undefined,
        ...holders.listed(holder),
        credentials: holder?.credentials.map(holders.shown),
      })),
    });
    return;
  }
  const broken = 'the file is broken: waybill check says what is wrong with it';
  const rows = found.flatMap(({ name, holder }) => (holder ? holders.rows(holder) : [[name, broken]]));
  const nobody = `There is no ${noun} yet: waybill ${noun} add NAME.`;
  printLines(invocation, rows.length === 0 ? [nobody] : aligned(rows));
}

async function make(holders: Holders, invocation: Invocation, name: string, newest: Credential | undefined) {
  const { kind, id, secret, text } = newCredential(name, holders.kind(invocation, newest));
  const note = optionalFlag(invocation, 'note');
  const created = new Date().toISOString();
  const kept = note === undefined ? {} : { note };
  const credential: Credential = { kind, id, hash: await hashSecret(secret), created, ...kept };
  return { credential, text };
}

/** The secret alone goes to standard output, so that a script can take it; what people want to know goes beside it. */
function show(
  holders: Holders,
  invocation: Invocation,
  name: string,
  credential: Credential,
  text: string,
  words: readonly string[],
): void {
  const secret = holders.secret(name, credential.kind, text);
  if (wantsJson(invocation)) {
    printJson(invocation, { [holders.noun]: name, ...holders.shown(credential), ...secret.json });
    return;
  }
  for (const line of words) invocation.tell(line);
  invocation.tell(secret.words);
  invocation.print(text);
}

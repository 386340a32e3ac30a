/** What `waybill partner` and `waybill operator` share: those who hold credentials, in files of a production. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PRODUCTION_FILE } from '../../engine/config/loading.ts';
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { listWords } from '../../engine/config/suggest.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import type { CredentialKind } from '../../portal/partners/credentials.ts';
import type { Credential, Partner, PartnerRead } from '../../portal/partners/file.ts';
import { type Command, type Invocation, UsageError } from '../command.ts';
import { productionFolder } from '../folders.ts';

/** What `partner` and `operator` differ in. Whoever holds credentials is read as a partner is. */
export interface Holders {
  /** Name of the command, and of the key of a holder's name in its file and in JSON. */
  readonly noun: string;
  readonly withArticle: string;
  readonly summary: string;
  /** What a credential is called: `key`. */
  readonly credential: string;
  readonly flags: Command['flags'];
  readonly codes: { readonly name: string; readonly unknown: string; readonly broken: string };
  readonly files: HolderFiles;
  /** What a new one may do, as its file says it; absent: everything. */
  services(invocation: Invocation, folder: string): readonly string[] | undefined;
  /** Kind of a new credential. */
  kind(invocation: Invocation, newest: Credential | undefined): CredentialKind;
  /** What is shown of a credential, in JSON. */
  shown(credential: Credential): object;
  /** A new secret for programs, and for people what it is and how it is sent. */
  secret(holder: string, kind: CredentialKind, text: string): { readonly json: object; readonly words: string };
  /** Said of one that was added. */
  added(holder: Partner): string;
  /** Said after one is removed: what stays. */
  readonly removed: string;
  /** What the list says of one in JSON, beside name and credentials. */
  listed(holder: Partner | undefined): object;
  /** Rows of the list for one. */
  rows(holder: Partner): readonly (readonly string[])[];
}

/** The files of holders; paths are in the production's folder. */
export interface HolderFiles {
  path(folder: string, name: string): string;
  names(folder: string): Promise<readonly string[]>;
  parse(text: string, name: string): PartnerRead;
  write(folder: string, holder: Partner, fresh: boolean): Promise<void>;
  remove(folder: string, name: string): Promise<boolean>;
}

/** `NAME [FOLDER]`. @throws UsageError, or WaybillError where it is no name or no production */
export function nameAndFolder({ withArticle, codes }: Holders, words: readonly string[]) {
  const [name, ...rest] = words;
  if (name === undefined) throw new UsageError('NAME is missing');
  if (!new RegExp(NAME_PATTERN).test(name))
    throw new WaybillError(
      codes.name,
      `${withArticle} cannot have the name ${JSON.stringify(name)}: it takes lower-case letters, digits and dashes, a letter first, at most 60.`,
    );
  return { name, folder: folderOf(rest) };
}

/** `[FOLDER]`. @throws UsageError, or WaybillError `NOT_A_PRODUCTION` */
export function folderOf(words: readonly string[]): string {
  if (words.length > 1) throw new UsageError(`one FOLDER is taken, and ${words.length} words were given`);
  const folder = productionFolder(words[0]);
  if (existsSync(join(folder, PRODUCTION_FILE))) return folder;
  throw new WaybillError(
    'NOT_A_PRODUCTION',
    `There is no ${PRODUCTION_FILE} in ${folder}: name the folder of the production.`,
  );
}

/** Reads the file of one. @throws WaybillError where there is none, or it is broken */
export async function readHolder(holders: Holders, folder: string, name: string): Promise<Partner> {
  const { files, codes } = holders;
  const file = files.path(folder, name);
  const text = await readFile(file, 'utf8').catch(async (error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? await unknownHolder(holders, folder, name) : error;
  });
  const { partner, issues } = files.parse(text, name);
  if (partner) return partner;
  const message = `${file} cannot be used (${issues[0]?.code}): waybill check says what is wrong with it.`;
  throw new WaybillError(codes.broken, message, { file });
}

/** All holders of a production by the names of their files; without a holder where the file is broken. */
export async function allHolders({ files }: Holders, folder: string) {
  const names = (await files.names(folder)).filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -5));
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(files.path(folder, name), 'utf8').catch(() => '');
      return { name, holder: files.parse(text, name).partner };
    }),
  );
}

/** There is none of this name. */
export async function unknownHolder({ noun, codes, files }: Holders, folder: string, name: string) {
  const names = (await files.names(folder)).map((file) => file.replace(/\.yaml$/, ''));
  return new WaybillError(
    codes.unknown,
    `There is no ${noun} ${name} in ${folder}; there ${names.length === 1 ? 'is' : 'are'} ${listWords(names, 'and')}.`,
  );
}

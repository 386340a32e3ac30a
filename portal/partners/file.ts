/** `partners/NAME.yaml`: who may send, with hashes of credentials. Read strictly, written whole or not at all. */
import { randomBytes } from 'node:crypto';
import { chown, constants, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { syncAnyFolder } from '../../engine/bodies.ts';
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { shownText, validate } from '../../engine/config/validate.ts';
import { parseYaml, type YamlFile } from '../../engine/config/yaml.ts';
import type { Issue } from '../../engine/contracts/resources.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { Keys, Secret, Type, Words } from '../../engine/schema.ts';
import { PORTAL_ERRORS, type PortalCode } from '../errors.ts';
import { type CredentialKind, isIdOf } from './credentials.ts';
import { parseHash } from './hash.ts';

/** Folder of the partners' files in a production's folder. */
export const PARTNER_FOLDER = 'partners';
/** Larger files are not read. */
export const MAX_PARTNER_BYTES = 64 * 1024;

export interface Credential {
  readonly kind: CredentialKind;
  readonly id: string;
  readonly hash: string;
  /** ISO 8601. */
  readonly created: string;
  readonly note?: string;
}

export interface Partner {
  readonly partner: string;
  /** In the order in which they were made. */
  readonly credentials: readonly Credential[];
  /** Names of the services that it may use; absent: all. */
  readonly services?: readonly string[];
}

const CREDENTIAL = Keys({
  kind: Words(['apiKey', 'basic'], { description: 'How it is sent: as an API key, or as name and password.' }),
  id: Type.String({ description: 'The name of the partner, a dash, and six letters or digits; part of what is sent.' }),
  hash: Secret({ description: 'scrypt hash of the secret, as Waybill writes it.' }),
  created: Type.String({ description: 'When it was made, ISO 8601.' }),
  note: Type.Optional(Type.String({ maxLength: 500, description: 'For people.' })),
});

/** What stands in a partner's file. */
const PARTNER_SCHEMA = Keys(
  {
    partner: Type.String({ pattern: NAME_PATTERN, description: 'Name of the partner, the same as the file has.' }),
    credentials: Type.Array(CREDENTIAL, { maxItems: 16, description: 'Any of them lets the partner in.' }),
    services: Type.Optional(
      Type.Array(Type.String({ pattern: NAME_PATTERN }), {
        uniqueItems: true,
        description: 'Names of the services that the partner may use; without it, all.',
      }),
    ),
  },
  { description: 'A partner: who may send to the REST services, and with what.' },
);

export interface PartnerRead {
  /** Absent where anything is wrong with the file. */
  readonly partner?: Partner;
  readonly yaml: YamlFile;
  readonly issues: readonly Issue[];
}

/** Reads the text of the file of `name`. Never throws, and shows no hash. */
export function parsePartner(text: string, name: string): PartnerRead {
  const yaml = parseYaml(text);
  if (yaml.tree === undefined) {
    const nothing = issue('PARTNER_FILE_BROKEN', [], 'nothing that can be read', 'partner and credentials');
    return { yaml, issues: yaml.issues.length > 0 ? yaml.issues : [nothing] };
  }
  const { value, issues } = validate(yaml.tree, PARTNER_SCHEMA);
  const wrong = [...yaml.issues, ...issues];
  if (wrong.length > 0) return { yaml, issues: wrong };
  const partner = value as Partner;
  const further = issuesOf(partner, name);
  return further.length > 0 ? { yaml, issues: further } : { yaml, issues: [], partner };
}

function issuesOf({ partner, credentials }: Partner, name: string): readonly Issue[] {
  const found: Issue[] = [];
  if (partner !== name) found.push(issue('PARTNER_FILE_NAME', ['partner'], partner, name));
  const ids = credentials.map(({ id }) => id);
  for (const [index, { id, hash }] of credentials.entries()) {
    const path = ['credentials', index];
    if (!isIdOf(partner, id) || ids.indexOf(id) !== index)
      found.push(issue('PARTNER_CREDENTIAL_ID', [...path, 'id'], shownText(id), `${partner}- and six of a-z0-9, once`));
    if (!parseHash(hash))
      found.push(issue('PARTNER_HASH', [...path, 'hash'], 'a text that is not shown', '$scrypt$ln=15,r=8,p=1$...'));
  }
  return found;
}

function issue(code: PortalCode, path: Issue['path'], found: string, expected: string): Issue {
  return { code, path, found, expected, cure: PORTAL_ERRORS[code].cure };
}

/** Path of the file of a partner. `name` must be a name (`NAME_PATTERN`). */
export function partnerPath(folder: string, name: string): string {
  return join(folder, PARTNER_FOLDER, `${name}.yaml`);
}

/** Names of everything in the folder of the partners that is to be a partner's file, sorted; empty where there is none. */
export function partnerFiles(folder: string): Promise<readonly string[]> {
  return secretFiles(folder, PARTNER_FOLDER);
}

/** The same of another folder of the production. */
export async function secretFiles(folder: string, sub: string): Promise<readonly string[]> {
  try {
    const items = await readdir(join(folder, sub), { withFileTypes: true });
    return items
      .filter((item) => !item.isDirectory() && !item.name.startsWith('.') && !/\.(md|txt)$/i.test(item.name))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Writes a partner's file, readable by its owner alone: temporary name, flush, rename, flush of the folder. As root it gets
 * the owner of the production's folder, so that the engine can read it.
 * @param fresh there may be no file of this name yet
 * @throws WaybillError `PARTNER_EXISTS`, or the file system's error; then the file is as it was
 */
export async function writePartner(folder: string, partner: Partner, fresh: boolean): Promise<void> {
  const { partner: name } = partner;
  await writeSecretFile({ folder, sub: PARTNER_FOLDER, name, content: partner, fresh, taken: existing });
}

/** A file with hashes of credentials: `SUB/NAME.yaml` in a production's folder. */
export interface SecretFile {
  readonly folder: string;
  readonly sub: string;
  readonly name: string;
  readonly content: object;
  readonly fresh: boolean;
  /** What to throw where there is one of this name. */
  readonly taken: (name: string, file: string) => WaybillError;
}

/** Writes it as `writePartner` does. @throws what `taken` gives, or the file system's error; then the file is as it was */
export async function writeSecretFile({ folder, sub, name, content, fresh, taken }: SecretFile): Promise<void> {
  const parent = join(folder, sub);
  const made = await mkdir(parent, { recursive: true, mode: 0o700 });
  if (made !== undefined) await sameOwner(parent, folder);
  const path = join(parent, `${name}.yaml`);
  const temporary = join(parent, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await handle.writeFile(stringify(content, { lineWidth: 0 }), 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await sameOwner(temporary, folder);
    // A link, unlike a rename, never takes the place of a file that came meanwhile.
    await (fresh ? link(temporary, path) : rename(temporary, path));
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw taken(name, path);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncAnyFolder(parent);
}

/** Removes a partner's file. @returns false where there is none */
export function removePartner(folder: string, name: string): Promise<boolean> {
  return removeSecretFile(folder, PARTNER_FOLDER, name);
}

/** Removes `SUB/NAME.yaml` of a production's folder. @returns false where there is none */
export async function removeSecretFile(folder: string, sub: string, name: string): Promise<boolean> {
  try {
    await rm(join(folder, sub, `${name}.yaml`));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  await syncAnyFolder(join(folder, sub));
  return true;
}

function existing(name: string, file: string): WaybillError {
  return new WaybillError(
    'PARTNER_EXISTS',
    `There is a partner ${name} already; waybill partner rotate ${name} makes a new credential for it.`,
    { file },
  );
}

async function sameOwner(path: string, as: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(as);
  await chown(path, uid, gid);
}

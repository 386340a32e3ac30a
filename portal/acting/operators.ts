/** `operators/NAME.yaml`: who may act over the network, with hashes of keys; kept and read as files of partners are. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblemsBy, type Problem, ProblemList } from '../../engine/config/problems.ts';
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { shownText, validate } from '../../engine/config/validate.ts';
import { parseYaml } from '../../engine/config/yaml.ts';
import type { Production } from '../../engine/contracts/production.ts';
import type { Issue } from '../../engine/contracts/resources.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { Keys, Secret, Type, Words } from '../../engine/schema.ts';
import { PartnerBook } from '../partners/book.ts';
import { isIdOf } from '../partners/credentials.ts';
import { type Credential, type PartnerRead, removeSecretFile, secretFiles, writeSecretFile } from '../partners/file.ts';
import { parseHash } from '../partners/hash.ts';
import { API_ERRORS } from './errors.ts';

const report = fileProblemsBy(API_ERRORS);

/** Folder of the operators' files in a production's folder. */
const OPERATOR_FOLDER = 'operators';

export interface Operator {
  readonly operator: string;
  /** In the order in which they were made; keys only, since a browser would send a password by itself. */
  readonly credentials: readonly Credential[];
}

const OPERATOR_SCHEMA = Keys(
  {
    operator: Type.String({ pattern: NAME_PATTERN, description: 'Name of the operator, the same as the file has.' }),
    credentials: Type.Array(
      Keys({
        kind: Words(['apiKey'], { description: 'How it is sent: as an API key.' }),
        id: Type.String({ description: 'The name of the operator, a dash, and six letters or digits.' }),
        hash: Secret({ description: 'scrypt hash of the secret, as Waybill writes it.' }),
        created: Type.String({ description: 'When it was made, ISO 8601.' }),
        note: Type.Optional(Type.String({ maxLength: 500, description: 'For people.' })),
      }),
      { maxItems: 16, description: 'Any of them lets the operator in.' },
    ),
  },
  { description: 'An operator: who may act over the network, and with what key.' },
);

/** Reads the text of the file of `name`. Never throws, and shows no hash. */
export function parseOperator(text: string, name: string): PartnerRead {
  const yaml = parseYaml(text);
  if (yaml.tree === undefined) {
    const nothing = issue([], 'nothing that can be read', 'operator and credentials');
    return { yaml, issues: yaml.issues.length > 0 ? yaml.issues : [nothing] };
  }
  const { value, issues } = validate(yaml.tree, OPERATOR_SCHEMA);
  const wrong = [...yaml.issues, ...issues];
  if (wrong.length > 0) return { yaml, issues: wrong };
  const { operator, credentials } = value as Operator;
  const further = issuesOf(operator, credentials, name);
  return further.length > 0
    ? { yaml, issues: further }
    : { yaml, issues: [], partner: { partner: operator, credentials } };
}

function issuesOf(operator: string, credentials: readonly Credential[], name: string): readonly Issue[] {
  const ids = credentials.map(({ id }) => id);
  return [
    ...(operator === name ? [] : [issue(['operator'], operator, name)]),
    ...credentials.flatMap(({ id, hash }, index) => {
      const path = ['credentials', index];
      const sound = isIdOf(operator, id) && ids.indexOf(id) === index;
      return [
        ...(sound ? [] : [issue([...path, 'id'], shownText(id), `${operator}- and six of a-z0-9, once`)]),
        ...(parseHash(hash) ? [] : [issue([...path, 'hash'], 'a text that is not shown', '$scrypt$ln=15,r=8,p=1$...')]),
      ];
    }),
  ];
}

function issue(path: Issue['path'], found: string, expected: string): Issue {
  const code = 'OPERATOR_FILE_BROKEN';
  return { code, path, found, expected, cure: API_ERRORS[code].cure };
}

/** Path of the file of an operator. `name` must be a name (`NAME_PATTERN`). */
export function operatorPath(folder: string, name: string): string {
  return join(folder, OPERATOR_FOLDER, `${name}.yaml`);
}

/** The operators of a production, as their files are now. */
export function operatorBook(folder: string): PartnerBook {
  return new PartnerBook(folder, { path: operatorPath, parse: parseOperator });
}

/** Names of the files in the folder of the operators, sorted; empty where there is none. */
export function operatorFiles(folder: string): Promise<readonly string[]> {
  return secretFiles(folder, OPERATOR_FOLDER);
}

/** Writes an operator's file as a partner's is written. @throws WaybillError `OPERATOR_EXISTS` where it is to be a new one */
export function writeOperator(folder: string, content: Operator, fresh: boolean): Promise<void> {
  const taken = (name: string, file: string) =>
    new WaybillError(
      'OPERATOR_EXISTS',
      `There is an operator ${name} already; waybill operator rotate ${name} makes a new key for it.`,
      { file },
    );
  return writeSecretFile({ folder, sub: OPERATOR_FOLDER, name: content.operator, content, fresh, taken });
}

/** Removes an operator's file. @returns false where there is none */
export function removeOperator(folder: string, name: string): Promise<boolean> {
  return removeSecretFile(folder, OPERATOR_FOLDER, name);
}

/** Everything that is wrong with the operators of a production, for `waybill check`. Changes nothing, shows no hash. */
export async function operatorProblems(production: Pick<Production, 'folder' | 'api'>): Promise<readonly Problem[]> {
  const { folder, api } = production;
  const problems = new ProblemList();
  const book = operatorBook(folder);
  const files = await operatorFiles(folder).catch((error: unknown) => codeOf(error));
  if (typeof files === 'string') {
    report(problems, 'OPERATOR_FILE_BROKEN', OPERATOR_FOLDER, files, 'a folder that can be read');
    return problems.sorted();
  }
  let sound = 0;
  for (const item of files) {
    const file = `${OPERATOR_FOLDER}/${item}`;
    const name = item.replace(/\.yaml$/, '');
    if (!item.endsWith('.yaml') || !new RegExp(NAME_PATTERN).test(name)) {
      report(problems, 'OPERATOR_NAME', file, item, 'NAME.yaml');
      continue;
    }
    const operator = await book.find(name);
    if (!operator)
      report(problems, 'OPERATOR_FILE_BROKEN', file, 'what nobody gets in by', 'a file that Waybill wrote');
    else if (operator.credentials.length > 0) sound += 1;
    const rights = (await stat(join(folder, file))).mode & 0o777;
    if ((rights & 0o022) !== 0)
      report(problems, 'OPERATOR_FILE_OPEN', file, `rights ${rights.toString(8)}`, 'rights 600', true);
  }
  if (api && sound === 0)
    report(problems, 'NO_OPERATOR', OPERATOR_FOLDER, 'no operator who can get in', 'at least one', true);
  return problems.sorted();
}

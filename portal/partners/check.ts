/** What is wrong with the files of a production's partners: for `waybill check`. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblemsBy, type Problem, ProblemList } from '../../engine/config/problems.ts';
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { listWords, suggest } from '../../engine/config/suggest.ts';
import type { Production } from '../../engine/contracts/production.ts';
import { codeOf } from '../../engine/errors.ts';
import { PORTAL_ERRORS } from '../errors.ts';
import { MAX_PARTNER_BYTES, PARTNER_FOLDER, type PartnerRead, parsePartner, partnerFiles } from './file.ts';

const report = fileProblemsBy(PORTAL_ERRORS);

/** Everything that is wrong with the partners of a production, with its place. Changes nothing, shows no hash. */
export async function partnerProblems(
  production: Pick<Production, 'folder' | 'listen' | 'services'>,
): Promise<readonly Problem[]> {
  const problems = new ProblemList();
  const files = await partnerFiles(production.folder).catch((error: unknown) => codeOf(error));
  if (typeof files === 'string') {
    report(problems, 'PARTNER_FILE_BROKEN', PARTNER_FOLDER, files, 'a folder that can be read');
    return problems.sorted();
  }
  let sound = 0;
  for (const item of files) if (await checkFile(problems, production, item)) sound += 1;
  if (production.listen && sound === 0)
    report(problems, 'NO_PARTNER', PARTNER_FOLDER, 'no partner who can get in', 'at least one', true);
  return problems.sorted();
}

/** @returns whether a partner gets in by this file */
async function checkFile(
  problems: ProblemList,
  { folder, services }: Pick<Production, 'folder' | 'services'>,
  item: string,
): Promise<boolean> {
  const file = `${PARTNER_FOLDER}/${item}`;
  const name = item.replace(/\.yaml$/, '');
  if (!item.endsWith('.yaml') || !new RegExp(NAME_PATTERN).test(name)) {
    report(problems, 'PARTNER_NAME', file, item, 'NAME.yaml');
    return false;
  }
  const text = await readable(problems, folder, file);
  if (text === undefined) return false;
  const read = parsePartner(text, name);
  problems.addIssues(file, read.yaml, read.issues);
  if (!read.partner) return false;
  checkServices(problems, file, read, Object.keys(services));
  return read.partner.credentials.length > 0;
}

async function readable(problems: ProblemList, folder: string, file: string): Promise<string | undefined> {
  try {
    const found = await stat(join(folder, file));
    if (!found.isFile() || found.size > MAX_PARTNER_BYTES) {
      report(problems, 'PARTNER_FILE_BROKEN', file, `${found.size} bytes`, `a file of at most ${MAX_PARTNER_BYTES}`);
      return undefined;
    }
    const rights = (found.mode & 0o777).toString(8);
    if ((found.mode & 0o022) !== 0) report(problems, 'PARTNER_FILE_OPEN', file, `rights ${rights}`, 'rights 600', true);
    return await readFile(join(folder, file), 'utf8');
  } catch (error) {
    report(problems, 'PARTNER_FILE_BROKEN', file, codeOf(error), 'a file that can be read');
    return undefined;
  }
}

function checkServices(problems: ProblemList, file: string, read: PartnerRead, known: readonly string[]): void {
  const wrong = (read.partner?.services ?? []).flatMap((name, index) => {
    if (known.includes(name)) return [];
    const code = 'PARTNER_SERVICE_UNKNOWN';
    const expected = suggest(name, known) ?? `one of ${listWords(known)}`;
    return [{ path: ['services', index], code, found: name, expected, cure: PORTAL_ERRORS[code].cure }];
  });
  problems.addIssues(file, read.yaml, wrong);
}

import type { RestMultipartConfig } from './config.ts';
import { errors, type UploadCode } from './errors.ts';
import { neverMatches, shadowedBy } from './rules.ts';

/** Paths of the listener itself, and what lies below them. */
const RESERVED = ['/receipts', '/openapi.json', '/health'];

interface Found {
  readonly path: readonly (string | number)[];
  readonly code: UploadCode;
  readonly found: string;
  readonly expected: string;
  readonly cure: string;
}

/** Problems that the schema cannot see. */
export function uploadProblems({ path, parts }: Pick<RestMultipartConfig, 'path' | 'parts'>): readonly Found[] {
  const problem = (code: UploadCode, at: Found['path'], found: string, expected: string): Found => ({
    path: at,
    code,
    found,
    expected,
    cure: errors[code].cure,
  });
  const problems: Found[] = [];
  if (RESERVED.some((own) => path === own || path.startsWith(`${own}/`)))
    problems.push(problem('PATH_RESERVED', ['path'], path, `a path apart from ${RESERVED.join(', ')}`));
  for (const [index, part] of parts.entries()) {
    const never = neverMatches(part);
    if (never)
      problems.push(
        problem('PART_RULE_NEVER_MATCHES', ['parts', index, never], part[never] ?? '', 'a pattern that a file can fit'),
      );
    const earlier = shadowedBy(parts, index);
    if (earlier !== -1)
      problems.push(
        problem('PART_RULE_SHADOWED', ['parts', index], `what parts[${earlier}] takes before`, 'files of its own'),
      );
  }
  return problems;
}

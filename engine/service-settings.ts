/** Settings that services have in common, whatever their transport. */
import type { DuplicatePolicy } from './contracts/service.ts';
import { Duration, durationMs, Type, Words } from './schema.ts';

const WITHIN = '30d';

/** A word of the language; written so that no object of ours looks like a promise. */
const THEN = 'then';

/** Schemas of the keys that every rule of a service has (`Rule`), beside its own conditions. */
export const RULE_KEYS = {
  format: Type.Object(
    { type: Type.String({ minLength: 1 }) },
    { additionalProperties: true, description: 'The format and its settings.' },
  ),
  route: Type.String({ minLength: 1, description: 'The route that gets the submission.' }),
};

/**
 * The schema of `duplicates`; both of its keys have a default.
 * @param words what is the same, and what its sender is told, in the words of the one service
 */
export const duplicatesSchema = (words: {
  readonly description: string;
  readonly within: string;
  readonly choice: string;
}) =>
  Type.Object(
    {
      within: Type.Optional(Duration({ description: words.within, default: WITHIN })),
      [THEN]: Type.Optional(Words(['report', 'accept'], { description: words.choice, default: 'report' })),
    },
    { additionalProperties: false, default: {}, description: words.description },
  );

/** The policy for the same content coming again, with its defaults. */
export function duplicatesOf(config: { readonly duplicates?: Partial<DuplicatePolicy> }): DuplicatePolicy {
  const { within = durationMs(WITHIN), then = 'report' } = config.duplicates ?? {};
  return { within, then };
}

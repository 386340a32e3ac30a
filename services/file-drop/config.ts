import picomatch from 'picomatch';
import type { DuplicatePolicy, FormatReference, Rule } from '../../engine/contracts/service.ts';
import { Duration, durationMs, Keys, Type } from '../../engine/schema.ts';
import { duplicatesSchema, RULE_KEYS } from '../../engine/service-settings.ts';
import { isHiddenOrTemporary } from './names.ts';

/** When a file counts as complete. Times in milliseconds. */
export type Complete = { readonly stableFor: number } | { readonly marker: string } | 'renamed';

export interface FilePattern {
  readonly glob: string;
  readonly format: FormatReference;
  readonly route: string;
}

/** The service's settings, with times in milliseconds. What has a default may be missing. */
export interface FileDropConfig {
  readonly folder: string;
  readonly complete?: Complete;
  readonly files: readonly FilePattern[];
  readonly duplicates?: Partial<DuplicatePolicy>;
  readonly pollEvery?: number;
}

const DEFAULT_STABLE_FOR = '5s';
const DEFAULT_POLL = '1s';

export const schema = Keys({
  folder: Type.String({
    'x-waybill': 'path',
    minLength: 1,
    description: 'The drop folder, relative to the production. work/, done/ and failed/ are made inside it.',
  }),
  complete: Type.Optional(
    Type.Union(
      [
        Keys({
          stableFor: Duration({
            description: 'A file is complete when its size, time and identity stay the same for this long.',
          }),
        }),
        Keys({
          marker: Type.String({
            minLength: 1,
            maxLength: 64,
            pattern: '^[^/\\x00]+$',
            description:
              'A file is complete when a file with its whole name and this ending stands beside it: a.csv and a.csv.done.',
          }),
        }),
        Type.Literal('renamed'),
      ],
      {
        description:
          'How a file says that it is complete. `renamed`: the sender writes under a hidden or temporary name (leading dot, .tmp, .part, ...) and renames it when it is whole; it is taken at once.',
        default: { stableFor: DEFAULT_STABLE_FOR },
      },
    ),
  ),
  files: Type.Array(
    Keys({
      glob: Type.String({
        minLength: 1,
        maxLength: 500,
        description: 'Pattern for the bare name, such as "vax-*.csv". Case counts.',
      }),
      ...RULE_KEYS,
    }),
    {
      minItems: 1,
      description: 'The first pattern that matches counts. A file that matches none goes to failed/ with the reason.',
    },
  ),
  duplicates: Type.Optional(
    duplicatesSchema({
      description: 'What becomes of the same content coming again.',
      within: 'How far to look back for the same content.',
      choice: '`report`: not accepted again, the earlier submission is named; `accept`: taken like any other.',
    }),
  ),
  pollEvery: Type.Optional(
    Duration({
      description: 'How often the folder is looked at. Notices of the file system only make the next look earlier.',
      default: DEFAULT_POLL,
    }),
  ),
});

/** How completeness is judged, with its default. */
export function completeOf(config: FileDropConfig): Complete {
  return config.complete ?? { stableFor: durationMs(DEFAULT_STABLE_FOR) };
}

/** The time between two looks, in milliseconds. */
export function pollOf(config: FileDropConfig): number {
  return Math.max(1, config.pollEvery ?? durationMs(DEFAULT_POLL));
}

/** Compiles the patterns; the result gives the rule of the first that matches a bare name, or `undefined`. */
export function matcherOf(config: FileDropConfig): (name: string) => Rule | undefined {
  const patterns = config.files.map(({ glob, format, route }) => ({
    fits: picomatch(glob, { windows: false, dot: false }),
    rule: { format, route },
  }));
  return (name) => patterns.find(({ fits }) => fits(name))?.rule;
}

/** True where a pattern can match nothing that is ever looked at: it names a folder, or hidden or temporary names. */
export function neverMatches(glob: string): boolean {
  return glob.includes('/') || isHiddenOrTemporary(glob);
}

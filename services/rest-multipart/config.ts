import type { DuplicatePolicy, FormatReference } from '../../engine/contracts/service.ts';
import { Duration, durationMs, Keys, Size, sizeBytes, Type } from '../../engine/schema.ts';
import { duplicatesOf, duplicatesSchema, RULE_KEYS } from '../../engine/service-settings.ts';

/** One line under `parts`: which files it takes, and what they are. All conditions that it has must hold. */
export interface PartPattern {
  /** Glob for the part's name in its form. */
  readonly name?: string;
  /** `application/pdf` or `text/*`; parameters do not count. */
  readonly contentType?: string;
  /** Glob for the bare file name. */
  readonly fileName?: string;
  /** Most bytes of one such file, decoded. */
  readonly maxBytes?: number;
  readonly format: FormatReference;
  readonly route: string;
}

export interface Limits {
  readonly parts: number;
  readonly fields: number;
  readonly fieldBytes: number;
  readonly headerBytes: number;
  readonly nameLength: number;
}

/** Milliseconds. */
export interface Timeouts {
  readonly idle: number;
  readonly total: number;
  readonly stop: number;
}

/** The service's settings: sizes in bytes, times in milliseconds. What has a default may be missing. */
export interface RestMultipartConfig {
  readonly path: string;
  readonly maxBytes?: number;
  readonly parts: readonly PartPattern[];
  readonly duplicates?: Partial<DuplicatePolicy>;
  readonly limits?: Partial<Limits>;
  readonly timeouts?: Partial<Timeouts>;
  readonly maxConcurrent?: number;
}

const MAX_BYTES = '500MB';
const FIELD_BYTES = '256KB';
const HEADER_BYTES = '8KB';
const LIMITS = { parts: 100, fields: 100, nameLength: 200 };
const TIMEOUTS = { idle: '30s', total: '1h', stop: '10s' };
const MAX_CONCURRENT = 100;

const positive = { minimum: 1, maximum: 1_000_000 };

export const schema = Keys({
  path: Type.String({
    // Plain segments: no dots alone, no parameters, no slash at the end.
    pattern: '^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$',
    maxLength: 200,
    description: 'Path of the uploads on the listener of the production, such as /uploads.',
  }),
  maxBytes: Type.Optional(
    Size({ description: 'Most bytes of a whole upload, as they come over the line.', default: MAX_BYTES }),
  ),
  parts: Type.Array(
    Keys({
      name: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 200,
          description: 'Name of the part in its form, or a glob for it. Case counts.',
        }),
      ),
      contentType: Type.Optional(
        Type.String({
          pattern: "^(\\*/\\*|[A-Za-z0-9#$&^_.+-]+/(\\*|[A-Za-z0-9!#$&'^_.+-]+))$",
          maxLength: 200,
          description: 'Type of the content, such as application/pdf or text/*; parameters do not count.',
        }),
      ),
      fileName: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 500,
          description: 'Pattern for the bare file name, such as "vax-*.csv". Case counts.',
        }),
      ),
      maxBytes: Type.Optional(Size({ description: 'Most bytes of one such file; default: those of the upload.' })),
      ...RULE_KEYS,
    }),
    {
      minItems: 1,
      description: 'The first rule that a file fits counts. A file that fits none refuses the whole upload.',
    },
  ),
  duplicates: Type.Optional(
    duplicatesSchema({
      description: 'What becomes of the same files (names, types and bytes, in the same order) coming again.',
      within: 'How far to look back for the same upload.',
      choice: '`report`: not accepted again, the first receipt is given; `accept`: taken like any other.',
    }),
  ),
  limits: Type.Optional(
    Type.Object(
      {
        parts: Type.Optional(
          Type.Integer({
            ...positive,
            default: LIMITS.parts,
            description: 'Most parts of an upload, files and fields.',
          }),
        ),
        fields: Type.Optional(
          Type.Integer({ ...positive, default: LIMITS.fields, description: 'Most text fields of an upload.' }),
        ),
        fieldBytes: Type.Optional(
          Size({ default: FIELD_BYTES, description: 'Most bytes of all text fields of an upload together.' }),
        ),
        headerBytes: Type.Optional(Size({ default: HEADER_BYTES, description: 'Most bytes of the header of a part.' })),
        nameLength: Type.Optional(
          Type.Integer({
            ...positive,
            default: LIMITS.nameLength,
            description: 'Most characters of the name of a part.',
          }),
        ),
      },
      { additionalProperties: false, default: {}, description: 'What an upload may consist of.' },
    ),
  ),
  timeouts: Type.Optional(
    Type.Object(
      {
        idle: Type.Optional(
          Duration({ default: TIMEOUTS.idle, description: 'How long a sender may be silent while its body comes.' }),
        ),
        total: Type.Optional(
          Duration({ default: TIMEOUTS.total, description: 'How long a whole upload may take, however it trickles.' }),
        ),
        stop: Type.Optional(
          Duration({
            default: TIMEOUTS.stop,
            description: 'How long uploads may still finish when the engine stops; then they are cut.',
          }),
        ),
      },
      { additionalProperties: false, default: {}, description: 'How long a sender may take.' },
    ),
  ),
  maxConcurrent: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: MAX_CONCURRENT,
      description: 'Most uploads that come in at the same time; one more is asked to repeat later (503).',
    }),
  ),
});

/** Settings with everything that has a default filled in. */
export interface Settings {
  readonly maxBytes: number;
  readonly maxConcurrent: number;
  readonly duplicates: DuplicatePolicy;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
}

/** Fills in the defaults. */
export function settingsOf(config: RestMultipartConfig): Settings {
  const { limits = {}, timeouts = {} } = config;
  return {
    maxBytes: config.maxBytes ?? sizeBytes(MAX_BYTES),
    maxConcurrent: config.maxConcurrent ?? MAX_CONCURRENT,
    duplicates: duplicatesOf(config),
    limits: {
      parts: limits.parts ?? LIMITS.parts,
      fields: limits.fields ?? LIMITS.fields,
      fieldBytes: limits.fieldBytes ?? sizeBytes(FIELD_BYTES),
      headerBytes: limits.headerBytes ?? sizeBytes(HEADER_BYTES),
      nameLength: limits.nameLength ?? LIMITS.nameLength,
    },
    timeouts: {
      idle: timeouts.idle ?? durationMs(TIMEOUTS.idle),
      total: timeouts.total ?? durationMs(TIMEOUTS.total),
      stop: timeouts.stop ?? durationMs(TIMEOUTS.stop),
    },
  };
}

import { Keys, Size, type TSchema, Type, Words } from '../../engine/schema.ts';
import type { ValidationSettings } from '../../hl7/validation/index.ts';
import { ASCII, CHARSETS, type Charset } from '../text/charset.ts';

/** A name in the envelope: a text is one value and is escaped, `raw` is HL7 as it stands. */
export type NameInEnvelope = string | { readonly raw: string };

/** What is written around the messages of a batch. */
export interface EnvelopeSettings {
  readonly envelope?: 'file' | 'batch' | 'none';
  readonly controlIds?: boolean;
  readonly sendingApplication?: NameInEnvelope;
  readonly sendingFacility?: NameInEnvelope;
  readonly receivingApplication?: NameInEnvelope;
  readonly receivingFacility?: NameInEnvelope;
}

/** How a file is read. */
export interface ReadSettings {
  readonly charset?: 'auto' | Charset;
  readonly counts?: 'check' | 'require' | 'ignore';
  readonly maxMessageBytes?: number;
  readonly maxSegments?: number;
  readonly validation?: Partial<ValidationSettings>;
}

export interface Hl7BatchConfig extends EnvelopeSettings, ReadSettings {}

/** Settings for reading with nothing left open. */
export type Settings = Required<Omit<ReadSettings, 'validation'>>;

const MESSAGE_BYTES = 16_000_000;
const SEGMENTS = 100_000;

export function settingsOf(config: ReadSettings): Settings {
  return {
    charset: config.charset ?? 'auto',
    counts: config.counts ?? 'check',
    maxMessageBytes: config.maxMessageBytes ?? MESSAGE_BYTES,
    maxSegments: config.maxSegments ?? SEGMENTS,
  };
}

const VALIDATION = Keys(
  {
    version: Type.Optional(
      Type.String({
        pattern: '^2\\.\\d(\\.\\d)?$',
        description: 'The version to check by. Default: the one that each message names in MSH-12.',
      }),
    ),
    tables: Type.Boolean({ default: true, description: 'Whether values of HL7 tables are checked.' }),
    lengths: Type.Boolean({ default: true, description: 'Whether lengths are checked.' }),
    types: Type.Boolean({ default: true, description: 'Whether numbers, dates and times must be written as such.' }),
  },
  { description: 'What routes with `validate: true` check beside segments, fields, components and required values.' },
);

export const SETTINGS_SCHEMA: TSchema = Keys({
  envelope: Words(['file', 'batch', 'none'], {
    default: 'file',
    description: 'Writing: what stands around the messages: FHS to FTS, BHS to BTS, or nothing.',
  }),
  controlIds: Type.Boolean({ default: true, description: 'Writing: whether FHS-11, BHS-11 and BHS-12 are written.' }),
  sendingApplication: name('Writing: field 3 of FHS and BHS.'),
  sendingFacility: name('Writing: field 4 of FHS and BHS.'),
  receivingApplication: name('Writing: field 5 of FHS and BHS.'),
  receivingFacility: name('Writing: field 6 of FHS and BHS.'),
  charset: Words(['auto', ...CHARSETS, ASCII], {
    default: 'auto',
    description:
      'Reading: `auto` is by the byte order mark, else by MSH-18 of the first message, else UTF-8. A name wins over MSH-18, a byte order mark over both.',
  }),
  counts: Words(['check', 'require', 'ignore'], {
    default: 'check',
    description:
      'Reading: `check` holds BTS-1 and FTS-1, where they have a value, against what is there, and sees an envelope that is open where the file ends inside a line of a message; `require` also wants a BTS for each BHS and an FTS for FHS. What does not hold puts the file into quarantine.',
  }),
  maxMessageBytes: Size({ default: '16MB', description: 'Reading: longest message; a longer one refuses the file.' }),
  maxSegments: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: SEGMENTS,
    description: 'Reading: most lines of one message; more refuse the file.',
  }),
  validation: Type.Optional(VALIDATION),
});

function name(description: string): TSchema {
  const raw = Type.String({ pattern: '^[^|\\r\\n]*$', description: 'HL7 as it stands, without | and line breaks.' });
  return Type.Optional(Type.Union([Type.String(), Keys({ raw })], { description }));
}

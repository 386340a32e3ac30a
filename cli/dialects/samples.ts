/** Samples of a dialect: what a receiver answers, and what must come of it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Problem, ProblemList } from '../../engine/config/problems.ts';
import { validate } from '../../engine/config/validate.ts';
import { parseYaml, type YamlFile } from '../../engine/config/yaml.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { messageOf, WaybillError } from '../../engine/errors.ts';
import { Keys, type TSchema, Type, Words } from '../../engine/schema.ts';
import type { SoapConfig } from '../../operations/soap/config.ts';
import { GENERIC_SCHEMA } from '../../operations/soap/generic.ts';

/** What can become of a message, or of a question about it. */
const SAMPLE_OUTCOMES = [
  'delivered',
  'rejected',
  'failed',
  'retry',
  'split',
  'stop',
  'inDoubt',
  'later',
  'notYet',
] as const;
export type SampleOutcome = (typeof SAMPLE_OUTCOMES)[number];

export interface SampleAnswer {
  readonly status: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Relative to the samples file. */
  readonly file?: string;
}

export interface Sample {
  readonly name: string;
  /** Control ids of the messages that were sent. */
  readonly messages: readonly string[];
  readonly request?: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly holds?: readonly string[];
    readonly lacks?: readonly string[];
  };
  readonly answer?: SampleAnswer;
  /** The answer to a status query, which asks by this ticket where it asks by one. */
  readonly statusAnswer?: SampleAnswer;
  readonly ticket?: string;
  readonly expect: {
    readonly outcome: SampleOutcome;
    readonly messages?: Readonly<Record<string, SampleOutcome>>;
    readonly code?: string;
    readonly words?: string;
    readonly ticket?: string;
    readonly maxBytes?: number;
  };
}

export interface SamplesData {
  readonly dialect: string;
  readonly credentials?: SoapConfig['credentials'];
  readonly parameters?: SoapConfig['parameters'];
  readonly generic?: SoapConfig['generic'];
  readonly samples: readonly Sample[];
}

export interface SamplesFile {
  /** As people call it. */
  readonly file: string;
  readonly path: string;
  readonly yaml: YamlFile;
  readonly data: SamplesData;
}

const TEXTS = Type.Record(Type.String({}), Type.String({}), { description: 'Texts by name.' });

const ANSWER = Keys(
  {
    status: Type.Integer({ minimum: 200, maximum: 599, default: 200, description: 'HTTP status.' }),
    type: Type.Optional(
      Type.String({ minLength: 1, description: 'Content type; text/xml; charset=utf-8 unless said otherwise.' }),
    ),
    headers: Type.Optional(TEXTS),
    body: Type.Optional(Type.String({ description: 'What the receiver answers, as it comes.' })),
    file: Type.Optional(Type.String({ minLength: 1, description: 'A file that holds it; relative to the samples.' })),
  },
  { description: 'An answer: `body` or `file`.' },
);

function outcome(description: string): TSchema {
  return Words(SAMPLE_OUTCOMES, { description });
}

const SAMPLE = Keys({
  name: Type.String({ minLength: 1, description: 'What is shown, in words.' }),
  messages: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    uniqueItems: true,
    default: ['M1'],
    description: 'Control ids of the messages that were sent; one called M1 unless said otherwise.',
  }),
  request: Type.Optional(
    Keys(
      {
        headers: Type.Optional(TEXTS),
        holds: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Texts that stand in it.' })),
        lacks: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Texts that do not.' })),
      },
      { description: 'What the request must look like.' },
    ),
  ),
  answer: Type.Optional(ANSWER),
  statusAnswer: Type.Optional(ANSWER),
  ticket: Type.Optional(Type.String({ minLength: 1, description: 'The ticket by which it is asked.' })),
  expect: Keys(
    {
      outcome: outcome('What becomes of every message that is not named under `messages`.'),
      messages: Type.Optional(
        Type.Record(Type.String({}), outcome('What becomes of this one.'), { description: 'By control id.' }),
      ),
      code: Type.Optional(Type.String({ minLength: 1, description: 'The code, of the answer or of a message.' })),
      words: Type.Optional(Type.String({ minLength: 1, description: 'A text that stands in the words for people.' })),
      ticket: Type.Optional(Type.String({ minLength: 1, description: 'The ticket of an answer that comes later.' })),
      maxBytes: Type.Optional(Type.Integer({ minimum: 1, description: 'How much the receiver says that it takes.' })),
    },
    { description: 'What must come of it.' },
  ),
});

/** Made-up credentials may stand in a samples file. */
const CREDENTIALS = Keys(
  {
    username: Type.Optional(Type.String({})),
    password: Type.Optional(Type.String({})),
    organisation: Type.Optional(Type.String({})),
  },
  { description: 'Made up: they are no secrets here.' },
);

const SAMPLES_SCHEMA = Keys(
  {
    dialect: Type.String({ minLength: 1, description: 'The dialect.' }),
    credentials: Type.Optional(CREDENTIALS),
    parameters: Type.Optional(TEXTS),
    generic: Type.Optional(GENERIC_SCHEMA),
    samples: Type.Array(SAMPLE, { minItems: 1, description: 'Each is run by itself.' }),
  },
  { description: 'Samples of a dialect.' },
);

/** Where the samples of a dialect stand, beside the folder of dialects. */
export function samplesPath(dialects: string, name: string): string {
  return join(dialects, 'samples', `${name}.yaml`);
}

/**
 * Reads a file of samples; what is wrong with it becomes problems.
 * @param shown how people call the file
 * @throws WaybillError SAMPLES_NOT_FOUND
 */
export function readSamples(
  path: string,
  shown: string,
): { readonly samples: SamplesFile | undefined; readonly problems: readonly Problem[] } {
  if (!existsSync(path)) throw new WaybillError('SAMPLES_NOT_FOUND', `there is no ${shown}`);
  const problems = new ProblemList();
  const yaml = parseYaml(readFileSync(path, 'utf8'));
  problems.addSyntax(shown, yaml);
  const { value, issues } = validate(yaml.tree ?? {}, SAMPLES_SCHEMA);
  problems.addIssues(shown, yaml, issues);
  if (issues.length + yaml.issues.length > 0) return { samples: undefined, problems: problems.sorted() };
  return { samples: { file: shown, path, yaml, data: value as SamplesData }, problems: [] };
}

/** `FILE:LINE` of a part of a samples file. */
export function lineOf({ file, yaml }: SamplesFile, path: KeyPath): string {
  return `${file}:${yaml.place(path).line}`;
}

/** The bytes of an answer. @throws WaybillError SAMPLE_UNUSABLE */
export function bodyOf(answer: SampleAnswer, samples: SamplesFile, path: KeyPath): Buffer {
  const { body, file } = answer;
  if ((body === undefined) === (file === undefined)) {
    throw new WaybillError('SAMPLE_UNUSABLE', `${lineOf(samples, path)}: an answer has either body or file`);
  }
  if (file === undefined) return Buffer.from(body ?? '', 'utf8');
  try {
    return readFileSync(resolve(dirname(samples.path), file));
  } catch (error) {
    throw new WaybillError('SAMPLE_UNUSABLE', `${lineOf(samples, path)}: ${file} cannot be read`, {
      cause: messageOf(error),
    });
  }
}

/** The language of `tests/*.yaml`. */
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { type SchemaNode, schemaNode } from '../../engine/config/schema-node.ts';
import type { FormatReference } from '../../engine/contracts/service.ts';
import { Keys, type TSchema, Type } from '../../engine/schema.ts';

/** What one field must be: the decoded text, or HL7 as it stands. */
export type ExpectedValue = string | { readonly raw: string };

/** One message: values by their paths, or the whole text of it. */
export type ExpectedMessage = string | Readonly<Record<string, ExpectedValue>>;

export interface ExpectedFault {
  readonly line: number;
  readonly code: string;
  readonly column?: string;
  readonly entry?: string;
}

export interface ExpectedRefusal {
  readonly code: string;
  readonly line?: number;
  readonly column?: number;
}

/** What stands under `expect`; every other key is an entry or a destination. */
export interface Expected {
  readonly invalid?: number | readonly ExpectedFault[];
  readonly filtered?: number;
  readonly refused?: ExpectedRefusal;
  readonly quarantined?: Omit<ExpectedRefusal, 'column'>;
  readonly [entry: string]: unknown;
}

/** What a case takes over from its file where it says nothing itself. */
export interface Circumstances {
  readonly format?: FormatReference;
  readonly acceptedAt?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly partner?: string;
}

export interface CaseData extends Circumstances {
  readonly name: string;
  readonly rows?: string;
  readonly file?: string;
  readonly messages?: readonly string[];
  readonly input?: string;
  readonly fileName?: string;
  readonly expect: Expected;
}

export interface TestsData extends Circumstances {
  readonly route: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cases: readonly CaseData[];
}

/** Keys of `expect` that are no entries. */
export const RESERVED = ['invalid', 'filtered', 'refused', 'quarantined'] as const;

const COUNT = Type.Integer({ minimum: 0 });
const LINE = Type.Integer({ minimum: 1, description: 'Physical line of the input; the header is line 1.' });
const CODE = Type.String({ minLength: 1, description: 'The stable code, such as NOT_IN_TABLE.' });

const CIRCUMSTANCES = {
  format: Type.Optional(
    Type.Object(
      { type: Type.String({ minLength: 1, description: 'Name of the format.' }) },
      { description: 'How the input is read, where several rules feed the route: { type: csv, recordMap: doses }.' },
    ),
  ),
  acceptedAt: Type.Optional(
    Type.String({
      description:
        'When the input counts as accepted, such as 2024-05-01T08:30:00Z: the only clock that transforms and rules have. Default: 2030-01-01T12:00:00Z.',
    }),
  ),
  fields: Type.Optional(
    Type.Record(Type.String(), Type.String(), { description: 'Text fields that come with an upload.' }),
  ),
  partner: Type.Optional(Type.String({ description: 'The partner who sent it.' })),
};

const VALUE = Type.Union([
  Type.String({ description: 'The decoded text; the empty text where nothing must stand.' }),
  Keys({ raw: Type.String({ description: 'HL7 as it stands, with its separators and escapes.' }) }),
]);

const MESSAGE = Type.Union([
  Type.Record(Type.String(), VALUE, { description: 'Values by HL7 path (PID-5.1) or document path (patient.mrn).' }),
  Type.String({ description: 'The whole message; line ends are taken as equal.' }),
]);

const ENTRY = Type.Union([COUNT, Type.Array(MESSAGE)], {
  description: 'The messages of an entry or a destination in their order, or how many there are.',
});

const FAULT = Keys({
  line: LINE,
  column: Type.Optional(Type.String({ description: 'Column, or path of the item, at fault.' })),
  code: CODE,
  entry: Type.Optional(Type.String({ description: 'The entry in which the row is invalid, where it is not all.' })),
});

const EXPECT: TSchema = Type.Unsafe({
  type: 'object',
  description:
    'What must come of it. Fields and entries that are not mentioned are not compared; invalid rows always are.',
  properties: {
    invalid: Type.Union([COUNT, Type.Array(FAULT)], {
      description: 'The invalid rows, each with a fault of it; or how many there are. Default: none.',
    }),
    filtered: Type.Integer({ minimum: 0, description: 'Number of items that are filtered in every entry.' }),
    refused: Keys(
      { code: CODE, line: Type.Optional(LINE), column: Type.Optional(Type.Integer({ minimum: 1 })) },
      { description: 'The input is refused as a whole.' },
    ),
    quarantined: Keys(
      { code: CODE, line: Type.Optional(LINE) },
      { description: 'The input is kept and nothing of it is sent, since its own counts do not hold.' },
    ),
  },
  // JSON Schema would hold a reserved key against both.
  patternProperties: { [`^(?!(${RESERVED.join('|')})$)${NAME_PATTERN.slice(1)}`]: ENTRY },
  additionalProperties: false,
});

const CASE = Keys({
  name: Type.String({ minLength: 1, description: 'What the case shows, as a sentence.' }),
  rows: Type.Optional(Type.String({ description: 'The input: the text of a file with rows, with its header.' })),
  file: Type.Optional(
    Type.String({ minLength: 1, description: 'The input: the path of a file, relative to the folder tests.' }),
  ),
  messages: Type.Optional(
    Type.Array(Type.String(), { minItems: 1, description: 'The input: HL7 messages, one after the other.' }),
  ),
  input: Type.Optional(Type.String({ description: 'The input: any text, as it stands.' })),
  fileName: Type.Optional(
    Type.String({ minLength: 1, description: "The sender's name for the input; default: that of `file`, or `test`." }),
  ),
  ...CIRCUMSTANCES,
  expect: EXPECT,
});

/** The schema of a file in `tests/`. */
export const TESTS_SCHEMA = Keys({
  route: Type.String({ minLength: 1, description: 'The route that the cases go through.' }),
  env: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }), Type.String(), {
      description: `Values for \${env:NAME} of production.yaml while these cases run, in place of the environment's.`,
    }),
  ),
  ...CIRCUMSTANCES,
  cases: Type.Array(CASE, { minItems: 1, description: 'The cases, each by itself.' }),
});

/** The same for editors: YAML reads `207` as a number where we read a text. */
export function testsEditorSchema(): Readonly<Record<string, unknown>> {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Waybill tests',
    ...forEditors(schemaNode(TESTS_SCHEMA)),
  };
}

function forEditors(node: SchemaNode): Readonly<Record<string, unknown>> {
  const { properties, patternProperties, anyOf, items, ...rest } = node;
  const anyText = node.type === 'string' && node.pattern === undefined;
  return {
    ...rest,
    ...(anyText ? { type: ['string', 'number', 'boolean', 'null'] } : {}),
    ...(properties ? { properties: mapped(properties) } : {}),
    ...(patternProperties ? { patternProperties: mapped(patternProperties) } : {}),
    ...(anyOf ? { anyOf: anyOf.map(forEditors) } : {}),
    ...(items && !Array.isArray(items) ? { items: forEditors(items as SchemaNode) } : {}),
  };
}

function mapped(nodes: Readonly<Record<string, SchemaNode>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(nodes).map(([key, node]) => [key, forEditors(node)]));
}

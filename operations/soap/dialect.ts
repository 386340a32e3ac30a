/** Dialects: one receiver's peculiarities as data. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Issue, ResourceKind, Resources } from '../../engine/contracts/resources.ts';
import { WaybillError, type Whose } from '../../engine/errors.ts';
import { Keys, type TSchema, Type, Words } from '../../engine/schema.ts';
import type { Carry } from './xml.ts';

export type Source = 'credentials.username' | 'credentials.password' | 'credentials.organisation' | 'message';
export type FaultAction = 'stop' | 'retry' | 'tooLarge' | 'fail' | 'inDoubt';

export interface Child {
  readonly element: string;
  readonly from: Source;
  /** Only for the message. */
  readonly carry?: Carry;
}

export interface FaultRule {
  readonly then: FaultAction;
  readonly whose?: Whose;
  readonly advice?: string;
}

/** A dialect, whole: what it extends is taken over and defaults are filled in. */
export interface Dialect {
  readonly dialect: string;
  readonly summary: string;
  readonly soap: '1.1' | '1.2';
  readonly contentType: string;
  readonly action: string;
  readonly namespace: string;
  readonly request: { readonly element: string; readonly children: readonly Child[] };
  readonly answer: {
    readonly element: string;
    readonly content: 'hl7' | 'text';
    readonly unmentioned: 'inDoubt' | 'delivered';
  };
  readonly charset: string;
  readonly repeatable: boolean;
  readonly probe?: string;
  /** By the local name of the detail's element or of the fault's code; `other` stands for the rest. */
  readonly faults: Readonly<Record<string, FaultRule>>;
}

/** A dialect as a file has it: everything but its name may come from the one it extends. */
export interface DialectFile {
  readonly dialect: string;
  readonly summary?: string;
  readonly extends?: string;
  readonly soap?: Dialect['soap'];
  readonly contentType?: string;
  readonly action?: string;
  readonly namespace?: string;
  readonly request?: Partial<Dialect['request']>;
  readonly answer?: Partial<Dialect['answer']>;
  readonly charset?: string;
  readonly repeatable?: boolean;
  readonly probe?: string;
  readonly faults?: Dialect['faults'];
}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]*';

function elementName(description: string): TSchema {
  return Type.String({ pattern: `^${NAME}$`, description });
}

const CHILD = Keys({
  element: elementName('Local name of the element, in the namespace of the request.'),
  from: Words(['credentials.username', 'credentials.password', 'credentials.organisation', 'message'], {
    description: 'What stands in it.',
  }),
  carry: Type.Optional(
    Words(['text', 'cdata', 'base64'], {
      description: 'How the message stands in its element; text unless said otherwise.',
    }),
  ),
});

// A computed key: an object with a literal `then` is taken for a promise by the linter.
const THEN = 'then';

const FAULT = Keys({
  [THEN]: Words(['stop', 'retry', 'tooLarge', 'fail', 'inDoubt'], {
    description:
      'stop: every message would fail alike, the destination stops. retry: not taken, tried later. tooLarge: the request is too large. fail: these messages are refused for good. inDoubt: nobody knows.',
  }),
  whose: Type.Optional(
    Words(['ours', 'data', 'receiver', 'network', 'unknown'], {
      description: 'Whose fault it is, as the operator is told.',
    }),
  ),
  advice: Type.Optional(Type.String({ description: 'What the operator should do.' })),
});

/** No defaults here: a line that is absent comes from the dialect that is extended. */
const DIALECT_SCHEMA = Keys(
  {
    dialect: Type.String({ pattern: '^[a-z0-9][a-z0-9-]*$', description: "The dialect's name, equal to the file's." }),
    summary: Type.Optional(Type.String({ description: 'One line for lists.' })),
    extends: Type.Optional(
      Type.String({
        description:
          'Another dialect, of the production or built in, whose lines are taken over. Keys of request, answer and faults are taken over one by one; a list is replaced as a whole.',
      }),
    ),
    soap: Type.Optional(Words(['1.1', '1.2'], { description: 'Version of the envelope.' })),
    contentType: Type.Optional(
      Type.String({
        pattern: '^[a-z]+/[a-z0-9.+-]+$',
        description:
          'Content type of the request, without parameters. With application/soap+xml the action is its parameter, with any other it is the SOAPAction header.',
      }),
    ),
    action: Type.Optional(
      Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]*$', description: 'The SOAP action.' }),
    ),
    namespace: Type.Optional(
      Type.String({ pattern: '^[\\x21-\\x7e]+$', description: 'Namespace of the request element and its children.' }),
    ),
    request: Type.Optional(
      Keys(
        {
          element: Type.Optional(elementName('Local name of the element in the body.')),
          children: Type.Optional(
            Type.Array(CHILD, { description: 'Its children, in the order in which they are sent.' }),
          ),
        },
        { description: 'The body of the request.' },
      ),
    ),
    answer: Type.Optional(
      Keys(
        {
          element: Type.Optional(
            Type.String({
              pattern: `^${NAME}(/${NAME})*$`,
              description:
                'Local names from outside to inside, separated by /; the text of the last one is the answer.',
            }),
          ),
          content: Type.Optional(
            Words(['hl7', 'text'], {
              description:
                'hl7: acknowledgements, which decide each message. text: words for people; then `unmentioned` says what an answer without a fault means.',
            }),
          ),
          unmentioned: Type.Optional(
            Words(['inDoubt', 'delivered'], {
              description: 'What an answer that does not mention a message says about it.',
            }),
          ),
        },
        { description: 'Where the answer stands and how it is read.' },
      ),
    ),
    charset: Type.Optional(
      Words(['utf-8', 'iso-8859-1', 'windows-1252', 'us-ascii'], {
        description: 'Charset of the envelope and of the messages in it.',
      }),
    ),
    repeatable: Type.Optional(Type.Boolean({ description: 'Sending the same control id twice is harmless.' })),
    probe: Type.Optional(elementName('An operation of the WSDL that only echoes a text; `check` calls it.')),
    faults: Type.Optional(
      Type.Record(Type.String({ pattern: `^${NAME}$` }), FAULT, {
        additionalProperties: false,
        description:
          "What to do about a fault, by the local name of the detail's first element, then of the fault's code; other stands for the rest.",
      }),
    ),
  },
  { description: 'What is peculiar to one receiver, or to a family of them.' },
);

const BUILT_IN = new URL('./dialects/', import.meta.url);
const BUILT_IN_NAMES: readonly string[] = ['cdc-iis-2011'];
const loaded = new Map<string, DialectFile>();

/** A dialect that is shipped, or `undefined`. Its file is read once. */
export function builtInDialect(name: string): DialectFile | undefined {
  if (!BUILT_IN_NAMES.includes(name)) return undefined;
  const known = loaded.get(name);
  if (known) return known;
  const text = readFileSync(new URL(`${name}.yaml`, BUILT_IN), 'utf8');
  // Everything is text, as in any file of a production; the only line that is no text is `repeatable`.
  const read: Record<string, unknown> = parse(text, { schema: 'failsafe' });
  const file: DialectFile = { ...read, dialect: name, repeatable: read.repeatable === 'true' };
  loaded.set(name, file);
  return file;
}

/** Names of the dialects that are shipped. */
export function builtInDialects(): readonly string[] {
  return BUILT_IN_NAMES;
}

function isDialectFile(data: unknown): data is DialectFile {
  return typeof data === 'object' && data !== null && 'dialect' in data && typeof data.dialect === 'string';
}

type Found = { readonly file: DialectFile; readonly where: string };

/** The production's dialect of this name, else the one that is shipped. A dialect may extend a shipped one of its own name. */
function findDialect(name: string, resources: Resources, from: string | undefined): Found | undefined {
  const folder = resources.files.dialects;
  const own = folder !== undefined && Object.hasOwn(folder, name) ? folder[name] : undefined;
  const where = `dialects/${name}.yaml`;
  if (isDialectFile(own) && from !== where) return { file: own, where };
  const shipped = builtInDialect(name);
  return shipped && { file: shipped, where: `built-in ${name}` };
}

/** The dialect and all that it extends, itself first. @throws WaybillError for an unknown name or a circle. */
function lineage(name: string, resources: Resources): readonly DialectFile[] {
  const chain: DialectFile[] = [];
  const seen = new Set<string>();
  let wanted: string | undefined = name;
  let from: string | undefined;
  while (wanted !== undefined) {
    const found = findDialect(wanted, resources, from);
    if (!found) {
      const asker = from === undefined ? 'the destination' : from;
      throw new WaybillError(
        'SOAP_DIALECT_UNKNOWN',
        `${asker} names the dialect ${wanted}, which is neither in dialects/ nor built in (${BUILT_IN_NAMES.join(', ')})`,
        from === undefined ? { path: 'dialect' } : { file: from, path: 'extends' },
      );
    }
    if (seen.has(found.where)) {
      throw new WaybillError(
        'SOAP_DIALECT_LOOP',
        `the dialects ${[...seen].join(', ')} extend each other in a circle`,
        {
          file: found.where,
          path: 'extends',
        },
      );
    }
    seen.add(found.where);
    chain.push(found.file);
    from = found.where;
    wanted = found.file.extends;
  }
  return chain;
}

/** Lines of the later win; request, answer and faults key by key. A content type goes with its version of SOAP. */
function merge(base: DialectFile, over: DialectFile): DialectFile {
  const { contentType, ...rest } = base;
  const sameVersion = over.soap === undefined || over.soap === base.soap;
  return {
    ...rest,
    ...(contentType !== undefined && sameVersion ? { contentType } : {}),
    ...over,
    request: { ...base.request, ...over.request },
    answer: { ...base.answer, ...over.answer },
    faults: { ...base.faults, ...over.faults },
  };
}

/**
 * The dialect of this name, whole.
 * @throws WaybillError SOAP_DIALECT_UNKNOWN, SOAP_DIALECT_LOOP, SOAP_DIALECT_INCOMPLETE.
 */
export function resolveDialect(name: string, resources: Resources): Dialect {
  const merged = lineage(name, resources).reduceRight((base, over) => merge(base, over), { dialect: name });
  const missing = (line: string): WaybillError =>
    new WaybillError('SOAP_DIALECT_INCOMPLETE', `the dialect ${name} has no ${line}, nor has one that it extends`, {
      file: `dialects/${name}.yaml`,
      path: line,
    });
  const soap = merged.soap ?? '1.2';
  const { namespace, request, answer } = merged;
  if (namespace === undefined) throw missing('namespace');
  if (request?.element === undefined) throw missing('request.element');
  if (answer?.element === undefined) throw missing('answer.element');
  const children = request.children ?? [];
  if (children.filter((child) => child.from === 'message').length !== 1) {
    throw new WaybillError(
      'SOAP_DIALECT_INCOMPLETE',
      `the dialect ${name} must have exactly one child with \`from: message\` under request.children`,
      { file: `dialects/${name}.yaml`, path: 'request.children' },
    );
  }
  return Object.freeze({
    dialect: name,
    summary: merged.summary ?? '',
    soap,
    contentType: merged.contentType ?? (soap === '1.2' ? 'application/soap+xml' : 'text/xml'),
    action: merged.action ?? '',
    namespace,
    request: { element: request.element, children },
    answer: {
      element: answer.element,
      content: answer.content ?? 'hl7',
      unmentioned: answer.unmentioned ?? 'inDoubt',
    },
    charset: merged.charset ?? 'utf-8',
    repeatable: merged.repeatable ?? false,
    ...(merged.probe === undefined ? {} : { probe: merged.probe }),
    faults: merged.faults ?? {},
  });
}

function checkDialect(_data: unknown, resources: Resources, name: string): readonly Issue[] {
  try {
    resolveDialect(name, resources);
    return [];
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    const path = error.place.path === undefined ? [] : error.place.path.split('.');
    return [
      {
        path,
        code: error.code,
        found: error.message,
        expected: 'a dialect that is whole together with what it extends',
        cure: 'add the line, or extend a dialect that has it, such as cdc-iis-2011',
      },
    ];
  }
}

/** Files of dialects in a production. */
export const DIALECTS: ResourceKind = {
  folder: 'dialects',
  key: 'dialect',
  extensions: ['yaml'],
  schema: DIALECT_SCHEMA,
  check: checkDialect,
};

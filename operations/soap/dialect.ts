/** Dialects: one receiver's peculiarities as data. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Issue, ResourceKind, Resources } from '../../engine/contracts/resources.ts';
import { WaybillError, type Whose } from '../../engine/errors.ts';
import { DIALECT_SCHEMA } from './dialect-schema.ts';
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
  readonly request: {
    readonly element: string;
    /** False: the children stand in no namespace. */
    readonly qualified: boolean;
    readonly children: readonly Child[];
  };
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
  /** Its names come from the destination's `generic`, and are mended there. */
  readonly generic: boolean;
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

const BUILT_IN = new URL('./dialects/', import.meta.url);
const BUILT_IN_NAMES: readonly string[] = ['cdc-iis-2011', 'generic'];
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
  const sameVersion = over.soap === undefined || base.soap === undefined || over.soap === base.soap;
  return {
    ...rest,
    ...(contentType !== undefined && sameVersion ? { contentType } : {}),
    ...over,
    request: { ...base.request, ...over.request },
    answer: { ...base.answer, ...over.answer },
    faults: { ...base.faults, ...over.faults },
  };
}

/** Lines that a destination lays over its dialect. */
type Lines = Omit<DialectFile, 'dialect'>;

/** Stands for the names that a dialect extending `generic` gets from its destination, where there is none to ask. */
const ANY_NAMES: Lines = {
  namespace: 'urn:any',
  request: { element: 'any', children: [{ element: 'message', from: 'message' }] },
  answer: { element: 'answer' },
};

/** The dialect and what it extends in one; whether `generic` is among them. */
function merged(
  name: string,
  resources: Resources,
  names: Lines | undefined,
): { readonly lines: DialectFile; readonly isGeneric: boolean } {
  const files = lineage(name, resources);
  const lines = files.reduceRight((base, over) => merge(base, over), { dialect: name });
  const shipped = builtInDialect('generic');
  return {
    lines: names === undefined ? lines : merge(lines, { dialect: name, ...names }),
    isGeneric: files.some((file) => file === shipped),
  };
}

/**
 * The dialect of this name, whole.
 * @param names what the destination says under `generic`, for a dialect of that family
 * @throws WaybillError SOAP_DIALECT_UNKNOWN, SOAP_DIALECT_LOOP, SOAP_DIALECT_INCOMPLETE, SOAP_GENERIC_SETTINGS.
 */
export function resolveDialect(name: string, resources: Resources, names?: Lines): Dialect {
  const { lines, isGeneric } = merged(name, resources, names);
  if (names !== undefined && !isGeneric) {
    throw new WaybillError(
      'SOAP_GENERIC_SETTINGS',
      `generic belongs to the dialect generic and those that extend it; ${name} does not, and would not read it`,
      { path: 'generic' },
    );
  }
  const missing = (line: string): WaybillError =>
    isGeneric
      ? new WaybillError('SOAP_GENERIC_SETTINGS', `the dialect ${name} has no ${line}: it wants the receiver's names`, {
          path: 'generic',
        })
      : new WaybillError('SOAP_DIALECT_INCOMPLETE', `the dialect ${name} has no ${line}, nor has one that it extends`, {
          file: `dialects/${name}.yaml`,
          path: line,
        });
  const soap = lines.soap ?? '1.2';
  const { namespace, request, answer } = lines;
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
    summary: lines.summary ?? '',
    soap,
    contentType: lines.contentType ?? (soap === '1.2' ? 'application/soap+xml' : 'text/xml'),
    action: lines.action ?? '',
    namespace,
    request: { element: request.element, qualified: request.qualified ?? true, children },
    answer: {
      element: answer.element,
      content: answer.content ?? 'hl7',
      unmentioned: answer.unmentioned ?? 'inDoubt',
    },
    charset: lines.charset ?? 'utf-8',
    repeatable: lines.repeatable ?? false,
    ...(lines.probe === undefined ? {} : { probe: lines.probe }),
    faults: lines.faults ?? {},
    generic: names !== undefined,
  });
}

function checkDialect(_data: unknown, resources: Resources, name: string): readonly Issue[] {
  try {
    const { isGeneric } = merged(name, resources, undefined);
    resolveDialect(name, resources, isGeneric ? ANY_NAMES : undefined);
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

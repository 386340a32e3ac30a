/** Dialects: one receiver's peculiarities as data. */
import { readFileSync } from 'node:fs';
import { validate } from '../../engine/config/validate.ts';
import { parseYaml } from '../../engine/config/yaml.ts';
import type { Issue, ResourceKind, Resources } from '../../engine/contracts/resources.ts';
import { WaybillError } from '../../engine/errors.ts';
import { answerOf, batchOf, merge, missingLine, requestOf, securityOf, statusOf } from './dialect-merge.ts';
import { contradiction } from './dialect-rules.ts';
import { DIALECT_SCHEMA } from './dialect-schema.ts';
import type { Dialect, DialectFile } from './dialect-types.ts';

export * from './dialect-types.ts';

const BUILT_IN = new URL('./dialects/', import.meta.url);
const BUILT_IN_NAMES: readonly string[] = [
  'cdc-iis-2011',
  'cdc-iis-2014',
  'iz-hub-2014',
  'generic',
  'ca',
  'il',
  'ma-wsse',
  'wi',
  'pa-elr',
  'submit-poll',
];
const loaded = new Map<string, DialectFile>();

/** A dialect that is shipped, or `undefined`. Its file is read once. */
export function builtInDialect(name: string): DialectFile | undefined {
  if (!BUILT_IN_NAMES.includes(name)) return undefined;
  const known = loaded.get(name);
  if (known) return known;
  const file = readDialectFile(readFileSync(new URL(`${name}.yaml`, BUILT_IN), 'utf8'));
  if (file === undefined) throw new Error(`the built-in dialect ${name} does not fit its schema`);
  loaded.set(name, file);
  return file;
}

/** The lines of a dialect's file, typed by its schema; `undefined` where it does not fit. Says nothing about why. */
export function readDialectFile(text: string): DialectFile | undefined {
  const { tree, issues } = parseYaml(text);
  if (tree === undefined || issues.length > 0) return undefined;
  const read = validate(tree, DIALECT_SCHEMA);
  return read.issues.length === 0 && isDialectFile(read.value) ? read.value : undefined;
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

/** The lines of a dialect with those that it extends, and the names of these, itself first. @throws as `resolveDialect` */
export function dialectLines(
  name: string,
  resources: Resources,
): { readonly lines: DialectFile; readonly isGeneric: boolean; readonly chain: readonly string[] } {
  const chain = lineage(name, resources).map((file) => file.dialect);
  return { ...merged(name, resources, undefined), chain };
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
  const line = missingLine(lines);
  if (line !== undefined) throw missing(line);
  const dialect = whole(name, lines, names !== undefined);
  const wrong = contradiction(dialect);
  if (wrong) {
    throw new WaybillError('SOAP_DIALECT_INCOMPLETE', `the dialect ${name}: ${wrong.problem}`, {
      file: `dialects/${name}.yaml`,
      path: wrong.path,
    });
  }
  return dialect;
}

/** Fills in what is not said. */
function whole(name: string, lines: DialectFile, generic: boolean): Dialect {
  const { soap = '1.2', namespace = '', http, security, probe, status } = lines;
  return Object.freeze({
    dialect: name,
    summary: lines.summary ?? '',
    soap,
    contentType: lines.contentType ?? (soap === '1.2' ? 'application/soap+xml' : 'text/xml'),
    action: lines.action ?? '',
    namespace,
    request: requestOf(lines.request),
    headers: lines.headers ?? [],
    ...(http === undefined ? {} : { http }),
    ...(security === undefined ? {} : { security: securityOf(security) }),
    addressing: lines.addressing ?? false,
    answer: answerOf(lines.answer),
    batch: batchOf(lines.batch),
    charset: lines.charset ?? 'utf-8',
    repeatable: lines.repeatable ?? false,
    ...(probe === undefined ? {} : { probe }),
    faults: lines.faults ?? {},
    statuses: lines.statuses ?? {},
    ...(status === undefined ? {} : { status: statusOf(status, namespace) }),
    generic,
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

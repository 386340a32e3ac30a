import { parse as parsePath } from 'node:path';
import picomatch from 'picomatch';
import type { Rule } from '../../engine/contracts/service.ts';
import type { PartPattern, RestMultipartConfig } from './config.ts';

/** What a rule is held against. */
export interface FileFacts {
  /** Name of the part; `undefined` for a plain body whose sender gave none: it fits every name. */
  readonly part: string | undefined;
  readonly fileName: string;
  /** Type and subtype in lower case. */
  readonly mediaType: string;
}

/** A rule that a file fits. */
export interface Matched {
  readonly rule: Rule;
  readonly maxBytes: number | undefined;
  /** The rule's name, where it is a name and no pattern: what a plain body's part is called. */
  readonly name: string | undefined;
}

export interface Rules {
  /** The first rule that a file part fits, or `undefined`. */
  forPart(file: FileFacts): Matched | undefined;
  /** The first rule that a plain body fits. Only rules that name its type take it; text/csv fits those without a type too. */
  forBody(file: FileFacts): Matched | undefined;
  /** True where some rule takes plain bodies of this type. */
  takesBody(mediaType: string): boolean;
}

const CSV = 'text/csv';
const NAMES = { windows: false, dot: true };
const TYPES = { ...NAMES, nocase: true };

/** Compiles the rules under `parts`. */
export function rulesOf(config: Pick<RestMultipartConfig, 'parts'>): Rules {
  const compiled = config.parts.map(compile);
  const fits =
    ({ part, fileName, mediaType }: FileFacts) =>
    (rule: Compiled) =>
      (part === undefined || rule.name(part)) && rule.type(mediaType) && rule.fileName(fileName);
  const plain = (mediaType: string) => (rule: Compiled) => (rule.typed ? rule.type(mediaType) : mediaType === CSV);
  return {
    forPart: (file) => compiled.find(fits(file))?.matched,
    forBody: (file) => compiled.filter(plain(file.mediaType)).find(fits(file))?.matched,
    takesBody: (mediaType) => compiled.some(plain(mediaType)),
  };
}

interface Compiled {
  readonly matched: Matched;
  readonly typed: boolean;
  name(part: string): boolean;
  type(mediaType: string): boolean;
  fileName(name: string): boolean;
}

function compile({ name, contentType, fileName, maxBytes, format, route }: PartPattern): Compiled {
  const any = () => true;
  return {
    matched: { rule: { format, route }, maxBytes, name: name !== undefined && isLiteral(name) ? name : undefined },
    typed: contentType !== undefined,
    name: name === undefined ? any : picomatch(name, NAMES),
    type: contentType === undefined ? any : picomatch(contentType, TYPES),
    fileName: fileName === undefined ? any : picomatch(fileName, NAMES),
  };
}

/**
 * The rule for a file that comes without a form (`waybill submit`): the first whose file name pattern fits, or whose part
 * name fits the file name with or without its extension, or which asks for neither. Types are not known here.
 */
export function ruleForName(config: Pick<RestMultipartConfig, 'parts'>, name: string): Rule | undefined {
  const { base, name: stem } = parsePath(name);
  const found = config.parts.find((pattern) => {
    if (pattern.fileName !== undefined) return picomatch(pattern.fileName, NAMES)(base);
    if (pattern.name === undefined) return pattern.contentType === undefined;
    const fits = picomatch(pattern.name, NAMES);
    return fits(base) || fits(stem);
  });
  return found && { format: found.format, route: found.route };
}

/** The index of an earlier rule that takes everything that the rule at `index` could take, or -1. */
export function shadowedBy(parts: readonly PartPattern[], index: number): number {
  const rule = parts[index];
  if (!rule) return -1;
  const wider = (earlier: string | undefined, later: string | undefined, literal: (text: string) => boolean) =>
    earlier === undefined || earlier === later || (later !== undefined && isLiteral(later) && literal(later));
  return parts
    .slice(0, index)
    .findIndex(
      (earlier) =>
        wider(earlier.name, rule.name, (text) => picomatch(earlier.name ?? '', NAMES)(text)) &&
        wider(earlier.contentType, rule.contentType, (text) => picomatch(earlier.contentType ?? '', TYPES)(text)) &&
        wider(earlier.fileName, rule.fileName, (text) => picomatch(earlier.fileName ?? '', NAMES)(text)),
    );
}

/** True where a pattern can fit no file: it holds a path, or a type that is never taken. */
export function neverMatches({ fileName, contentType }: PartPattern): 'fileName' | 'contentType' | undefined {
  if (fileName !== undefined && /[/\\]/.test(fileName)) return 'fileName';
  if (contentType?.toLowerCase().startsWith('multipart/')) return 'contentType';
  return undefined;
}

function isLiteral(pattern: string): boolean {
  return !picomatch.scan(pattern).isGlob && !pattern.includes('\\');
}

/** Sources: what stands on the right side of a `set`. First the value, then `map`, `as`, `default`, in this order. */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { compileDateWriter, datePatternProblem, inZone } from '../../engine/dates.ts';
import { DELETE } from '../../hl7/escape.ts';
import { dateOfText, runChain } from './chain.ts';
import { type CheckedTest, celSource, compileTestChecked } from './expressions.ts';
import { compileChain } from './functions.ts';
import { compileMap } from './lookups.ts';
import { booleanSource, copySource, listSource, numberSource } from './more-sources.ts';
import { originOf } from './names.ts';
import {
  constantSource,
  type Frame,
  madeSource,
  type Read,
  type ReadDate,
  type ReadValue,
  type Scope,
  type Source,
} from './program.ts';
import { checkKeys, describe, isTree, type Tree, textOf } from './syntax.ts';
import { isDay } from './values.ts';

/** The keys of which a source has one. */
const KINDS = [
  ...(['from', 'join', 'cel', 'acceptedAt', 'id', 'raw', 'delete', 'value'] as const),
  ...(['copy', 'number', 'boolean', 'list'] as const),
];
const KEYS = [...KINDS, 'with', 'map', 'as', 'default', 'if'];
/** Kinds that only HL7, or only documents, can take. */
const FOR: Readonly<Partial<Record<(typeof KINDS)[number], 'hl7' | 'json'>>> = {
  raw: 'hl7',
  delete: 'hl7',
  number: 'json',
  boolean: 'json',
  list: 'json',
};
const TARGETS = { hl7: 'HL7', json: 'documents' };
const IDS = ['message', 'submission', 'segment'];

/** A value before `map`, `as` and `default`, and its date parts where it has some. */
interface Base {
  readonly source: Source;
  readonly date: ReadDate | undefined;
  readonly day: (frame: Frame) => boolean;
}

/** Compiles a source. What is wrong is reported, and is empty. */
export function compileSource(node: unknown, at: KeyPath, scope: Scope): Source {
  const literal = isTree(node) || Array.isArray(node) ? undefined : textOf(node);
  if (literal !== undefined) return constantSource(literal, false);
  if (!isTree(node)) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'a text or one source');
    return constantSource('', false);
  }
  checkKeys(node, KEYS, at, scope.problems);
  const kinds = KINDS.filter((kind) => node[kind] !== undefined);
  const [kind] = kinds;
  if (kinds.length > 1 || (kind === undefined && node.map === undefined)) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), `one of ${KINDS.join(', ')}, or a map with its key`);
    return constantSource('', false);
  }
  if (node.with !== undefined && kind !== 'join')
    scope.problems.add([...at, 'with'], 'DTL_WRONG_SHAPE', 'with', '`with` beside `join` only');
  const only = kind === undefined ? undefined : FOR[kind];
  if (kind !== undefined && only !== undefined && only !== scope.compilation.target.kind) {
    const expected = `a source for ${TARGETS[scope.compilation.target.kind]}: ${kind} is for ${TARGETS[only]}`;
    scope.problems.add([...at, kind], 'DTL_WRONG_SHAPE', kind, expected);
    return constantSource('', false);
  }
  const base = kind === undefined ? undefined : compileBase(kind, node, at, scope);
  return finishSource(node, at, base, scope);
}

function finishSource(node: Tree, at: KeyPath, base: Base | undefined, scope: Scope): Source {
  let { source, date, day } = base ?? NO_BASE;
  if (source?.raw && (node.map !== undefined || node.as !== undefined)) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'no map and no as: raw text is written as it stands');
    return source;
  }
  if (node.map !== undefined) {
    const found = compileMap(node.map, [...at, 'map'], source, node.default !== undefined, scope, compileSource);
    source = madeSource(found.read, found.origins, found.columns);
    ({ date, day } = textBase(source));
  }
  source ??= constantSource('', false);
  if (node.as !== undefined) source = converted(node.as, [...at, 'as'], { source, date, day }, scope);
  if (node.if === undefined && node.default === undefined) return source;
  return chosen(node, at, source, scope);
}

const NO_BASE = { source: undefined, date: undefined, day: () => false };

/** A value that is a text and nothing else. */
function textBase(source: Source): Base {
  return { source, date: undefined, day: (frame) => isDay(source.read(frame)) };
}

function converted(node: unknown, at: KeyPath, { source, date, day }: Base, scope: Scope): Source {
  const links = compileChain(node, at, source.columns, scope);
  const { read, value } = runChain(links, { read: source.read, date, day, columns: source.columns }, at, scope);
  return madeSource(read, source.origins, source.columns, value);
}

/** `if` and `default`: the value, or where it is empty or not wanted the default, or nothing. */
function chosen(node: Tree, at: KeyPath, source: Source, scope: Scope): Source {
  const test = node.if === undefined ? undefined : compileTestChecked(node.if, [...at, 'if'], scope);
  const other =
    node.default === undefined ? constantSource('', false) : compileSource(node.default, [...at, 'default'], scope);
  const raw = source.raw || other.raw;
  const encode = scope.compilation.target.encode;
  const first: Read = raw && !source.raw ? (frame) => encode(source.read(frame)) : source.read;
  const second: Read = raw && !other.raw ? (frame) => encode(other.read(frame)) : other.read;
  const read: Read = (frame) => {
    const text = test === undefined || test.holds(frame) ? first(frame) : '';
    return text === '' ? second(frame) : text;
  };
  const extra = other.constant === '' ? [] : other.origins;
  const origins = [...new Set([...source.origins, ...(test?.origins ?? []), ...extra])];
  return { ...madeSource(read, origins, source.columns, chosenValue(source, other, test)), raw };
}

/** The same for values that are more than texts. */
function chosenValue(source: Source, other: Source, test: CheckedTest | undefined): ReadValue | undefined {
  if (!source.value && !other.value) return undefined;
  const first = source.value ?? source.read;
  const second = other.value ?? other.read;
  return (frame) => {
    const value = test === undefined || test.holds(frame) ? first(frame) : undefined;
    return value === undefined || value === '' ? second(frame) : value;
  };
}

function compileBase(kind: (typeof KINDS)[number], node: Tree, at: KeyPath, scope: Scope): Base {
  const place = [...at, kind];
  switch (kind) {
    case 'from':
      return fromBase(node.from, place, scope);
    case 'join':
      return textBase(joinSource(node, at, scope));
    case 'cel':
      return textBase(celSource(node.cel, place, scope));
    case 'acceptedAt':
      return textBase(acceptedSource(node.acceptedAt, place, scope));
    case 'id':
      return textBase(idSource(node.id, place, scope));
    case 'raw':
      return textBase(rawSource(node.raw, place, scope));
    case 'delete':
      return textBase(deleteSource(node.delete, place, scope));
    case 'value':
      return textBase(compileSource(node.value, place, scope));
    case 'copy':
      return textBase(copySource(node.copy, place, scope));
    case 'number':
      return textBase(numberSource(node.number, place, scope));
    case 'boolean':
      return textBase(booleanSource(node.boolean, place, scope));
    case 'list':
      return textBase(listSource(node.list, place, scope, compileSource));
  }
}

function fromBase(node: unknown, at: KeyPath, scope: Scope): Base {
  const names = Array.isArray(node) ? node : [node];
  const origins = names.map((entry, index) => {
    return originOf(textOf(entry) ?? '', Array.isArray(node) ? [...at, index] : at, scope);
  });
  const [only] = origins;
  const columns = [...new Set(origins.flatMap((origin) => origin.column ?? []))];
  const labels = origins.map((origin) => origin.label);
  const date = origins.some((origin) => origin.date) ? firstDate(origins, columns) : undefined;
  if (origins.length === 1 && only) {
    const made = madeSource(only.read, labels, columns, only.value);
    return { source: { ...made, column: only.index, constant: only.constant }, date, day: only.day };
  }
  const reads = origins.map((origin) => origin.read);
  const read: Read = (frame) => {
    for (const one of reads) {
      const text = one(frame);
      if (text !== '') return text;
    }
    return '';
  };
  const firstOf = (frame: Frame) => origins.find((origin) => origin.read(frame) !== '');
  const isTyped = origins.some((origin) => origin.value !== undefined);
  const value: ReadValue = (frame) => {
    const found = firstOf(frame);
    return found?.value ? found.value(frame) : found?.read(frame);
  };
  return {
    source: madeSource(read, labels, columns, isTyped ? value : undefined),
    date,
    day: (frame) => firstOf(frame)?.day(frame) ?? false,
  };
}

/** The date of the first origin that is not empty. */
function firstDate(
  origins: readonly { readonly read: Read; readonly date: ReadDate | undefined }[],
  columns: readonly string[],
): ReadDate {
  return (frame) => {
    for (const origin of origins) {
      const text = origin.read(frame);
      if (text !== '') return origin.date?.(frame) ?? dateOfText(frame, text, columns);
    }
    return undefined;
  };
}

function joinSource(node: Tree, at: KeyPath, scope: Scope): Source {
  if (!Array.isArray(node.join)) {
    scope.problems.add([...at, 'join'], 'DTL_WRONG_SHAPE', describe(node.join), 'a list of sources');
    return constantSource('', false);
  }
  const between = textOf(node.with) ?? '';
  const sources = node.join.map((entry, index) => compileSource(entry, [...at, 'join', index], scope));
  const raw = sources.some((source) => source.raw);
  const { encode } = scope.compilation.target;
  const reads = sources.map(
    (source): Read => (raw && !source.raw ? (frame) => encode(source.read(frame)) : source.read),
  );
  const glue = raw ? encode(between) : between;
  const origins = [...new Set(sources.flatMap((source) => source.origins.filter((origin) => origin !== 'constant')))];
  const made = madeSource(
    glue === '' ? joined(reads) : joinedWith(reads, glue),
    origins,
    sources.flatMap((source) => source.columns),
  );
  return { ...made, raw };
}

function joined(reads: readonly Read[]): Read {
  return (frame) => {
    let text = '';
    for (const read of reads) text += read(frame);
    return text;
  };
}

/** With a text between them: only between parts that are not empty. */
function joinedWith(reads: readonly Read[], glue: string): Read {
  return (frame) => {
    let text = '';
    for (const read of reads) {
      const part = read(frame);
      if (part !== '') text += text === '' ? part : glue + part;
    }
    return text;
  };
}

/** The time of acceptance in the production's zone. It is the same for all items of a submission, so the last is kept. */
function acceptedSource(node: unknown, at: KeyPath, scope: Scope): Source {
  const pattern = textOf(node) ?? '';
  const problem = datePatternProblem(pattern);
  if (problem !== undefined) {
    scope.problems.add(at, 'DTL_BAD_ARGUMENT', pattern, `a date pattern: ${problem}`);
    return constantSource('', false);
  }
  const write = compileDateWriter(pattern);
  const { timeZone } = scope.compilation.resources;
  let last = Number.NaN;
  let text = '';
  const read: Read = ({ context }) => {
    if (context.acceptedAt !== last) {
      last = context.acceptedAt;
      text = write(inZone(last, timeZone), timeZone);
    }
    return text;
  };
  return madeSource(read, ['time of acceptance'], []);
}

function idSource(node: unknown, at: KeyPath, scope: Scope): Source {
  const which = textOf(node) ?? '';
  if (which === 'message') return madeSource(({ context }) => context.messageId, ['message id'], []);
  if (which === 'submission') return madeSource(({ context }) => context.submission.id, ['submission id'], []);
  const { number } = scope.compilation.target;
  if (which === 'segment' && number) return madeSource(number, ['number of the segment'], []);
  if (which === 'segment') {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', which, 'message or submission: documents have no segments');
    return constantSource('', false);
  }
  scope.problems.add(at, 'DTL_WRONG_SHAPE', which || describe(node), `one of ${IDS.join(', ')}`);
  return constantSource('', false);
}

function rawSource(node: unknown, at: KeyPath, scope: Scope): Source {
  const text = textOf(node);
  if (text !== undefined && !/[|\r\n]/.test(text)) return constantSource(text, true);
  scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'HL7 text of one field, without | and line breaks');
  return constantSource('', false);
}

function deleteSource(node: unknown, at: KeyPath, scope: Scope): Source {
  if (textOf(node) === 'true') return constantSource(DELETE, true);
  scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'true');
  return constantSource('', false);
}

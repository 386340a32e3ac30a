/** The functions of `as`: from text to text, and from dates to dates and text. An empty value stays empty in all of them. */
import { RE2JS } from 're2js';
import { suggest } from '../../engine/config/suggest.ts';
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { datePatternProblem, isZone } from '../../engine/dates.ts';
import { durationMs } from '../../engine/schema.ts';
import { addFault, type Scope, type TextFunction } from './program.ts';
import { describe, isTree, textOf } from './syntax.ts';
import { decimals, fill, isNpi, part, slice, strip } from './texts.ts';

/** One function of a chain, with its arguments understood. */
export type ChainLink =
  | { readonly kind: 'text'; readonly run: TextFunction }
  | { readonly kind: 'write'; readonly pattern: string }
  | { readonly kind: 'shift'; readonly ms: number }
  | { readonly kind: 'zone'; readonly zone: string }
  /** Ends a chain with a value for a document that is no text. */
  | { readonly kind: 'number' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'instant' };

/** How a function is used; shown in messages and docs. */
interface FunctionEntry {
  readonly usage: string;
  readonly does: string;
  readonly least: number;
  readonly most: number;
  /** The link, or what is wrong with the arguments as a sentence. */
  link(parameters: readonly string[], columns: readonly string[]): ChainLink | string;
}

const WHOLE = /^\d{1,6}$/;

function text(run: TextFunction): ChainLink {
  return { kind: 'text', run };
}

function plain(usage: string, does: string, run: (value: string) => string): FunctionEntry {
  return { usage, does, least: 0, most: 0, link: () => text(run) };
}

/** Every function by its name. `date` takes its argument as it stands; in the others commas part the arguments. */
export const FUNCTIONS: Readonly<Record<string, FunctionEntry>> = {
  trim: plain('trim', 'without white space at the ends', (value) => value.trim()),
  upper: plain('upper', 'in upper case', (value) => value.toUpperCase()),
  lower: plain('lower', 'in lower case', (value) => value.toLowerCase()),
  digits: plain('digits', 'only the digits 0 to 9', (value) => value.replace(/[^0-9]+/g, '')),
  first: plain('first', 'the first character', (value) => slice(value, 0, 1)),
  npi: plain('npi', 'the value if it is a valid National Provider Identifier, else nothing', (value) =>
    isNpi(value) ? value : '',
  ),
  pad: {
    usage: 'pad(6, 0)',
    does: 'filled from the left with the character to this length',
    least: 1,
    most: 2,
    link: ([length = '', filler = ' ']) => {
      if (!WHOLE.test(length) || filler.length !== 1) return 'takes a length and one character: pad(6, 0)';
      return text((value) => value.padStart(Number(length), filler));
    },
  },
  slice: {
    usage: 'slice(0, 5)',
    does: 'the characters from the first number (from 0) up to the second, which is not included',
    least: 1,
    most: 2,
    link: ([from = '', to]) => {
      if (!WHOLE.test(from) || (to !== undefined && !WHOLE.test(to)))
        return 'takes one or two whole numbers: slice(0, 5)';
      const end = to === undefined ? undefined : Number(to);
      return text((value) => slice(value, Number(from), end));
    },
  },
  left: sized('left(5)', 'the first characters', (value, length) => slice(value, 0, length)),
  right: sized('right(4)', 'the last characters', (value, length) => slice(value, -length, undefined)),
  trimStart: stripper('trimStart(0)', 'without these characters at the start', 'start'),
  trimEnd: stripper('trimEnd(*)', 'without these characters at the end', 'end'),
  replace: {
    usage: 'replace(a, b)',
    does: 'every occurrence of the first text replaced by the second',
    least: 2,
    most: 2,
    link: ([from = '', to = '']) =>
      from === ''
        ? 'takes a text that is not empty, and what to put there'
        : text((value) => value.replaceAll(from, () => to)),
  },
  part: {
    usage: "part(';', 2)",
    does: 'the part with this number (from 1) when the value is split at the text',
    least: 2,
    most: 2,
    link: ([separator = '', number = '']) => {
      if (separator === '' || !/^[1-9]\d{0,3}$/.test(number)) return "takes a text and a number from 1: part(';', 2)";
      return text((value) => part(value, separator, Number(number)));
    },
  },
  match: {
    usage: "match('^([A-Z]+)-', 1)",
    does: 'what the RE2 pattern, or this group of it, finds first; nothing if it finds nothing',
    least: 1,
    most: 2,
    link: ([pattern = '', group = '0']) => matcher(pattern, group),
  },
  fill: {
    usage: 'fill((###)###-####)',
    does: 'each # replaced by the next character; a value with another number of characters stays as it is',
    least: 1,
    most: 1,
    link: ([mask = '']) =>
      mask.includes('#') ? text((value) => fill(value, mask)) : 'takes a text with # for each character',
  },
  give: {
    usage: 'give(NPI)',
    does: 'this text wherever there is a value',
    least: 1,
    most: 1,
    link: ([instead = '']) => text(() => instead),
  },
  decimals: {
    usage: 'decimals(2)',
    does: 'a number with this many decimals, rounded half away from zero',
    least: 1,
    most: 1,
    link: ([places = ''], columns) => {
      if (!/^(?:\d|1[0-5])$/.test(places)) return 'takes a number from 0 to 15: decimals(2)';
      return text((value, frame) => {
        const rounded = decimals(value, Number(places));
        if (rounded === undefined) addFault(frame, 'NUMBER_UNREADABLE', columns, 'a decimal number was expected');
        return rounded ?? '';
      });
    },
  },
  date: {
    usage: 'date(yyyyMMdd)',
    does: 'a date written by a Unicode (LDML) pattern; in documents `date` alone gives a date',
    least: 0,
    most: 1,
    link: ([pattern]) => {
      if (pattern === undefined) return { kind: 'instant' };
      return datePatternProblem(pattern) ?? { kind: 'write', pattern };
    },
  },
  number: typed('number', 'in documents: the number that a text writes in decimal'),
  boolean: typed('boolean', 'in documents: true or false, from true, yes, Y, T, 1 and false, no, N, F, 0'),
  shift: {
    usage: 'shift(6s)',
    does: 'a date moved by this time: ms, s, m, h or d, with a minus for earlier',
    least: 1,
    most: 1,
    link: ([time = '']) => {
      const match = /^([+-]?)(\d{1,9}(?:ms|s|m|h|d))$/.exec(time);
      if (!match) return 'takes a time such as 6s, -30m or 1d';
      return { kind: 'shift', ms: durationMs(match[2] ?? '') * (match[1] === '-' ? -1 : 1) };
    },
  },
  zone: {
    usage: 'zone(America/Denver)',
    does: 'a date as it is in this zone; without an offset of its own it was in the time zone of the production',
    least: 1,
    most: 1,
    link: ([zone = '']) => (isZone(zone) ? { kind: 'zone', zone } : 'takes a time zone such as UTC or America/Denver'),
  },
};

function typed(kind: 'number' | 'boolean', does: string): FunctionEntry {
  return { usage: kind, does, least: 0, most: 0, link: () => ({ kind }) };
}

function sized(usage: string, does: string, run: (value: string, length: number) => string): FunctionEntry {
  const link = ([length = '']: readonly string[]) => {
    return /^[1-9]\d{0,5}$/.test(length)
      ? text((value) => run(value, Number(length)))
      : `takes a number from 1: ${usage}`;
  };
  return { usage, does, least: 1, most: 1, link };
}

function stripper(usage: string, does: string, end: 'start' | 'end'): FunctionEntry {
  const link = ([characters = '']: readonly string[]) => {
    return characters === '' ? `takes the characters: ${usage}` : text((value) => strip(value, characters, end));
  };
  return { usage, does, least: 1, most: 1, link };
}

function matcher(pattern: string, group: string): ChainLink | string {
  if (!WHOLE.test(group)) return "takes a pattern, and the number of a group: match('^([A-Z]+)-', 1)";
  try {
    const compiled = RE2JS.compile(pattern);
    const number = Number(group);
    if (number > compiled.groupCount()) return `the pattern has ${compiled.groupCount()} groups`;
    return text((value) => {
      const found = compiled.matcher(value);
      return found.find() ? (found.group(number) ?? '') : '';
    });
  } catch (error) {
    return `the pattern is not RE2: ${error instanceof Error ? error.message : 'it cannot be compiled'}`;
  }
}

/** Reads `as`: one function or a list of them. What is wrong is reported, and left out. */
export function compileChain(
  node: unknown,
  at: KeyPath,
  columns: readonly string[],
  scope: Scope,
): readonly ChainLink[] {
  const list = Array.isArray(node) ? node : [node];
  const links = list.map((entry, index) =>
    compileLink(entry, Array.isArray(node) ? [...at, index] : at, columns, scope),
  );
  return links.filter((link) => link !== undefined);
}

function compileLink(node: unknown, at: KeyPath, columns: readonly string[], scope: Scope): ChainLink | undefined {
  const { problems } = scope;
  const written = isTree(node) || Array.isArray(node) ? undefined : textOf(node);
  const match = /^\s*([A-Za-z]\w*)\s*(?:\((.*)\))?\s*$/s.exec(written ?? '');
  if (!match) {
    if (/\([^)]*$/.test(written ?? '')) return undefined; // YAML split it at a comma: reported with the keys beside it.
    problems.add(at, 'DTL_UNKNOWN_FUNCTION', describe(node), 'a function such as upper or date(yyyyMMdd)');
    return undefined;
  }
  const [, name = '', inside] = match;
  if (name === 'script') return scriptLink((inside ?? '').trim(), at, columns, scope);
  const entry = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!entry) {
    const meant = suggest(name, [...Object.keys(FUNCTIONS), 'script']);
    problems.add(at, 'DTL_UNKNOWN_FUNCTION', name, meant ? `${meant}?` : `one of ${Object.keys(FUNCTIONS).join(', ')}`);
    return undefined;
  }
  const parameters = splitArguments(name, inside);
  const wrongCount = parameters.length < entry.least || parameters.length > entry.most;
  const made = wrongCount ? `is written ${entry.usage}: ${entry.does}` : entry.link(parameters, columns);
  const link = typeof made === 'string' ? made : fitting(made, entry, scope);
  if (typeof link !== 'string') return link;
  problems.add(at, 'DTL_BAD_ARGUMENT', written ?? name, `${name} ${link}`);
  return undefined;
}

/** Only documents have values that are no texts. */
function fitting(link: ChainLink, entry: FunctionEntry, scope: Scope): ChainLink | string {
  if (scope.compilation.target.kind === 'json') return link;
  if (link.kind === 'instant') return `is written ${entry.usage}: ${entry.does}`;
  return link.kind === 'number' || link.kind === 'boolean' ? 'is for documents; in HL7 every value is a text' : link;
}

/** Arguments are parted by commas; one with commas, brackets or outer spaces stands in quotes, doubled inside. */
function splitArguments(name: string, inside: string | undefined): readonly string[] {
  if (inside === undefined || inside.trim() === '') return [];
  if (name === 'date' || name === 'fill') return [inside.trim()];
  const parts = inside.match(/(?:\s*(?:'(?:[^']|'')*'|"(?:[^"]|"")*")\s*(?=,|$)|[^,]*)(?:,|$)/g) ?? [];
  const taken = inside.endsWith(',') ? parts : parts.slice(0, -1);
  return taken.map((piece) => unquoted(piece.replace(/,$/, '').trim()));
}

function unquoted(piece: string): string {
  const quote = piece.charAt(0);
  if (piece.length < 2 || (quote !== "'" && quote !== '"') || !piece.endsWith(quote)) return piece;
  return piece.slice(1, -1).replaceAll(quote + quote, quote);
}

/** `script(NAME)` or `script(NAME.export)`: a function in `transforms/NAME.ts`. */
function scriptLink(name: string, at: KeyPath, columns: readonly string[], scope: Scope): ChainLink | undefined {
  const { scripts, resources } = scope.compilation;
  const files = resources.files['transforms.ts'] ?? {};
  const file = name.split('.')[0] ?? '';
  if (!Object.hasOwn(files, file)) {
    scope.problems.add(at, 'DTL_BAD_ARGUMENT', `script(${name})`, 'the name of a file transforms/NAME.ts');
    return undefined;
  }
  const run = scripts?.get(name);
  if (scripts && !run) {
    scope.problems.add(at, 'DTL_BAD_ARGUMENT', `script(${name})`, `a function that transforms/${file}.ts exports`);
    return undefined;
  }
  return text((value, frame) => {
    try {
      const made = run?.(value);
      if (typeof made === 'string') return made;
      addFault(frame, 'SCRIPT_FAILED', columns, `the function ${name} did not give a text`);
    } catch (error) {
      const kind = error instanceof Error ? error.name : 'an error';
      addFault(frame, 'SCRIPT_FAILED', columns, `the function ${name} threw ${kind}`);
    }
    return '';
  });
}

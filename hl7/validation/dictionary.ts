/**
 * The dictionary of HL7 v2 as rules by version. Its source is node-hl7-client: 187 segments, their fields with a usage for
 * each of 11 versions, data types and tables. It costs about 70 MB and is imported when the first check is opened.
 */

/** What a primitive value must look like, or `undefined` for text. */
export type Primitive = 'NM' | 'SI' | 'DT' | 'TM' | 'DTM' | undefined;

/** A field, component or subcomponent. */
export interface PartRule {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly isWithdrawn: boolean;
  /** Most characters. */
  readonly maxLength?: number;
  /** Values of an HL7 table, and its number. */
  readonly table?: { readonly number: string; readonly has: (value: string) => boolean };
  readonly primitive: Primitive;
  /** Components, or subcomponents; none for a primitive; `undefined` where the dictionary does not know. */
  readonly parts: readonly PartRule[] | undefined;
}

/** Fields by number (index 0 is unused); `undefined` where the version does not have the field. */
export type SegmentRule = readonly (PartRule | undefined)[];

/** The rules of one version. */
export interface Version {
  /** `undefined` for a segment that the version does not have. */
  segment(name: string): SegmentRule | undefined;
  /** The rule of OBX-5, whose type is named in OBX-2; `undefined` for a type that is not known. */
  ofType(type: string): PartRule | undefined;
}

export interface Dictionary {
  readonly versions: readonly string[];
  /** `undefined` for a version that the dictionary does not have. */
  version(name: string): Version | undefined;
}

/** What the package gives for a field or a component. */
interface Spec {
  readonly num: number;
  readonly name: string;
  readonly hl7Type?: string;
  readonly usage?: string | Readonly<Partial<Record<string, string>>>;
  readonly length?: { readonly max?: number } | number;
  readonly table?: number | string;
  readonly components?: readonly Spec[];
}

interface Source {
  readonly versions: readonly string[];
  readonly segments: Readonly<
    Record<string, { readonly versions: readonly string[]; readonly fields: readonly Spec[] }>
  >;
  readonly types: Readonly<Record<string, readonly Spec[]>>;
  readonly values: (version: string, table: string) => readonly string[] | undefined;
}

const PRIMITIVES: Readonly<Record<string, Primitive>> = {
  NM: 'NM',
  SI: 'SI',
  DT: 'DT',
  TM: 'TM',
  DTM: 'DTM',
  TS: 'DTM',
};
const TEXTS = new Set(['ST', 'TX', 'FT', 'ID', 'IS', 'GTS']);
/** The dictionary's data types are those of this version; older ones are alike, but required parts and lengths are not. */
const TYPES_SINCE = '2.7';
/** Until then a time was a TS, which has a second component. */
const DTM_SINCE = '2.6';
/** Tables that others keep up to date, whatever version of HL7 a message has. */
const EVER_GROWING = new Set(['0396', '0399']);

let loading: Promise<Dictionary> | undefined;

/** Loads the dictionary, once. */
export function loadDictionary(): Promise<Dictionary> {
  loading ??= import('node-hl7-client').then(({ SEGMENT_SPECS, DATA_TYPES, KNOWN_VERSIONS, lookupTable }) => {
    return new CompiledDictionary({
      versions: KNOWN_VERSIONS,
      segments: SEGMENT_SPECS,
      types: withTables(DATA_TYPES, SEGMENT_SPECS),
      values: (version, table) => {
        const name = KNOWN_VERSIONS.find((one) => one === version);
        return name === undefined ? undefined : lookupTable(name, table);
      },
    });
  });
  return loading;
}

/**
 * The package names tables of components only where a field has them. What all fields of a type agree on holds for the type,
 * so that it is known inside other types too (HD in CX).
 */
function withTables(types: Source['types'], segments: Source['segments']): Source['types'] {
  const tables = new Map<string, Set<number | string>>();
  for (const { fields } of Object.values(segments)) {
    for (const field of fields) {
      for (const part of field.components ?? []) {
        if (part.hl7Type !== 'ID' || part.table === undefined) continue;
        const key = `${field.hl7Type}.${part.num}`;
        tables.set(key, (tables.get(key) ?? new Set()).add(part.table));
      }
    }
  }
  const withTable = (type: string, part: Spec): Spec => {
    const [table, ...others] = tables.get(`${type}.${part.num}`) ?? [];
    return table === undefined || others.length > 0 ? part : { table, ...part };
  };
  const entries = Object.entries(types).map(([type, parts]) => [type, parts.map((part) => withTable(type, part))]);
  return Object.fromEntries(entries);
}

class CompiledDictionary implements Dictionary {
  readonly #source: Source;
  readonly #compiled = new Map<string, CompiledVersion>();

  constructor(source: Source) {
    this.#source = source;
  }

  get versions(): readonly string[] {
    return this.#source.versions;
  }

  version(name: string): Version | undefined {
    if (!this.#source.versions.includes(name)) return undefined;
    const version = this.#compiled.get(name) ?? new CompiledVersion(name, this.#source);
    this.#compiled.set(name, version);
    return version;
  }
}

/** Rules are made when the first message asks for them. */
class CompiledVersion implements Version {
  readonly #name: string;
  readonly #source: Source;
  readonly #segments = new Map<string, SegmentRule | undefined>();
  readonly #types = new Map<string, PartRule | undefined>();
  readonly #hasStrictParts: boolean;
  readonly #timeIsTs: boolean;

  constructor(name: string, source: Source) {
    this.#name = name;
    this.#source = source;
    this.#hasStrictParts = isAtLeast(name, TYPES_SINCE);
    this.#timeIsTs = !isAtLeast(name, DTM_SINCE);
  }

  segment(name: string): SegmentRule | undefined {
    if (!this.#segments.has(name)) this.#segments.set(name, this.#compileSegment(name));
    return this.#segments.get(name);
  }

  ofType(type: string): PartRule | undefined {
    if (!this.#types.has(type)) {
      const isKnown = Object.hasOwn(this.#source.types, type) || TEXTS.has(type) || Object.hasOwn(PRIMITIVES, type);
      const spec: Spec = { num: 5, name: 'Observation Value', hl7Type: type };
      this.#types.set(type, isKnown ? this.#part(spec, 'O', 1) : undefined);
    }
    return this.#types.get(type);
  }

  #compileSegment(name: string): SegmentRule | undefined {
    const spec = Object.hasOwn(this.#source.segments, name) ? this.#source.segments[name] : undefined;
    if (!spec?.versions.includes(this.#name)) return undefined;
    const rules: (PartRule | undefined)[] = [undefined];
    for (const field of spec.fields) {
      const usage = typeof field.usage === 'object' ? field.usage[this.#name] : field.usage;
      while (rules.length <= field.num) rules.push(undefined);
      if (usage !== undefined) rules[field.num] = this.#field(field, usage);
    }
    while (rules.length > 1 && rules.at(-1) === undefined) rules.pop();
    return rules;
  }

  /** A field that was withdrawn later has no type in the dictionary, so nothing is known about what is in it. */
  #field(spec: Spec, usage: string): PartRule {
    const isWithdrawn = usage === 'W' || usage === 'X';
    const usageOfTypes = typeof spec.usage === 'object' ? spec.usage['2.8'] : spec.usage;
    const hasType = usageOfTypes !== undefined && usageOfTypes !== 'W' && usageOfTypes !== 'X';
    if (hasType) return this.#part(spec, usage, 1);
    const rule = { name: nameOf(spec), type: '', isRequired: usage === 'R', isWithdrawn };
    return { ...rule, primitive: undefined, parts: undefined };
  }

  /** @param depth 1 field, 2 component, 3 subcomponent */
  #part(spec: Spec, usage: string, depth: number): PartRule {
    const { hl7Type: type = '' } = spec;
    const name = nameOf(spec);
    const isCounted = depth === 1 || this.#hasStrictParts;
    const table = type === 'ID' ? this.#table(spec.table) : undefined;
    const most = typeof spec.length === 'number' ? spec.length : spec.length?.max;
    const max = isCounted ? most : undefined;
    return {
      name,
      type,
      isRequired: isCounted && usage === 'R',
      isWithdrawn: isCounted && (usage === 'W' || usage === 'X'),
      ...(max === undefined ? {} : { maxLength: max }),
      ...(table === undefined ? {} : { table }),
      primitive: PRIMITIVES[type],
      parts: this.#parts(spec, depth),
    };
  }

  #parts(spec: Spec, depth: number): readonly PartRule[] | undefined {
    const { hl7Type: type = '' } = spec;
    if (TEXTS.has(type)) return [];
    if (PRIMITIVES[type] !== undefined) return this.#timeIsTs && PRIMITIVES[type] === 'DTM' ? TS_PARTS : [];
    const specs = spec.components ?? (Object.hasOwn(this.#source.types, type) ? this.#source.types[type] : undefined);
    // What has parts inside a subcomponent has come down a level: an older type that is written in one piece.
    if (specs === undefined || depth === 3) return undefined;
    return specs.map((part) => this.#part(part, typeof part.usage === 'string' ? part.usage : 'O', depth + 1));
  }

  /**
   * HL7 tables are those of coded values (ID); those of user-defined ones (IS, CWE) are suggestions. A sender may use codes
   * of a later version before its time, as national guides make them do (CLIA in 2.5.1), so those are taken too.
   */
  #table(number: number | string | undefined): PartRule['table'] {
    if (number === undefined) return undefined;
    const name = String(number).padStart(4, '0');
    if (EVER_GROWING.has(name) || this.#source.values(this.#name, name) === undefined) return undefined;
    const values = this.#source.versions
      .filter((version) => isAtLeast(version, this.#name))
      .flatMap((version) => this.#source.values(version, name) ?? []);
    return values.length === 0 ? undefined : { number: name, has: membership(values) };
  }
}

const TEXT_PART: Omit<PartRule, 'name' | 'primitive'> = {
  type: 'ST',
  isRequired: false,
  isWithdrawn: false,
  parts: [],
};
const TS_PARTS: readonly PartRule[] = [
  { ...TEXT_PART, name: 'Time', type: 'DTM', primitive: 'DTM' },
  { ...TEXT_PART, name: 'Degree of Precision', primitive: undefined },
];

/** An entry may hold several codes (`L,M,N`) or a pattern (`HL7nnnn`, `NNxxx` stand for digits and letters). */
function membership(values: readonly string[]): (value: string) => boolean {
  const plain = new Set(
    values.flatMap((value) => [value.trim(), ...(/^\w(?:,\w)+$/.test(value) ? value.split(',') : [])]),
  );
  const patterns = values
    .filter((value) => /(?:nnnn|xxx|zzz)$/.test(value))
    .map((value) => new RegExp(`^${value.replace(/n{4}$/, '\\d{4}').replace(/(?:x{3}|z{3})$/, '[A-Za-z0-9]{3}')}$`));
  return (value) => plain.has(value) || patterns.some((pattern) => pattern.test(value));
}

/** The package marks some names with a sign of its source. */
function nameOf(spec: Spec): string {
  return spec.name.replace(/\s*[+*#]+$/, '');
}

/** Compares versions such as 2.5.1 and 2.7. */
function isAtLeast(version: string, other: string): boolean {
  const [a, b] = [version.split('.').map(Number), other.split('.').map(Number)];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

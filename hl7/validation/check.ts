import { type Delimiters, isHeader } from '../delimiters.ts';
import { DELETE, escaperFor } from '../escape.ts';
import type { Message, SegmentView } from '../parse.ts';
import type { PartRule, SegmentRule, Version } from './dictionary.ts';
import { isWritten, WRITTEN } from './formats.ts';
import type { Issue, ValidationSettings } from './settings.ts';

/** So many issues of one message are told of; who has more has the wrong version or no HL7. */
const MANY_ISSUES = 100;

/** Holds the segments of one message against the rules of a version. */
export class MessageCheck {
  readonly #version: Version;
  readonly #versionName: string;
  readonly #settings: ValidationSettings;
  readonly #delimiters: Delimiters;
  readonly #unescape: (raw: string) => string;
  readonly #issues: Issue[] = [];
  #segment = '';
  #line = 0;

  constructor(version: Version, versionName: string, settings: ValidationSettings, message: Message) {
    this.#version = version;
    this.#versionName = versionName;
    this.#settings = settings;
    this.#delimiters = message.delimiters;
    this.#unescape = escaperFor(message.delimiters).unescape;
  }

  run(message: Message): readonly Issue[] {
    for (const segment of message.segments()) {
      if (this.#issues.length >= MANY_ISSUES) break;
      this.#check(segment);
    }
    return this.#issues.slice(0, MANY_ISSUES);
  }

  #check({ segment, occurrence, line, raw }: SegmentView): void {
    this.#segment = occurrence === 1 ? segment : `${segment}(${occurrence})`;
    this.#line = line;
    if (segment.startsWith('Z')) return;
    const rule = this.#version.segment(segment);
    if (rule) this.#fields(segment, rule, raw);
    else this.#add('HL7_SEGMENT_UNKNOWN', '', `version ${this.#versionName} has no segment ${segment}`);
  }

  #fields(segment: string, rule: SegmentRule, raw: string): void {
    // A header's first two fields are the delimiters: the text after its separator begins with MSH-2.
    const first = isHeader(segment) ? 2 : 1;
    let number = first;
    let type = '';
    for (const field of parts(raw.slice(4), this.#delimiters.field, raw.length > 3)) {
      if (number === 2 && first === 2) {
        number += 1;
        continue;
      }
      if (segment === 'OBX' && number === 2) type = this.#unescape(field);
      const varies = segment === 'OBX' && number === 5;
      this.#field(`-${number}`, rule[number], varies ? this.#version.ofType(type) : undefined, field);
      number += 1;
      if (this.#issues.length >= MANY_ISSUES) return;
    }
    for (; number < rule.length; number += 1) this.#field(`-${number}`, rule[number], undefined, '');
  }

  #field(path: string, rule: PartRule | undefined, varying: PartRule | undefined, raw: string): void {
    if (rule === undefined) {
      if (raw !== '') this.#add('HL7_FIELD_UNKNOWN', path, `version ${this.#versionName} has no such field`);
      return;
    }
    if (raw === '') {
      if (rule.isRequired) this.#add('HL7_VALUE_MISSING', path, `${rule.name} must have a value`);
      return;
    }
    if (rule.isWithdrawn) {
      this.#add('HL7_FIELD_WITHDRAWN', path, `${rule.name} is not used in version ${this.#versionName}`);
      return;
    }
    const inside = varying ?? rule;
    const { repetition } = this.#delimiters;
    if (repetition === '' || !raw.includes(repetition)) {
      this.#value(path, inside, raw, 1);
      return;
    }
    let number = 0;
    for (const one of parts(raw, repetition)) {
      number += 1;
      if (one !== '') this.#value(number === 1 ? path : `${path}(${number})`, inside, one, 1);
      if (this.#issues.length >= MANY_ISSUES) return;
    }
  }

  /** @param depth 1: the text may have components; 2: subcomponents; 3: neither */
  #value(path: string, rule: PartRule, raw: string, depth: number): void {
    if (raw === DELETE || rule.parts === undefined) return;
    const separator = [this.#delimiters.component, this.#delimiters.subcomponent][depth - 1] ?? '';
    const hasParts = separator !== '' && raw.includes(separator);
    if (rule.parts.length === 0 || (rule.primitive !== undefined && !hasParts)) {
      if (hasParts) this.#tooManyParts(path, rule, 1, depth);
      else this.#primitive(path, rule, raw);
      return;
    }
    this.#parts(path, rule, hasParts ? parts(raw, separator) : [raw], depth);
  }

  #parts(path: string, rule: PartRule, texts: Iterable<string>, depth: number): void {
    const rules = rule.parts ?? [];
    let number = 0;
    for (const text of texts) {
      number += 1;
      const part = rules[number - 1];
      if (part === undefined) {
        if (text === '') continue;
        this.#tooManyParts(path, rule, rules.length, depth);
        break;
      }
      if (text !== '' && part.isWithdrawn) {
        this.#add('HL7_FIELD_WITHDRAWN', `${path}.${number}`, `${part.name} is not used in this version`);
      } else if (text !== '') this.#value(`${path}.${number}`, part, text, depth + 1);
      else if (part.isRequired) this.#missing(path, number, part);
    }
    for (; number < rules.length; number += 1) {
      const part = rules[number];
      if (part?.isRequired) this.#missing(path, number + 1, part);
    }
  }

  #primitive(path: string, rule: PartRule, raw: string): void {
    const text = this.#unescape(raw);
    if (rule.table && this.#settings.tables) {
      if (!rule.table.has(text)) {
        const reason = `${rule.name} must be a code of HL7 table ${rule.table.number} (version ${this.#versionName} or later)`;
        this.#add('HL7_VALUE_NOT_IN_TABLE', path, reason);
      }
      return;
    }
    if (rule.primitive !== undefined && this.#settings.types && !isWritten(rule.primitive, text)) {
      this.#add('HL7_VALUE_MALFORMED', path, `${rule.name} must be ${WRITTEN[rule.primitive]}`);
      return;
    }
    const { maxLength } = rule;
    if (maxLength === undefined || !this.#settings.lengths || text.length <= maxLength) return;
    if ([...text].length > maxLength) {
      this.#add('HL7_VALUE_TOO_LONG', path, `${rule.name} may have at most ${maxLength} characters`);
    }
  }

  #missing(path: string, number: number, rule: PartRule): void {
    this.#add('HL7_VALUE_MISSING', `${path}.${number}`, `${rule.name} must have a value`);
  }

  #tooManyParts(path: string, rule: PartRule, most: number, depth: number): void {
    const what = depth === 1 ? 'component' : 'subcomponent';
    const reason = `${rule.name} (${rule.type}) may have ${most === 1 ? `one ${what}` : `at most ${most} ${what}s`}`;
    this.#add('HL7_TOO_MANY_COMPONENTS', path, reason);
  }

  #add(code: string, path: string, reason: string): void {
    this.#issues.push({ code, path: this.#segment + path, line: this.#line, reason });
  }
}

/** The parts of a text one by one; it is not split at once, since a hostile one has millions. */
function* parts(text: string, separator: string, hasAny = true): Generator<string> {
  if (!hasAny) return;
  let start = 0;
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, start)) {
    yield text.slice(start, at);
    start = at + separator.length;
  }
  yield text.slice(start);
}

import { WaybillError } from '../engine/errors.ts';

/**
 * A place in a message: `OBX(2)-5(1).2.1` is the first subcomponent of component 2 in repetition 1 of field 5 of the second
 * OBX. Everything counts from 1; 0 means that it was not said: the first segment and repetition, the whole of what is
 * named last.
 */
export interface Path {
  readonly segment: string;
  readonly occurrence: number;
  readonly field: number;
  readonly repetition: number;
  readonly component: number;
  readonly subcomponent: number;
}

/** A segment of a message: `OBX(2)`, or `OBX` with occurrence 0. */
export type SegmentPath = Pick<Path, 'segment' | 'occurrence'>;

const SEGMENT = '([A-Z][A-Z0-9]{2})(?:\\(([1-9]\\d{0,3})\\))?';
const FIELD = '-([1-9]\\d{0,2})(?:\\(([1-9]\\d{0,3})\\))?(?:\\.([1-9]\\d{0,2}))?(?:\\.([1-9]\\d{0,2}))?';
const SEGMENT_PATH = new RegExp(`^${SEGMENT}$`);
const FIELD_PATH = new RegExp(`^${SEGMENT}${FIELD}$`);

/**
 * Reads a path as people write it. Numbers go up to 999, occurrences and repetitions to 9999.
 * @throws WaybillError HL7_PATH_INVALID with the likely spelling.
 */
export function parsePath(text: string): Path {
  const match = FIELD_PATH.exec(text);
  if (!match) throw invalid(text, FIELD_PATH, 'a path such as PID-5.1, OBX(2)-5 or PID-13(2).4');
  return {
    segment: match[1] ?? '',
    occurrence: Number(match[2] ?? 0),
    field: Number(match[3]),
    repetition: Number(match[4] ?? 0),
    component: Number(match[5] ?? 0),
    subcomponent: Number(match[6] ?? 0),
  };
}

/** Reads `OBX` or `OBX(2)`. @throws WaybillError HL7_PATH_INVALID with the likely spelling. */
export function parseSegmentPath(text: string): SegmentPath {
  const match = SEGMENT_PATH.exec(text);
  if (!match) throw invalid(text, SEGMENT_PATH, 'a segment such as OBX or OBX(2)');
  return { segment: match[1] ?? '', occurrence: Number(match[2] ?? 0) };
}

/** The path as people write it; what was not said stays unsaid. */
export function printPath(path: Path): string {
  const { segment, occurrence, field, repetition, component, subcomponent } = path;
  const nth = (n: number) => (n === 0 ? '' : `(${n})`);
  const part = (n: number) => (n === 0 ? '' : `.${n}`);
  return `${segment}${nth(occurrence)}-${field}${nth(repetition)}${part(component)}${part(subcomponent)}`;
}

function invalid(text: string, grammar: RegExp, expected: string): WaybillError {
  const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  const likely = likelySpelling(text);
  const advice = likely !== text && grammar.test(likely) ? `write ${likely}` : adviceFor(text);
  return new WaybillError('HL7_PATH_INVALID', `'${shown}' is not ${expected}: ${advice}`, { path: shown });
}

/** Undoes what other tools' spellings have: `pid.5.1`, `PID-5-1`, `OBX[2]-5`, `PID-05`. */
function likelySpelling(text: string): string {
  const plain = text
    .trim()
    .toUpperCase()
    .replace(/\[(\d+)\]/g, '($1)')
    .replace(/(?<!\d)0+(?=[1-9])/g, '');
  const match = /^([A-Z][A-Z0-9]{2}(?:\(\d+\))?)[-.:_/]?(\d.*)?$/.exec(plain);
  if (!match?.[2]) return plain;
  return `${match[1]}-${match[2].replace(/[-:_/]/g, '.')}`;
}

function adviceFor(text: string): string {
  if (/(?<!\d)0(?!\d)/.test(text)) return 'everything counts from 1';
  if (SEGMENT_PATH.test(text)) return 'the field is missing';
  return 'write SEGMENT(occurrence)-field(repetition).component.subcomponent';
}

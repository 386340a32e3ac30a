import { WaybillError } from '../engine/errors.ts';

/** The characters that structure a message (HL7 v2.5.1, 2.5.4). One that the message does not declare is the empty text. */
export interface Delimiters {
  readonly field: string;
  readonly component: string;
  readonly repetition: string;
  readonly escape: string;
  readonly subcomponent: string;
  /** Since 2.7, and only where MSH-2 has a fifth character. */
  readonly truncation: string;
}

/** The delimiters that the standard suggests and nearly everybody uses: `|^~\&`. */
export const STANDARD_DELIMITERS: Delimiters = Object.freeze({
  field: '|',
  component: '^',
  repetition: '~',
  escape: '\\',
  subcomponent: '&',
  truncation: '',
});

/** Segments whose first two fields are the delimiters. */
export function isHeader(segment: string): boolean {
  return segment === 'MSH' || segment === 'FHS' || segment === 'BHS';
}

/** Whether a character may be a delimiter: letters and digits would collide with escapes, white space with line ends. */
export function isDelimiter(character: string): boolean {
  return character.length === 1 && !/[A-Za-z0-9\s\uD800-\uDFFF]/.test(character);
}

/**
 * The delimiters that a header segment declares. `header` begins with MSH, FHS or BHS; more may follow it.
 * @throws WaybillError HL7_NOT_A_MESSAGE, HL7_DELIMITERS_INVALID.
 */
export function delimitersOf(header: string): Delimiters {
  if (header.startsWith('|^~\\&|', 3)) return STANDARD_DELIMITERS;
  const segment = header.slice(0, 3);
  const field = header.charAt(3);
  if (!isHeader(segment) || !isDelimiter(field)) {
    throw new WaybillError(
      'HL7_NOT_A_MESSAGE',
      'the text does not begin with MSH, FHS or BHS and a field separator; remove what stands before it',
    );
  }
  const encoding = encodingCharacters(header, field);
  const [component = '', repetition = '', mark = '', subcomponent = '', fifth = ''] = encoding.slice(0, 5);
  const used = [field, component, repetition, mark, subcomponent].filter((character) => character !== '');
  if (!used.every(isDelimiter) || new Set(used).size < used.length) {
    throw new WaybillError(
      'HL7_DELIMITERS_INVALID',
      `${segment}-1 and ${segment}-2 must be distinct punctuation characters, usually |^~\\&`,
    );
  }
  const truncation = isDelimiter(fifth) && !used.includes(fifth) ? fifth : '';
  return { field, component, repetition, escape: mark, subcomponent, truncation };
}

function encodingCharacters(header: string, field: string): string[] {
  const characters: string[] = [];
  for (let at = 4; at < header.length && characters.length < 5; at++) {
    const character = header.charAt(at);
    if (character === field || character === '\r' || character === '\n') break;
    characters.push(character);
  }
  return characters;
}

/** The header's first two fields as they are printed after its name: `|^~\&`. */
export function printDelimiters(delimiters: Delimiters): string {
  const { field, component, repetition, escape: mark, subcomponent, truncation } = delimiters;
  return field + component + repetition + mark + subcomponent + truncation;
}

/** Whether all five are declared, so that any value can be written and any part reached. */
export function isComplete(delimiters: Delimiters): boolean {
  const { field, component, repetition, escape: mark, subcomponent } = delimiters;
  return [field, component, repetition, mark, subcomponent].every((character) => character !== '');
}

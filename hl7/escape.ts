import { WaybillError } from '../engine/errors.ts';
import { type Delimiters, STANDARD_DELIMITERS } from './delimiters.ts';

/** Turns text into a value that can stand in a message, and back (HL7 v2.5.1, 2.7). */
export interface Escaper {
  /** Delimiters, CR and LF are escaped; TAB and other characters stay; `""` is written so that it does not mean "delete". */
  escape(text: string): string;
  /** The exact inverse of `escape`; escapes for display (`\H\`, `\.br\`), local ones and unknown ones stay as they are. */
  unescape(raw: string): string;
}

/** What an explicit delete looks like: "remove what you have" (an empty field says nothing). */
export const DELETE = '""';

/** The letter between two escape characters that means a delimiter, and which one (HL7 v2.5.1, 2.7.1). */
export const ESCAPE_LETTERS = [
  ['F', 'field'],
  ['S', 'component'],
  ['T', 'subcomponent'],
  ['R', 'repetition'],
  ['E', 'escape'],
  ['P', 'truncation'],
] as const satisfies readonly (readonly [string, keyof Delimiters])[];

/** What stands between two escape characters when they are meant as an escape, known or not. */
export const ESCAPE_BODY = /^[A-Za-z.][A-Za-z0-9.+-]*$/;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const escapers = new WeakMap<Delimiters, Escaper>();

/** The escaper for these delimiters; made once for each object. */
export function escaperFor(delimiters: Delimiters): Escaper {
  const known = escapers.get(delimiters);
  if (known) return known;
  const made = makeEscaper(delimiters);
  escapers.set(delimiters, made);
  return made;
}

/** Escapes a text for one value. @throws WaybillError HL7_DELIMITER_MISSING where the message has no escape character. */
export function escapeText(text: string, delimiters: Delimiters = STANDARD_DELIMITERS): string {
  return escaperFor(delimiters).escape(text);
}

/** The text of a value as it stands in a message. */
export function unescapeText(raw: string, delimiters: Delimiters = STANDARD_DELIMITERS): string {
  return escaperFor(delimiters).unescape(raw);
}

function makeEscaper(delimiters: Delimiters): Escaper {
  const mark = delimiters.escape;
  const sequences = new Map<string, string>([
    ['\r', `${mark}X0D${mark}`],
    ['\n', `${mark}X0A${mark}`],
  ]);
  const characters = new Map<string, string>();
  for (const [letter, name] of ESCAPE_LETTERS) {
    const character = delimiters[name];
    if (character === '') continue;
    sequences.set(character, mark + letter + mark);
    characters.set(letter, character);
  }
  const set = [...sequences.keys()].map((character) => `\\u${hex4(character)}`).join('');
  const special = new RegExp(`[${set}]`);
  const everySpecial = new RegExp(`[${set}]`, 'g');
  const deleteAsText = `${mark}X2222${mark}`;

  function escapeValue(text: string): string {
    if (text !== DELETE && !special.test(text)) return text;
    if (mark === '') throw noEscapeCharacter();
    if (text === DELETE) return deleteAsText;
    return text.replace(everySpecial, (character) => sequences.get(character) ?? character);
  }

  function unescapeValue(raw: string): string {
    if (mark === '') return raw;
    let open = raw.indexOf(mark);
    if (open < 0) return raw;
    let text = '';
    let done = 0;
    while (open >= 0) {
      const close = raw.indexOf(mark, open + 1);
      if (close < 0) break;
      const body = raw.slice(open + 1, close);
      const value = characters.get(body) ?? hexadecimal(body);
      if (value !== undefined) {
        text += raw.slice(done, open) + value;
        done = close + 1;
      }
      // A body that no escape can have means that the first mark stands for itself and the second may open an escape.
      const isEscape = value !== undefined || ESCAPE_BODY.test(body);
      open = isEscape ? raw.indexOf(mark, close + 1) : close;
    }
    return text + raw.slice(done);
  }

  return { escape: escapeValue, unescape: unescapeValue };
}

/** `X0D0A` as text: bytes in pairs, read as UTF-8; `undefined` where it is no such escape. */
function hexadecimal(body: string): string | undefined {
  if (!/^X(?:[0-9A-Fa-f]{2})+$/.test(body)) return undefined;
  const bytes = Buffer.from(body.slice(1), 'hex');
  try {
    return strictUtf8.decode(bytes);
  } catch {
    // Bytes of another charset: nobody says which, so the escape stays as it is.
    return undefined;
  }
}

function hex4(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}

function noEscapeCharacter(): WaybillError {
  return new WaybillError(
    'HL7_DELIMITER_MISSING',
    'a value holds a delimiter or a line break, but MSH-2 declares no escape character; have it declare ^~\\&',
  );
}

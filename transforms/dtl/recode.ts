/** HL7 as it stands in one message, rewritten for a message with other delimiters. */
import { WaybillError } from '../../engine/errors.ts';
import type { Delimiters } from '../../hl7/delimiters.ts';
import { ESCAPE_BODY, ESCAPE_LETTERS, escaperFor } from '../../hl7/escape.ts';

/**
 * The same structure, values and escapes in other delimiters. Escapes for delimiters (`\F\`) mean the delimiters of their own
 * message, so they are read and written anew; those for display and bytes (`\.br\`, `\X0D\`) stay what they are.
 * @throws WaybillError HL7_DELIMITER_MISSING where `to` has no character for what is needed.
 */
export function recode(raw: string, from: Delimiters, to: Delimiters): string {
  if (raw === '' || sameDelimiters(from, to)) return raw;
  const { escape: encode } = escaperFor(to);
  const structure = new Map([
    [from.component, to.component],
    [from.repetition, to.repetition],
    [from.subcomponent, to.subcomponent],
  ]);
  structure.delete('');
  let text = '';
  for (let at = 0; at < raw.length; at++) {
    const character = raw.charAt(at);
    const sign = structure.get(character);
    if (sign !== undefined) {
      text += required(sign);
      continue;
    }
    const body = character === from.escape ? escapeAt(raw, at, from) : undefined;
    if (body === undefined) {
      text += encode(character);
      continue;
    }
    const meant = ESCAPE_LETTERS.find(([letter, name]) => letter === body && from[name] !== '')?.[1];
    text += meant === undefined ? kept(body, to) : encode(from[meant]);
    at += body.length + 1;
  }
  return text;
}

function kept(body: string, to: Delimiters): string {
  return required(to.escape) + body + to.escape;
}

function required(delimiter: string): string {
  if (delimiter !== '') return delimiter;
  throw new WaybillError(
    'HL7_DELIMITER_MISSING',
    'a value has parts or escapes for which MSH-2 of the message declares no character; have it declare ^~\\&',
  );
}

/** The body of the escape that begins here; `undefined` where the character stands for itself. */
function escapeAt(raw: string, at: number, { escape: mark }: Delimiters): string | undefined {
  const close = mark === '' ? -1 : raw.indexOf(mark, at + 1);
  const body = close < 0 ? '' : raw.slice(at + 1, close);
  return ESCAPE_BODY.test(body) ? body : undefined;
}

/** Whether what stands in one message means the same in the other. */
export function sameDelimiters(a: Delimiters, b: Delimiters): boolean {
  if (a === b) return true;
  const names = ['field', 'component', 'repetition', 'escape', 'subcomponent', 'truncation'] as const;
  return names.every((name) => a[name] === b[name]);
}

/** Texts that receivers wrap once more before they put them into their answer. */
import type { Encoding } from './dialect-types.ts';
import { looksLikeHl7 } from './lenient.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/**
 * The text of an answer's element, unwrapped. What is plain HL7 in spite of the dialect, or cannot be unwrapped, is given
 * back as it is: whoever reads it then says that it is not understood.
 */
export function decodedText(text: string, encoding: Encoding): string {
  if (encoding === 'text') return text;
  if (encoding === 'base64') return looksLikeHl7(text) ? text : (fromBase64(text) ?? text);
  // A field separator that is written with a percent sign is no separator yet.
  const isPlain = looksLikeHl7(text) && !/^\s*...%[0-9A-Fa-f]{2}/.test(text);
  return isPlain ? text : (fromUrl(text) ?? text);
}

function fromBase64(text: string): string | undefined {
  const packed = text.replace(/\s+/g, '');
  if (!BASE64.test(packed)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(packed, 'base64'));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Percent signs, and `+` for a blank unless blanks are written as %20. */
function fromUrl(text: string): string | undefined {
  const blanks = /%20/.test(text) ? text : text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(blanks.trim());
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

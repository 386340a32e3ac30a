/**
 * A short cut for documents that are nearly all one text. The text is cut out and decoded by itself, at the speed of the
 * runtime's own searches; what is left, a small envelope, goes through the strict parser. Where anything about the text
 * is not plain (CDATA, comments, children), there is no short cut and the whole goes through the parser.
 */

/** Stands in the skeleton where the text was. Private use; an answer that holds it by itself is still read right. */
export const CUT_MARK = '\uE0F0cut\uE0F1';

export interface Cut {
  /** The document with `CUT_MARK` in place of the text. */
  readonly skeleton: string;
  /** The text as a reader of XML gets it. */
  readonly text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The character of a reference without `&` and `;`, or `undefined` where XML 1.0 has none. */
function character(name: string): string | undefined {
  if (!name.startsWith('#')) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
  const code = name.startsWith('#x') ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
  const allowed =
    code === 0x09 ||
    code === 0x0a ||
    code === 0x0d ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff);
  return allowed ? String.fromCodePoint(code) : undefined;
}

const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** Decodes character data without markup (XML 1.0, 2.11 and 4.1); `undefined` where it is not well-formed. */
export function decodeCharacters(raw: string): string | undefined {
  if (raw.includes(']]>') || FORBIDDEN.test(raw)) return undefined;
  let text = raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw;
  if (!text.includes('&')) return text;
  // The two that make up nearly all of HL7 in XML. `&amp;` waits as NUL, which no XML text holds, until the rest is done.
  text = text.replaceAll('&#xD;', '\r').replaceAll('&amp;', '\u0000');
  let sound = true;
  if (text.includes('&')) {
    text = text.replace(/&([^;&]{0,10};)?/g, (whole) => {
      const found = whole.length > 2 ? character(whole.slice(1, -1)) : undefined;
      if (found === undefined) sound = false;
      return found === '&' ? '\u0000' : (found ?? '');
    });
  }
  return sound ? text.replaceAll('\u0000', '&') : undefined;
}

/** Cuts the text of the first element of this local name, where it is plain; else `undefined`. */
export function cutText(xml: string, localName: string): Cut | undefined {
  const open = new RegExp(`<(?:[A-Za-z_][\\w.-]*:)?${localName.replaceAll('.', '\\.')}(?:\\s[^<>]*)?>`).exec(xml);
  if (!open || open[0].endsWith('/>')) return undefined;
  const start = open.index + open[0].length;
  const end = xml.indexOf('<', start);
  if (end < 0 || xml[end + 1] !== '/') return undefined;
  const text = decodeCharacters(xml.slice(start, end));
  return text === undefined ? undefined : { skeleton: xml.slice(0, start) + CUT_MARK + xml.slice(end), text };
}

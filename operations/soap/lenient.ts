/**
 * Reads acknowledgements out of answers that are no proper answers, where nothing has to be guessed: exactly one text in
 * the whole answer is HL7, and it is whole. A dialect says which oddities its receiver has.
 */
import { decodeCharacters } from './cut.ts';
import type { Lenience } from './dialect-types.ts';

/** What the strict reader made of the same answer. */
export type Strict = 'notXml' | 'noElement' | 'emptyElement';

const HL7_START = /^(MSH|FHS|BHS)[^A-Za-z0-9\s]/;
const MAX_TAGS = 100_000;
const MAX_TAG = 20_000;
const TAG = /^<(\/?)([A-Za-z_][A-Za-z0-9_.:-]*)(?:\s+[^\s"'<>/=]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)>$/;

/** True for a text that begins as HL7 does; white space and MLLP's frame may stand before it. */
export function looksLikeHl7(text: string): boolean {
  return HL7_START.test(text.replace(/^[\s\uFEFF\u000b]+/, ''));
}

/**
 * The only acknowledgement in an answer, or `undefined`.
 * @param whole false where the end of the answer cannot be told from a connection that broke
 */
export function lenientText(
  answer: string,
  strict: Strict,
  lenient: readonly Lenience[],
  whole: boolean,
): string | undefined {
  if (!/^[\s\uFEFF]*</.test(answer)) {
    return lenient.includes('plainText') && whole && looksLikeHl7(answer) ? answer : undefined;
  }
  const oddity = ODDITIES[strict];
  if (!lenient.includes(oddity)) return undefined;
  const texts = textsOf(answer)?.filter(looksLikeHl7) ?? [];
  return texts.length === 1 ? texts[0] : undefined;
}

const ODDITIES: Readonly<Record<Strict, Lenience>> = {
  notXml: 'missingEndTag',
  noElement: 'wrongTags',
  emptyElement: 'extraElement',
};

/**
 * The texts between the tags of an answer, each of them ended by a tag; `undefined` where anything but a missing end tag is
 * wrong, or where there is a fault.
 */
function textsOf(xml: string): readonly string[] | undefined {
  const texts: string[] = [];
  const open: string[] = [];
  let text = '';
  let at = 0;
  let tags = 0;
  while (at < xml.length) {
    const next = xml.indexOf('<', at);
    if (next < 0) break;
    const between = decodeCharacters(xml.slice(at, next));
    if (between === undefined) return undefined;
    text += between;
    const markup = markupAt(xml, next);
    if (markup === undefined) return undefined;
    at = next + markup.length;
    if (markup.startsWith('<![CDATA[')) {
      text += markup.slice(9, -3).replace(/\r\n?/g, '\n');
      continue;
    }
    if (markup.startsWith('<?') || markup.startsWith('<!--')) continue;
    tags += 1;
    if (tags > MAX_TAGS || !follow(markup, open)) return undefined;
    texts.push(text);
    text = '';
  }
  // A text that no tag ends may have been cut.
  return text.trim() === '' && xml.slice(at).trim() === '' ? texts : undefined;
}

/** A whole tag, comment, instruction or CDATA section; `undefined` for anything else, or where it does not end. */
function markupAt(xml: string, at: number): string | undefined {
  const ends: readonly (readonly [string, string])[] = [
    ['<!--', '-->'],
    ['<![CDATA[', ']]>'],
    ['<?', '?>'],
    ['<!', ''],
    ['<', '>'],
  ];
  const [start = '', end = ''] = ends.find(([begin]) => xml.startsWith(begin, at)) ?? [];
  if (end === '') return undefined;
  const stop = xml.indexOf(end, at + start.length);
  return stop < 0 ? undefined : xml.slice(at, stop + end.length);
}

/** Keeps the list of open elements; false where a tag is none, ends what is not open, or begins a fault. */
function follow(markup: string, open: string[]): boolean {
  const [whole, end, name = '', empty] = (markup.length > MAX_TAG ? undefined : TAG.exec(markup)) ?? [];
  if (whole === undefined || /^(.*:)?Fault$/.test(name)) return false;
  if (end !== '/') {
    if (empty !== '/') open.push(name);
    return true;
  }
  const opened = open.lastIndexOf(name);
  if (opened < 0) return false;
  open.length = opened;
  return true;
}

/** Reads an answer: bytes to text to the two things that count, a fault or the text of the answer's element. */
import { isAscii } from 'node:buffer';
import { SaxesParser } from 'saxes';
import { type AnswerContent, AnswerReader, UnreadableAnswer } from './answer-reader.ts';
import { CUT_MARK, cutText } from './cut.ts';
import { includedText, type Parts } from './multipart.ts';
import type { HttpAnswer } from './transport.ts';

export { type AnswerContent, type Fault, UnreadableAnswer } from './answer-reader.ts';

const MAX_ATTRIBUTES = 64;

const LABELS: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  ascii: 'utf-8',
  'utf-16le': 'utf-16le',
  'utf-16be': 'utf-16be',
  'iso-8859-1': 'windows-1252',
  latin1: 'windows-1252',
  'windows-1252': 'windows-1252',
  cp1252: 'windows-1252',
};

/** Other single-byte charsets of the WHATWG's Encoding Standard, under the names that it gives them. */
const OTHERS = /^(?:iso-8859-(?:[2-8]|1[03456])|windows-(?:125[013-8]|874)|koi8-[ru])$/;

function labelOf(name: string): string | undefined {
  return Object.hasOwn(LABELS, name) ? LABELS[name] : OTHERS.test(name) ? name : undefined;
}

function byteOrderMark(body: Buffer): string | undefined {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return 'utf-8';
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le';
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** UTF-16 without its mark: the first `<` shows it (XML 1.0, appendix F). */
function utf16Order(body: Buffer): string | undefined {
  if (body[0] === 0x3c && body[1] === 0) return 'utf-16le';
  if (body[0] === 0 && body[1] === 0x3c) return 'utf-16be';
  return undefined;
}

function charsetParameter(contentType: unknown): string | undefined {
  if (typeof contentType !== 'string') return undefined;
  return /;\s*charset\s*=\s*"?([A-Za-z0-9._-]+)"?/i.exec(contentType)?.[1]?.toLowerCase();
}

function declaredEncoding(body: Buffer): string | undefined {
  const start = body.toString('latin1', 0, 200);
  return /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(start)?.[1]?.toLowerCase();
}

/**
 * The answer as text. A byte order mark decides, or a `<` in UTF-16; else the charset of the content type, the XML
 * declaration and UTF-8 are tried in this order, strictly: receivers announce one and write another.
 * @throws UnreadableAnswer
 */
export function decodeAnswer(answer: HttpAnswer): string {
  const { body, headers } = answer;
  const mark = byteOrderMark(body) ?? utf16Order(body);
  if (mark === undefined && isAscii(body)) return body.toString('latin1');
  const announced =
    mark === undefined
      ? [charsetParameter(headers['content-type']), declaredEncoding(body), 'utf-8'].filter(
          (name) => name !== undefined,
        )
      : [mark];
  for (const name of announced) {
    const label = labelOf(name);
    if (label === undefined) continue;
    try {
      return new TextDecoder(label, { fatal: true }).decode(body);
    } catch (error) {
      // Not this one: the next that was announced may fit.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  throw new UnreadableAnswer('charset', `the answer is no text in ${[...new Set(announced)].join(' or ')}`);
}

/**
 * Reads the answer strictly as XML, but finds things by their local names: receivers are careless with prefixes and
 * namespaces, not with names.
 * @param answerElement path of the answer's element
 * @param also paths of other elements whose texts are wanted, by a name
 * @param parts what came beside the XML, for elements that only refer to it
 * @throws UnreadableAnswer where it is no well-formed XML, has a document type, or exceeds a cap.
 */
export function readAnswer(
  xml: string,
  answerElement: string,
  also: Readonly<Record<string, string | undefined>> = {},
  parts: Parts = new Map(),
): AnswerContent {
  const path = answerElement.split('/');
  const watched = Object.entries(also).flatMap(([name, other]) =>
    other === undefined ? [] : [{ name, path: other.split('/') }],
  );
  const read = (text: string): AnswerContent => parse(text, new AnswerReader(path, watched), parts);
  const cut = cutText(xml, path.at(-1) ?? '');
  if (cut) {
    const content = tried(() => read(cut.skeleton));
    // Only where the mark is the whole text of the answer was the right thing cut.
    if (content?.text === CUT_MARK && !content.more && !content.fault) return withText(content, cut.text);
  }
  return read(xml);
}

/** Puts the text that was cut out back, wherever its mark stands. */
function withText(content: AnswerContent, text: string): AnswerContent {
  const values = Object.entries(content.values).map(([name, found]) => [
    name,
    found.map((value) => (value === CUT_MARK ? text : value)),
  ]);
  return { text, values: Object.fromEntries(values) };
}

function tried(read: () => AnswerContent): AnswerContent | undefined {
  try {
    return read();
  } catch (error) {
    // The whole document will be parsed and give its own error.
    if (error instanceof UnreadableAnswer) return undefined;
    throw error;
  }
}

function parse(xml: string, reader: AnswerReader, parts: Parts): AnswerContent {
  const parser = new SaxesParser({ xmlns: false, position: false });
  let attributes = 0;
  parser.on('doctype', () => {
    throw new UnreadableAnswer('xml', 'a document type, which is refused');
  });
  parser.on('opentagstart', () => {
    attributes = 0;
  });
  parser.on('attribute', () => {
    attributes += 1;
    if (attributes > MAX_ATTRIBUTES) throw new UnreadableAnswer('xml', `more than ${MAX_ATTRIBUTES} attributes`);
  });
  parser.on('opentag', (tag) => {
    // XOP: the element stands for the bytes of another part, inside the element whose text they are.
    const { href } = tag.attributes;
    if (href?.startsWith('cid:') && /(^|:)Include$/.test(tag.name)) reader.text(includedText(href, parts));
    reader.open(tag.name);
  });
  parser.on('closetag', () => reader.close());
  parser.on('text', (text) => reader.text(text));
  parser.on('cdata', (text) => reader.text(text));
  parser.on('error', () => {
    // The parser's words may quote the answer; where it stopped is enough.
    throw new UnreadableAnswer('xml', `no well-formed XML at line ${parser.line}, column ${parser.column}`);
  });
  parser.write(xml).close();
  return reader.found;
}

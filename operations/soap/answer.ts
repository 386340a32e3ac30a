/** Reads an answer: bytes to text to the two things that count, a fault or the text of the answer's element. */
import { isAscii } from 'node:buffer';
import { SaxesParser } from 'saxes';
import { CUT_MARK, cutText } from './cut.ts';
import type { HttpAnswer } from './transport.ts';

/** A fault as the receiver wrote it, read by local names in either version of SOAP. */
export interface Fault {
  /** Local name of the detail's first element; empty where there is none. */
  readonly detail: string;
  /** Local names of the fault's code and of its subcodes, from outside to inside. */
  readonly codes: readonly string[];
  /** The receiver's words: the reason, and the texts of the detail's element. */
  readonly reason: string;
}

export interface AnswerContent {
  readonly fault?: Fault;
  /** Whole text of the answer's element, nothing trimmed. */
  readonly text?: string;
}

/** An answer that cannot be read; `kind` says whether as text or as XML. Says why and where, never what stands there. */
export class UnreadableAnswer extends Error {
  readonly kind: 'charset' | 'xml';

  constructor(kind: 'charset' | 'xml', message: string) {
    super(message);
    this.kind = kind;
  }
}

const MAX_DEPTH = 64;
const MAX_ELEMENTS = 100_000;
const MAX_ATTRIBUTES = 64;

const LABELS: Readonly<Record<string, string>> = {
  'utf-8': 'utf-8',
  utf8: 'utf-8',
  'us-ascii': 'utf-8',
  ascii: 'utf-8',
  'utf-16': 'utf-16le',
  'utf-16le': 'utf-16le',
  'utf-16be': 'utf-16be',
  'iso-8859-1': 'windows-1252',
  latin1: 'windows-1252',
  'windows-1252': 'windows-1252',
  cp1252: 'windows-1252',
};

function byteOrderMark(body: Buffer): string | undefined {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return 'utf-8';
  if (body[0] === 0xff && body[1] === 0xfe) return 'utf-16le';
  if (body[0] === 0xfe && body[1] === 0xff) return 'utf-16be';
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
 * The answer as text. A byte order mark decides; else the charset of the content type, the XML declaration and UTF-8 are
 * tried in this order, strictly: receivers announce one and write another.
 * @throws UnreadableAnswer
 */
export function decodeAnswer(answer: HttpAnswer): string {
  const { body, headers } = answer;
  const announcedUtf16 = charsetParameter(headers['content-type'])?.startsWith('utf-16') ?? false;
  if (isAscii(body) && !announcedUtf16) return body.toString('latin1');
  const mark = byteOrderMark(body);
  const announced =
    mark === undefined
      ? [charsetParameter(headers['content-type']), declaredEncoding(body), 'utf-8'].filter(
          (name) => name !== undefined,
        )
      : [mark];
  for (const name of announced) {
    const label = LABELS[name];
    if (label === undefined) continue;
    try {
      return new TextDecoder(label, { fatal: true }).decode(body);
    } catch (error) {
      // Not this one: the next that was announced may fit.
      if (!(error instanceof TypeError)) throw error;
    }
  }
  throw new UnreadableAnswer('charset', `the answer is no text in ${announced.join(' or ')}`);
}

function localName(name: string): string {
  const colon = name.indexOf(':');
  return colon < 0 ? name : name.slice(colon + 1);
}

function endsWith(path: readonly string[], end: readonly string[]): boolean {
  if (path.length < end.length) return false;
  const start = path.length - end.length;
  return end.every((name, i) => path[start + i] === name);
}

/** Where the parser is, and what it has found on its way. */
class AnswerReader {
  readonly #answerPath: readonly string[];
  readonly #path: string[] = [];
  #elements = 0;
  #text: string | undefined;
  #collected = '';
  #inAnswer = 0;
  #inFault = 0;
  #sawFault = false;
  #detail = '';
  readonly #codes: string[] = [];
  readonly #reason: string[] = [];

  constructor(answerPath: readonly string[]) {
    this.#answerPath = answerPath;
  }

  open(name: string): void {
    this.#elements += 1;
    if (this.#elements > MAX_ELEMENTS) throw new UnreadableAnswer('xml', `more than ${MAX_ELEMENTS} elements`);
    const local = localName(name);
    this.#path.push(local);
    const depth = this.#path.length;
    if (depth > MAX_DEPTH) throw new UnreadableAnswer('xml', `elements more than ${MAX_DEPTH} deep`);
    if (this.#inFault > 0) {
      if (depth === this.#inFault + 2 && this.#detail === '' && this.#underFault('detail')) this.#detail = local;
      this.#collected = '';
      return;
    }
    if (local === 'Fault' && this.#path[depth - 2] === 'Body') {
      this.#inFault = depth;
      return;
    }
    // The first counts; what stands inside it belongs to no text.
    if (this.#text === undefined && this.#inAnswer === 0 && endsWith(this.#path, this.#answerPath)) {
      this.#inAnswer = depth;
      this.#collected = '';
    }
  }

  text(text: string): void {
    const depth = this.#path.length;
    if (this.#inFault > 0 || (this.#inAnswer > 0 && depth === this.#inAnswer)) this.#collected += text;
  }

  close(): void {
    const depth = this.#path.length;
    if (this.#inFault > 0) {
      this.#closeInFault(depth);
    } else if (depth === this.#inAnswer) {
      this.#text = this.#collected;
      this.#inAnswer = 0;
    }
    this.#path.pop();
  }

  get found(): AnswerContent {
    const reason = this.#reason.filter((words) => words !== '').join(' - ');
    return {
      ...(this.#sawFault ? { fault: { detail: this.#detail, codes: this.#codes, reason } } : {}),
      ...(this.#text === undefined ? {} : { text: this.#text }),
    };
  }

  #underFault(name: string): boolean {
    return this.#path[this.#inFault]?.toLowerCase() === name;
  }

  #closeInFault(depth: number): void {
    this.#sawFault = true;
    const words = this.#collected.trim();
    this.#collected = '';
    if (depth === this.#inFault) {
      this.#inFault = 0;
      return;
    }
    const own = this.#path[depth - 1];
    const code = this.#underFault('code') && own === 'Value';
    if ((code || this.#underFault('faultcode')) && words !== '') this.#codes.push(localName(words));
    if (this.#underFault('reason') || this.#underFault('faultstring')) this.#reason.push(words);
    // Texts deeper than a child of the detail's element are stack traces and the like.
    if (this.#underFault('detail') && depth <= this.#inFault + 3) this.#reason.push(words);
  }
}

/**
 * Reads the answer strictly as XML, but finds things by their local names: receivers are careless with prefixes and
 * namespaces, not with names.
 * @throws UnreadableAnswer where it is no well-formed XML, has a document type, or exceeds a cap.
 */
export function readAnswer(xml: string, answerElement: string): AnswerContent {
  const path = answerElement.split('/');
  const cut = cutText(xml, path.at(-1) ?? '');
  if (cut) {
    const content = tryParse(cut.skeleton, path);
    // Only where the mark is the whole text of the answer was the right thing cut.
    if (content?.text === CUT_MARK && !content.fault) return { text: cut.text };
  }
  return parse(xml, path);
}

function tryParse(xml: string, path: readonly string[]): AnswerContent | undefined {
  try {
    return parse(xml, path);
  } catch (error) {
    // The whole document will be parsed and give its own error.
    if (error instanceof UnreadableAnswer) return undefined;
    throw error;
  }
}

function parse(xml: string, answerPath: readonly string[]): AnswerContent {
  const parser = new SaxesParser({ xmlns: false, position: false });
  const reader = new AnswerReader(answerPath);
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
  parser.on('opentag', (tag) => reader.open(tag.name));
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

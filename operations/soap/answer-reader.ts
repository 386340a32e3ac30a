/** What is looked for in an answer while it is parsed: a fault, the answer's text, and other texts by their paths. */

/** A fault as the receiver wrote it, read by local names in either version of SOAP. */
export interface Fault {
  /** Local name of the detail's first element; empty where there is none. */
  readonly detail: string;
  /** Local names of the fault's code and of its subcodes, from outside to inside. */
  readonly codes: readonly string[];
  /** The receiver's words: the reason, and the texts of the detail's element. */
  readonly reason: string;
  /** Texts of the elements inside the detail's first one, by local name (`Code`, `MaxSize`). */
  readonly values: Readonly<Record<string, string>>;
}

export interface AnswerContent {
  readonly fault?: Fault;
  /** Whole text of the answer's element, nothing trimmed. */
  readonly text?: string;
  /** Texts of further elements of the same path that are not blank: none of them may be passed over. */
  readonly more?: readonly string[];
  /** Texts of the other elements that were asked for, in the order of the answer. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

/** An answer that cannot be read; `kind` says whether as text or as XML. Says why and where, never what stands there. */
export class UnreadableAnswer extends Error {
  readonly kind: 'charset' | 'xml';

  constructor(kind: 'charset' | 'xml', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** An element whose text is wanted, wherever its path ends with these local names. */
export interface Watched {
  readonly name: string;
  readonly path: readonly string[];
}

const MAX_DEPTH = 64;
const MAX_ELEMENTS = 100_000;
/** Texts that are kept for one path: flags, not payloads. */
const MAX_FOUND = 1000;

function localName(name: string): string {
  const colon = name.indexOf(':');
  return colon < 0 ? name : name.slice(colon + 1);
}

function endsWith(path: readonly string[], end: readonly string[]): boolean {
  if (path.length < end.length) return false;
  const start = path.length - end.length;
  return end.every((name, i) => path[start + i] === name);
}

/** An element that is open and whose text is wanted. */
interface Open {
  readonly name: string;
  readonly depth: number;
  text: string;
}

/** Where the parser is, and what it has found on its way. */
export class AnswerReader {
  readonly #answerPath: readonly string[];
  readonly #watched: readonly Watched[];
  readonly #path: string[] = [];
  readonly #open: Open[] = [];
  readonly #values: Record<string, string[]> = Object.create(null);
  #elements = 0;
  readonly #texts: string[] = [];
  #collected = '';
  #inAnswer = 0;
  #inFault = 0;
  #sawFault = false;
  #detail = '';
  readonly #codes: string[] = [];
  readonly #reason: string[] = [];
  readonly #faultValues: Record<string, string> = Object.create(null);

  constructor(answerPath: readonly string[], watched: readonly Watched[] = []) {
    this.#answerPath = answerPath;
    this.#watched = watched;
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
    for (const watched of this.#watched) {
      if (endsWith(this.#path, watched.path)) this.#open.push({ name: watched.name, depth, text: '' });
    }
    // What stands inside it belongs to no text.
    if (this.#inAnswer === 0 && endsWith(this.#path, this.#answerPath)) {
      this.#inAnswer = depth;
      this.#collected = '';
    }
  }

  text(text: string): void {
    const depth = this.#path.length;
    if (this.#inFault > 0 || (this.#inAnswer > 0 && depth === this.#inAnswer)) this.#collected += text;
    for (const open of this.#open) if (open.depth === depth) open.text += text;
  }

  close(): void {
    const depth = this.#path.length;
    if (this.#inFault > 0) {
      this.#closeInFault(depth);
    } else if (depth === this.#inAnswer) {
      this.#texts.push(this.#collected);
      this.#inAnswer = 0;
    }
    while (this.#open.at(-1)?.depth === depth) this.#keep(this.#open.pop());
    this.#path.pop();
  }

  get found(): AnswerContent {
    const reason = this.#reason.filter((words) => words !== '').join(' - ');
    const fault = { detail: this.#detail, codes: this.#codes, reason, values: { ...this.#faultValues } };
    const said = this.#texts.filter((text) => text.trim() !== '');
    const [text = this.#texts[0], ...more] = said;
    return {
      ...(this.#sawFault ? { fault } : {}),
      ...(text === undefined ? {} : { text }),
      ...(more.length === 0 ? {} : { more }),
      values: { ...this.#values },
    };
  }

  #keep(open: Open | undefined): void {
    if (!open) return;
    const found = this.#values[open.name] ?? [];
    this.#values[open.name] = found;
    if (found.length >= MAX_FOUND) throw new UnreadableAnswer('xml', `more than ${MAX_FOUND} elements of one path`);
    found.push(open.text);
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
    const own = this.#path[depth - 1] ?? '';
    const code = this.#underFault('code') && own === 'Value';
    if ((code || this.#underFault('faultcode')) && words !== '') this.#codes.push(localName(words));
    if (this.#underFault('reason') || this.#underFault('faultstring')) this.#reason.push(words);
    if (!this.#underFault('detail')) return;
    // Texts deeper than a child of the detail's element are stack traces and the like.
    if (depth <= this.#inFault + 3) this.#reason.push(words);
    if (depth === this.#inFault + 3) this.#faultValues[own] ??= words;
  }
}

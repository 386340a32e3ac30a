/** Answers in the dialect's way: envelopes, faults, and what a proxy would say, before any form is given to them. */
import type { Dialect } from '../dialect.ts';
import { ENVELOPE_NAMESPACE } from '../envelope.ts';
import { asciiXml } from '../xml.ts';
import { escaped } from './acknowledge.ts';
import { probeElements } from './request.ts';

/** An HTTP answer. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What stands in an answer: texts by the paths of their elements, already written as XML. */
export type Parts = readonly { readonly path: string; readonly xml: string }[];

interface Node {
  readonly name: string;
  readonly inside: Node[];
  xml: string;
}

/** Faults whose name is a code of SOAP, not an element of the detail. */
const CODES: Readonly<Record<string, string>> = {
  Sender: 'Client',
  Receiver: 'Server',
  Client: 'Client',
  Server: 'Server',
  VersionMismatch: 'VersionMismatch',
  MustUnderstand: 'MustUnderstand',
  DataEncodingUnknown: 'DataEncodingUnknown',
};
const CODES_12: Readonly<Record<string, string>> = { Client: 'Sender', Server: 'Receiver' };

/** The element of an answer to a request of this name. */
export function responseElement(request: string): string {
  return `${request.replace(/Request$/, '')}Response`;
}

/**
 * Paths as a dialect has them begin anywhere; here they begin at the element of the body. A path that shares elements with
 * the longest one is laid over it; a single name stands beside the last element of the longest.
 */
export function wholePaths(paths: readonly string[], response: string): readonly (readonly string[])[] {
  const split = paths.map((path) => path.split('/'));
  const longest = split.reduce((long, each) => (each.length > long.length ? each : long), []);
  const base = withRoot(longest, response);
  return split.map((path) => {
    const joint = base.indexOf(path[0] ?? '');
    if (joint >= 0) return [...base.slice(0, joint), ...path];
    return path.length === 1 ? [...base.slice(0, -1), ...path] : withRoot(path, response);
  });
}

function withRoot(path: readonly string[], response: string): readonly string[] {
  return path[0]?.endsWith('Response') ? path : [response, ...path];
}

function write({ name, inside, xml }: Node): string {
  return `<${name}>${xml}${inside.map(write).join('')}</${name}>`;
}

export class Replies {
  readonly #dialect: Dialect;
  readonly #head: string;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
    this.#head = `<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="${ENVELOPE_NAMESPACE[dialect.soap]}"><soap:Body>`;
  }

  /** HTTP 200 with this in the body. */
  envelope(inner: string, status = 200): Reply {
    const type = `${this.#dialect.contentType}; charset=utf-8`;
    return { status, type, headers: {}, body: `${this.#head}${inner}</soap:Body></soap:Envelope>` };
  }

  /** The answer to a request of this name. */
  good(request: string, namespace: string, parts: Parts): Reply {
    const paths = wholePaths(
      parts.map(({ path }) => path),
      responseElement(request),
    );
    const root: Node = { name: paths[0]?.[0] ?? responseElement(request), inside: [], xml: '' };
    for (const [index, path] of paths.entries()) {
      let node = root;
      for (const name of path.slice(1)) {
        let next = node.inside.find((each) => each.name === name);
        if (!next) {
          next = { name, inside: [], xml: '' };
          node.inside.push(next);
        }
        node = next;
      }
      node.xml = parts[index]?.xml ?? '';
    }
    const { xml, inside, name } = root;
    // A default namespace would take unqualified children in.
    const [tag, attribute] = this.#dialect.request.qualified ? [name, 'xmlns'] : [`r:${name}`, 'xmlns:r'];
    const content = `${xml}${inside.map(write).join('')}`;
    return this.envelope(`<${tag} ${attribute}="${escaped(namespace)}">${content}</${tag}>`);
  }

  /** Gives back the text of a probe. */
  echo({ element, text }: { readonly element: string; readonly text: string }): Reply {
    const { namespace, answer } = this.#dialect;
    const names = probeElements(this.#dialect);
    // Where request and answer have names of their own, both call the text alike.
    const isNamed = names?.request.endsWith('Request') === true;
    const path = `${names?.response}/${isNamed ? element : (answer.element.split('/').at(-1) ?? 'return')}`;
    return this.good(names?.request ?? '', namespace, [{ path, xml: asciiXml(text) }]);
  }

  /** A fault, with the name of an element of the detail (and its Code after a /), or of a code of SOAP. */
  fault(name: string, words: string, status = 500, inDetail: Parts = []): Reply {
    const { namespace, soap } = this.#dialect;
    const [element = '', code = '1'] = name.split('/');
    const isCode = Object.hasOwn(CODES, element);
    const children =
      inDetail.length > 0
        ? inDetail.map(({ path, xml }) => `<${path}>${xml}</${path}>`).join('')
        : `<Code>${escaped(code)}</Code><Reason>${escaped(words)}</Reason><Detail>${escaped(words)}</Detail>`;
    const detail = isCode ? '' : `<${element} xmlns="${escaped(namespace)}">${children}</${element}>`;
    const code11 = isCode ? (CODES[element] ?? 'Client') : 'Client';
    const code12 = isCode ? (CODES_12[element] ?? element) : 'Sender';
    const inner =
      soap === '1.2'
        ? `<soap:Fault><soap:Code><soap:Value>soap:${code12}</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">${escaped(words)}</soap:Text></soap:Reason><soap:Detail>${detail}</soap:Detail></soap:Fault>`
        : `<soap:Fault><faultcode>soap:${code11}</faultcode><faultstring>${escaped(words)}</faultstring><detail>${detail}</detail></soap:Fault>`;
    return this.envelope(inner, status);
  }

  /** The fault for what is not let in: the dialect's own, or the code Sender. */
  security(words: string): Reply {
    return this.fault(this.#named(/^(?!.*\/).*(security|auth).*fault$/i) ?? 'Sender', words);
  }

  /** The fault for operations that the dialect does not have. */
  unsupported(): Reply {
    return this.fault(this.#named(/^unsupported.*fault$/i) ?? 'Sender', 'this operation is not offered');
  }

  /**
   * Too large: the dialect's fault for it, with both sizes where it has elements for them; 413 where it has none or `http`
   * is wanted.
   */
  tooLarge(size: number, maxSize: number | undefined, as: 'fault' | 'http'): Reply {
    const words = 'the request is too large';
    const { faults } = this.#dialect;
    const name = Object.keys(faults).find((each) => faults[each]?.then === 'tooLarge' && !Object.hasOwn(CODES, each));
    if (as === 'http' || name === undefined) return page(413, 'text', words);
    const element = faults[name]?.maxSize;
    const sizes =
      element === undefined || maxSize === undefined
        ? []
        : [
            { path: 'Size', xml: String(size) },
            { path: element, xml: String(maxSize) },
          ];
    return this.fault(name, words, 500, sizes);
  }

  #named(pattern: RegExp): string | undefined {
    return Object.keys(this.#dialect.faults).find((name) => pattern.test(name));
  }
}

/** An answer without an envelope. */
export function page(
  status: number,
  body: 'html' | 'json' | 'text' | 'empty',
  words: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const written = {
    html: {
      type: 'text/html; charset=utf-8',
      body: `<!DOCTYPE html><html><body><h1>${status}</h1><p>${escaped(words)}</p></body></html>\n`,
    },
    json: { type: 'application/json', body: `${JSON.stringify({ status, error: words })}\n` },
    text: { type: 'text/plain; charset=utf-8', body: `${words}\n` },
    empty: { type: 'text/plain; charset=utf-8', body: '' },
  }[body];
  return { status, headers, ...written };
}

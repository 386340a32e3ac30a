/** Holds a dialect against the contract of its receiver: every difference is a sentence that names what differs and where to mend it. */
import { compareChildren } from './compare-children.ts';
import { type Line, placeIn, sentence } from './compare-words.ts';
import type { Contract, ContractOperation } from './contract.ts';
import type { Dialect } from './dialect.ts';

export interface Comparison {
  /** What keeps the two from being the same call, one sentence each. */
  readonly differences: readonly string[];
  /** What differs but need not matter. */
  readonly notes: readonly string[];
}

/** Compares a dialect with a contract. */
export function compare({ operations }: Contract, dialect: Dialect): Comparison {
  const operation = choose(operations, dialect);
  if (!operation) {
    const known = [...new Set(operations.map(({ request }) => request.local))].join(', ');
    const cure = `write the one that takes messages under ${placeIn(dialect, 'element')}`;
    const { element } = dialect.request;
    return { differences: [sentence('request element', element, `one of ${known}`, cure)], notes: [] };
  }
  const children = compareChildren(operation, dialect);
  const action = compareAction(operation, dialect);
  // Only SOAP 1.1 has servers that find the operation by its action alone.
  const strict = dialect.soap === '1.1';
  return {
    differences: [
      ...compareFrame(operation, dialect),
      ...(strict ? action : []),
      ...children.differences,
      ...compareAnswer(operation, dialect),
    ],
    notes: [
      ...(strict ? [] : action),
      ...compareHeaders(operation, dialect),
      ...compareEncoding(operation, dialect),
      ...children.notes,
    ],
  };
}

/** The operation that is meant: by its element, by its own name, or by the most names in common; in our version of SOAP if it is there. */
function choose(operations: readonly ContractOperation[], dialect: Dialect): ContractOperation | undefined {
  const { element, children } = dialect.request;
  const shared = ({ children: theirs }: ContractOperation): number =>
    theirs.filter(({ name }) => children.some((child) => child.element === name)).length;
  const most = Math.max(...operations.map(shared));
  const ways = [
    operations.filter(({ request }) => request.local === element),
    operations.filter(({ name }) => name === element),
    most > 0 ? operations.filter((operation) => shared(operation) === most) : [],
  ];
  const candidates = ways.find((found) => found.length > 0) ?? [];
  return candidates.find(({ soap }) => soap === dialect.soap) ?? candidates[0];
}

function compareFrame({ soap, request }: ContractOperation, dialect: Dialect): readonly string[] {
  const rows: readonly (readonly [Line, string, string, string])[] = [
    ['soap', 'version of SOAP', dialect.soap, soap],
    ['namespace', 'namespace', dialect.namespace, request.uri],
    ['element', 'request element', dialect.request.element, request.local],
  ];
  return rows
    .filter(([, , ours, theirs]) => ours !== theirs)
    .map(([line, thing, ours, theirs]) =>
      sentence(thing, ours, theirs, `write ${theirs} under ${placeIn(dialect, line)}`),
    );
}

function compareAction({ action }: ContractOperation, dialect: Dialect): readonly string[] {
  if (action === '' || action === dialect.action) return [];
  if (dialect.action === '' && dialect.soap === '1.2') return [];
  const cure = `write ${action} under ${placeIn(dialect, 'action')}`;
  return [sentence('action', dialect.action === '' ? 'none' : dialect.action, action, cure)];
}

/** Many WSDLs list headers that their receivers can do without: it is told, and no more. */
function compareHeaders({ headers }: ContractOperation, dialect: Dialect): readonly string[] {
  const written = new Set(dialect.headers.map(({ element }) => element));
  return headers
    .filter(({ local }) => !written.has(local) && !(local === 'Security' && dialect.security !== undefined))
    .map(({ local }) => `the WSDL has ${local} in the SOAP header, which the dialect does not write; ask the receiver`);
}

/** A receiver may write base64 for what its WSDL calls bytes, or plain text all the same: it is told, and no more. */
function compareEncoding({ encoded }: ContractOperation, { answer }: Dialect): readonly string[] {
  if (answer.encoding !== 'text' || !encoded.some((path) => `Envelope/Body/${path}`.endsWith(`/${answer.element}`)))
    return [];
  return [
    `the WSDL has base64 in ${answer.element}; write base64 under answer.encoding unless its real answers are text`,
  ];
}

function compareAnswer({ answers }: ContractOperation, dialect: Dialect): readonly string[] {
  const { element } = dialect.answer;
  if (answers.length === 0 || answers.some((path) => `Envelope/Body/${path}`.endsWith(`/${element}`))) return [];
  const inner = answers.filter((path) => !answers.some((other) => other.startsWith(`${path}/`)));
  const expected = inner.length === 1 ? `${inner[0]}` : `one of ${inner.slice(0, 8).join(', ')}`;
  const cure = `write the one that holds the acknowledgement under ${placeIn(dialect, 'answer')}`;
  return [sentence('answer', element, expected, cure)];
}

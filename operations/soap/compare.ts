/** Holds a dialect against the contract of its receiver: every difference is a sentence that names what differs and where to mend it. */
import type { Contract, ContractOperation } from './contract.ts';
import type { Child, Dialect } from './dialect.ts';
import type { SchemaChild } from './schemas.ts';

export interface Comparison {
  /** What keeps the two from being the same call, one sentence each. */
  readonly differences: readonly string[];
  /** What differs but need not matter. */
  readonly notes: readonly string[];
}

/** What of a dialect a line is about. */
type Line = 'soap' | 'namespace' | 'action' | 'element' | 'qualified' | 'order' | 'answer' | 'carry' | 'child';

const IN_DIALECT: Readonly<Record<Line, string>> = {
  soap: 'soap',
  namespace: 'namespace',
  action: 'action',
  element: 'request.element',
  qualified: 'request.qualified',
  order: 'request.children',
  answer: 'answer.element',
  carry: 'request.children',
  child: 'request.children',
};

/** Where a line stands, as the one who mends it needs to know. */
function placeIn(dialect: Dialect, line: Line, child?: Child): string {
  if (!dialect.generic) return `${IN_DIALECT[line]} of the dialect ${dialect.dialect}`;
  if (line !== 'child') return `generic.${line} of the destination`;
  return `generic.${child?.from.replace('credentials.', '') ?? 'order'} of the destination`;
}

function sentence(thing: string, found: string, expected: string, cure: string): string {
  return `${thing}: found ${found} in the dialect, expected ${expected} by the WSDL; ${cure}`;
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
    notes: [...(strict ? [] : action), ...children.notes],
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

function compareChildren(operation: ContractOperation, dialect: Dialect): Comparison {
  const theirs = operation.children;
  const ours = dialect.request.children;
  const unknown = ours.filter(({ element }) => !theirs.some(({ name }) => name === element));
  const unused = new Set(theirs.filter(({ name }) => !ours.some(({ element }) => element === name)));
  const renamed = unknown.map((child) => {
    const at = ours.indexOf(child);
    const other = theirs[at];
    const isOther = other !== undefined && unused.delete(other);
    return { child, at, other: isOther ? other : undefined };
  });
  const free = [...unused].map(({ name }) => name).join(', ');
  const names = renamed.map(({ child, at, other }) => {
    const thing = `element ${at + 1} of ${dialect.request.element}`;
    const place = placeIn(dialect, 'child', child);
    if (other) return sentence(thing, child.element, other.name, `write ${other.name} under ${place}`);
    const cure = free === '' ? `take it out of ${place}` : `see whether ${place} should be one of ${free}`;
    return sentence(thing, child.element, 'no element of this name', cure);
  });
  const wanted = [...unused].filter(({ optional }) => !optional);
  const spare = [...unused].filter(({ optional }) => optional);
  return {
    differences: [
      ...names,
      ...wanted.map(({ name }) =>
        sentence(
          `element ${name} of ${operation.request.local}`,
          'none',
          name,
          `name it under ${placeIn(dialect, 'order')}, or ask the receiver what must stand in it`,
        ),
      ),
      ...compareOrder(operation, dialect),
      ...compareForms(operation, dialect),
      ...compareTypes(operation, dialect),
    ],
    notes: spare.map(({ name }) => `the WSDL also has ${name}, which may be left out and is not sent`),
  };
}

/** Those that both have, as pairs in our order. */
function common(operation: ContractOperation, dialect: Dialect): readonly (readonly [Child, SchemaChild])[] {
  return dialect.request.children.flatMap((child) => {
    const found = operation.children.find(({ name }) => name === child.element);
    return found ? [[child, found] as const] : [];
  });
}

function compareOrder(operation: ContractOperation, dialect: Dialect): readonly string[] {
  if (!operation.ordered) return [];
  const ours = common(operation, dialect).map(([, { name }]) => name);
  const theirs = operation.children.map(({ name }) => name).filter((name) => ours.includes(name));
  if (ours.every((name, at) => name === theirs[at])) return [];
  const thing = `order of the elements of ${operation.request.local}`;
  const cure = `bring them into this order under ${placeIn(dialect, 'order')}`;
  return [sentence(thing, ours.join(', '), theirs.join(', '), cure)];
}

/** Names the elements whose namespace is another one: none where they should have one, or one where they should have none. */
function compareForms(operation: ContractOperation, dialect: Dialect): readonly string[] {
  const { qualified } = dialect.request;
  const pairs = common(operation, dialect);
  const wrong = pairs.filter(([, { namespace }]) => (namespace !== '') !== qualified);
  // Elements that should stand in a namespace of their own, other than that of the request.
  const strange = pairs.filter(
    ([, { namespace }]) => qualified && namespace !== '' && namespace !== operation.request.uri,
  );
  const ours = qualified ? 'in the namespace of the request' : 'in no namespace';
  const forms = wrong.map(([, { name }]) =>
    sentence(
      `element ${name} of ${operation.request.local}`,
      ours,
      qualified ? 'no namespace (unqualified)' : 'a namespace (qualified)',
      wrong.length === pairs.length
        ? `write ${!qualified} under ${placeIn(dialect, 'qualified')}`
        : 'the receiver mixes both forms, which no dialect can say: ask whether it insists',
    ),
  );
  const others = strange.map(([, { name, namespace }]) =>
    sentence(
      `element ${name} of ${operation.request.local}`,
      ours,
      `the namespace ${namespace}`,
      'a namespace for each element is something that no dialect can say: ask whether the receiver insists',
    ),
  );
  return [...forms, ...others];
}

/** Elements that hold no text, or bytes where text is sent. */
function compareTypes(operation: ContractOperation, dialect: Dialect): readonly string[] {
  return common(operation, dialect).flatMap(([child, { name, text }]) => {
    const thing = `element ${name} of ${operation.request.local}`;
    const place = placeIn(dialect, child.from === 'message' ? 'carry' : 'child', child);
    if (text === undefined)
      return [sentence(thing, 'a text', 'elements inside it', `see whether ${place} should be another`)];
    const bytes = text === 'base64Binary';
    if (child.from !== 'message' || bytes === (child.carry === 'base64') || !bytes) return [];
    return [sentence(thing, `carry ${child.carry ?? 'text'}`, 'base64Binary', `write base64 under ${place}`)];
  });
}

function compareAnswer({ answers }: ContractOperation, dialect: Dialect): readonly string[] {
  const { element } = dialect.answer;
  if (answers.length === 0 || answers.some((path) => `Envelope/Body/${path}`.endsWith(`/${element}`))) return [];
  const inner = answers.filter((path) => !answers.some((other) => other.startsWith(`${path}/`)));
  const expected = inner.length === 1 ? `${inner[0]}` : `one of ${inner.slice(0, 8).join(', ')}`;
  const cure = `write the one that holds the acknowledgement under ${placeIn(dialect, 'answer')}`;
  return [sentence('answer', element, expected, cure)];
}

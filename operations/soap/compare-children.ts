/** Compares the elements of a request with those of the contract, level by level. */
import { placeIn, sentence } from './compare-words.ts';
import type { ContractOperation } from './contract.ts';
import type { Child, Dialect } from './dialect.ts';
import type { SchemaElement } from './schemas.ts';

interface Found {
  readonly differences: readonly string[];
  readonly notes: readonly string[];
}

/** An element of the request, with what both say stands in it. */
interface Level {
  /** As the dialect calls the element, and as the WSDL does. */
  readonly ours: string;
  readonly theirs: string;
  readonly children: readonly Child[];
  readonly elements: readonly SchemaElement[];
  readonly ordered: boolean;
  /** Namespace of the children that name none of their own; empty for none. */
  readonly around: string;
  readonly operation: ContractOperation;
  readonly dialect: Dialect;
}

type Pair = readonly [Child, SchemaElement];

/** What differs in names, order, namespaces and types of all elements of the request. */
export function compareChildren(operation: ContractOperation, dialect: Dialect): Found {
  const { request, namespace } = dialect;
  return compareLevel({
    ours: request.element,
    theirs: operation.request.local,
    children: request.children,
    elements: operation.elements,
    ordered: operation.ordered,
    around: request.qualified ? namespace : '',
    operation,
    dialect,
  });
}

function compareLevel(level: Level): Found {
  const { children, elements, theirs, dialect } = level;
  const { sentences, unused } = compareNames(level);
  const wanted = unused.filter(({ optional }) => !optional);
  const spare = unused.filter(({ optional }) => optional);
  const pairs = children.flatMap((child): readonly Pair[] => {
    const found = elements.find(({ name }) => name === child.element);
    return found ? [[child, found]] : [];
  });
  const inside = pairs
    .filter(([child, { text }]) => child.children !== undefined && text === undefined)
    .map(([child, element]) => compareLevel(below(level, child, element)));
  return {
    differences: [
      ...sentences,
      ...wanted.map(({ name }) =>
        sentence(
          `element ${name} of ${theirs}`,
          'none',
          name,
          `name it under ${placeIn(dialect, 'order')}, or ask the receiver what must stand in it`,
        ),
      ),
      ...compareOrder(level, pairs),
      ...compareForms(level, pairs),
      ...compareTypes(level, pairs),
      ...inside.flatMap(({ differences }) => differences),
    ],
    notes: [
      ...spare.map(({ name }) => `the WSDL also has ${name}, which may be left out and is not sent`),
      ...inside.flatMap(({ notes }) => notes),
    ],
  };
}

function below(level: Level, child: Child, element: SchemaElement): Level {
  return {
    ...level,
    ours: child.element,
    theirs: element.name,
    children: child.children ?? [],
    elements: element.children,
    ordered: element.ordered,
    around: child.namespace ?? level.around,
  };
}

/** Names that only one of the two has; one at the same place is taken for the same thing under another name. */
function compareNames({ children, elements, ours, dialect }: Level): {
  readonly sentences: readonly string[];
  readonly unused: readonly SchemaElement[];
} {
  const unknown = children.filter(({ element }) => !elements.some(({ name }) => name === element));
  const unused = new Set(elements.filter(({ name }) => !children.some(({ element }) => element === name)));
  const renamed = unknown.map((child) => {
    const at = children.indexOf(child);
    const other = elements[at];
    const isOther = other !== undefined && unused.delete(other);
    return { child, at, other: isOther ? other : undefined };
  });
  const free = [...unused].map(({ name }) => name).join(', ');
  const sentences = renamed.map(({ child, at, other }) => {
    const thing = `element ${at + 1} of ${ours}`;
    const place = placeIn(dialect, 'child', child);
    if (other) return sentence(thing, child.element, other.name, `write ${other.name} under ${place}`);
    const cure = free === '' ? `take it out of ${place}` : `see whether ${place} should be one of ${free}`;
    return sentence(thing, child.element, 'no element of this name', cure);
  });
  return { sentences, unused: [...unused] };
}

function compareOrder({ elements, ordered, theirs, dialect }: Level, pairs: readonly Pair[]): readonly string[] {
  if (!ordered) return [];
  const ours = pairs.map(([, { name }]) => name);
  const wanted = elements.map(({ name }) => name).filter((name) => ours.includes(name));
  if (ours.every((name, at) => name === wanted[at])) return [];
  const thing = `order of the elements of ${theirs}`;
  const cure = `bring them into this order under ${placeIn(dialect, 'order')}`;
  return [sentence(thing, ours.join(', '), wanted.join(', '), cure)];
}

/** Names the elements whose namespace is another one: none where they should have one, or one where they should have none. */
function compareForms({ around, theirs, operation, dialect }: Level, pairs: readonly Pair[]): readonly string[] {
  // That the namespace of the request is another one is told by itself.
  const meant = (own: string | undefined): string =>
    own ?? (around === dialect.namespace ? operation.request.uri : around);
  const wrong = pairs.filter(([child, { namespace }]) => meant(child.namespace) !== namespace);
  const { qualified } = dialect.request;
  // Where all of them differ in having a namespace at all, one line of the dialect mends them.
  const asOne =
    wrong.length === pairs.length &&
    wrong.every(([{ namespace: own }, { namespace }]) => own === undefined && (namespace !== '') !== qualified);
  return wrong.map(([child, { name, namespace }]) => {
    const ours = child.namespace ?? around;
    const found =
      ours === '' ? 'in no namespace' : ours === dialect.namespace ? 'in the namespace of the request' : ours;
    const expected =
      namespace === ''
        ? 'no namespace (unqualified)'
        : namespace === operation.request.uri
          ? 'a namespace (qualified)'
          : `the namespace ${namespace}`;
    const cure = asOne
      ? `write ${!qualified} under ${placeIn(dialect, 'qualified')}`
      : `write ${namespace === '' ? 'an empty namespace' : `the namespace ${namespace}`} at this element, which only a dialect of its own can`;
    return sentence(`element ${name} of ${theirs}`, found, expected, cure);
  });
}

/** Elements that hold no text, or bytes where text is sent. */
function compareTypes({ theirs, dialect }: Level, pairs: readonly Pair[]): readonly string[] {
  return pairs.flatMap(([child, { name, text }]) => {
    const thing = `element ${name} of ${theirs}`;
    const place = placeIn(dialect, child.from === 'message' ? 'carry' : 'child', child);
    if (text === undefined && child.children === undefined)
      return [sentence(thing, 'a text', 'elements inside it', `see whether ${place} should be another`)];
    if (text !== undefined && child.children !== undefined)
      return [sentence(thing, 'elements inside it', 'a text', `see whether ${place} should be another`)];
    const bytes = text === 'base64Binary';
    if (child.from !== 'message' || bytes === (child.carry === 'base64') || !bytes) return [];
    return [sentence(thing, `carry ${child.carry ?? 'text'}`, 'base64Binary', `write base64 under ${place}`)];
  });
}

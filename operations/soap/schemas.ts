/** The elements of XML schemas: what stands in them, in which order, in which namespace. */
import { childrenOf, type Node, type QName } from './tree.ts';

const XSD = 'http://www.w3.org/2001/XMLSchema';
const MAX_PATHS = 500;
const MAX_DEPTH = 8;
/** Uses of groups in one contract; groups that hold each other would otherwise multiply. */
const MAX_GROUPS = 2000;

/** A child of an element, as its schema has it. */
export interface SchemaChild {
  readonly name: string;
  /** Its namespace; the empty text where it is unqualified. */
  readonly namespace: string;
  /** It may be left out. */
  readonly optional: boolean;
  /** `string`, `base64Binary`, ...; `undefined` for a type that holds elements. */
  readonly text: string | undefined;
  /** Where what stands in it is defined. */
  readonly inner: readonly Defined[];
}

/** A child with all that stands in it. */
export interface SchemaElement extends Omit<SchemaChild, 'inner'> {
  readonly children: readonly SchemaElement[];
  /** False: what stands in it may come in any order. */
  readonly ordered: boolean;
}

/** Local names from an element inwards, joined by /, and what the last one holds as text. */
export interface SchemaPath {
  readonly path: string;
  readonly text: string | undefined;
}

/** A node of a schema, and what holds for all of that schema. */
interface Defined {
  readonly node: Node;
  readonly target: string;
  readonly qualified: boolean;
}

interface Content {
  readonly children: readonly SchemaChild[];
  readonly ordered: boolean;
}

export class Schemas {
  readonly #named = new Map<string, Defined>();
  #groups = 0;

  /** Takes in what a schema defines. */
  add(schema: Node, target: string): void {
    const qualified = schema.attributes.get('elementFormDefault') === 'qualified';
    for (const node of schema.children) {
      const name = node.attributes.get('name');
      if (node.uri === XSD && name !== undefined)
        this.#named.set(`${node.local} {${target}}${name}`, { node, target, qualified });
    }
  }

  /** What stands in a global element; nothing where it is not defined or holds text. */
  content(element: QName): Content {
    const defined = this.#find('element', element);
    if (!defined) return { children: [], ordered: true };
    const types = this.#typesOf(defined);
    const ordered = !types.some(({ node }) => childrenOf(node, XSD, 'all').length > 0);
    return { children: types.flatMap((type) => this.#particles(type, false)), ordered };
  }

  /** A part of an rpc message, which stands in no namespace. */
  part(part: Node): SchemaChild {
    const type = part.attributes.get('type');
    const inner = type === undefined ? [] : this.#typeNamed(part, type);
    return {
      name: part.attributes.get('name') ?? '',
      namespace: '',
      optional: false,
      text: inner.length > 0 ? undefined : type && this.#simple(part.resolve(type)),
      inner,
    };
  }

  /** What a global element holds as text; `undefined` where it holds elements or is not defined. */
  textOf(element: QName): string | undefined {
    const defined = this.#find('element', element);
    return defined && this.#holding(defined).text;
  }

  /** Paths to all elements below one, itself first; a type that holds itself is followed a few times. */
  paths(root: SchemaPath, children: readonly SchemaChild[]): readonly SchemaPath[] {
    const found = [root];
    const walk = (path: string, inside: readonly SchemaChild[], depth: number): void => {
      for (const child of inside) {
        if (found.length >= MAX_PATHS || depth > MAX_DEPTH) return;
        const at = `${path}/${child.name}`;
        found.push({ path: at, text: child.text });
        walk(
          at,
          child.inner.flatMap((type) => this.#particles(type, false)),
          depth + 1,
        );
      }
    };
    walk(root.path, children, 1);
    return found;
  }

  /** The children with all that stands in them; a type that holds itself is followed a few times. */
  expand(children: readonly SchemaChild[]): readonly SchemaElement[] {
    let room = MAX_PATHS;
    const walk = (inside: readonly SchemaChild[], depth: number): readonly SchemaElement[] =>
      inside.flatMap(({ inner, ...child }) => {
        if (room <= 0) return [];
        room -= 1;
        const below = depth >= MAX_DEPTH ? [] : inner.flatMap((type) => this.#particles(type, false));
        const ordered = !inner.some(({ node }) => childrenOf(node, XSD, 'all').length > 0);
        return [{ ...child, children: walk(below, depth + 1), ordered }];
      });
    return walk(children, 1);
  }

  #find(kind: string, { uri, local }: QName): Defined | undefined {
    return this.#named.get(`${kind} {${uri}}${local}`);
  }

  /** The complex type of an element, after those that it extends; none where it holds text. */
  #typesOf(element: Defined): readonly Defined[] {
    const [own] = childrenOf(element.node, XSD, 'complexType');
    if (own) return this.#withBases({ ...element, node: own }, 0);
    const type = element.node.attributes.get('type');
    return type === undefined ? [] : this.#typeNamed(element.node, type);
  }

  #typeNamed(node: Node, type: string): readonly Defined[] {
    const found = this.#find('complexType', node.resolve(type));
    return found ? this.#withBases(found, 0) : [];
  }

  /** A type and those that it extends, the first one first; each as the node that holds the particles. */
  #withBases(type: Defined, depth: number): readonly Defined[] {
    const [content] = childrenOf(type.node, XSD, 'complexContent');
    // A restriction says again what it keeps.
    const [restriction] = childrenOf(content, XSD, 'restriction');
    if (restriction) return [{ ...type, node: restriction }];
    const [extension] = childrenOf(content, XSD, 'extension');
    if (!extension) return [type];
    const base = this.#find('complexType', extension.resolve(extension.attributes.get('base') ?? ''));
    const bases = base && depth < MAX_DEPTH ? this.#withBases(base, depth + 1) : [];
    return [...bases, { ...type, node: extension }];
  }

  /** The elements of a type, or of a group in it, in order. Elements of a choice may each be left out. */
  #particles(type: Defined, optional: boolean, depth = 0): readonly SchemaChild[] {
    return type.node.children.flatMap((node): readonly SchemaChild[] => {
      if (node.uri !== XSD) return [];
      const mayLack = optional || node.attributes.get('minOccurs') === '0';
      if (node.local === 'element') return [this.#child({ ...type, node }, mayLack)];
      if (node.local === 'sequence' || node.local === 'all') return this.#particles({ ...type, node }, mayLack, depth);
      if (node.local === 'choice') return this.#particles({ ...type, node }, true, depth);
      if (node.local === 'group') return this.#group(node, mayLack, depth);
      return [];
    });
  }

  /** A group that others share; one that holds itself is no group, and ends. */
  #group(node: Node, optional: boolean, depth: number): readonly SchemaChild[] {
    const group = this.#find('group', node.resolve(node.attributes.get('ref') ?? ''));
    this.#groups += 1;
    return group && depth < MAX_DEPTH && this.#groups < MAX_GROUPS ? this.#particles(group, optional, depth + 1) : [];
  }

  #child(element: Defined, optional: boolean): SchemaChild {
    const { node, target } = element;
    const ref = node.attributes.get('ref');
    if (ref !== undefined) {
      const name = node.resolve(ref);
      const defined = this.#find('element', name);
      return { ...this.#holding(defined), name: name.local, namespace: name.uri, optional };
    }
    const form = node.attributes.get('form');
    const qualified = form === undefined ? element.qualified : form === 'qualified';
    const name = node.attributes.get('name') ?? '';
    return { ...this.#holding(element), name, namespace: qualified ? target : '', optional };
  }

  #holding(element: Defined | undefined): Pick<SchemaChild, 'text' | 'inner'> {
    if (!element) return { text: 'string', inner: [] };
    const inner = this.#typesOf(element);
    const [extended] = inner.flatMap(({ node }) => simpleContent(node));
    if (extended) return { text: this.#based(extended, 0), inner: [] };
    if (inner.length > 0) return { text: undefined, inner };
    const [own] = childrenOf(element.node, XSD, 'simpleType');
    if (own) return { text: this.#based(childrenOf(own, XSD, 'restriction')[0], 0), inner };
    const type = element.node.attributes.get('type');
    return { text: type === undefined ? 'string' : this.#simple(element.node.resolve(type)), inner };
  }

  /** The built-in type below a restriction or an extension. */
  #based(node: Node | undefined, depth: number): string {
    const base = node?.attributes.get('base');
    return node && base !== undefined ? this.#simple(node.resolve(base), depth + 1) : 'string';
  }

  /** The built-in type that a simple type comes from. */
  #simple(type: QName, depth = 0): string {
    if (type.uri === XSD || depth > MAX_DEPTH) return type.local;
    const [restriction] = childrenOf(this.#find('simpleType', type)?.node, XSD, 'restriction');
    const [extended] = simpleContent(this.#find('complexType', type)?.node);
    return this.#based(restriction ?? extended, depth);
  }
}

/** What a complex type that holds text, beside its attributes, is made from. */
function simpleContent(type: Node | undefined): readonly Node[] {
  const [content] = childrenOf(type, XSD, 'simpleContent');
  return [...childrenOf(content, XSD, 'extension'), ...childrenOf(content, XSD, 'restriction')];
}

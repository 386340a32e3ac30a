/** How differences between a dialect and a contract are said, and where they are mended. */
import type { Child, Dialect } from './dialect.ts';

/** What of a dialect a line is about. */
export type Line = 'soap' | 'namespace' | 'action' | 'element' | 'qualified' | 'order' | 'answer' | 'carry' | 'child';

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
export function placeIn(dialect: Dialect, line: Line, child?: Child): string {
  if (!dialect.generic) return `${IN_DIALECT[line]} of the dialect ${dialect.dialect}`;
  if (line !== 'child') return `generic.${line} of the destination`;
  return `generic.${child?.from?.replace('credentials.', '') ?? 'order'} of the destination`;
}

/** A difference as a sentence: what, what stands there, what the WSDL wants, what to do. */
export function sentence(thing: string, found: string, expected: string, cure: string): string {
  return `${thing}: found ${found} in the dialect, expected ${expected} by the WSDL; ${cure}`;
}

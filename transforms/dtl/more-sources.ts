/** Sources that not every transform can use: HL7 as it stands in the input, and values and lists of documents. */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { messageOf } from '../../engine/errors.ts';
import { type Path, parsePath } from '../../hl7/paths.ts';
import { constantSource, madeSource, type Scope, type Source } from './program.ts';
import { describe, textOf } from './syntax.ts';
import { booleanOf, numberOf, type Scalar } from './values.ts';

type CompileSource = (node: unknown, at: KeyPath, scope: Scope) => Source;

/** `{ copy: PID-3 }`: a field or a part of one as it stands, with its repetitions and escapes. */
export function copySource(node: unknown, at: KeyPath, scope: Scope): Source {
  const text = textOf(node) ?? '';
  if (scope.compilation.input !== 'hl7') {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', 'copy', 'a transform that reads HL7, with from: { hl7: ADT_A01 }');
    return constantSource('', false);
  }
  const path = copyPath(text, at, scope);
  if (!path) return constantSource('', false);
  const made = madeSource(({ hl7 }) => hl7?.copy(path) ?? '', [text], []);
  return { ...made, raw: true, own: ({ hl7 }) => hl7?.raw(path) ?? '' };
}

function copyPath(text: string, at: KeyPath, scope: Scope): Path | undefined {
  try {
    return parsePath(text);
  } catch (error) {
    scope.problems.add(at, 'DTL_UNKNOWN_NAME', text || 'nothing', `a path into the message: ${messageOf(error)}`);
    return undefined;
  }
}

/** `{ number: 5 }` */
export function numberSource(node: unknown, at: KeyPath, scope: Scope): Source {
  return literal(node, at, scope, numberOf, 'a number in decimal, such as 5 or 0.25');
}

/** `{ boolean: true }` */
export function booleanSource(node: unknown, at: KeyPath, scope: Scope): Source {
  return literal(node, at, scope, booleanOf, 'true or false');
}

function literal(
  node: unknown,
  at: KeyPath,
  scope: Scope,
  read: (text: string) => Scalar | undefined,
  expected: string,
): Source {
  const text = textOf(node) ?? '';
  const value = read(text);
  if (value === undefined) scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), expected);
  return { ...constantSource(text, false), value: () => value };
}

/** `{ list: [sources] }`: those that are not empty. */
export function listSource(node: unknown, at: KeyPath, scope: Scope, compileSource: CompileSource): Source {
  if (!Array.isArray(node)) {
    scope.problems.add(at, 'DTL_WRONG_SHAPE', describe(node), 'a list of sources');
    return constantSource('', false);
  }
  const sources = node.map((entry, index) => compileSource(entry, [...at, index], scope));
  const reads = sources.map((source) => source.value ?? source.read);
  const origins = [...new Set(sources.flatMap((source) => source.origins.filter((origin) => origin !== 'constant')))];
  const columns = sources.flatMap((source) => source.columns);
  return madeSource(
    (frame) => sources.map((source) => source.read(frame)).join(' '),
    origins.length === 0 ? ['constant'] : origins,
    columns,
    (frame) => {
      const values: Scalar[] = [];
      for (const read of reads) {
        const value = read(frame);
        if (Array.isArray(value)) values.push(...value);
        else if (isValue(value)) values.push(value);
      }
      return values.length === 0 ? undefined : values;
    },
  );
}

function isValue(value: Scalar | readonly Scalar[] | undefined): value is Scalar {
  return value !== undefined && value !== '' && !Array.isArray(value);
}

/**
 * Documents as the target of a transform: `to: { json: NAME }`. A path makes the maps and lists on its way; a column is written
 * as it stands, also where it is empty, and what was made of something and came out empty is left out. `_id` comes first and is the message's id unless it is set, so that a repeat is the same document.
 */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import type { OutMessage, TransformContext } from '../../engine/contracts/transform.ts';
import { DocumentDraft, type DocumentPath, printDocumentPath, readDocumentPath } from './document.ts';
import { writeNode } from './ejson.ts';
import { addLineage } from './lineage.ts';
import {
  type Append,
  addFault,
  type Frame,
  type Place,
  type ReadValue,
  type Scope,
  type SetLine,
  type Source,
  type Step,
  type Target,
} from './program.ts';
import { printKeys } from './syntax.ts';
import { type Scalar, scalarText } from './values.ts';

const ID = '_id';
const NOTHING: Step = () => true;

interface Writer {
  readonly path: DocumentPath;
  readonly source: Source;
  readonly value: ReadValue;
  readonly action: string;
}

export class DocumentTarget implements Target {
  readonly kind = 'json';
  readonly encode = (text: string): string => text;
  readonly number = undefined;

  set(lines: readonly SetLine[], _at: KeyPath, scope: Scope): Step {
    const writers = lines.flatMap((line) => writerOf(line, scope) ?? []);
    refuseOverlaps(lines, writers, scope);
    return (frame) => {
      for (const writer of writers) write(writer, frame);
      return true;
    };
  }

  append(append: Append, at: KeyPath, scope: Scope): Step {
    const path = readTarget(append.where, [...at, 'path'], scope);
    const { value, lines, inner } = append;
    if ((value !== undefined) === (lines.length > 0 || inner !== undefined)) {
      scope.problems.add(
        at,
        'DTL_WRONG_SHAPE',
        value ? 'value and set' : 'path alone',
        'value, or set, or do beside it',
      );
      return NOTHING;
    }
    if (path?.[0]?.name === ID) scope.problems.add(at, 'DTL_BAD_TARGET', ID, 'another path: _id is one value');
    if (!path) return NOTHING;
    if (value) return pushOf({ path, source: value, value: valueIn(value), action: `${scope.file} ${printKeys(at)}` });
    const set = this.set(lines, at, scope);
    return (frame) => documentIn(frame).within(path, () => set(frame) && (inner === undefined || inner(frame)));
  }

  insert(_segment: string, _place: Place, _lines: readonly SetLine[], at: KeyPath, scope: Scope): Step {
    scope.problems.add(
      at,
      'DTL_BAD_TARGET',
      'insert',
      'append: { path: NAME, set: ... }; insert is for segments of HL7',
    );
    return NOTHING;
  }

  remove(target: string, at: KeyPath, scope: Scope): Step {
    const path = readTarget(target, at, scope);
    if (!path) return NOTHING;
    if (path[0]?.name === ID)
      scope.problems.add(at, 'DTL_BAD_TARGET', target, 'another path: every document has an _id');
    return (frame) => {
      documentIn(frame).remove(path);
      return true;
    };
  }

  seal(): void {
    // Nothing is laid out beforehand: paths make what is on their way.
  }

  begin(context: TransformContext): DocumentDraft {
    const document = new DocumentDraft();
    document.root.set(ID, context.messageId);
    return document;
  }

  finish(frame: Frame): OutMessage {
    const { root } = documentIn(frame);
    return { text: writeNode(root) ?? '', controlId: idText(root.get(ID)) };
  }
}

/** What `begin` made. */
function documentIn(frame: Frame): DocumentDraft {
  return frame.output as DocumentDraft;
}

function idText(id: unknown): string {
  return isScalar(id) ? scalarText(id) : '';
}

function isScalar(id: unknown): id is Scalar {
  return id !== undefined && !(id instanceof Map) && !Array.isArray(id);
}

function writerOf(line: SetLine, scope: Scope): Writer | undefined {
  const path = readTarget(line.target, line.at, scope);
  if (!path) return undefined;
  const { source } = line;
  return { path, source, value: valueIn(source), action: `${scope.file} ${printKeys(line.at)}` };
}

function valueIn(source: Source): ReadValue {
  return source.value ?? source.read;
}

/** The path of a value; what cannot be one is reported. */
function readTarget(target: string, at: KeyPath, scope: Scope): DocumentPath | undefined {
  const path = readDocumentPath(target);
  const [first] = typeof path === 'string' ? [] : path;
  const isPartOfId = typeof path !== 'string' && first?.name === ID && (path.length > 1 || first.index > 0);
  if (typeof path !== 'string' && !isPartOfId) return path;
  const expected = typeof path === 'string' ? path : '_id as one value';
  scope.problems.add(
    at,
    'DTL_BAD_TARGET',
    target || 'nothing',
    expected,
    'Write names with points between them, such as patient.name.family or codes(2).',
  );
  return undefined;
}

/** Two lines of one `set` of which one writes into what the other writes as a whole. */
function refuseOverlaps(lines: readonly SetLine[], writers: readonly Writer[], scope: Scope): void {
  const written = new Set(writers.map(({ path }) => printDocumentPath(path)));
  for (const line of lines) {
    const path = readDocumentPath(line.target);
    if (typeof path === 'string') continue;
    const outer = path.slice(0, -1).map((_, count) => printDocumentPath(path.slice(0, count + 1)));
    const whole = outer.find((each) => written.has(each));
    if (whole === undefined) continue;
    scope.problems.add(line.at, 'DTL_BAD_TARGET', line.target, `a place outside of ${whole}, which is one value here`);
  }
}

function write({ path, source, value, action }: Writer, frame: Frame): void {
  const document = documentIn(frame);
  const written = value(frame);
  const isEmpty = written === undefined || written === '';
  // An empty cell is a value of its column; what was made of something and came out empty is none.
  const isCell = source.column >= 0 && source.value === undefined;
  if (document.fromRoot(path)[0]?.name === ID) {
    if (isEmpty) addFault(frame, 'DOCUMENT_ID_EMPTY', source.columns, 'the value for _id is empty');
    if (Array.isArray(written)) addFault(frame, 'DOCUMENT_ID_EMPTY', source.columns, 'the value for _id is a list');
  }
  document.set(path, isEmpty && !isCell ? undefined : written);
  if (frame.trace && !isEmpty) addLineage(frame, printDocumentPath(document.fromRoot(path)), source, action);
}

function pushOf({ path, source, value, action }: Writer): Step {
  return (frame) => {
    const document = documentIn(frame);
    const written = value(frame);
    document.push(path, written);
    const isEmpty = written === undefined || written === '';
    if (frame.trace && !isEmpty) addLineage(frame, document.lastOf(path), source, action);
    return true;
  };
}

/** What targets that write HL7 share: reading paths, the charsets of MSH-18, and the number of a segment. */
import type { KeyPath } from '../../engine/contracts/resources.ts';
import { messageOf } from '../../engine/errors.ts';
import { type Path, parsePath, parseSegmentPath, type SegmentPath } from '../../hl7/paths.ts';
import type { Scope } from './program.ts';

/** Written around the messages by the batch format. */
const ENVELOPE = ['FHS', 'BHS', 'BTS', 'FTS'];
/** Charsets by their names in HL7 table 0211. One that the table does not know leaves MSH-18 empty. */
export const CHARSETS: Readonly<Record<string, string>> = {
  'utf-8': 'UNICODE UTF-8',
  'us-ascii': 'ASCII',
  ascii: 'ASCII',
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9, 15].map((part) => [`iso-8859-${part}`, `8859/${part}`])),
};

/** Reads the path that is written to; what cannot be written is reported. */
export function readTarget(target: string, at: KeyPath, scope: Scope): Path | undefined {
  try {
    const path = parsePath(target);
    if (ENVELOPE.includes(path.segment)) {
      scope.problems.add(
        at,
        'DTL_BAD_TARGET',
        target,
        'a segment of the message; the envelope is written by the format of the batch',
      );
      return undefined;
    }
    if (path.segment === 'MSH' && (path.field < 3 || path.occurrence > 1)) {
      scope.problems.add(
        at,
        'DTL_BAD_TARGET',
        target,
        'MSH-3 and what follows; the delimiters are written by themselves',
      );
      return undefined;
    }
    return path;
  } catch (error) {
    scope.problems.add(at, 'DTL_BAD_TARGET', target, messageOf(error));
    return undefined;
  }
}

/** Reads a segment that is added or taken out; the envelope is none. */
export function readSegment(text: string, at: KeyPath, scope: Scope): SegmentPath | undefined {
  try {
    const path = parseSegmentPath(text);
    if (!ENVELOPE.includes(path.segment)) return path;
    scope.problems.add(
      at,
      'DTL_BAD_TARGET',
      text,
      'a segment of the message; the envelope is written by the format of the batch',
    );
  } catch (error) {
    scope.problems.add(at, 'DTL_BAD_TARGET', text, messageOf(error));
  }
  return undefined;
}

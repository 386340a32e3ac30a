/** What an edit would do, before anybody is asked: new versions, and how each differs from what it replaces. */
import { unpackMessages } from '../../engine/blocks.ts';
import { messageId } from '../../engine/ids.ts';
import type { MessageState } from '../../engine/states.ts';
import type { VersionRequest, VersionsRequest } from '../../engine/versions.ts';
import type { Reading } from '../ledger.ts';
import { type Difference, differencesOf } from './differences.ts';
import { type CurrentMessage, indexOf, type Left, type Subject } from './subject.ts';

export interface EditPlan {
  /** Of the item. */
  readonly id: string;
  readonly line: number;
  readonly request: Omit<VersionsRequest, 'who' | 'reason'>;
  readonly versions: readonly PlannedVersion[];
  readonly left: readonly Left[];
}

/** One new version, as people see it before they say yes. */
export interface PlannedVersion {
  readonly entry: string;
  readonly destination: string;
  readonly replaces: string;
  readonly message: string;
  readonly from: MessageState;
  /** When the one that it replaces was delivered, milliseconds since 1970. */
  readonly deliveredAt: number | undefined;
  /** Why the edited row is left out in this entry. */
  readonly filtered?: string;
  readonly differences: readonly Difference[];
  /** The receiver knows the control id already. */
  readonly sameControlId: boolean;
}

/** A message as it would stand in the place of another. */
export interface Made {
  readonly bytes: Uint8Array;
  readonly controlId: string;
  readonly filtered?: string;
  readonly lane?: number;
}

/** What stands in the ledger of a message: empty where none was made. */
export function bodyOf(open: Reading, { bodyBlock, position }: CurrentMessage) {
  const packed = open.ledger.ask('bodyBlock', { bodyBlock });
  if (!packed) return { bytes: new Uint8Array(), controlId: '' };
  const messages = unpackMessages(packed.body);
  return { bytes: messages.body(position), controlId: messages.controlId(position) };
}

/** The new version as it is asked for, and as people see it. */
export function versionOf(
  open: Reading,
  subject: Subject,
  old: CurrentMessage,
  made: Made,
): { readonly request: VersionRequest; readonly planned: PlannedVersion } {
  const { row, located } = subject;
  const before = bodyOf(open, old);
  const id = (version: number) =>
    messageId(open.instance, row.number, located.item, indexOf(subject, old.entry), version);
  const { bytes, controlId, filtered, lane } = made;
  return {
    request: {
      replaces: old.message,
      from: old.state,
      state: filtered === undefined ? 'queued' : 'filtered',
      body: Buffer.from(bytes).toString('base64'),
      controlId,
      ...(lane === undefined ? {} : { lane }),
    },
    planned: {
      entry: old.entry,
      destination: old.destination,
      replaces: id(old.version),
      message: id(old.version + 1),
      from: old.state,
      deliveredAt: old.state === 'delivered' ? deliveredAt(open, old) : undefined,
      ...(filtered === undefined ? {} : { filtered }),
      differences: filtered === undefined ? differencesOf(before.bytes, bytes) : [],
      sameControlId: old.batch !== undefined && controlId !== '' && controlId === before.controlId,
    },
  };
}

/** When the last attempt ended in which it was; a person may have said that it arrived. */
function deliveredAt({ ledger }: Reading, { batch }: CurrentMessage): number | undefined {
  const attempts = batch === undefined ? [] : (ledger.ask('batch', { batch })?.attempts ?? []);
  return attempts.at(-1)?.endedAt;
}

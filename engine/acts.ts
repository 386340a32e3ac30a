import type { ActGoal, ActGroup, ActPart, ActVerb, SelectedMessage } from './contracts/acting.ts';
import type { MessageState } from './states.ts';

/** What a person may do with messages, written once: from which states, to which, and how it is said. */

export interface ActEntry {
  /** States that it acts on where nothing else is said. */
  readonly from: readonly MessageState[];
  /** States that it acts on only where they are named: by `state=`, or by naming the message or the batch. */
  readonly ifNamed: readonly MessageState[];
  /** `undefined`: whoever acts says which. */
  readonly goal: ActGoal | undefined;
  /** The name of its event. */
  readonly past: string;
  readonly does: string;
}

export const ACTS = {
  resend: {
    from: ['rejected', 'failed'],
    ifNamed: ['inDoubt'],
    goal: 'queued',
    past: 'resent',
    does: 'queued again in their old place',
  },
  suspend: { from: ['queued'], ifNamed: [], goal: 'suspended', past: 'suspended', does: 'held back' },
  release: {
    from: ['suspended'],
    ifNamed: [],
    goal: 'queued',
    past: 'released',
    does: 'queued in their old place',
  },
  cancel: {
    from: ['queued', 'suspended', 'inDoubt'],
    ifNamed: [],
    goal: 'cancelled',
    past: 'cancelled',
    does: 'given up for good',
  },
  resolve: { from: ['inDoubt'], ifNamed: [], goal: undefined, past: 'resolved', does: 'decided' },
} as const satisfies Record<ActVerb, ActEntry>;

export const ACT_VERBS = Object.keys(ACTS) as readonly ActVerb[];

/** What may be decided about messages in doubt. */
export const RESOLVE_GOALS = ['delivered', 'rejected', 'queued', 'cancelled'] as const satisfies readonly ActGoal[];

/** Messages of one transaction: it takes some ten milliseconds, so that nothing else waits for an act. */
export const PART_SIZE = 500;

/** True for a message that an act would send and that cannot be sent. */
export function lacksBytes(goal: ActGoal, message: SelectedMessage): boolean {
  return goal === 'queued' && !message.kept;
}

/** Messages in the same state, and where it counts in the same batch. */
export interface Situation {
  readonly state: MessageState;
  /** What was said of these was said in their batch: in another one, something else has happened since. */
  readonly batch: number | undefined;
  /** Numbers of the messages. */
  readonly ids: number[];
}

/** Gathers messages by their situation, in little memory. */
export class Situations {
  readonly #known = new Map<string, Situation>();

  add({ message, state, batch }: SelectedMessage): void {
    const decidedIn = state === 'queued' || state === 'suspended' ? undefined : batch;
    const key = `${state}.${decidedIn ?? ''}`;
    const known = this.#known.get(key);
    if (known) known.ids.push(message);
    else this.#known.set(key, { state, batch: decidedIn, ids: [message] });
  }

  all(): readonly Situation[] {
    return [...this.#known.values()];
  }
}

/**
 * Puts messages into parts. A batch that is in doubt with all its members stays together, however large it is, since it may
 * be sent again as itself.
 * @param membersOf how many messages a batch has
 */
export function partsOf(
  situations: readonly Situation[],
  membersOf: (batch: number) => number | undefined,
): readonly ActPart[] {
  const parts: { groups: ActGroup[]; count: number }[] = [];
  const add = (group: ActGroup) => {
    let open = parts.at(-1);
    if (!open || open.count + group.count > PART_SIZE) {
      open = { groups: [], count: 0 };
      parts.push(open);
    }
    open.groups.push(group);
    open.count += group.count;
  };
  for (const { state, batch, ids } of situations) {
    const sorted = ids.toSorted((a, b) => a - b);
    const whole = state === 'inDoubt' && batch !== undefined && membersOf(batch) === sorted.length;
    const size = whole ? sorted.length : PART_SIZE;
    for (let at = 0; at < sorted.length; at += size) {
      const some = sorted.slice(at, at + size);
      add({ state, batch, whole, ranges: rangesOf(some), count: some.length });
    }
  }
  return parts;
}

function rangesOf(ids: readonly number[]): readonly number[] {
  const ranges: number[] = [];
  for (const id of ids) {
    if (ranges.at(-1) === id - 1) ranges[ranges.length - 1] = id;
    else ranges.push(id, id);
  }
  return ranges;
}

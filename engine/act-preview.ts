import { ACTS, lacksBytes, RESOLVE_GOALS, Situations } from './acts.ts';
import type { ActGoal, ActVerb, MessageFilter, SelectedMessage, SelectionCursor } from './contracts/acting.ts';
import type { Questions, StoreFacts } from './contracts/store.ts';
import { WaybillError } from './errors.ts';
import { messageId, submissionId } from './ids.ts';
import { SearchDigests } from './search-fields.ts';
import type { MessageState } from './states.ts';
import { parseWhere, type WantedField } from './where.ts';

/** What an act on messages would do: the messages that fit its filter, counted; what is left out, and why. */

type Items = NonNullable<MessageFilter['items']>;

/** Asks the ledger: through the store of an engine, or on a connection for reading only. */
export type AskLedger = <K extends keyof Questions>(
  question: K,
  request: Questions[K]['with'],
) => Promise<Questions[K]['gives']>;

export interface Looking {
  readonly ask: AskLedger;
  /** Of the ledger: part of its ids, and the key of what items are looked up by. */
  readonly facts: Pick<StoreFacts, 'instance' | 'digestKey'>;
  readonly now: () => number;
}

export interface ActQuestion {
  readonly verb: ActVerb;
  /** Required for `resolve`, refused for the others. */
  readonly goal?: ActGoal;
  /** A filter as `parseWhere` takes it. */
  readonly where: string;
}

/** Messages that fit a filter and are left as they are. */
export interface LeftOut {
  readonly state: MessageState;
  readonly count: number;
  readonly why: string;
}

/** What an act would do. Numbers, names and ids only. */
export interface ActPreview {
  readonly verb: ActVerb;
  readonly goal: ActGoal;
  /** The filter in words. */
  readonly filter: string;
  readonly count: number;
  readonly destinations: Readonly<Record<string, number>>;
  readonly states: Readonly<Record<string, number>>;
  /** By what was last said of them; those of whom nothing was are not counted here. */
  readonly codes: Readonly<Record<string, number>>;
  /** The first twenty submissions by their ids, and how many there are. */
  readonly submissions: Readonly<Record<string, number>>;
  readonly submissionCount: number;
  /** Times of what was last said of them, else of their routing; milliseconds since 1970. */
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
  /** Ids of a few of them. */
  readonly examples: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

const EXAMPLES = 5;
/** Items that are looked up at once by a searchable field. */
const FOUND_AT_ONCE = 1000;
const NAMED_SUBMISSIONS = 20;

/** What an act would do now. Changes nothing. @throws WaybillError `WHERE_NOT_UNDERSTOOD`, `ACT_STATE`, `ACT_GOAL` */
export async function previewAct(looking: Looking, question: ActQuestion): Promise<ActPreview> {
  return (await selectForAct(looking, question)).preview;
}

/**
 * Every message that fits a filter, by submission and in each by its number, with the cursor of the page that it came with.
 * @param from a cursor that came with an earlier one
 * @throws WaybillError `WHERE_NOT_UNDERSTOOD`
 */
export async function* selected(
  looking: Looking,
  where: string,
  from?: SelectionCursor,
): AsyncGenerator<{ readonly message: SelectedMessage; readonly cursor: SelectionCursor | undefined }> {
  const { filter } = await understood(looking, where);
  for await (const { messages, cursor } of pages(looking, filter, from))
    for (const message of messages) yield { message, cursor };
}

async function understood(looking: Looking, where: string) {
  const { filter, fields, words } = parseWhere(where, { instance: looking.facts.instance, now: looking.now() });
  let items = filter.items;
  for (const field of fields) {
    const found = await itemsWith(looking, field);
    items = items ? bothIn(items, found) : found;
  }
  const named = filter.items !== undefined || filter.batch !== undefined;
  return { words, named, filter: items ? { ...filter, items } : filter };
}

/** Items that have this value in a searchable field. */
async function itemsWith({ ask, facts }: Looking, { name, value }: WantedField): Promise<Items> {
  const digest = new SearchDigests(facts.digestKey).digest(name, value);
  const items: Items[number][] = [];
  for (let after: Items[number] | undefined; digest; ) {
    const page = await ask('search', { digest, limit: FOUND_AT_ONCE, ...(after ? { after } : {}) });
    items.push(...page);
    after = page.at(-1);
    if (!after) break;
  }
  return items;
}

/** Items of the first list that the second one has too. */
function bothIn(items: Items, found: Items): Items {
  const keys = new Set(found.map(({ submission, item }) => `${submission}.${item}`));
  return items.filter(({ submission, item }) => keys.has(`${submission}.${item}`));
}

async function* pages({ ask }: Looking, filter: MessageFilter, from?: SelectionCursor) {
  for (const part of inParts(filter)) {
    const first = part.items?.[0]?.submission ?? 0;
    let cursor = from && from.submission >= first ? from : first > 0 ? { submission: first, bodyBlock: 0 } : undefined;
    do {
      const page = await ask('selectMessages', { filter: part, after: cursor });
      yield { messages: page.messages, cursor };
      cursor = page.next;
    } while (cursor);
  }
}

/** Items of one question: the ledger gets the list anew for each page, and looks through it for each submission. */
const ASKED_AT_ONCE = 1000;

/** The same filter with some of its items at a time, each once, in the order of submissions. */
function inParts(filter: MessageFilter): readonly MessageFilter[] {
  const { items } = filter;
  if (!items || items.length === 0) return [filter];
  const each = new Map(items.map((item) => [`${item.submission}.${item.item}.${item.entry ?? ''}`, item]));
  const sorted = [...each.values()].sort((a, b) => a.submission - b.submission || a.item - b.item);
  const parts: MessageFilter[] = [];
  for (let at = 0; at < sorted.length; at += ASKED_AT_ONCE)
    parts.push({ ...filter, items: sorted.slice(at, at + ASKED_AT_ONCE) });
  return parts;
}

/** What would be changed, and the preview of it. @throws as `previewAct` */
export async function selectForAct(looking: Looking, question: ActQuestion) {
  const goal = goalOf(question);
  const { words, named, filter } = await understood(looking, question.where);
  const wanted = wantedStates(question.verb, filter, named);
  const situations = new Situations();
  const summary = new Summary(looking.facts.instance);
  const states = filter.states ?? [...wanted, ...watchedStates(question.verb, wanted)];
  for await (const { messages } of pages(looking, { ...filter, states })) {
    for (const message of messages) {
      const why = whyNot(question.verb, goal, wanted, message);
      if (why !== undefined) {
        summary.leave(message.state, why);
        continue;
      }
      summary.add(message);
      situations.add(message);
    }
  }
  return { goal, situations: situations.all(), preview: summary.preview(question.verb, goal, words) };
}

function goalOf({ verb, goal }: ActQuestion): ActGoal {
  const own = ACTS[verb].goal;
  if (own !== undefined && (goal === undefined || goal === own)) return own;
  const goals: readonly ActGoal[] = RESOLVE_GOALS;
  if (own === undefined && goal !== undefined && goals.includes(goal)) return goal;
  throw new WaybillError(
    'ACT_GOAL',
    own === undefined
      ? `resolve takes one of ${RESOLVE_GOALS.join(', ')} as its outcome.`
      : `${verb} takes no outcome: messages become ${own} by it.`,
  );
}

/** States on which the act acts; more where the message or the batch itself was named. @throws WaybillError `ACT_STATE` where another one is named */
function wantedStates(verb: ActVerb, filter: MessageFilter, named: boolean): readonly MessageState[] {
  const { from, ifNamed } = ACTS[verb];
  const allowed: readonly MessageState[] = [...from, ...ifNamed];
  const wrong = filter.states?.find((state) => !allowed.includes(state));
  if (wrong !== undefined)
    throw new WaybillError(
      'ACT_STATE',
      `${verb} acts on messages that are ${allowed.join(', ')}, not on those that are ${wrong}.${wrong === 'delivered' && verb === 'resend' ? ' A message that was delivered is sent again on purpose with waybill resend MESSAGE --again.' : ''}`,
    );
  if (filter.states) return filter.states;
  return named ? allowed : from;
}

/** States that are looked at only to say what is left out. */
function watchedStates(verb: ActVerb, wanted: readonly MessageState[]): readonly MessageState[] {
  const { ifNamed } = ACTS[verb];
  const watched: readonly MessageState[] = verb === 'suspend' || verb === 'cancel' ? ['sending'] : ifNamed;
  return watched.filter((state) => !wanted.includes(state));
}

/** Why a message is left as it is; `undefined` for one that is acted on. */
function whyNot(
  verb: ActVerb,
  goal: ActGoal,
  wanted: readonly MessageState[],
  message: SelectedMessage,
): string | undefined {
  if (message.state === 'sending') return 'a call is in flight: wait until it is answered';
  if (!wanted.includes(message.state)) return `${verb} them with state=${message.state}, once the receiver was asked`;
  return lacksBytes(goal, message)
    ? 'no message was made of them, it is no longer kept, or their submission was refused or cancelled'
    : undefined;
}

/** Counts what an act would change, without holding the messages. */
class Summary {
  readonly #instance: string;
  readonly #destinations = new Map<string, number>();
  readonly #states = new Map<string, number>();
  readonly #codes = new Map<string, number>();
  readonly #submissions = new Map<number, number>();
  readonly #left = new Map<string, LeftOut>();
  readonly #examples: string[] = [];
  #count = 0;
  #oldest = Number.POSITIVE_INFINITY;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(instance: string) {
    this.#instance = instance;
  }

  add(message: SelectedMessage): void {
    this.#count += 1;
    increase(this.#destinations, message.destination);
    increase(this.#states, message.state);
    if (message.code !== '') increase(this.#codes, message.code);
    increase(this.#submissions, message.submission);
    this.#oldest = Math.min(this.#oldest, message.at);
    this.#newest = Math.max(this.#newest, message.at);
    if (this.#examples.length < EXAMPLES)
      this.#examples.push(messageId(this.#instance, message.submission, message.item, message.entry));
  }

  leave(state: MessageState, why: string): void {
    const key = `${state} ${why}`;
    this.#left.set(key, { state, why, count: (this.#left.get(key)?.count ?? 0) + 1 });
  }

  preview(verb: ActVerb, goal: ActGoal, filter: string): ActPreview {
    const named = [...this.#submissions].slice(0, NAMED_SUBMISSIONS);
    return {
      verb,
      goal,
      filter,
      count: this.#count,
      destinations: Object.fromEntries(this.#destinations),
      states: Object.fromEntries(this.#states),
      codes: Object.fromEntries(this.#codes),
      submissions: Object.fromEntries(named.map(([number, n]) => [submissionId(this.#instance, number), n])),
      submissionCount: this.#submissions.size,
      oldest: this.#count === 0 ? undefined : this.#oldest,
      newest: this.#count === 0 ? undefined : this.#newest,
      examples: this.#examples,
      leftOut: [...this.#left.values()],
    };
  }
}

function increase<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

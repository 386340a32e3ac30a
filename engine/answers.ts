import type { Acknowledgement, AnswerRead } from './contracts/format.ts';
import type { AnswerRules } from './contracts/operation.ts';
import type { MessageOutcomeState } from './contracts/store.ts';
import type { Whose } from './errors.ts';

/** What an answer decides about the messages of a batch. */
export interface Decision {
  readonly rest: MessageOutcomeState;
  readonly exceptions: readonly {
    readonly index: number;
    readonly state: MessageOutcomeState;
    readonly code: string;
    readonly words: string;
  }[];
  readonly code: string;
  readonly words: string;
  /** Whom to ask about what was not delivered; empty where everything was. */
  readonly whose: Whose | '';
}

interface Verdict {
  readonly state: MessageOutcomeState;
  readonly code: string;
  readonly words: string;
  readonly whose: Whose;
}

/** What is decided about messages that no acknowledgement names. */
interface Silence extends Verdict {
  /** For the summary: `2 not mentioned, in doubt`. */
  readonly told: string;
}

/**
 * Each child of an answer decides only the message that it names; about the others the receiver's rules decide. Exactly one
 * acknowledgement, negative, that names nothing or the batch: it speaks of the whole request. A positive one that names
 * nothing or the batch decides no message by itself. One whose code nobody knows says neither yes nor no.
 * @param controlIds of the batch's members, in order; unique.
 */
export function decide(controlIds: readonly string[], read: AnswerRead, batchId: string, rules: AnswerRules): Decision {
  // A message without a control id can be named by nobody.
  const index = new Map(controlIds.flatMap((id, position) => (id === '' ? [] : [[id, position] as const])));
  const ofWhole = ({ controlId }: Acknowledgement) =>
    !index.has(controlId) && (controlId === '' || controlId === batchId);
  const only = read.acknowledgements.length === 1 ? read.acknowledgements[0] : undefined;
  if (only && !only.accepted && !only.unclear && ofWhole(only)) return refusedWhole(only);
  const verdicts: (Verdict | undefined)[] = new Array(controlIds.length).fill(undefined);
  const contradicted = new Set<number>();
  let strangers = 0;
  for (const child of read.acknowledgements) {
    const position = index.get(child.controlId);
    if (position === undefined) {
      if (!child.accepted || child.unclear || !ofWhole(child)) strangers += 1;
      continue;
    }
    const verdict = verdictOf(child);
    const earlier = verdicts[position];
    if (earlier === undefined) {
      verdicts[position] = verdict;
    } else if (earlier.code !== verdict.code && !contradicted.has(position)) {
      verdicts[position] = namedTwice(earlier, verdict, rules.twice);
      // In doubt once, in doubt for good: a third child cannot settle it.
      if (rules.twice === 'inDoubt') contradicted.add(position);
    }
  }
  return summarize(verdicts, strangers, silenceOf(rules, strangers, read.counts !== undefined), read.warning);
}

function refusedWhole({ code, words, whose }: Acknowledgement): Decision {
  return {
    rest: 'rejected',
    exceptions: [],
    code,
    words: words || 'The receiver refused the whole request.',
    whose: whose ?? 'data',
  };
}

function verdictOf({ accepted, unclear, code, words, whose }: Acknowledgement): Verdict {
  if (!unclear)
    return { state: accepted ? 'delivered' : 'rejected', code, words, whose: whose ?? (accepted ? 'unknown' : 'data') };
  return {
    state: 'inDoubt',
    code: 'ANSWER_CODE_UNKNOWN',
    words: sentence(
      code === '' ? 'The acknowledgement has no code.' : 'The acknowledgement has a code that says neither yes nor no.',
      words,
    ),
    whose: 'receiver',
  };
}

const GRAVITY: Readonly<Record<MessageOutcomeState, number>> = {
  delivered: 0,
  queued: 1,
  inDoubt: 2,
  rejected: 3,
  failed: 4,
};

function namedTwice(first: Verdict, second: Verdict, rule: AnswerRules['twice']): Verdict {
  const words = `The answer names this message twice, with ${first.code} and ${second.code}.`;
  if (rule === 'inDoubt') return { state: 'inDoubt', code: 'ANSWER_CONTRADICTS', words, whose: 'receiver' };
  const worse = GRAVITY[second.state] > GRAVITY[first.state] ? second : first;
  return { ...worse, words: sentence(words.replace('.', '; the worse of them counts.'), worse.words) };
}

function sentence(ours: string, theirs: string): string {
  return theirs === '' ? ours : `${ours} The receiver said: ${theirs}`;
}

/** What the rules say about messages that are not named, and why. */
function silenceOf(rules: AnswerRules, strangers: number, wrongCounts: boolean): Silence {
  const inDoubt = { state: 'inDoubt', whose: 'receiver', told: 'in doubt' } as const;
  if (strangers > 0 && rules.unknown === 'inDoubt')
    return {
      ...inDoubt,
      code: 'ANSWER_NAMES_OTHERS',
      words: 'The answer does not name this message, but names others that were not sent.',
    };
  if (wrongCounts && rules.counts === 'inDoubt')
    return {
      ...inDoubt,
      code: 'ANSWER_COUNTS_WRONG',
      words: 'The answer does not name this message, and its own counts do not hold: part of it may be missing.',
    };
  switch (rules.unmentioned) {
    case 'inDoubt':
      return { ...inDoubt, code: 'ANSWER_MISSING', words: 'The answer does not name this message.' };
    case 'queued':
      return {
        state: 'queued',
        code: 'ANSWER_NOT_TAKEN',
        words: 'The answer does not name this message, which means that it was not taken: it is sent again.',
        whose: 'receiver',
        told: 'sent again',
      };
    case 'delivered':
      return { state: 'delivered', code: 'ACCEPTED', words: '', whose: 'unknown', told: 'which means accepted' };
  }
}

/**
 * Most often nearly all have one outcome: it is said once, and the others are exceptions, each with the receiver's words.
 * What the receiver refused, or contradicted itself about, is always an exception.
 */
function summarize(
  verdicts: readonly (Verdict | undefined)[],
  strangers: number,
  silence: Silence,
  warning: string | undefined,
): Decision {
  const tally = tallyOf(verdicts);
  const common: MessageOutcomeState = tally.unmentioned > tally.delivered ? silence.state : 'delivered';
  const exceptions = verdicts.flatMap((verdict, index) => {
    const { state, code, words } = verdict ?? silence;
    return state === common && !isTold(verdict) ? [] : [{ index, state, code, words }];
  });
  const allApart = exceptions.length === verdicts.length;
  return {
    rest: allApart ? sharedState(exceptions) : common,
    exceptions,
    code: summaryCode(tally, silence, verdicts),
    words: summaryWords(verdicts.length, tally, strangers, silence, warning),
    whose: whoseOf(verdicts.map((verdict) => verdict ?? silence)),
  };
}

/** True where the receiver's words belong to this message alone. */
function isTold(verdict: Verdict | undefined): boolean {
  return verdict !== undefined && verdict.state !== 'delivered';
}

/** What all have become; where they differ, the worst of it stands for the whole. */
function sharedState(exceptions: readonly { readonly state: MessageOutcomeState }[]): MessageOutcomeState {
  return exceptions.find(({ state }) => state === 'inDoubt')?.state ?? exceptions[0]?.state ?? 'delivered';
}

/** Refusals count before doubts: somebody has to act on them. One name where all share it, else the data's. */
function whoseOf(verdicts: readonly Verdict[]): Whose | '' {
  const refusals = new Set(verdicts.filter(({ state }) => state === 'rejected').map(({ whose }) => whose));
  const [first] = refusals;
  if (first !== undefined) return refusals.size === 1 ? first : 'data';
  return verdicts.find(({ state }) => state !== 'delivered')?.whose ?? '';
}

interface Tally {
  readonly delivered: number;
  readonly rejected: number;
  readonly contradicted: number;
  readonly unclear: number;
  readonly unmentioned: number;
}

function tallyOf(verdicts: readonly (Verdict | undefined)[]): Tally {
  const count = (holds: (verdict: Verdict | undefined) => boolean) => verdicts.filter(holds).length;
  return {
    delivered: count((verdict) => verdict?.state === 'delivered'),
    rejected: count((verdict) => verdict?.state === 'rejected'),
    contradicted: count((verdict) => verdict?.code === 'ANSWER_CONTRADICTS'),
    unclear: count((verdict) => verdict?.code === 'ANSWER_CODE_UNKNOWN'),
    unmentioned: count((verdict) => verdict === undefined),
  };
}

function summaryWords(
  total: number,
  { delivered, rejected, contradicted, unclear, unmentioned }: Tally,
  strangers: number,
  silence: Silence,
  warning: string | undefined,
): string {
  const parts = [`${delivered} of ${total} acknowledged`];
  if (rejected > 0) parts.push(`${rejected} rejected`);
  if (contradicted > 0) parts.push(`${contradicted} named twice with different codes`);
  if (unclear > 0) parts.push(`${unclear} with a code that says neither yes nor no`);
  if (unmentioned > 0) parts.push(`${unmentioned} not mentioned, ${silence.told}`);
  if (strangers > 0) parts.push(`${strangers} acknowledgements name messages that were not sent`);
  if (warning) parts.push(warning);
  return parts.join('; ');
}

/** What stands over the whole answer: a doubt before a refusal, the gravest doubt first. */
function summaryCode(
  { rejected, contradicted, unclear, unmentioned }: Tally,
  silence: Silence,
  verdicts: readonly (Verdict | undefined)[],
): string {
  const silent = unmentioned > 0 && silence.state !== 'delivered';
  if (silent && silence.code === 'ANSWER_NAMES_OTHERS') return silence.code;
  if (contradicted > 0) return 'ANSWER_CONTRADICTS';
  if (unclear > 0) return 'ANSWER_CODE_UNKNOWN';
  if (silent) return silence.code;
  if (rejected === 0) return 'ACCEPTED';
  const codes = new Set(verdicts.map((verdict) => verdict?.code));
  return rejected === verdicts.length && codes.size === 1 ? (verdicts[0]?.code ?? 'MIXED') : 'MIXED';
}

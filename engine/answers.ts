import type { AnswerRead } from './contracts/format.ts';
import type { MessageOutcomeState } from './contracts/store.ts';

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
}

interface Verdict {
  readonly state: MessageOutcomeState;
  readonly code: string;
  readonly words: string;
}

/**
 * Each child of an answer decides only the message that it names. Missing: as the receiver's dialect says (usually in
 * doubt). Named twice with different codes: in doubt. A child that names none of ours: those not mentioned are in doubt,
 * with a warning. Exactly one acknowledgement, negative, that names nothing or the batch: it speaks of the whole request.
 * @param controlIds of the batch's members, in order; unique.
 */
export function decide(
  controlIds: readonly string[],
  read: AnswerRead,
  batchId: string,
  unmentioned: 'inDoubt' | 'delivered',
): Decision {
  const only = read.acknowledgements.length === 1 ? read.acknowledgements[0] : undefined;
  // A message without a control id can be named by nobody.
  const index = new Map(controlIds.flatMap((id, position) => (id === '' ? [] : [[id, position] as const])));
  if (only && !only.accepted && !index.has(only.controlId) && (only.controlId === '' || only.controlId === batchId)) {
    return {
      rest: 'rejected',
      exceptions: [],
      code: only.code,
      words: only.words || 'The receiver refused the whole request.',
    };
  }
  const verdicts: (Verdict | undefined)[] = new Array(controlIds.length).fill(undefined);
  let strangers = 0;
  for (const child of read.acknowledgements) {
    const position = index.get(child.controlId);
    if (position === undefined) {
      strangers += 1;
      continue;
    }
    const verdict: Verdict = { state: child.accepted ? 'delivered' : 'rejected', code: child.code, words: child.words };
    const earlier = verdicts[position];
    if (earlier?.code === CONTRADICTS) continue;
    verdicts[position] = earlier && earlier.code !== verdict.code ? contradiction(earlier.code, verdict.code) : verdict;
  }
  return summarize(verdicts, strangers, strangers > 0 ? 'inDoubt' : unmentioned, read.warning);
}

const CONTRADICTS = 'ANSWER_CONTRADICTS';

function contradiction(first: string, second: string): Verdict {
  return {
    state: 'inDoubt',
    code: CONTRADICTS,
    words: `The answer names this message twice, with ${first} and ${second}.`,
  };
}

/**
 * Most often nearly all have one outcome: it is said once, and the others are exceptions, each with the receiver's words.
 * What the receiver refused, or contradicted itself about, is always an exception.
 */
function summarize(
  verdicts: readonly (Verdict | undefined)[],
  strangers: number,
  missing: 'inDoubt' | 'delivered',
  warning: string | undefined,
): Decision {
  const tally = tallyOf(verdicts);
  const common: MessageOutcomeState = tally.unmentioned > tally.delivered ? missing : 'delivered';
  const exceptions = verdicts.flatMap((verdict, index) => {
    const apart: Verdict = verdict ?? { state: missing, ...missingWords(strangers) };
    return apart.state === common && !isTold(verdict) ? [] : [{ index, ...apart }];
  });
  const allApart = exceptions.length === verdicts.length;
  return {
    rest: allApart ? sharedState(exceptions) : common,
    exceptions,
    ...summaryWords(verdicts.length, tally, strangers, warning),
  };
}

/** True where the receiver's words belong to this message alone. */
function isTold(verdict: Verdict | undefined): boolean {
  return verdict !== undefined && verdict.state !== 'delivered';
}

/** What all have become; where they differ, the worst of it stands for the whole. */
function sharedState(exceptions: readonly Verdict[]): MessageOutcomeState {
  return exceptions.find(({ state }) => state === 'inDoubt')?.state ?? exceptions[0]?.state ?? 'delivered';
}

interface Tally {
  readonly delivered: number;
  readonly rejected: number;
  readonly contradicted: number;
  readonly unmentioned: number;
}

function tallyOf(verdicts: readonly (Verdict | undefined)[]): Tally {
  const count = (holds: (verdict: Verdict | undefined) => boolean) => verdicts.filter(holds).length;
  return {
    delivered: count((verdict) => verdict?.state === 'delivered'),
    rejected: count((verdict) => verdict?.state === 'rejected'),
    contradicted: count((verdict) => verdict?.state === 'inDoubt'),
    unmentioned: count((verdict) => verdict === undefined),
  };
}

function missingWords(strangers: number): { code: string; words: string } {
  return {
    code: 'ANSWER_MISSING',
    words:
      strangers > 0
        ? 'The answer does not name this message, but names others that were not sent.'
        : 'The answer does not name this message.',
  };
}

function summaryWords(
  total: number,
  tally: Tally,
  strangers: number,
  warning: string | undefined,
): { code: string; words: string } {
  const { delivered, rejected, contradicted, unmentioned } = tally;
  const parts = [`${delivered} of ${total} acknowledged`];
  if (rejected > 0) parts.push(`${rejected} rejected`);
  if (contradicted > 0) parts.push(`${contradicted} named twice with different codes`);
  if (unmentioned > 0) parts.push(`${unmentioned} not mentioned`);
  if (strangers > 0) parts.push(`${strangers} acknowledgements name messages that were not sent`);
  if (warning) parts.push(warning);
  return { code: summaryCode(tally, strangers), words: parts.join('; ') };
}

function summaryCode({ rejected, contradicted, unmentioned }: Tally, strangers: number): string {
  if (strangers > 0) return 'ANSWER_NAMES_OTHERS';
  if (contradicted > 0) return CONTRADICTS;
  if (unmentioned > 0) return 'ANSWER_MISSING';
  return rejected > 0 ? 'MIXED' : 'ACCEPTED';
}

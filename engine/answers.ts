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
  const index = new Map(controlIds.map((id, position) => [id, position]));
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
    verdicts[position] = earlier && earlier.code !== verdict.code ? contradiction(earlier.code, verdict.code) : verdict;
  }
  return summarize(verdicts, strangers, strangers > 0 ? 'inDoubt' : unmentioned, read.warning);
}

function contradiction(first: string, second: string): Verdict {
  return {
    state: 'inDoubt',
    code: 'ANSWER_CONTRADICTS',
    words: `The answer names this message twice, with ${first} and ${second}.`,
  };
}

function summarize(
  verdicts: readonly (Verdict | undefined)[],
  strangers: number,
  missing: 'inDoubt' | 'delivered',
  warning: string | undefined,
): Decision {
  const exceptions: { index: number; state: MessageOutcomeState; code: string; words: string }[] = [];
  let unmentioned = 0;
  let delivered = 0;
  verdicts.forEach((verdict, index) => {
    if (!verdict) unmentioned += 1;
    else if (verdict.state === 'delivered') delivered += 1;
    else exceptions.push({ index, ...verdict });
  });
  const rest: MessageOutcomeState = unmentioned > delivered ? missing : 'delivered';
  verdicts.forEach((verdict, index) => {
    const state = verdict?.state ?? missing;
    if ((verdict === undefined || state === 'delivered') && state !== rest)
      exceptions.push({ index, state, ...missingWords(verdict, strangers) });
  });
  exceptions.sort((a, b) => a.index - b.index);
  return {
    rest,
    exceptions,
    ...summaryWords(verdicts.length, delivered, exceptions.length, unmentioned, strangers, warning),
  };
}

function missingWords(verdict: Verdict | undefined, strangers: number): { code: string; words: string } {
  if (verdict) return { code: verdict.code, words: verdict.words };
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
  delivered: number,
  others: number,
  unmentioned: number,
  strangers: number,
  warning: string | undefined,
): { code: string; words: string } {
  const parts = [`${delivered} of ${total} acknowledged`];
  if (others > 0) parts.push(`${others} otherwise`);
  if (unmentioned > 0) parts.push(`${unmentioned} not mentioned`);
  if (strangers > 0) parts.push(`${strangers} acknowledgements name messages that were not sent`);
  if (warning) parts.push(warning);
  const code =
    strangers > 0 ? 'ANSWER_NAMES_OTHERS' : unmentioned > 0 ? 'ANSWER_MISSING' : others > 0 ? 'MIXED' : 'ACCEPTED';
  return { code, words: parts.join('; ') };
}

/** What a twin decides about each message, and what its acknowledgements say of it. */
import { type Ack, type AckList, isPositive } from './acknowledge.ts';
import type { Message } from './messages.ts';
import type { Plan } from './plan.ts';
import { drawn, fits, inRange } from './scenario.ts';
import type { AckCode, DecisionSin } from './sins.ts';

type CodeSin = Extract<DecisionSin, { readonly sin: 'code' }>;

/** An id that no sender has: it names neither a message nor a batch of anybody. */
export const STRANGER = 'TWIN-NOBODY-SENT-THIS';

function chosen(sin: CodeSin, { controlId }: Message, place: number): boolean {
  if (sin.messages !== undefined && !inRange(sin.messages, place)) return false;
  if (sin.every !== undefined && place % sin.every !== 0) return false;
  return sin.controlId === undefined || fits(sin.controlId, controlId);
}

/**
 * A code for each message; `undefined`: all are taken.
 * @param isRepeat whether a message of this control id was taken before
 * @param together true where a request is taken as a whole or not at all
 */
export function decide(
  messages: readonly Message[],
  plan: Plan,
  isRepeat: (controlId: string) => boolean,
  together: boolean,
): readonly AckCode[] | undefined {
  if (plan.isGood) return undefined;
  const codes = messages.map((): AckCode => 'AA');
  for (const sin of plan.sins) {
    if (sin.sin !== 'code') continue;
    for (const [index, message] of messages.entries()) {
      if (!chosen(sin, message, index + 1)) continue;
      codes[index] = sin.code;
      plan.commit('code');
    }
  }
  const repeats = plan.look('repeats');
  if (repeats) {
    for (const [index, { controlId }] of messages.entries()) {
      if (!isRepeat(controlId)) continue;
      codes[index] = repeats.code;
      plan.commit('repeats');
    }
  }
  if (plan.look('half-answer')?.take === 'half') codes.fill('AR', Math.ceil(messages.length / 2));
  if (plan.commit('success-false')) codes.fill('AR');
  const worst = together ? codes.find((code) => !isPositive(code)) : undefined;
  return worst === undefined ? codes : codes.fill(worst);
}

/** Changes what the acknowledgements say. Nothing that was decided changes. */
export function reword(list: AckList, plan: Plan, seed: number, request: number): AckList {
  let acks: readonly Ack[] = list.acks;
  const [first] = acks;
  if (first && plan.commit('half-answer')) acks = acks.slice(0, Math.ceil(acks.length / 2));
  const wrong = plan.commit('wrong-id');
  if (wrong) acks = acks.map((ack) => ({ ...ack, reference: wrong.id ?? STRANGER }));
  if (plan.commit('empty-id')) acks = acks.map((ack) => ({ ...ack, reference: '' }));
  const errors = plan.commit('several-errors');
  if (errors) acks = acks.map((ack) => ({ ...ack, errors: errors.count }));
  const twice = first && plan.commit('named-twice');
  if (twice)
    acks = [...acks, { ...first, code: twice.code, errors: isPositive(twice.code) ? 0 : 1, place: acks.length + 1 }];
  const unknown = plan.commit('unknown-id');
  if (unknown) {
    const reference = unknown.id ?? STRANGER;
    acks = [...acks, { message: first?.message, place: acks.length + 1, code: 'AA', reference, errors: 0 }];
  }
  if (list.isBatch && plan.commit('errors-only')) acks = acks.filter(({ code }) => !isPositive(code));
  if (acks.length > 1 && plan.commit('shuffled')) acks = shuffled(acks, seed, request);
  const count = acks.length + (list.isBatch && plan.commit('wrong-counts') ? 1 : 0);
  return { ...list, acks, count };
}

/** In another order, drawn by the seed; never in the same. */
function shuffled(acks: readonly Ack[], seed: number, request: number): readonly Ack[] {
  const order = acks.map((ack, index) => ({ ack, at: drawn(seed, 'shuffled', request, index) }));
  const drawnOrder = order.sort((a, b) => a.at - b.at).map(({ ack }) => ack);
  return drawnOrder.every((ack, index) => ack === acks[index]) ? drawnOrder.reverse() : drawnOrder;
}

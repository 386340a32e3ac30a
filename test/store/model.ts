import assert from 'node:assert/strict';
import type { NewAnswer } from '../../engine/contracts/store.ts';
import type { MessageState } from '../../engine/states.ts';

/** The ledger of one lane in memory, as simple as can be: what the store is compared with. */

export interface ModelMessage {
  readonly id: number;
  readonly submission: number;
  state: MessageState;
  batch: number | undefined;
  /** It may be at the receiver already: only a decision allows to send it again. */
  arrived: boolean;
}

export interface ModelSubmission {
  readonly number: number;
  readonly items: number;
  readonly entries: number;
  readonly gate: boolean;
  routedItems: number;
  invalid: boolean;
  state: 'accepted' | 'routing' | 'routed';
}

export class Model {
  readonly submissions: ModelSubmission[] = [];
  readonly messages: ModelMessage[] = [];
  /** Batch in flight or in doubt. */
  busy: { readonly batch: number; readonly attempt: number; readonly size: number; doubt: boolean } | undefined;
  run = 1;

  nextToRoute(): ModelSubmission | undefined {
    return this.submissions.find(({ state }) => state !== 'routed');
  }

  route(submission: ModelSubmission, items: number, exceptions: ReadonlyMap<number, MessageState>): void {
    submission.state = 'routing';
    for (let position = 0; position < items * submission.entries; position += 1) {
      const state = exceptions.get(position) ?? 'queued';
      if (state === 'invalid') submission.invalid = true;
      this.messages.push({
        id: this.messages.length + 1,
        submission: submission.number,
        state,
        batch: undefined,
        arrived: false,
      });
    }
    submission.routedItems += items;
  }

  endRouting(submission: ModelSubmission): number {
    submission.state = 'routed';
    if (!submission.gate || !submission.invalid) return 0;
    const queued = this.messages.filter((m) => m.submission === submission.number && m.state === 'queued');
    for (const message of queued) message.state = 'cancelled';
    return queued.length;
  }

  message(id: number): ModelMessage {
    const found = this.messages[id - 1];
    assert.ok(found, `message ${id} exists`);
    return found;
  }

  members(batch: number): ModelMessage[] {
    return this.messages.filter((message) => message.batch === batch);
  }

  /** Messages that wait for a batch and may go now, in the lane's order. */
  free(): ModelMessage[] {
    const onItsWay = this.submissions.find(({ state, entries }) => state !== 'routed' && entries > 0);
    return this.messages.filter(
      ({ state, batch, submission }) =>
        state === 'queued' &&
        batch === undefined &&
        (!onItsWay || submission < onItsWay.number || (submission === onItsWay.number && !onItsWay.gate)),
    );
  }

  /** What must hold whenever a first byte goes out. */
  begin(batch: number, attempt: number): void {
    assert.equal(this.busy, undefined, 'one call in flight, and nothing undecided');
    const members = this.members(batch);
    const last = Math.max(...members.map(({ id }) => id));
    for (const message of this.messages) {
      if (message.id > last || message.batch === batch) continue;
      assert.ok(
        !['queued', 'sending', 'inDoubt'].includes(message.state),
        `${message.id} is overtaken by batch ${batch}`,
      );
    }
    for (const message of members) {
      assert.equal(message.state, 'queued');
      assert.ok(!message.arrived, `message ${message.id} is sent twice`);
      const from = this.submissions.find(({ number }) => number === message.submission);
      assert.ok(from && (!from.gate || from.state === 'routed'), 'the gate is open');
      message.state = 'sending';
    }
    this.busy = { batch, attempt, size: members.length, doubt: false };
  }

  answer(rest: NewAnswer['rest'], exceptions: ReadonlyMap<number, NewAnswer['rest']>): void {
    const { busy } = this;
    assert.ok(busy);
    const members = this.members(busy.batch);
    for (const message of members) {
      message.state = exceptions.get(message.id) ?? rest;
      message.arrived = message.state !== 'queued';
    }
    this.busy = members.some(({ state }) => state === 'inDoubt') ? { ...busy, doubt: true } : undefined;
    if (!members.every(({ state }) => state === 'queued')) this.loseMembers(busy.batch);
  }

  resolve(to: 'delivered' | 'rejected' | 'queued' | 'cancelled'): number {
    const { busy } = this;
    assert.ok(busy?.doubt);
    const doubtful = this.members(busy.batch).filter(({ state }) => state === 'inDoubt');
    for (const message of doubtful) {
      message.state = to;
      if (to === 'queued') message.arrived = false;
    }
    this.busy = undefined;
    if (to === 'queued' && doubtful.length < busy.size) this.loseMembers(busy.batch);
    return doubtful.length;
  }

  counts(submission: number): Partial<Record<MessageState, number>> {
    const counts: Partial<Record<MessageState, number>> = {};
    for (const message of this.messages) {
      if (message.submission === submission) counts[message.state] = (counts[message.state] ?? 0) + 1;
    }
    return counts;
  }

  loseMembers(batch: number): void {
    for (const message of this.members(batch)) if (message.state === 'queued') message.batch = undefined;
  }
}

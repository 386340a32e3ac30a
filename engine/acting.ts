import { type ActPreview, type ActQuestion, type Looking, previewAct, selectForAct } from './act-preview.ts';
import { ACTS, partsOf } from './acts.ts';
import type { ActRow } from './contracts/acting.ts';
import type { Clock } from './contracts/runtime.ts';
import type { Store } from './contracts/store.ts';
import { codeOf, messageOf, WaybillError } from './errors.ts';
import { emit } from './events.ts';
import { Rounds } from './rounds.ts';

/** Acts of people on messages that fit a filter: looked at first, confirmed by their number, then done in slices. */

export interface ActRequest extends ActQuestion {
  readonly who: string;
  readonly reason: string;
  /** How many messages may be changed, exactly; `any`: whatever fits now. */
  readonly confirm: number | 'any';
}

export interface ActingOptions extends Pick<Looking, 'facts'> {
  readonly store: Pick<Store, 'ask' | 'recordAct' | 'continueAct'>;
  readonly clock: Clock;
  /** False for a destination that is not there any more: nothing is queued for it. Absent where nobody knows. */
  readonly knows?: (destination: string) => boolean;
  /** Messages were changed: lanes may go on, services may have to be told. */
  readonly changed: () => Promise<void>;
}

/** After a failure of the ledger an act goes on so much later, milliseconds. */
const TRY_AGAIN = 5000;

/** Does acts one after the other, part by part; what was begun is finished, if need be by the next run. */
export class Acting {
  readonly #options: ActingOptions;
  readonly #rounds: Rounds;

  constructor(options: ActingOptions) {
    this.#options = options;
    this.#rounds = new Rounds(options, { round: () => this.#doAll(), failed: waitAfter });
  }

  get looking(): Looking {
    const { store, clock, facts } = this.#options;
    return { ask: (question, request) => store.ask({ question, with: request }), facts, now: () => clock.now() };
  }

  preview(question: ActQuestion): Promise<ActPreview> {
    return previewAct(this.looking, question);
  }

  /**
   * Keeps what was decided and begins to do it. What is changed is what fits now, if its number was confirmed.
   * @throws WaybillError as `previewAct`, `ACT_NOTHING`, `ACT_COUNT`; then nothing is changed
   */
  async begin(request: ActRequest): Promise<ActRow> {
    const { goal, situations, preview } = await selectForAct(this.looking, request);
    refuseUnconfirmed(request, preview);
    this.#refuseUnknown(preview);
    const members = new Map<number, number>();
    for (const { state, batch } of situations) {
      if (state !== 'inDoubt' || batch === undefined) continue;
      members.set(batch, (await this.looking.ask('batch', { batch }))?.count ?? 0);
    }
    const { verb, who, reason } = request;
    const { store, clock } = this.#options;
    const { act } = await store.recordAct({
      verb,
      goal,
      event: ACTS[verb].past,
      filter: preview.filter,
      who,
      reason,
      at: clock.now(),
      count: preview.count,
      parts: partsOf(situations, (batch) => members.get(batch)),
    });
    emit('actBegun', { act, verb, messages: preview.count });
    this.goOn();
    return this.act(act);
  }

  /** @throws WaybillError `ACT_UNKNOWN` */
  async act(act: number): Promise<ActRow> {
    const row = await this.looking.ask('act', { act });
    if (row) return row;
    throw new WaybillError('ACT_UNKNOWN', `The ledger has no act ${act}.`);
  }

  /** Goes on with what is not finished: acts of an earlier run too. */
  goOn(): void {
    this.#rounds.wake();
  }

  /** Does everything that is not finished, before it resolves. @throws StoreError where the ledger cannot be written */
  async finish(): Promise<void> {
    await this.#rounds.idle();
    await this.#doAll();
  }

  /** Ends after the part that is being done. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  #refuseUnknown({ goal, destinations }: ActPreview): void {
    const { knows } = this.#options;
    const gone = goal === 'queued' && knows ? Object.keys(destinations).filter((name) => !knows(name)) : [];
    if (gone.length === 0) return;
    throw new WaybillError(
      'DESTINATION_UNKNOWN',
      `The production no longer has ${gone.join(', ')}: put it back, or leave its messages out with destination=.`,
    );
  }

  async #doAll(): Promise<void> {
    for (;;) {
      const [next] = await this.looking.ask('acts', { limit: 1, running: true });
      if (!next || this.#rounds.stopping.aborted) return;
      await this.#do(next.act);
    }
  }

  async #do(act: number): Promise<void> {
    const { store, clock, changed } = this.#options;
    for (;;) {
      const { finished, changed: n } = await store.continueAct({ act, at: clock.now() });
      if (n > 0 || finished) await changed();
      if (finished) break;
      if (this.#rounds.stopping.aborted) return;
    }
    const { verb, done, skipped } = await this.act(act);
    emit('actDone', { act, verb, messages: done, skipped });
  }
}

function waitAfter(error: unknown): number {
  emit('actWaits', { code: codeOf(error), reason: messageOf(error) });
  return TRY_AGAIN;
}

function refuseUnconfirmed({ verb, confirm }: ActRequest, { count, filter, leftOut }: ActPreview): void {
  if (count === 0) {
    const left = leftOut.map((each) => ` ${each.count} are ${each.state}: ${each.why}.`).join('');
    throw new WaybillError('ACT_NOTHING', `There is nothing to ${verb}: no message fits ${filter}.${left}`);
  }
  if (confirm === 'any' || confirm === count) return;
  throw new WaybillError(
    'ACT_COUNT',
    `${count} messages fit ${filter} now, ${confirm} were confirmed; nothing was changed. Look again, then confirm.`,
  );
}

import type { Clock } from './contracts/runtime.ts';
import type { ResolveRequest, Store, SubmissionDecision, VersionsMade } from './contracts/store.ts';
import { WaybillError } from './errors.ts';
import { emit } from './events.ts';
import { submissionId } from './ids.ts';
import type { Sending } from './sending.ts';
import { packVersions, type VersionsRequest } from './versions.ts';

export interface DecisionsContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly instance: () => string;
  readonly sendingTo: (destination: string) => Sending | undefined;
  /** There may be work in this lane (`route`, or a destination). */
  readonly signal: (lane: string) => void;
  readonly sweep: () => Promise<void>;
}

/** What people decide about a running engine's destinations, batches and submissions; messages by filter: `acting.ts`. */
export class Decisions {
  readonly #context: DecisionsContext;

  constructor(context: DecisionsContext) {
    this.#context = context;
  }

  /** Goes on with a stopped destination, with its secrets read anew. @throws WaybillError `DESTINATION_UNKNOWN` */
  async resume(destination: string, who: string, why: string): Promise<{ wasStopped: boolean }> {
    const { store, clock, sendingTo, signal } = this.#context;
    const sending = sendingTo(destination);
    if (!sending)
      throw new WaybillError(
        'DESTINATION_UNKNOWN',
        `The production has no destination ${destination}: look at the names with waybill status.`,
      );
    sending.reopen();
    const result = await store.resumeDestination({ destination, at: clock.now(), who, why });
    emit('destinationResumed', { destination });
    signal(destination);
    return result;
  }

  /** Decides about the in-doubt messages of a batch. */
  async resolve(request: Omit<ResolveRequest, 'at'>): Promise<{ messages: number; destination: string }> {
    const { store, clock, signal, sweep } = this.#context;
    const result = await store.resolve({ ...request, at: clock.now() });
    signal(result.destination);
    await sweep();
    return result;
  }

  /** New versions of messages of one item, which are sent in the place of those that they replace. */
  async newVersions(request: VersionsRequest): Promise<VersionsMade> {
    const { store, clock, signal, instance } = this.#context;
    const made = await store.newVersions(packVersions(request, clock.now()));
    const { submission, kind } = request;
    const messages = made.versions.length;
    emit('versionsMade', { submission: submissionId(instance(), submission), kind, messages });
    for (const { destination } of made.versions) signal(destination);
    return made;
  }

  /** Lets a submission out of quarantine; it is routed behind what came meanwhile. */
  async release(request: Omit<SubmissionDecision, 'at'>): Promise<void> {
    const { store, clock, signal, instance } = this.#context;
    await store.release({ ...request, at: clock.now() });
    emit('submissionReleased', { submission: submissionId(instance(), request.submission) });
    signal('route');
  }

  /** Gives up a submission that is in quarantine or not routed yet. */
  async cancel(request: Omit<SubmissionDecision, 'at'>): Promise<void> {
    const { store, clock, sweep, instance } = this.#context;
    await store.cancelSubmission({ ...request, at: clock.now() });
    emit('submissionCancelled', { submission: submissionId(instance(), request.submission) });
    await sweep();
  }
}

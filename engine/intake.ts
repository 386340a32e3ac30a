import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { AcceptContext } from './accept.ts';
import type { BodyFolder } from './bodies.ts';
import { parseSnapshot, snapshotHash, snapshotJson } from './config/hash.ts';
import type { Snapshot } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { Rule } from './contracts/service.ts';
import type { NewSubmission, Store, StoreFacts } from './contracts/store.ts';
import { WaybillError } from './errors.ts';
import { emit } from './events.ts';
import { submissionId } from './ids.ts';
import { keepAnswer } from './keep-answer.ts';

export interface IntakeOptions {
  readonly store: Store;
  readonly bodies: BodyFolder;
  readonly clock: Clock;
  /** Something is being received, and will have to be routed. */
  readonly receiving?: () => void;
  /** Something is to be routed. */
  readonly toRoute: () => void;
  readonly failed: (error: unknown) => void;
}

/** Everything that comes in goes through here: numbers, given once, and the snapshot that submissions are pinned to. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #facts: StoreFacts;
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #current: { readonly hash: string; readonly content: Snapshot };
  #lastNumber: number;
  #lastReceipt: number;
  #open = true;

  private constructor(options: IntakeOptions, facts: StoreFacts, current: { hash: string; content: Snapshot }) {
    this.#options = options;
    this.#facts = facts;
    this.#current = current;
    this.#snapshots.set(current.hash, current.content);
    this.#lastNumber = facts.lastSubmission;
    this.#lastReceipt = facts.lastReceipt;
  }

  /** Stores the snapshot that submissions are pinned to from now on. */
  static async open(options: IntakeOptions, facts: StoreFacts, content: Snapshot): Promise<Intake> {
    const hash = snapshotHash(content);
    await options.store.putSnapshot({ hash, body: zstdCompressSync(snapshotJson(content)) });
    return new Intake(options, facts, { hash, content });
  }

  /** Nothing more is taken in from outside. */
  close(): void {
    this.#open = false;
  }

  /** What accepting on behalf of a service needs. */
  context(): AcceptContext {
    const { store, bodies, clock, failed } = this.#options;
    return {
      store,
      bodies,
      clock,
      instance: this.#facts.instance,
      nextNumber: () => {
        this.#refuseWhileStopping();
        this.#options.receiving?.();
        return this.#nextNumber();
      },
      nextReceipt: () => {
        this.#lastReceipt += 1;
        return this.#lastReceipt;
      },
      failed,
      snapshot: () => this.#current,
      accepted: (submission, service) => this.#accepted(submission, service),
    };
  }

  /** Keeps the answer to a batch as a submission's body; also while the engine stops, since a call in flight is finished. */
  keepAnswer(destination: string, rule: Rule, batch: number, body: Uint8Array): Promise<NewSubmission> {
    const context = { ...this.context(), nextNumber: () => this.#nextNumber() };
    return keepAnswer(context, { destination, rule, batch, body });
  }

  /** The commit of an answer made it a submission. */
  answerAccepted(destination: string, submission: number): void {
    this.#accepted(submissionId(this.#facts.instance, submission), destination);
  }

  /** A snapshot that a submission began with. @throws WaybillError where the ledger does not have it. */
  async snapshot(hash: string): Promise<Snapshot> {
    const known = this.#snapshots.get(hash);
    if (known) return known;
    const body = await this.#options.store.snapshot({ hash });
    if (!body) throw new WaybillError('STORE_STALE', 'The snapshot that a submission began with is not in the ledger.');
    const content = parseSnapshot(zstdDecompressSync(body).toString('utf8'));
    this.#snapshots.set(hash, content);
    return content;
  }

  #nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #refuseWhileStopping(): void {
    if (this.#open) return;
    throw new WaybillError('ENGINE_STOPPING', 'The engine is stopping and takes nothing in: try again when it runs.');
  }

  #accepted(submission: string, service: string): void {
    emit('submissionAccepted', { submission, service });
    this.#options.toRoute();
  }
}

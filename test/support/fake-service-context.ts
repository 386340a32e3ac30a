import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Listener } from '../../engine/contracts/listener.ts';
import type { Logger } from '../../engine/contracts/runtime.ts';
import type {
  Accepted,
  AcceptRequest,
  RejectedItem,
  ServiceContext,
  ServiceProgress,
  SubmissionView,
} from '../../engine/contracts/service.ts';
import { WaybillError } from '../../engine/errors.ts';
import { FakeUploads } from './fake-uploads.ts';

export interface FakeSubmission {
  view: SubmissionView;
  progress: ServiceProgress;
  progressSeen: ServiceProgress[];
  readonly body: Buffer;
  readonly request: { readonly name: string; readonly route: string; readonly format: string };
  rejected: readonly RejectedItem[];
}

export interface LogLine {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface FakeOptions<C> {
  readonly config: C;
  readonly folder: string;
  readonly name?: string;
  /** Everything is kept in this file after each change, and read from it: a fake that outlives its process. */
  readonly statePath?: string;
  /** The production's listener, for services that have one. */
  readonly listener?: Listener;
  /** Called with a submission that was just accepted, after `accept` resolved; to play the engine's next steps. */
  readonly afterAccept?: (engine: FakeEngine<C>, id: string) => void;
}

/**
 * An engine as a service sees it, in memory: bodies, unique claims, duplicates by content, and states that the test sets.
 * What the contract promises it keeps; anything else it may do, it does (notices before `accept` returns, notices twice).
 */
export class FakeEngine<C> {
  readonly submissions = new Map<string, FakeSubmission>();
  readonly log: LogLine[] = [];
  readonly abort = new AbortController();
  readonly context: ServiceContext<C>;
  /** What came in by `upload`. */
  readonly uploads: FakeUploads;
  /** Thrown by `accept` after the body was read, as long as it is set. */
  storeFails: Error | undefined;
  /** Called at the start of each accept. */
  beforeAccept: ((request: AcceptRequest) => Promise<void> | void) | undefined;
  /** Called when the body was read, before `confirm`. */
  afterBody: ((request: AcceptRequest, body: Buffer) => Promise<void> | void) | undefined;
  accepts = 0;
  acceptsInFlight = 0;
  mostAcceptsInFlight = 0;
  readonly #options: FakeOptions<C>;
  #listeners: ((id: string) => void)[] = [];

  constructor(options: FakeOptions<C>) {
    this.#options = options;
    this.#load();
    const level =
      (name: string) =>
      (fields: object, message: string): void => {
        this.log.push({ level: name, fields: { ...fields }, message });
      };
    const logger: Logger = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
    const name = options.name ?? 'clinic-drop';
    this.uploads = new FakeUploads(name);
    this.context = {
      name,
      config: options.config,
      folder: options.folder,
      logger,
      signal: this.abort.signal,
      clock: { now: () => Date.now() },
      accept: (request) => this.#accept(request),
      upload: () => this.uploads.begin(),
      receipt: async (id) => this.uploads.receipts.get(id)?.view,
      ...(options.listener ? { listener: options.listener } : {}),
      findClaim: async (claim) => this.#byClaim(claim)?.view,
      submission: async (id) => this.submissions.get(id)?.view,
      unfinished: async () =>
        [...this.submissions.values()]
          .filter((s) => s.progress !== 'closed')
          .map((s) => ({ ...s.view, progress: s.progress })),
      progress: async (id, progress) => {
        const submission = this.#get(id);
        submission.progress = progress;
        submission.progressSeen.push(progress);
        this.#save();
      },
      onChange: (listener) => {
        this.#listeners.push(listener);
      },
      rejected: (id) => this.#rejected(id),
      report: async (id) => ({ state: this.#get(id).view.state, items: this.#get(id).view.items ?? 0 }),
    };
  }

  /** The only submission; fails where there are more or none. */
  only(): FakeSubmission {
    const [one, ...others] = this.submissions.values();
    if (one === undefined || others.length > 0)
      throw new Error(`expected one submission, found ${this.submissions.size}`);
    return one;
  }

  /** A second engine with the same store: what a restart finds. */
  restarted(changes: Partial<FakeOptions<C>> = {}): FakeEngine<C> {
    const next = new FakeEngine({ ...this.#options, ...changes });
    for (const [id, submission] of this.submissions) next.submissions.set(id, submission);
    return next;
  }

  route(
    id: string,
    found: { items?: number; scan?: Record<string, unknown>; rejected?: readonly RejectedItem[] } = {},
  ): void {
    const submission = this.#get(id);
    submission.rejected = found.rejected ?? [];
    this.#change(id, {
      state: 'routed',
      items: found.items ?? 1,
      scan: found.scan ?? { delimiter: ',', header: ['a', 'b'] },
      rejectedItems: submission.rejected.length,
    });
  }

  settle(id: string): void {
    this.#change(id, { settled: true });
  }

  refuse(id: string, refusal: NonNullable<SubmissionView['refusal']>): void {
    this.#change(id, { state: 'refused', settled: true, refusal });
  }

  cancel(id: string): void {
    this.#change(id, { state: 'cancelled', settled: true });
  }

  #change(id: string, changes: Partial<SubmissionView>): void {
    const submission = this.#get(id);
    submission.view = { ...submission.view, ...changes };
    this.#save();
    this.tell(id);
    this.tell(id);
  }

  /** Tells the listeners of a submission, as often as it is called. */
  tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }

  async #accept(request: AcceptRequest): Promise<Accepted> {
    this.accepts++;
    this.acceptsInFlight++;
    this.mostAcceptsInFlight = Math.max(this.mostAcceptsInFlight, this.acceptsInFlight);
    try {
      return await this.#acceptOne(request);
    } finally {
      this.acceptsInFlight--;
    }
  }

  async #acceptOne(request: AcceptRequest): Promise<Accepted> {
    await this.beforeAccept?.(request);
    const chunks: Uint8Array[] = [];
    for await (const chunk of request.body) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    await this.afterBody?.(request, body);
    if (this.storeFails) throw this.storeFails;
    const hash = createHash('sha256').update(body).digest('hex');
    const now = Date.now();
    const first = [...this.submissions.values()].find(
      ({ view }) =>
        view.hash === hash &&
        !['refused', 'cancelled'].includes(view.state) &&
        view.acceptedAt > now - request.duplicates.within,
    );
    if (first && request.duplicates.then === 'report' && !request.again)
      return { kind: 'duplicate', id: first.view.id };
    await request.confirm?.();
    const { claim } = request;
    if (claim !== undefined && this.#byClaim(claim)) throw new WaybillError('CLAIM_TAKEN', 'the claim is taken');
    const id = `7kq2-${this.submissions.size + 1}`;
    this.submissions.set(id, {
      view: {
        id,
        service: this.context.name,
        name: request.name,
        state: 'accepted',
        acceptedAt: now,
        bytes: body.length,
        hash,
        settled: false,
        rejectedItems: 0,
        ...(claim === undefined ? {} : { claim }),
      },
      progress: 'open',
      progressSeen: [],
      body,
      request: { name: request.name, route: request.rule.route, format: request.rule.format.type },
      rejected: [],
    });
    this.#save();
    this.tell(id);
    setImmediate(() => this.#options.afterAccept?.(this, id));
    return { kind: 'stored', id };
  }

  async *#rejected(id: string): AsyncGenerator<RejectedItem> {
    yield* this.#get(id).rejected;
  }

  #get(id: string): FakeSubmission {
    const submission = this.submissions.get(id);
    if (!submission) throw new Error(`no submission ${id}`);
    return submission;
  }

  #byClaim(claim: string): FakeSubmission | undefined {
    return [...this.submissions.values()].find(({ view }) => view.claim === claim);
  }

  #save(): void {
    const path = this.#options.statePath;
    if (path === undefined) return;
    const all = [...this.submissions.values()].map((s) => ({ ...s, body: s.body.toString('base64') }));
    writeFileSync(`${path}.new`, JSON.stringify(all));
    renameSync(`${path}.new`, path);
  }

  #load(): void {
    const path = this.#options.statePath;
    if (path === undefined) return;
    const all: (Omit<FakeSubmission, 'body'> & { body: string })[] = JSON.parse(readFileSync(path, 'utf8'));
    for (const s of all) this.submissions.set(s.view.id, { ...s, body: Buffer.from(s.body, 'base64') });
  }
}

import { join } from 'node:path';
import type { AcceptContext } from './accept.ts';
import { accept } from './accept.ts';
import { unpackRejects } from './blocks.ts';
import type { Listeners } from './contracts/listener.ts';
import type { Production } from './contracts/production.ts';
import type { Clock, Logger } from './contracts/runtime.ts';
import type { ReceiptView, RejectedItem, ServiceContext, ServiceHandle, SubmissionView } from './contracts/service.ts';
import type { Store, SubmissionRow } from './contracts/store.ts';
import { WaybillError } from './errors.ts';
import { itemId, parseReceiptId, parseSubmissionId, submissionId } from './ids.ts';
import type { Registry } from './registry.ts';
import { report } from './report.ts';
import { beginUpload } from './upload.ts';

export interface ServicesContext {
  readonly store: Store;
  readonly accepting: AcceptContext;
  readonly production: Production;
  readonly registry: Registry;
  readonly logger: (service: string) => Logger;
  readonly clock: Clock;
  readonly instance: string;
  /** Shared by all services that take requests over HTTP. */
  readonly listener: Listeners | undefined;
}

/** The running services of a production, and who wants to hear of which submission. */
export class Services {
  readonly #context: ServicesContext;
  readonly #stop = new AbortController();
  readonly #listeners = new Map<string, (id: string) => void>();
  readonly #handles: ServiceHandle[] = [];

  constructor(context: ServicesContext) {
    this.#context = context;
  }

  /** Starts all services; one that cannot start stops the others and throws. */
  async start(): Promise<void> {
    try {
      for (const [name, { type, config }] of Object.entries(this.#context.production.services)) {
        const definition = await this.#context.registry.get('service', type);
        this.#handles.push(await definition.start(this.#lend(name, config)));
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops them all, whatever becomes of one; @throws what the first that failed threw. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const ends = await Promise.allSettled(this.#handles.splice(0).map((handle) => handle.stop()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Something about a submission changed: routed, refused, cancelled, settled. */
  tell(service: string, submission: number): void {
    this.#listeners.get(service)?.(submissionId(this.#context.instance, submission));
  }

  #lend(name: string, config: unknown): ServiceContext<unknown> {
    const { store, accepting, production, clock, instance, listener } = this.#context;
    const view = (row: SubmissionRow | undefined) => row && submissionView(instance, row);
    return {
      name,
      config,
      folder: production.folder,
      logger: this.#context.logger(name),
      signal: this.#stop.signal,
      clock,
      accept: (request) => accept(accepting, name, request),
      upload: () => beginUpload(accepting, name),
      receipt: (id) => receiptView(store, instance, id),
      ...(listener ? { listener: listener.forService(name) } : {}),
      findClaim: async (claim) => view(await store.findClaim({ claim })),
      submission: async (id) => view(await store.submission({ submission: this.#number(id) })),
      unfinished: async () =>
        (await store.unfinished({ service: name })).map((row) => ({
          ...submissionView(instance, row),
          progress: row.progress,
        })),
      progress: (id, progress) => store.progress({ submission: this.#number(id), progress }),
      onChange: (listener) => void this.#listeners.set(name, listener),
      rejected: (id) => rejectedItems(store, instance, this.#number(id)),
      report: (id) => report(store, instance, this.#number(id)),
    };
  }

  #number(id: string): number {
    const number = parseSubmissionId(this.#context.instance, id);
    if (number === undefined)
      throw new WaybillError(
        'SUBMISSION_UNKNOWN',
        `${id} is no submission of this ledger: look it up with waybill submissions.`,
      );
    return number;
  }
}

/** A receipt of this ledger with what is known of its submissions; `undefined` for an id that is none. */
export async function receiptView(
  store: Pick<Store, 'receipt'>,
  instance: string,
  id: string,
): Promise<ReceiptView | undefined> {
  const receipt = parseReceiptId(instance, id);
  const row = receipt === undefined ? undefined : await store.receipt({ receipt });
  return (
    row && {
      id,
      service: row.service,
      partner: row.partner,
      acceptedAt: row.acceptedAt,
      fields: row.submissions[0]?.fields ?? {},
      submissions: row.submissions.map((submission) => ({
        ...submissionView(instance, submission),
        part: submission.part ?? '',
        contentType: submission.contentType,
      })),
    }
  );
}

/** A ledger row as services see it. */
function submissionView(instance: string, row: SubmissionRow): SubmissionView {
  return {
    id: submissionId(instance, row.number),
    service: row.service,
    name: row.name,
    state: row.state,
    acceptedAt: row.acceptedAt,
    bytes: row.bytes,
    hash: row.hash,
    settled: row.settledAt !== undefined,
    rejectedItems: row.rejectedItems,
    ...(row.claim === undefined ? {} : { claim: row.claim }),
    ...(row.items === undefined ? {} : { items: row.items }),
    ...(row.scan === undefined ? {} : { scan: row.scan.details }),
    ...(row.refusal === undefined ? {} : { refusal: row.refusal }),
    ...(row.bodiesPurgedAt === undefined ? {} : { bodiesPurgedAt: row.bodiesPurgedAt }),
  };
}

/**
 * Rejected items of a submission in the order of the file, a few blocks at a time.
 * @throws WaybillError `REJECTED_PURGED` at the end where they were purged meanwhile: some may be missing
 */
export async function* rejectedItems(
  store: Pick<Store, 'rejectBlocks' | 'submission'>,
  instance: string,
  submission: number,
): AsyncGenerator<RejectedItem> {
  for (let after = -1; ; ) {
    const blocks = await store.rejectBlocks({ submission, after });
    if (blocks.length === 0) break;
    for (const block of blocks) {
      after = block.block;
      for (const { item, line, fields, faults } of unpackRejects(block.rejects))
        yield { waybillId: itemId(instance, submission, item), line, fields, faults };
    }
  }
  if ((await store.submission({ submission }))?.bodiesPurgedAt === undefined) return;
  const id = submissionId(instance, submission);
  throw new WaybillError('REJECTED_PURGED', `The rejected rows of ${id} were past their retention and are purged.`);
}

/** Folder of the bodies in a data folder. */
export function bodiesFolder(dataFolder: string): string {
  return join(dataFolder, 'bodies');
}

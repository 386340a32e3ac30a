import { rm } from 'node:fs/promises';
import type { BodyFolder, IncomingBody } from './bodies.ts';
import type { Snapshot } from './contracts/production.ts';
import type { Clock } from './contracts/runtime.ts';
import type { Accepted, AcceptRequest, Rule } from './contracts/service.ts';
import type { NewSubmission, Store } from './contracts/store.ts';
import { RefusedError } from './errors.ts';
import { submissionId } from './ids.ts';
import { label } from './labels.ts';

/** What accepting needs to know of the running production. */
export interface AcceptContext {
  readonly store: Store;
  readonly bodies: BodyFolder;
  readonly clock: Clock;
  readonly instance: string;
  /** The next submission's number; a number is never given twice. */
  readonly nextNumber: () => number;
  /** The next receipt's number; a number is never given twice. */
  readonly nextReceipt: () => number;
  /** The snapshot that submissions are pinned to from now on. */
  readonly snapshot: () => { readonly hash: string; readonly content: Snapshot };
  /** Called after the commit: something is to be routed. */
  readonly accepted: (submission: string, service: string) => void;
  /** Hears why an input could not be kept. */
  readonly failed?: (error: unknown) => void;
}

/**
 * Takes an input in: stream to the body store, hashed on the way; one commit makes the submission. Resolves only after
 * that commit.
 * @throws RefusedError where the route is unknown; errors of the disk or the store, in which case nothing was kept.
 */
export async function accept(context: AcceptContext, service: string, request: AcceptRequest): Promise<Accepted> {
  const pinned = pin(context, request.rule);
  try {
    return await keep(context, service, request, pinned);
  } catch (error) {
    context.failed?.(error);
    throw error;
  }
}

/** What a rule's route is pinned to from now on. */
export interface Pinned {
  readonly rule: Rule;
  readonly snapshot: string;
  readonly gate: boolean;
  readonly entries: NewSubmission['entries'];
}

/** The route of a rule as it is now. @throws RefusedError where the production has no such route. */
export function pin(context: Pick<AcceptContext, 'snapshot'>, rule: Rule): Pinned {
  const { hash, content } = context.snapshot();
  const route = content.routes[rule.route];
  if (!route)
    throw new RefusedError(
      'ROUTE_UNKNOWN',
      `The production has no route ${rule.route}: name one of its routes in the service's rule.`,
    );
  const entries = route.to.map(({ name, destination, transform }) => ({
    name,
    destination,
    transform: transform ?? '',
  }));
  return { rule, snapshot: hash, gate: route.onInvalidRow === 'refuseFile', entries };
}

/** What a submission's row says of the route it takes. */
export function pinnedFacts({ rule, snapshot, gate, entries }: Pinned) {
  return { format: rule.format, route: rule.route, snapshot, gate, entries };
}

async function keep(
  context: AcceptContext,
  service: string,
  request: AcceptRequest,
  pinned: Pinned,
): Promise<Accepted> {
  const number = context.nextNumber();
  const body = await context.bodies.begin();
  const path = context.bodies.original(number);
  const hash = await receive(body, request, path);
  try {
    const acceptedAt = context.clock.now();
    const result = await context.store.accept({
      ...pinnedFacts(pinned),
      number,
      service,
      partner: request.partner ?? '',
      name: request.name,
      contentType: request.contentType ?? '',
      bytes: body.bytes,
      hash,
      claim: request.claim,
      fields: request.fields ?? {},
      acceptedAt,
      owner: `${service}\n${request.partner ?? ''}`,
      expiresAt: acceptedAt + request.duplicates.within,
      refuseDuplicate: request.duplicates.then === 'report' && request.again !== true,
    });
    if (result.kind === 'duplicate') {
      await rm(path, { force: true });
      return { kind: 'duplicate', id: submissionId(context.instance, result.submission) };
    }
  } catch (error) {
    if (await isUnknown(context.store, number)) await rm(path, { force: true });
    throw error;
  }
  label('accept.answered');
  const id = submissionId(context.instance, number);
  context.accepted(id, service);
  return { kind: 'stored', id };
}

/**
 * A ledger that ended or failed may have kept the submission all the same: its body is then left, and the next start
 * removes it if nothing refers to it.
 */
export async function isUnknown(store: Store, submission: number): Promise<boolean> {
  return store.submission({ submission }).then(
    (row) => row === undefined,
    () => false,
  );
}

/** Streams a body to its final path. @returns its SHA-256; @throws the source's error or the disk's: nothing was kept. */
export async function receive(
  body: IncomingBody,
  request: Pick<AcceptRequest, 'body' | 'confirm'>,
  path: string,
): Promise<string> {
  try {
    for await (const chunk of request.body) await body.write(chunk);
    await request.confirm?.();
  } catch (error) {
    await body.discard();
    throw error;
  }
  try {
    return await body.keep(path);
  } catch (error) {
    await rm(body.path, { force: true });
    await rm(path, { force: true });
    throw error;
  }
}

import type { AcceptContext } from './accept.ts';
import { pin, pinnedFacts, receive } from './accept.ts';
import type { Rule } from './contracts/service.ts';
import type { NewSubmission } from './contracts/store.ts';
import { batchId } from './ids.ts';

/**
 * Brings the answer to a batch to disk as the body of a submission. The commit that stores the answer makes it visible;
 * without that commit the next start removes it. @throws errors of the disk.
 */
export async function keepAnswer(
  context: AcceptContext,
  answered: { readonly destination: string; readonly rule: Rule; readonly batch: number; readonly body: Uint8Array },
): Promise<NewSubmission> {
  const pinned = pin(context, answered.rule);
  const number = context.nextNumber();
  const incoming = await context.bodies.begin();
  const hash = await receive(incoming, { body: chunk(answered.body) }, context.bodies.original(number));
  const acceptedAt = context.clock.now();
  return {
    ...pinnedFacts(pinned),
    number,
    service: answered.destination,
    partner: '',
    name: `answer to ${batchId(context.instance, answered.batch)}`,
    contentType: '',
    bytes: incoming.bytes,
    hash,
    claim: undefined,
    fields: {},
    acceptedAt,
    cause: answered.batch,
    owner: '',
    expiresAt: acceptedAt,
    refuseDuplicate: false,
  };
}

async function* chunk(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}

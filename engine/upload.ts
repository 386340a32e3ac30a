import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { type AcceptContext, isUnknown, pin, pinnedFacts, receive } from './accept.ts';
import type { Upload, UploadFacts, UploadPart } from './contracts/service.ts';
import type { NewSubmission, NewUpload } from './contracts/store.ts';
import { receiptId, submissionId } from './ids.ts';
import { label } from './labels.ts';

/** A part whose body is on disk. */
type Kept = Omit<NewSubmission, 'partner' | 'fields' | 'acceptedAt' | 'receipt' | 'part'> & { readonly part: string };

/**
 * Begins an upload: parts stream to the body store one after the other, and one commit makes the receipt and a submission
 * for each. Before that commit nobody sees anything of it.
 */
export function beginUpload(context: AcceptContext, service: string): Upload {
  const kept: Kept[] = [];
  let ended = false;
  const discard = async () => {
    if (ended) return;
    ended = true;
    await removeBodies(context, kept);
  };
  return {
    part: (part) => keepPart(context, service, part, kept),
    commit: async (facts) => {
      const receipt = context.nextReceipt();
      const upload = newUpload(context, service, facts, receipt, kept);
      // From here on the ledger decides what is kept: a discard after a commit that failed must not take a body away.
      ended = true;
      const result = await commit(context, upload, kept);
      if (result.kind !== 'stored') {
        await removeBodies(context, kept);
        return { kind: result.kind, receipt: receiptId(context.instance, result.receipt) };
      }
      label('accept.answered');
      for (const { number } of kept) context.accepted(submissionId(context.instance, number), service);
      return { kind: 'stored', receipt: receiptId(context.instance, receipt) };
    },
    discard,
  };
}

async function keepPart(context: AcceptContext, service: string, part: UploadPart, kept: Kept[]): Promise<void> {
  const pinned = pin(context, part.rule);
  try {
    const number = context.nextNumber();
    const body = await context.bodies.begin();
    const hash = await receive(body, part, context.bodies.original(number));
    kept.push({
      ...pinnedFacts(pinned),
      number,
      service,
      name: part.name,
      part: part.part,
      contentType: part.contentType,
      bytes: body.bytes,
      hash,
      claim: undefined,
      owner: '',
      expiresAt: 0,
      refuseDuplicate: false,
    });
  } catch (error) {
    context.failed?.(error);
    throw error;
  }
}

function newUpload(
  context: AcceptContext,
  service: string,
  facts: UploadFacts,
  receipt: number,
  kept: readonly Kept[],
): NewUpload {
  const { partner, fields, duplicates } = facts;
  const acceptedAt = context.clock.now();
  return {
    receipt,
    service,
    partner,
    key: facts.key,
    hash: hashOf(kept),
    acceptedAt,
    submissions: kept.map((part) => ({ ...part, partner, fields, acceptedAt, receipt })),
    expiresAt: acceptedAt + duplicates.within,
    refuseDuplicate: duplicates.then === 'report',
  };
}

/** SHA-256 over the ordered parts: name, file name, type, bytes. */
function hashOf(kept: readonly Kept[]): string {
  const hash = createHash('sha256');
  for (const { part, name, contentType, bytes, hash: content } of kept)
    hash.update(JSON.stringify([part, name, contentType, bytes, content]));
  return hash.digest('hex');
}

/** Where the commit failed, and the ledger says so, the bodies go; otherwise the next start decides. */
async function commit(context: AcceptContext, upload: NewUpload, kept: readonly Kept[]) {
  try {
    return await context.store.acceptUpload(upload);
  } catch (error) {
    const [first] = kept;
    if (first && (await isUnknown(context.store, first.number))) await removeBodies(context, kept);
    context.failed?.(error);
    throw error;
  }
}

async function removeBodies(context: AcceptContext, kept: readonly Kept[]): Promise<void> {
  for (const { number } of kept) await rm(context.bodies.original(number), { force: true });
}

import { createReadStream } from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import { accept } from '../engine/accept.ts';
import { BodyFolder } from '../engine/bodies.ts';
import { snapshotHash, snapshotJson, snapshotOf } from '../engine/config/hash.ts';
import type { Production } from '../engine/contracts/production.ts';
import type { Accepted } from '../engine/contracts/service.ts';
import type { Store } from '../engine/contracts/store.ts';
import type { Registry } from '../engine/registry.ts';
import { bodiesFolder } from '../engine/services.ts';
import { ruleFor } from './rule.ts';

export interface OfflineSubmission {
  readonly production: Production;
  readonly registry: Registry;
  readonly dataFolder: string;
  readonly service: string;
  readonly name: string;
  readonly path: string;
  readonly again: boolean;
}

/**
 * Takes a file in while no engine runs, exactly as the engine would: body, snapshot and submission are on disk when it
 * resolves; the next engine goes on with it. The caller holds the lock. @throws as `accept` and `ruleFor`.
 */
export async function acceptOffline(store: Store, submission: OfflineSubmission): Promise<Accepted> {
  const { production, registry, service, name, path, again } = submission;
  const policy = await ruleFor(production, registry, service, name);
  const { instance, lastSubmission, lastReceipt } = await store.facts();
  const bodies = new BodyFolder(bodiesFolder(submission.dataFolder));
  await bodies.prepare();
  const content = snapshotOf(production);
  const hash = snapshotHash(content);
  await store.putSnapshot({ hash, body: zstdCompressSync(snapshotJson(content)) });
  const context = {
    store,
    bodies,
    clock: { now: Date.now },
    instance,
    nextNumber: () => lastSubmission + 1,
    nextReceipt: () => lastReceipt + 1,
    snapshot: () => ({ hash, content }),
    accepted: () => undefined,
  };
  return accept(context, service, { body: createReadStream(path), name, again, ...policy });
}

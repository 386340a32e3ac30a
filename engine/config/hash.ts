import { createHash } from 'node:crypto';
import type { Production, Snapshot } from '../contracts/production.ts';

/** What submissions of this production are pinned to. */
export function snapshotOf(production: Production): Snapshot {
  return { production: production.name, resources: production.resources, routes: production.routes };
}

/** SHA-256 of a snapshot's JSON, hexadecimal: the snapshot's name. */
export function snapshotHash(snapshot: Snapshot): string {
  return createHash('sha256').update(snapshotJson(snapshot)).digest('hex');
}

/**
 * A snapshot as text. Keys keep the order in which they stand in the files, since it means something: segments come out in
 * the order in which they are first set.
 * @throws TypeError for what JSON cannot hold.
 */
export function snapshotJson(snapshot: unknown): string {
  return JSON.stringify(snapshot, (key, value: unknown) => {
    const lost = typeof value === 'function' || typeof value === 'symbol' || Number.isNaN(value);
    if (lost) throw new TypeError(`${key}: a value of type ${typeof value} has no place in JSON`);
    return value;
  });
}

/** Reads a snapshot from its JSON; as in a loaded production, maps have no prototype and everything is frozen. */
export function parseSnapshot(json: string): Snapshot {
  return JSON.parse(json, (_key, value: unknown) => {
    if (Array.isArray(value)) return Object.freeze(value);
    if (typeof value !== 'object' || value === null) return value;
    const map: Record<string, unknown> = Object.create(null);
    for (const [key, child] of Object.entries(value)) map[key] = child;
    return Object.freeze(map);
  });
}

import { createHash } from 'node:crypto';
import type { Production, Snapshot } from '../contracts/production.ts';

/** What submissions of this production are pinned to. */
export function snapshotOf(production: Production): Snapshot {
  return { production: production.name, resources: production.resources, routes: production.routes };
}

/** SHA-256 of a snapshot's canonical JSON, hexadecimal: the snapshot's name. */
export function snapshotHash(snapshot: Snapshot): string {
  return createHash('sha256').update(canonicalJson(snapshot)).digest('hex');
}

/**
 * JSON with the keys of every map sorted by UTF-16 code units, without white space, and without keys whose value is
 * undefined (after RFC 8785, for plain data). @throws TypeError for what JSON cannot hold.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) return canonicalMap(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} has no place in JSON`);
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`a value of type ${typeof value} has no place in JSON`);
  return text;
}

function canonicalMap(value: object): string {
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, child]) => `${JSON.stringify(key)}:${canonicalJson(child)}`).join(',')}}`;
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

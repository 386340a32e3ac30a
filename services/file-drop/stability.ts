import { type Stamp, sameStamp } from './disk.ts';

/** Remembers since when each file looks the same. Times are milliseconds of any clock that never goes back. */
export class Stability<K> {
  #seen = new Map<K, { readonly stamp: Stamp; readonly since: number }>();

  /** Notes what a file looks like now; gives for how long it has looked so. */
  unchangedFor(key: K, stamp: Stamp, now: number): number {
    const before = this.#seen.get(key);
    if (before && sameStamp(before.stamp, stamp)) return now - before.since;
    this.#seen.set(key, { stamp, since: now });
    return 0;
  }

  /** Notes that a file has looked so for some time already. */
  note(key: K, stamp: Stamp, since: number): void {
    this.#seen.set(key, { stamp, since });
  }

  forget(key: K): void {
    this.#seen.delete(key);
  }

  /** Forgets every file but these. */
  keepOnly(keys: ReadonlySet<K>): void {
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key);
  }
}

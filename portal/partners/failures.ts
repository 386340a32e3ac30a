/** Counts wrong credentials by address and by partner, in a window of time, in bounded memory. */
import { isIPv4, isIPv6 } from 'node:net';

export interface FailureLimits {
  /** Wrong credentials from one address (IPv6: one /64) in a window. */
  readonly perAddress: number;
  /** Wrong credentials for one partner, from anywhere; known ones pass all the same. */
  readonly perPartner: number;
  /** Milliseconds. */
  readonly windowMs: number;
  /** Addresses, and partners, that are remembered; the oldest is forgotten first. */
  readonly remembered: number;
}

export const FAILURE_LIMITS: FailureLimits = {
  perAddress: 10,
  perPartner: 100,
  windowMs: 10 * 60_000,
  remembered: 10_000,
};

interface Count {
  failures: number;
  readonly until: number;
}

export class Failures {
  readonly #limits: FailureLimits;
  readonly #addresses = new Map<string, Count>();
  readonly #partners = new Map<string, Count>();

  constructor(limits: FailureLimits) {
    this.#limits = limits;
  }

  /** Milliseconds until this address, or anybody for this partner, may try again; 0 where it may. */
  waitFor(address: string, partner: string | undefined, now: number): number {
    const { perAddress, perPartner } = this.#limits;
    const byAddress = remaining(this.#addresses.get(networkOf(address)), perAddress, now);
    const byPartner = partner === undefined ? 0 : remaining(this.#partners.get(partner), perPartner, now);
    return Math.max(byAddress, byPartner);
  }

  /** Counts a failure for both. */
  add(address: string, partner: string | undefined, now: number): void {
    this.#count(this.#addresses, networkOf(address), now).failures += 1;
    if (partner !== undefined) this.#count(this.#partners, partner, now).failures += 1;
  }

  /** Numbers of addresses and partners that are remembered. */
  get size(): number {
    return this.#addresses.size + this.#partners.size;
  }

  #count(counts: Map<string, Count>, key: string, now: number): Count {
    const known = counts.get(key);
    if (known && known.until > now) return known;
    counts.delete(key);
    const fresh = { failures: 0, until: now + this.#limits.windowMs };
    counts.set(key, fresh);
    const oldest = counts.size > this.#limits.remembered ? counts.keys().next().value : undefined;
    if (oldest !== undefined) counts.delete(oldest);
    return fresh;
  }
}

function remaining(count: Count | undefined, limit: number, now: number): number {
  return count !== undefined && count.failures >= limit ? Math.max(count.until - now, 0) : 0;
}

/**
 * What is counted for an address: an IPv4 address, or the first 64 bits of an IPv6 one, since whoever has one has them all.
 * A port that a proxy adds does not count.
 */
export function networkOf(address: string): string {
  const bare = address.replace(/^\[(.*)\](:\d+)?$/, '$1').replace(/^((?:\d+\.){3}\d+):\d+$/, '$1');
  const mapped = bare.replace(/^::ffff:/i, '');
  if (isIPv4(mapped)) return mapped;
  if (!isIPv6(bare)) return bare.slice(0, 64);
  const [head = '', tail] = (bare.split('%', 1)[0] ?? '').split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...before, ...Array<string>(Math.max(8 - before.length - after.length, 0)).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

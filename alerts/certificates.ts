/** When certificates end: those of the configuration, and those that receivers show in a handshake. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Destination, Production } from '../engine/contracts/production.ts';
import type { CertificateFacts } from './condition.ts';

const HANDSHAKE_WITHIN = 10_000;
/** Receivers are looked at so rarely: a certificate does not change every minute. */
const RECEIVERS_EVERY = 6 * 3_600_000;
/** One that could not be looked at is tried again sooner. */
const AGAIN_AFTER = 15 * 60_000;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Remembers when each certificate of a production ends, and looks again when it is time. */
export class Certificates {
  readonly #production: Pick<Production, 'listen' | 'destinations'>;
  readonly #receivers: boolean;
  /** Destinations whose settings were read anew by `resume`. */
  readonly #fresh = new Map<string, Destination>();
  readonly #seen = new Map<string, { readonly endsAt: number; readonly lookAgainAt: number }>();
  /** Handshakes that are under way, by destination. */
  readonly #looking = new Map<string, Promise<void>>();

  /** @param receivers a rule wants those of receivers too */
  constructor(production: Pick<Production, 'listen' | 'destinations'>, receivers: boolean) {
    this.#production = production;
    this.#receivers = receivers;
  }

  /** A destination has other settings from now on: a certificate that was renewed counts. */
  renew(name: string, destination: Destination): void {
    this.#fresh.set(name, destination);
    this.#seen.delete(name);
  }

  /**
   * Every certificate with its end, as far as is known. Begins handshakes with receivers whose turn it is, and does not wait
   * for them. Never throws.
   */
  look(now: number, signal: AbortSignal): readonly CertificateFacts[] {
    const { listen, destinations } = this.#production;
    const found: CertificateFacts[] = [];
    if (listen?.tls) found.push({ of: 'listener', name: '', endsAt: endOfPem(listen.tls.certificate) });
    for (const [name, configured] of Object.entries(destinations)) {
      const { config } = this.#fresh.get(name) ?? configured;
      const pem = textAt(config, 'tls', 'certificate');
      if (pem !== undefined) found.push({ of: 'client', name, endsAt: endOfPem(pem) });
    }
    return this.#receivers ? [...found, ...this.#ofReceivers(now, signal)] : found;
  }

  /** Waits for the handshakes that are under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#looking.values());
  }

  #ofReceivers(now: number, signal: AbortSignal): readonly CertificateFacts[] {
    return Object.entries(this.#production.destinations).flatMap(([name, configured]) => {
      const url = textAt((this.#fresh.get(name) ?? configured).config, 'url');
      if (url === undefined || !URL.canParse(url) || !url.startsWith('https:')) return [];
      const before = this.#seen.get(name);
      if (now >= (before?.lookAgainAt ?? 0)) this.#begin(name, new URL(url), now, signal);
      return [{ of: 'receiver' as const, name, endsAt: before?.endsAt ?? Number.NaN }];
    });
  }

  #begin(name: string, url: URL, now: number, signal: AbortSignal): void {
    if (this.#looking.has(name)) return;
    const before = this.#seen.get(name)?.endsAt ?? Number.NaN;
    const look = endByHandshake(url, signal).then((shown) => {
      const lookAgainAt = now + (shown === undefined ? AGAIN_AFTER : RECEIVERS_EVERY);
      this.#seen.set(name, { endsAt: shown ?? before, lookAgainAt });
      this.#looking.delete(name);
    });
    this.#looking.set(name, look);
  }
}

/** When the first certificate of a chain in PEM ends, milliseconds since 1970; NaN where none can be read. */
export function endOfPem(pem: string): number {
  const ends = (pem.match(PEM) ?? []).map((each) => {
    try {
      return new X509Certificate(each).validToDate.getTime();
    } catch {
      // Not readable: the listener or the operation says so itself, with the place.
      return Number.NaN;
    }
  });
  return ends.length === 0 ? Number.NaN : Math.min(...ends);
}

/**
 * When the certificate ends that a receiver shows; `undefined` where the handshake did not come so far. It is only looked
 * at, and nothing is sent: whether it is trusted is decided where messages go out.
 */
function endByHandshake(url: URL, signal: AbortSignal): Promise<number | undefined> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const named = isIP(host) === 0 ? { servername: host } : {};
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const socket = connect({ host, port: Number(url.port) || 443, ...named, rejectUnauthorized: false });
  const within = AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_WITHIN)]);
  const giveUp = () => socket.destroy();
  within.addEventListener('abort', giveUp);
  if (within.aborted) giveUp();
  socket.once('secureConnect', () => {
    const endsAt = Date.parse(socket.getPeerCertificate().valid_to);
    resolve(Number.isNaN(endsAt) ? undefined : endsAt);
    socket.destroy();
  });
  // Why it was not reached is told when messages go there; here it only means that nothing was seen.
  socket.on('error', () => resolve(undefined));
  socket.once('close', () => {
    within.removeEventListener('abort', giveUp);
    resolve(undefined);
  });
  return promise;
}

/** A text in an adapter's own keys, which have one form in all of them: `url`, `tls.certificate`. */
function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Reflect.get(at, key);
  }
  return typeof at === 'string' ? at : undefined;
}

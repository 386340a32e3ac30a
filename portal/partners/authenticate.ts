import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../engine/contracts/runtime.ts';
import { emit } from '../../engine/events.ts';
import { HttpError } from '../problems.ts';
import type { PartnerBook } from './book.ts';
import { type Presented, presentedIn } from './credentials.ts';
import { type FailureLimits, Failures } from './failures.ts';
import type { Credential, Partner } from './file.ts';
import { isSecretOf, NOBODY, parseHash } from './hash.ts';

/** Credentials that were found right and are remembered, at most. */
const REMEMBERED = 1000;
/** Checks that wait for their turn, at most: each takes 32 MiB and some 80 ms, so they come one after the other. */
const MOST_WAITING = 128;

/** Both ways in are named always, so that nobody learns which one a partner uses. */
const CHALLENGE = { 'www-authenticate': ['Bearer realm="waybill"', 'Basic realm="waybill", charset="UTF-8"'] } as const;

export interface AuthenticatorOptions {
  readonly book: Pick<PartnerBook, 'find'>;
  readonly clock: Clock;
  readonly limits: FailureLimits;
}

/** Finds out who sends. Wrong credentials cost the same whatever is wrong with them, and are limited. */
export class Authenticator {
  readonly #book: Pick<PartnerBook, 'find'>;
  readonly #clock: Clock;
  readonly #failures: Failures;
  /** Of this process only: what is remembered is of no use to anybody else. */
  readonly #key = randomBytes(32);
  readonly #remembered = new Set<string>();
  readonly #running = new Map<string, Promise<boolean>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ book, clock, limits }: AuthenticatorOptions) {
    this.#book = book;
    this.#clock = clock;
    this.#failures = new Failures(limits);
  }

  /**
   * The partner whose credential came with a request.
   * @throws HttpError 401 `CREDENTIAL_REFUSED`, 429 `TOO_MANY_FAILURES`, 503 `NOT_NOW` where too many are being checked
   */
  async partnerOf(headers: IncomingHttpHeaders, address: string): Promise<Partner> {
    const shown = presentedIn(headers);
    if (shown === 'none') throw refused();
    if (shown === 'malformed') {
      this.#refuseAfterTooMany(address, undefined);
      this.#failed(address, undefined);
      throw refused();
    }
    const partner = await this.#book.find(shown.partner);
    const credential = partner?.credentials.find(({ id, kind }) => id === shown.id && kind === shown.kind);
    const digest = this.#digest(shown, credential);
    if (partner && credential && this.#recall(digest)) return partner;
    const right = await this.#checkOnce(shown, credential, digest, address);
    if (partner && credential && right) return partner;
    throw refused();
  }

  /** A secret that comes many times at once is checked, and counted, once. */
  #checkOnce(shown: Presented, credential: Credential | undefined, digest: string, address: string): Promise<boolean> {
    const running = this.#running.get(digest);
    if (running) return running;
    this.#refuseAfterTooMany(address, shown.partner);
    if (this.#running.size >= MOST_WAITING)
      throw new HttpError(503, 'NOT_NOW', 'Too many credentials are being checked; try again.', { 'retry-after': '2' });
    const check = this.#turn.then(() => this.#check(shown, credential, digest, address));
    this.#turn = check.catch(() => false);
    const verdict = check.finally(() => this.#running.delete(digest));
    this.#running.set(digest, verdict);
    return verdict;
  }

  /** In its turn, so that of many guesses at once no more are checked than are allowed. */
  async #check(shown: Presented, credential: Credential | undefined, digest: string, address: string) {
    this.#refuseAfterTooMany(address, shown.partner);
    const hash = (credential && parseHash(credential.hash)) ?? NOBODY;
    const right = (await isSecretOf(shown.secret, hash)) && credential !== undefined;
    if (right) this.#remember(digest);
    else this.#failed(address, shown.partner);
    return right;
  }

  #refuseAfterTooMany(address: string, partner: string | undefined): void {
    const waitMs = this.#failures.waitFor(address, partner, this.#clock.now());
    if (waitMs === 0) return;
    const headers = { 'retry-after': String(Math.ceil(waitMs / 1000)) };
    throw new HttpError(
      429,
      'TOO_MANY_FAILURES',
      'There were too many wrong credentials; wait and try again.',
      headers,
    );
  }

  #failed(address: string, partner: string | undefined): void {
    const now = this.#clock.now();
    this.#failures.add(address, partner, now);
    emit('credentialRefused', { address, partner });
    if (this.#failures.waitFor(address, partner, now) > 0) emit('credentialsLimited', { address, partner });
  }

  /** Of everything that a right answer depends on: another hash in the file is another digest. */
  #digest({ kind, id, secret }: Presented, credential: Credential | undefined): string {
    const text = [kind, id, secret, credential?.hash ?? ''].join('\0');
    return createHmac('sha256', this.#key).update(text).digest('base64');
  }

  #recall(digest: string): boolean {
    if (!this.#remembered.delete(digest)) return false;
    this.#remembered.add(digest);
    return true;
  }

  #remember(digest: string): void {
    this.#remembered.add(digest);
    const oldest = this.#remembered.size > REMEMBERED ? this.#remembered.values().next().value : undefined;
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function refused(): HttpError {
  return new HttpError(401, 'CREDENTIAL_REFUSED', 'The request needs a valid credential.', CHALLENGE);
}

/** Who may send: credentials wherever the dialect puts them, and whatever else it wants to be right before a message counts. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Child, Dialect } from '../dialect.ts';
import type { Credentials } from '../envelope.ts';
import { BadRequest, type Element } from './envelope-reader.ts';
import { mustBeUnderstood, type SoapRequest, type Value, valuesOf } from './request.ts';

/** What a sender must give; what is absent here is not checked. */
export interface Expected {
  readonly credentials: Credentials;
  /** Values of the dialect's own parameters, by name. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Why a request is not let in: `security` and `mustUnderstand` are faults of their own, `http` is a 401. */
export interface Refusal {
  readonly kind: 'security' | 'http' | 'mustUnderstand' | 'sender';
  readonly words: string;
}

const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const TOKEN_PROFILE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0';
const ADDRESSING = 'http://www.w3.org/2005/08/addressing';
const WRONG: Refusal = { kind: 'security', words: 'user name, password or facility is wrong' };

/** True where `given` is what it must be; everything is right where nothing is expected. */
function isRight(given: string | undefined, expected: string | undefined): boolean {
  return expected === undefined || given === expected;
}

export class Admission {
  readonly #dialect: Dialect;
  readonly #expected: Expected;
  /** Nonces of digests that were taken: each is good once. */
  readonly #nonces = new Set<string>();

  constructor(dialect: Dialect, expected: Expected) {
    this.#dialect = dialect;
    this.#expected = expected;
  }

  /** `undefined` where the request is let in. @param action of the operation; empty: whatever. @throws BadRequest where a header is not as the contract has it */
  refusal(request: SoapRequest, http: IncomingHttpHeaders, action: string, now: Date): Refusal | undefined {
    return (
      this.#basic(http.authorization) ??
      this.#headers(request, action) ??
      this.#token(request.headers, now) ??
      this.#values(request.values)
    );
  }

  #basic(authorization: string | undefined): Refusal | undefined {
    if (this.#dialect.http !== 'basic') return undefined;
    const { username, password } = this.#expected.credentials;
    const packed = /^Basic ([A-Za-z0-9+/]+={0,2})$/.exec(authorization ?? '')?.[1] ?? '';
    const text = Buffer.from(packed, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    const right = colon >= 0 && isRight(text.slice(0, colon), username) && isRight(text.slice(colon + 1), password);
    return right ? undefined : { kind: 'http', words: 'user name or password is wrong' };
  }

  #headers({ headers }: SoapRequest, action: string): Refusal | undefined {
    const { headers: wanted, namespace, security, addressing } = this.#dialect;
    const own = headers.filter(({ local, uri }) =>
      wanted.some((child) => child.element === local && (child.namespace ?? namespace) === uri),
    );
    const known = (header: Element): boolean =>
      own.includes(header) ||
      (security !== undefined && header.uri === WSSE && header.local === 'Security') ||
      (addressing && header.uri === ADDRESSING);
    const unknown = headers.find((header) => mustBeUnderstood(header, this.#dialect) && !known(header));
    if (unknown) return { kind: 'mustUnderstand', words: 'a header that must be understood is not' };
    if (addressing) {
      const text = (local: string): string =>
        headers.find((header) => header.uri === ADDRESSING && header.local === local)?.text ?? '';
      if (text('To') === '' || text('MessageID') === '' || (action !== '' && text('Action') !== action))
        return { kind: 'sender', words: 'Action, To and MessageID of WS-Addressing are not there, or not right' };
    }
    const sorted = wanted.flatMap((child) => own.filter(({ local }) => local === child.element));
    return this.#values(valuesOf(wanted, { children: sorted }, namespace));
  }

  #values(values: readonly Value[]): Refusal | undefined {
    for (const { child, text } of values) {
      const refusal = this.#value(child, text);
      if (refusal) return refusal;
    }
    return undefined;
  }

  #value(child: Child, text: string | undefined): Refusal | undefined {
    const { from, element } = child;
    const { credentials, parameters } = this.#expected;
    if (from === 'credentials.username') return isRight(text, credentials.username) ? undefined : WRONG;
    if (from === 'credentials.password') return isRight(text, credentials.password) ? undefined : WRONG;
    if (from === 'credentials.organisation') return isRight(text, credentials.organisation) ? undefined : WRONG;
    if (child.text !== undefined && text !== child.text) return { kind: 'sender', words: `${element} is not right` };
    if (from === 'message') return undefined;
    if (text === undefined || (text === '' && child.text !== ''))
      return { kind: 'sender', words: `${element} is missing` };
    const name = from?.startsWith('parameters.') ? from.slice('parameters.'.length) : undefined;
    if (name !== undefined && !isRight(text, Object.hasOwn(parameters, name) ? parameters[name] : undefined))
      return { kind: 'sender', words: `${element} is not right` };
    return undefined;
  }

  #token(headers: readonly Element[], now: Date): Refusal | undefined {
    const { security } = this.#dialect;
    if (!security) return undefined;
    const header = headers.find(({ local, uri }) => uri === WSSE && local === 'Security');
    const token = childOf(header, WSSE, 'UsernameToken');
    if (!header || !token) return { kind: 'security', words: 'there is no UsernameToken' };
    if (security.timestamp && !isCurrent(childOf(header, WSU, 'Timestamp'), now))
      return { kind: 'security', words: 'there is no Timestamp that is still good' };
    const { username, password } = this.#expected.credentials;
    const given = childOf(token, WSSE, 'Password');
    const type = given?.attributes.get(' Type') ?? `${TOKEN_PROFILE}#PasswordText`;
    const digest = security.usernameToken === 'passwordDigest';
    if (!given || type !== `${TOKEN_PROFILE}#${digest ? 'PasswordDigest' : 'PasswordText'}`)
      return { kind: 'security', words: 'the password is not written as the contract has it' };
    if (!isRight(childOf(token, WSSE, 'Username')?.text, username)) return WRONG;
    if (!digest) return isRight(given.text, password) ? undefined : WRONG;
    return this.#digest(token, given.text, password);
  }

  /** Base64 of SHA-1 over nonce, time and password (UsernameToken Profile 1.0, 3.1). */
  #digest(token: Element, given: string, password: string | undefined): Refusal | undefined {
    const nonce = childOf(token, WSSE, 'Nonce')?.text ?? '';
    const created = childOf(token, WSU, 'Created')?.text ?? '';
    if (nonce === '' || created === '' || this.#nonces.has(nonce))
      return { kind: 'security', words: 'the digest has no nonce of its own, or no time' };
    this.#nonces.add(nonce);
    if (password === undefined) return undefined;
    const hash = createHash('sha1').update(Buffer.from(nonce, 'base64')).update(created).update(password);
    return hash.digest('base64') === given ? undefined : WRONG;
  }
}

function childOf(element: Element | undefined, uri: string, local: string): Element | undefined {
  return element?.children.find((child) => child.uri === uri && child.local === local);
}

function isCurrent(timestamp: Element | undefined, now: Date): boolean {
  const expires = Date.parse(childOf(timestamp, WSU, 'Expires')?.text ?? '');
  return Number.isFinite(expires) && expires > now.getTime();
}

/**
 * Sees that the HTTP headers mean this operation.
 * @param action what the dialect says; empty: whatever
 * @throws BadRequest
 */
export function checkAction(http: IncomingHttpHeaders, action: string, soap: '1.1' | '1.2'): void {
  const inType = /;\s*action\s*=\s*"?([^";]*)"?/i.exec(http['content-type'] ?? '')?.[1];
  const header = http.soapaction;
  const given = inType ?? (typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : undefined);
  if (given === undefined && soap === '1.1') throw new BadRequest('there is no SOAPAction');
  if (given !== undefined && action !== '' && given !== action && given !== '') {
    throw new BadRequest('the action is that of another operation');
  }
}

/** True where the content type is the dialect's. */
export function isOfType(http: IncomingHttpHeaders, contentType: string): boolean {
  return http['content-type']?.split(';')[0]?.trim().toLowerCase() === contentType;
}

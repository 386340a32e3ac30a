/** How a credential looks on the wire: an API key (`wb_clinic-k3f9x2_SECRET`), or a name and password (`k3f9x2_SECRET`). */
import type { IncomingHttpHeaders } from 'node:http';
import { NAME_PATTERN } from '../../engine/config/production-schema.ts';
import { newSecret, newTag, SECRET_PATTERN, TAG_PATTERN } from './hash.ts';

export type CredentialKind = 'apiKey' | 'basic';

/** What a request shows. The partner is what it claims, no more. */
export interface Presented {
  readonly kind: CredentialKind;
  readonly partner: string;
  /** Of the credential: `PARTNER-TAG`. */
  readonly id: string;
  readonly secret: string;
}

const NAME = NAME_PATTERN.slice(1, -1);
const API_KEY = new RegExp(`^wb_(${NAME})-(${TAG_PATTERN})_(${SECRET_PATTERN})$`);
const PASSWORD = new RegExp(`^(${TAG_PATTERN})_(${SECRET_PATTERN})$`);
const ONLY_NAME = new RegExp(NAME_PATTERN);
/** Longer headers are no credential of ours. */
const MAX_LENGTH = 512;

/** A new credential: what is kept of it, and the text that the partner gets. */
export function newCredential(partner: string, kind: CredentialKind): Presented & { readonly text: string } {
  const [tag, secret] = [newTag(), newSecret()];
  const id = `${partner}-${tag}`;
  return { kind, partner, id, secret, text: kind === 'apiKey' ? `wb_${id}_${secret}` : `${tag}_${secret}` };
}

/** Whether an id is one of this partner. */
export function isIdOf(partner: string, id: string): boolean {
  return id.startsWith(`${partner}-`) && new RegExp(`^${TAG_PATTERN}$`).test(id.slice(partner.length + 1));
}

/** The credential of a request: `none` where it has none, `malformed` where it cannot be one of ours, or there are two. */
export function presentedIn(headers: IncomingHttpHeaders): Presented | 'none' | 'malformed' {
  const { authorization, 'x-api-key': key } = headers;
  if (authorization === undefined && key === undefined) return 'none';
  if (authorization !== undefined && key !== undefined) return 'malformed';
  if (typeof key === 'string') return apiKey(key) ?? 'malformed';
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec((authorization ?? '').slice(0, MAX_LENGTH)) ?? [];
  if (/^bearer$/i.test(scheme)) return apiKey(value) ?? 'malformed';
  if (/^basic$/i.test(scheme)) return basic(value) ?? 'malformed';
  return 'malformed';
}

function apiKey(text: string): Presented | undefined {
  const [, partner, tag, secret] = (text.length <= MAX_LENGTH ? API_KEY.exec(text) : undefined) ?? [];
  if (partner === undefined || secret === undefined) return undefined;
  return { kind: 'apiKey', partner, id: `${partner}-${tag}`, secret };
}

function basic(value: string): Presented | undefined {
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  const partner = text.slice(0, Math.max(colon, 0));
  const [, tag, secret] = PASSWORD.exec(text.slice(colon + 1)) ?? [];
  if (secret === undefined || !ONLY_NAME.test(partner)) return undefined;
  return { kind: 'basic', partner, id: `${partner}-${tag}`, secret };
}

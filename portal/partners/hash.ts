/**
 * Secrets of partners: made here, never chosen by people, and kept only as scrypt hashes in the PHC string format
 * (`$scrypt$ln=14,r=8,p=2$SALT$HASH`, base64 without padding).
 */
import { randomBytes, randomInt, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** Cost of one check: 16 MiB and some 80 ms. A secret is 256 random bits, so more would only cost us. */
const COST = { ln: 14, r: 8, p: 2 } as const;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** The most memory that a hash in a file may ask for, in bytes. */
const MAX_MEMORY = 160 * 1024 * 1024;
/** Without letters and digits that look alike. */
const TAG_LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

export const TAG_PATTERN = '[a-z0-9]{6}';
/** 32 bytes as base64url. */
export const SECRET_PATTERN = '[A-Za-z0-9_-]{43}';

export interface SecretHash {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 256 random bits as text. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Six letters and digits that tell a partner's credentials apart. Not secret. */
export function newTag(): string {
  return Array.from({ length: 6 }, () => TAG_LETTERS[randomInt(TAG_LETTERS.length)]).join('');
}

/** The hash of a secret, as text. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, { ...COST, salt, hash: Buffer.alloc(HASH_BYTES) });
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Reads a hash; `undefined` where it is none, or asks for more memory or work than a check may cost. */
export function parseHash(text: string): SecretHash | undefined {
  const form = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43,86})$/;
  const [, ln, r, p, salt = '', hash = ''] = form.exec(text) ?? [];
  const read = { ln: Number(ln), r: Number(r), p: Number(p) };
  const sound = read.ln >= 14 && read.ln <= 20 && read.r >= 8 && read.p >= 1 && read.p <= 5;
  if (!sound || memoryOf(read) > MAX_MEMORY) return undefined;
  return { ...read, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

/** Whether a secret is that of the hash. Takes as long for a wrong one. */
export async function isSecretOf(secret: string, expected: SecretHash): Promise<boolean> {
  return timingSafeEqual(await derive(secret, expected), expected.hash);
}

/** A hash of nothing, with the usual cost: what an unknown credential is compared with. */
export const NOBODY: SecretHash = { ...COST, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };

function derive(secret: string, { ln, r, p, salt, hash }: SecretHash): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 2 * memoryOf({ ln, r }) };
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, hash.length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function memoryOf({ ln, r }: { readonly ln: number; readonly r: number }): number {
  return 128 * 2 ** ln * r;
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/**
 * Building blocks for configuration schemas. A schema is plain TypeBox; what text means (a duration, a size, a secret) is
 * said by the keyword `x-waybill`, which the loader (text to value), the docs and the editor's schema read.
 */
import Type, { type TSchema } from 'typebox';

export type { TSchema };
export { Type };

export type Meaning = 'duration' | 'size' | 'secret' | 'path' | 'cel' | 'timeZone';

/** Text such as `500ms`, `5s`, `10m`, `2h`, `30d`; its value is a number of milliseconds. */
export function Duration(options: { description: string; default?: string }): TSchema {
  return Type.Unsafe<number>({ type: 'string', pattern: '^\\d+(ms|s|m|h|d)$', 'x-waybill': 'duration', ...options });
}

/** Text such as `500B`, `64KB`, `4MB`, `1GB`, in powers of 1,000; its value is a number of bytes. */
export function Size(options: { description: string; default?: string }): TSchema {
  return Type.Unsafe<number>({ type: 'string', pattern: '^\\d+(B|KB|MB|GB)$', 'x-waybill': 'size', ...options });
}

/** A text that should come from `${env:NAME}` or `${file:path}` and is never shown. */
export function Secret(options: { description: string }): TSchema {
  return Type.Unsafe<string>({ type: 'string', 'x-waybill': 'secret', ...options });
}

/** A condition in CEL. */
export function Cel(options: { description: string }): TSchema {
  return Type.Unsafe<string>({ type: 'string', 'x-waybill': 'cel', ...options });
}

/** One of a closed list of words. */
export function Words<const W extends string>(
  words: readonly W[],
  options: { description: string; default?: W },
): TSchema {
  return Type.Unsafe<W>({ type: 'string', enum: [...words], ...options });
}

/** An object with these keys and no other. */
export function Keys(properties: Record<string, TSchema>, options: { description?: string } = {}): TSchema {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** The text form of a duration, in milliseconds. @throws RangeError where it is none. */
export function durationMs(text: string): number {
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  if (!match) throw new RangeError('a duration is a whole number and ms, s, m, h or d');
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms'];
  return Number(match[1]) * unit;
}

/** The text form of a size, in bytes. @throws RangeError where it is none. */
export function sizeBytes(text: string): number {
  const match = /^(\d+)(B|KB|MB|GB)$/.exec(text);
  if (!match) throw new RangeError('a size is a whole number and B, KB, MB or GB');
  const unit = { B: 1, KB: 1000, MB: 1_000_000, GB: 1_000_000_000 }[match[2] as 'B'];
  return Number(match[1]) * unit;
}

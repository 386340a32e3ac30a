/**
 * File names are data. On disk a name is any bytes but `/` and NUL; it is held here as a string with one character (0 to
 * 255) a byte, as `latin1` reads it, so that no name is ever changed by decoding. People and the engine get its text.
 */
import { fittedName, INVISIBLE, visibleName } from '../names/shown.ts';

/** A file name with one character for each byte. */
export type RawName = string;

/** Most bytes that a name may have on the usual file systems. */
const NAME_BYTES = 255;
/** Room that is left for `.rejected.csv` and the like. */
const SUFFIX_BYTES = 16;

const TEMPORARY = ['.tmp', '.temp', '.part', '.partial', '.filepart', '.crdownload', '.swp', '~'];

/** The name as text: UTF-8, with U+FFFD where the bytes are none. */
export function textOf(raw: RawName): string {
  return Buffer.from(raw, 'latin1').toString('utf8');
}

/** The bytes of a text as a raw name. */
export function rawOf(text: string): RawName {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Path of an entry of a folder, as bytes. */
export function pathIn(folder: string, ...raws: RawName[]): Buffer {
  return Buffer.concat([Buffer.from(folder, 'utf8'), ...raws.map((raw) => Buffer.from(`/${raw}`, 'latin1'))]);
}

/** True for names that say "not finished": a leading dot, `.tmp`, `.part`, a trailing `~`, and their kin. */
export function isHiddenOrTemporary(name: string): boolean {
  if (name.startsWith('.')) return true;
  const lower = name.toLowerCase();
  return TEMPORARY.some((ending) => lower.endsWith(ending));
}

/** The name for logs and messages: control and format characters as `\u{...}`, at most 200 characters. */
export function shown(text: string): string {
  return visibleName(text, 200);
}

/**
 * The name under which a file ends in done/ or failed/: `<id>-<name>`. Control and format characters and path separators
 * become `_`; what is too long is cut before the extension, at a whole character, so that `.rejected.csv` still fits.
 */
export function finalName(id: string, name: string): string {
  const clean = name.replace(INVISIBLE, '_').replace(/[/\\]/g, '_');
  const room = NAME_BYTES - SUFFIX_BYTES - Buffer.byteLength(`${id}-`);
  return `${id}-${fittedName(clean, room)}`;
}

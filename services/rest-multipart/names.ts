/** Names that senders give. They are data: never a path, and shown to people without what could mislead them. */

import { fittedName, INVISIBLE, visibleName } from '../names/shown.ts';

/** Most bytes (UTF-8) of a file name; a longer one is cut before its extension. */
const NAME_BYTES = 255;

/**
 * What is kept of a sender's file name: its last part behind any `/` or `\`, without invisible characters and outer space,
 * at most 255 bytes of UTF-8. Empty where nothing is left (`..`, say).
 */
export function bareFileName(name: string): string {
  const last = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
  const clean = last.replace(INVISIBLE, '').trim();
  return /^\.*$/.test(clean) ? '' : fittedName(clean, NAME_BYTES);
}

/** A name for a message to its own sender: invisible characters as `\u{...}`, at most 80 characters, in quotes. */
export function shownName(name: string): string {
  return `"${visibleName(name, 80)}"`;
}

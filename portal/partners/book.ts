import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from '../../engine/errors.ts';
import { emit } from '../../engine/events.ts';
import { MAX_PARTNER_BYTES, type Partner, type PartnerRead, parsePartner, partnerPath } from './file.ts';

interface Known {
  /** Identity, size and times of the file; another one means that it is to be read again. */
  readonly stamp: string;
  /** Absent where the file is broken. */
  readonly partner: Partner | undefined;
}

/** Where the files of a book are, and how they are read. */
export interface CredentialFiles {
  /** Path of the file of a name in a production's folder. */
  path(folder: string, name: string): string;
  parse(text: string, name: string): Pick<PartnerRead, 'partner' | 'issues'>;
}

/** Files that are remembered, at most; a folder that cannot be read would give an entry for each name that is tried. */
const REMEMBERED = 10_000;

/**
 * The partners of a production, as their files are now: each question looks at the file (one `fstat`), so that a partner
 * that is removed or changed is so at once. A broken file lets nobody in; it is told once for each change.
 */
export class PartnerBook {
  readonly #folder: string;
  readonly #files: CredentialFiles;
  readonly #known = new Map<string, Known>();

  /** @param folder the production's */
  constructor(folder: string, files: CredentialFiles = { path: partnerPath, parse: parsePartner }) {
    this.#folder = folder;
    this.#files = files;
  }

  /** The partner of this name; `undefined` where there is none, or its file is broken. `name` must be a name. */
  async find(name: string): Promise<Partner | undefined> {
    try {
      return await this.#look(name);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') this.#known.delete(name);
      else this.#keep(name, { stamp: code, partner: undefined }, code);
      return undefined;
    }
  }

  async #look(name: string): Promise<Partner | undefined> {
    // Opened first, so that what is looked at and what is read are the same; without waiting, should it be a pipe.
    const handle = await open(this.#files.path(this.#folder, name), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat({ bigint: true });
      const { dev, ino, size, mtimeNs, ctimeNs } = stats;
      const stamp = [dev, ino, size, mtimeNs, ctimeNs].join(' ');
      const known = this.#known.get(name);
      if (known?.stamp === stamp) return known.partner;
      if (!stats.isFile() || size > MAX_PARTNER_BYTES)
        return this.#keep(name, { stamp, partner: undefined }, 'PARTNER_FILE_BROKEN');
      const { partner, issues } = this.#files.parse(await handle.readFile('utf8'), name);
      return this.#keep(name, { stamp, partner }, issues[0]?.code);
    } finally {
      await handle.close();
    }
  }

  #keep(name: string, now: Known, trouble: string | undefined): Partner | undefined {
    const before = this.#known.get(name);
    this.#known.delete(name);
    this.#known.set(name, now);
    const oldest = this.#known.size > REMEMBERED ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
    if (now.partner === undefined && before?.stamp !== now.stamp)
      emit('partnerFileBroken', { partner: name, code: trouble });
    return now.partner;
  }
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BodySource } from './contracts/format.ts';
import { label } from './labels.ts';

/** What a probe writes: enough that a full disk cannot hide it in a block that is there already. */
const PROBE_BYTES = 64 * 1024;

/** Where bodies lie: files named by their submission, never by their content or their sender's name. */
export class BodyFolder {
  readonly path: string;
  #temporary = 0;

  constructor(path: string) {
    this.path = path;
  }

  async prepare(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
  }

  /** Path of a submission's body as it was received. */
  original(submission: number): string {
    return join(this.path, `${submission}.body`);
  }

  /** Path of its UTF-8 copy, where the original has another charset. */
  copy(submission: number): string {
    return join(this.path, `${submission}.utf8`);
  }

  /** Finds out whether a body could be kept now. @throws the disk's error, such as ENOSPC. */
  async probe(): Promise<void> {
    const body = await this.begin();
    try {
      await body.write(new Uint8Array(PROBE_BYTES));
      await body.flush();
    } finally {
      await body.discard();
    }
  }

  /** A body that is being received: temporary name, hashed on the way, nothing else sees it. */
  async begin(): Promise<IncomingBody> {
    this.#temporary += 1;
    const path = join(this.path, `incoming-${process.pid}-${this.#temporary}.tmp`);
    return new IncomingBody(path, await open(path, 'wx', 0o600), this.path);
  }

  /**
   * Removes what no submission refers to: half-received bodies and bodies whose commit never came. Only at start, before
   * services start. Files newer than the ledger knows cannot exist then.
   */
  async sweep(isKnown: (submission: number) => Promise<boolean>): Promise<number> {
    let removed = 0;
    for (const entry of await readdir(this.path, { withFileTypes: true })) {
      // A folder is none of ours, such as `lost+found` of a file system of its own.
      if (entry.isDirectory()) continue;
      const { name } = entry;
      const number = /^(\d+)\.(?:body|utf8)$/.exec(name)?.[1];
      if (number !== undefined && (await isKnown(Number(number)))) continue;
      await rm(join(this.path, name), { force: true });
      removed += 1;
    }
    return removed;
  }
}

/** A body on its way to disk. */
export class IncomingBody {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #folder: string;
  readonly #hash = createHash('sha256');
  bytes = 0;

  constructor(path: string, file: FileHandle, folder: string) {
    this.path = path;
    this.#file = file;
    this.#folder = folder;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    let written = 0;
    while (written < chunk.length) written += (await this.#file.write(chunk, written)).bytesWritten;
  }

  /** Brings what was written so far to the disk. */
  async flush(): Promise<void> {
    await this.#file.datasync();
  }

  /** Flushes file and folder under its final name. @returns the SHA-256 of the content, hexadecimal. */
  async keep(finalPath: string): Promise<string> {
    try {
      await this.#file.datasync();
    } finally {
      await this.#file.close();
    }
    label('accept.bodyWritten');
    await rename(this.path, finalPath);
    await syncFolder(this.#folder);
    label('accept.renamed');
    return this.#hash.digest('hex');
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }
}

/** Flushes a folder, so that a rename in it survives a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const CHUNK = 128 * 1024;

/** A body at rest as formats read it. */
export async function bodySource(path: string): Promise<BodySource> {
  const { size } = await stat(path);
  return { path, bytes: size, read: (start = 0) => createReadStream(path, { start, highWaterMark: CHUNK }) };
}

/** SHA-256 of a file, hexadecimal. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BodySource } from './contracts/format.ts';
import { codeOf } from './errors.ts';
import { label } from './labels.ts';
import { willDrop } from './memory.ts';

/** Bytes that may wait for the disk before the sender waits too. */
const MOST_WAITING = 1 << 19;
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
  /** Chunks that wait for the write before them, and their bytes. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #failed: unknown;

  constructor(path: string, file: FileHandle, folder: string) {
    this.path = path;
    this.#file = file;
    this.#folder = folder;
  }

  /**
   * Takes a chunk, which nobody may change any more. What comes while the disk is busy is written together, so that reading
   * goes on meanwhile; with too much of it, the sender waits.
   * @throws the disk's error, perhaps one of an earlier chunk.
   */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    willDrop(chunk.length);
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#writing ??= this.#writeWaiting();
    if (this.#waitingBytes > MOST_WAITING) await this.#writing;
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Brings what was written so far to the disk. */
  async flush(): Promise<void> {
    await this.#written();
    await this.#file.datasync();
  }

  /** Everything that was taken is with the system. @throws the disk's error. */
  async #written(): Promise<void> {
    await this.#writing;
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Never rejects: who writes next, or keeps the body, is told. */
  async #writeWaiting(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const chunks = this.#waiting;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await writeAll(this.#file, chunks);
      }
    } catch (error) {
      this.#failed = error;
    }
    this.#writing = undefined;
  }

  /** Flushes file and folder under its final name. @returns the SHA-256 of the content, hexadecimal. */
  async keep(finalPath: string): Promise<string> {
    try {
      await this.flush();
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
    await this.#writing;
    await this.#file.close();
    await rm(this.path, { force: true });
  }
}

/** Writes all of it, however little the system takes at once. */
async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let { bytesWritten } = await file.writev(chunks);
  for (const chunk of chunks) {
    let done = Math.min(bytesWritten, chunk.length);
    bytesWritten -= done;
    while (done < chunk.length) done += (await file.write(chunk, done)).bytesWritten;
  }
}

/** Flushes a folder, so that a rename in it survives a power cut. */
export async function syncFolder(path: string | Buffer): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The same where the folder may be on a network: some file systems there cannot flush one, say so, and order renames themselves. */
export async function syncAnyFolder(path: string | Buffer): Promise<void> {
  try {
    await syncFolder(path);
  } catch (error) {
    if (codeOf(error) !== 'EINVAL') throw error;
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

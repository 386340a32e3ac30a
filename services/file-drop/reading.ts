import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf, messageOf } from '../../engine/errors.ts';
import { type Stamp, sameStamp, statOf } from './disk.ts';
import { dropError } from './errors.ts';

/** Bytes read at once; every chunk is a buffer of its own, since it may be handed to another thread. */
const CHUNK_BYTES = 256 * 1024;

/** One reading of a claimed file, from open to close. */
export interface Reading {
  readonly body: AsyncIterable<Uint8Array>;
  /** What the file was when it was opened. */
  readonly before: Stamp;
  /** Why the file itself could not be read to its end as it was: `changed`, or an error of the disk. */
  readonly trouble: () => 'changed' | Error | undefined;
  /**
   * Compares the file with what it was at the start, by its handle and by its path, and the bytes read with its size.
   * @throws WaybillError `FILE_CHANGED`
   */
  confirm(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file for one reading. Never follows a link and never waits for a pipe.
 * @throws WaybillError `FILE_NOT_REGULAR`, `FILE_UNREADABLE` (no right to read), or the file system's error.
 */
export async function openReading(path: Buffer): Promise<Reading> {
  const handle = await openPlain(path);
  let before: Stamp;
  try {
    const stat = await handle.stat({ bigint: true });
    if (!stat.isFile()) throw dropError('FILE_NOT_REGULAR', 'the claimed file is no plain file; drop a plain file');
    before = stat;
  } catch (error) {
    await handle.close();
    throw error;
  }
  let read = 0n;
  let trouble: 'changed' | Error | undefined;

  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunksOf(handle, Number(before.size))) {
        read += BigInt(chunk.length);
        yield chunk;
      }
    } catch (error) {
      trouble = error instanceof Error ? error : new Error(messageOf(error));
      throw error;
    }
  }

  return {
    body: body(),
    before,
    trouble: () => trouble,
    async confirm() {
      const now = await handle.stat({ bigint: true });
      const there = await statOf(path);
      if (read === before.size && sameStamp(before, now) && there !== undefined && sameStamp(before, there)) return;
      trouble = 'changed';
      throw dropError('FILE_CHANGED', 'the file changed while it was read; it waits to be unchanged again');
    },
    close: () => handle.close(),
  };
}

async function openPlain(path: Buffer): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ELOOP' || code === 'ENXIO') {
      throw dropError(
        'FILE_NOT_REGULAR',
        'it is a link, a socket or a pipe; links are never followed; drop a plain file',
        { cause: error },
      );
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw dropError(
        'FILE_UNREADABLE',
        `the engine's user may not read the file (${code}); give it read rights and drop it again`,
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** The bytes to the end of the file, wherever that is by now. */
async function* chunksOf(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    // One byte more than is left: so a small file is one chunk, and a file that grew is seen.
    const room = Math.min(CHUNK_BYTES, Math.max(1, size - position + 1));
    const buffer = Buffer.allocUnsafeSlow(room);
    const { bytesRead } = await handle.read(buffer, 0, room, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

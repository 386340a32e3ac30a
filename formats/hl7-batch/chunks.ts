/** Chunks are about this long, in bytes: large enough for one system call, small enough to hold many. */
const CHUNK_BYTES = 65_536;

/**
 * Joins small pieces to chunks of about 64 KB; a piece that is as long by itself goes on as it is, uncopied. A chunk has
 * memory of its own, so that it can be moved to another thread. Holds one chunk's worth of pieces at a time.
 */
export function* gather(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (bytes > 0 && bytes + piece.length > CHUNK_BYTES) {
      yield join(held, bytes);
      held = [];
      bytes = 0;
    }
    if (piece.length >= CHUNK_BYTES) {
      yield piece;
      continue;
    }
    held.push(piece);
    bytes += piece.length;
  }
  if (bytes > 0) yield join(held, bytes);
}

function join(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const chunk = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const piece of pieces) {
    chunk.set(piece, at);
    at += piece.length;
  }
  return chunk;
}

/**
 * Helps V8 with what it cannot see: buffers lie outside its heap, so it lets 30 MB of them wait for their collection. Only
 * where the process was started with `--expose-gc`, as `waybill run` is; elsewhere these do nothing.
 */

/** Bytes of buffers, used once and dropped, after which their memory is taken back. */
const DROPPED_BYTES = 2 << 20;

let dropped = 0;

/** Counts the bytes of a buffer that will be dropped soon; from time to time what was dropped is collected (1 ms). */
export function willDrop(bytes: number): void {
  dropped += bytes;
  if (dropped < DROPPED_BYTES) return;
  dropped = 0;
  globalThis.gc?.({ type: 'minor' });
}

/** Gives back the memory that starting took and running does not need. Takes some 50 ms of the thread. */
export function leaveStartBehind(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * Hand-over of wake-ups to other processes. Nothing here is awaited by the work itself: a wake-up may be lost or come
 * twice, since what is due is in the store and the sweep signals it again.
 */
export interface Wakeups {
  signal(lane: string): void;
  /** Wakes the lane at a time, milliseconds since 1970. */
  signalAt(lane: string, dueMs: number): void;
}

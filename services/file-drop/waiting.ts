/** Sleeps that can be ended early. A wake-up that comes while nobody sleeps ends the next sleep at once. */
export class Waker {
  #wake: (() => void) | undefined;
  #pending = false;

  wake(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** Sleeps `ms` milliseconds, or until woken; with `only`, until woken while that is true. */
  async sleep(ms: number, only: () => boolean = () => true): Promise<void> {
    if (this.#pending && only()) {
      this.#pending = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(end, Math.min(ms, 0x7fff_ffff));
      this.#wake = () => {
        if (only()) end();
      };
    });
    this.#pending = false;
  }
}

/** Growing waits between tries: the first, then twice as long each time, up to a ceiling. Milliseconds. */
export class Backoff {
  readonly #first: number;
  readonly #ceiling: number;
  #failures = 0;

  constructor(first: number, ceiling: number) {
    this.#first = first;
    this.#ceiling = ceiling;
  }

  next(): number {
    return Math.min(this.#ceiling, this.#first * 2 ** Math.min(30, this.#failures++));
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Remembers what was said, so that it is said once and not with each look. */
export class Said {
  readonly #keys = new Set<string>();

  get empty(): boolean {
    return this.#keys.size === 0;
  }

  /** True the first time it is asked about a key. */
  first(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    return true;
  }

  /** Forgets keys, so that they are said again when they come back: all, or those that are not in `kept`. */
  clear(kept?: ReadonlySet<string>): void {
    for (const key of this.#keys) if (!kept?.has(key)) this.#keys.delete(key);
  }
}

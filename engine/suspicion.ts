/**
 * Finds the row that ends or hangs the worker (`durability.md`, watchdog): a block that ends it twice is done row by row,
 * and a row that ends it twice is the culprit. Knows only numbers; the router acts on them.
 */

/** Where the worker ended last. */
export interface Suspicion {
  readonly submission: number;
  /** First item that was not routed then, or of the progress since. */
  readonly firstItem: number;
  readonly rowByRow: boolean;
  /** How often the worker ended at this item, row by row counted anew. */
  readonly deaths: number;
  /** Up to here rows are done one by one; the item itself is not among them. */
  readonly until: number;
}

/** How the next blocks of a submission are made. */
export interface Pace {
  readonly maxItems: number;
  /** The culprit: it fails without being tried again. */
  readonly failItem: number | undefined;
}

/** Deaths at one place after which it is not by chance. */
const TWICE = 2;

/** What is known of the last death; a worker that ends elsewhere begins a new one. */
export class Suspicions {
  readonly #blockItems: number;
  #last: Suspicion | undefined;

  /** @param blockItems items of a block when nothing is suspected */
  constructor(blockItems: number) {
    this.#blockItems = blockItems;
  }

  /** What is suspected of a submission, if anything. */
  of(submission: number): Suspicion | undefined {
    return this.#last?.submission === submission ? this.#last : undefined;
  }

  /** How to go on behind the items of a submission that are routed. */
  pace(suspicion: Suspicion | undefined, itemsRouted: number): Pace {
    if (suspicion?.rowByRow !== true) return { maxItems: this.#blockItems, failItem: undefined };
    return { maxItems: 1, failItem: suspicion.deaths >= TWICE ? itemsRouted + 1 : undefined };
  }

  /**
   * The worker ended while `firstItem` was the next to be routed.
   * @returns true when it ended there before: for a scan, which has no rows to try, that is the end.
   */
  died(submission: number, firstItem: number): boolean {
    const last = this.#last;
    const same = last?.submission === submission && last.firstItem === firstItem ? last : undefined;
    const deaths = (same?.deaths ?? 0) + 1;
    const twice = deaths >= TWICE;
    const rowByRow = same?.rowByRow ?? false;
    const turn = twice && !rowByRow;
    this.#last = {
      submission,
      firstItem,
      rowByRow: rowByRow || turn,
      deaths: turn ? 0 : deaths,
      until: rowByRow ? (same?.until ?? firstItem) : firstItem + this.#blockItems,
    };
    return twice;
  }

  /**
   * A block was committed; `next` is the item behind it.
   * @param suspicion what was suspected when the block was begun
   * @returns true when row by row is over: what comes is done in blocks again
   */
  progressed(suspicion: Suspicion | undefined, next: number): boolean {
    if (!suspicion) return false;
    if (next < suspicion.until) {
      this.#last = { ...suspicion, firstItem: next, deaths: 0 };
      return false;
    }
    this.#last = undefined;
    return suspicion.rowByRow;
  }

  /** Nothing is suspected any more: the submission is out of the way. */
  forget(): void {
    this.#last = undefined;
  }
}

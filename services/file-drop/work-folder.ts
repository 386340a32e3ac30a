import type { ServiceContext } from '../../engine/contracts/service.ts';
import { codeOf, messageOf } from '../../engine/errors.ts';
import { claimedFile, claimedFiles, closeClaim, listClaims } from './claims.ts';
import type { FileDropConfig } from './config.ts';
import { type Stamp, sameStamp, statOf } from './disk.ts';
import { errors } from './errors.ts';
import type { Finisher } from './finisher.ts';
import type { Folders } from './folders.ts';
import type { Intake } from './intake.ts';
import { pathIn, shown, textOf } from './names.ts';
import { Said } from './waiting.ts';

/** A claim whose file is not taken in yet. */
interface Waiting {
  /** What the file looked like last; it is taken in only as that. */
  stamp: Stamp | undefined;
  /** Time (of `performance.now`) since when it has looked so. */
  since: number;
  /** Milliseconds for which it must look the same. */
  readonly quiet: number;
  /** True for a claim of an earlier run as long as it does not change: the inbox waits for it. */
  holdsInbox: boolean;
}

/** What is in work/ and not yet a submission: claims of an earlier run, files that changed, files that found no room. */
export class WorkFolder {
  readonly #context: ServiceContext<FileDropConfig>;
  readonly #folders: Folders;
  readonly #intake: Intake;
  readonly #finisher: Finisher;
  readonly #quiet: number;
  readonly #waiting = new Map<string, Waiting>();
  readonly #said = new Said();
  #listed = false;
  #stopped = false;

  /** `quiet`: milliseconds for which a file that changed, or is found at start, must be unchanged. */
  constructor(
    context: ServiceContext<FileDropConfig>,
    folders: Folders,
    intake: Intake,
    finisher: Finisher,
    quiet: number,
  ) {
    this.#context = context;
    this.#folders = folders;
    this.#intake = intake;
    this.#finisher = finisher;
    this.#quiet = quiet;
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Works on all that waits.
   * @returns milliseconds until the next of them may be ready, and whether the inbox has to wait for one of them.
   * @throws where the engine cannot store; the claim goes on waiting.
   */
  async pass(): Promise<{ readonly due: number; readonly holdsInbox: boolean }> {
    if (!this.#listed) await this.#listEarlier();
    let due = Number.POSITIVE_INFINITY;
    for (const [claim, waiting] of this.#waiting) {
      if (this.#stopped) break;
      due = Math.min(due, await this.#tolerant(claim, () => this.#tryNow(claim, waiting)));
    }
    return { due, holdsInbox: [...this.#waiting.values()].some(({ holdsInbox }) => holdsInbox) };
  }

  /**
   * Takes in the file of one claim, which must still be as `stamp` says; it waits here where that is not possible now.
   * @throws where the engine cannot store.
   */
  async take(claim: string, stamp: Stamp | undefined): Promise<void> {
    const before = this.#waiting.get(claim);
    // Whatever happens from here on, the claim is not forgotten.
    if (before === undefined)
      this.#waiting.set(claim, { stamp, since: performance.now(), quiet: 0, holdsInbox: false });
    await this.#tolerant(claim, async () => {
      const taken = await this.#intake.take(claim, stamp);
      if (taken.kind === 'stuck') throw taken.error;
      if (taken.kind === 'settled') this.#waiting.delete(claim);
      else
        this.#waiting.set(claim, {
          stamp: taken.stamp,
          since: performance.now(),
          quiet: this.#quiet,
          holdsInbox: false,
        });
      return 0;
    });
  }

  /** Takes a waiting claim in if it is ready. @returns milliseconds until it may be. */
  async #tryNow(claim: string, waiting: Waiting): Promise<number> {
    const wait = await this.#untilQuiet(claim, waiting);
    if (wait > 0) return wait;
    if (await this.#acceptedAlready(claim)) this.#waiting.delete(claim);
    else await this.take(claim, waiting.stamp);
    return this.#waiting.has(claim) ? this.#quiet : Number.POSITIVE_INFINITY;
  }

  /** A claim in which somebody put more files is left to a person, and holds up nothing else. */
  async #tolerant(claim: string, action: () => Promise<number>): Promise<number> {
    try {
      return await action();
    } catch (error) {
      if (codeOf(error) !== 'WORK_NOT_OURS') throw error;
      this.#warnOfStranger(claim, messageOf(error));
      const waiting = this.#waiting.get(claim);
      if (waiting) waiting.holdsInbox = false;
      return Number.POSITIVE_INFINITY;
    }
  }

  /** Once, at start: claims the engine knows go on by themselves, the others wait here, before anything of the inbox. */
  async #listEarlier(): Promise<void> {
    const { claims, strangers } = await listClaims(this.#folders);
    for (const raw of strangers) this.#warnOfStranger(raw, errors.WORK_NOT_OURS.means);
    for (const claim of claims) {
      if ((await this.#context.findClaim(claim)) === undefined) {
        this.#waiting.set(claim, { stamp: undefined, since: performance.now(), quiet: this.#quiet, holdsInbox: true });
      } else if ((await claimedFiles(this.#folders, claim)).length === 0) {
        // The file is where it belongs; with another file in it the finisher goes on.
        await closeClaim(this.#folders, claim);
      }
    }
    this.#listed = true;
  }

  /** The accept of an earlier run, or one that seemed to fail, may have been committed all the same. */
  async #acceptedAlready(claim: string): Promise<boolean> {
    if ((await this.#context.findClaim(claim)) === undefined) return false;
    this.#finisher.lookAgain();
    return true;
  }

  /** Looks at a waiting file; milliseconds until it has been the same for long enough. */
  async #untilQuiet(claim: string, waiting: Waiting): Promise<number> {
    const raw = await claimedFile(this.#folders, claim);
    const stat = raw === undefined ? undefined : await statOf(pathIn(this.#folders.work, claim, raw));
    if (stat === undefined) return 0;
    const now = performance.now();
    if (waiting.stamp === undefined) {
      // Found at start: it was complete when it was claimed, so its own time counts, as far as it is believable.
      const age = this.#context.clock.now() - Number(stat.mtimeNs / 1_000_000n);
      waiting.stamp = stat;
      waiting.since = now - Math.max(0, age);
    } else if (!sameStamp(waiting.stamp, stat)) {
      this.#waiting.set(claim, { stamp: stat, since: now, quiet: this.#quiet, holdsInbox: false });
      return this.#quiet;
    }
    return Math.max(0, waiting.quiet - (now - waiting.since));
  }

  #warnOfStranger(raw: string, message: string): void {
    if (!this.#said.first(raw)) return;
    this.#context.logger.warn({ code: 'WORK_NOT_OURS', file: shown(textOf(raw)) }, message);
  }
}

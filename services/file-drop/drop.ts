import type { ServiceContext, ServiceHandle } from '../../engine/contracts/service.ts';
import { codeOf, messageOf, WaybillError } from '../../engine/errors.ts';
import { claimFile } from './claims.ts';
import { type Complete, completeOf, type FileDropConfig, matcherOf, pollOf } from './config.ts';
import { dropError } from './errors.ts';
import { Finisher, type FinisherTimes } from './finisher.ts';
import { type Folders, openFolders } from './folders.ts';
import { type Candidate, type Look, look } from './inbox.ts';
import { Intake } from './intake.ts';
import { shown, textOf } from './names.ts';
import { Stability } from './stability.ts';
import { Backoff, Said, Waker } from './waiting.ts';
import { watchFolder } from './watch.ts';
import { WorkFolder } from './work-folder.ts';

/** Times that are not for people to set, in milliseconds. */
export interface Times extends FinisherTimes {
  /** How long a claimed file that changed must be unchanged, where `stableFor` does not say it. */
  readonly changedQuiet: number;
  /** With `renamed`: how long a file that no pattern knows is left alone, as its name may be one for unfinished files. */
  readonly unknownQuiet: number;
}

const TIMES: Times = {
  retryFirst: 1_000,
  retryCeiling: 60_000,
  reconcileEvery: 60_000,
  reconcileRest: 1_000,
  changedQuiet: 5_000,
  unknownQuiet: 60_000,
};

/** The shortest rest between two looks, however many notices come. Milliseconds. */
const SHORTEST_REST = 20;

/**
 * Opens the folders and starts looking.
 * @throws WaybillError with a `FOLDER_...` code where the folders cannot be used.
 */
export async function startFileDrop(
  context: ServiceContext<FileDropConfig>,
  times: Times = TIMES,
): Promise<ServiceHandle> {
  const folders = await openFolders(context.folder, context.config.folder);
  const drop = new FileDrop(context, folders, times);
  const running = drop.run();
  return {
    async stop() {
      drop.halt();
      await running;
    },
  };
}

/** One drop folder at work: looks, waits for files to be complete, claims them and hands them over one at a time. */
class FileDrop {
  readonly #context: ServiceContext<FileDropConfig>;
  readonly #folders: Folders;
  readonly #times: Times;
  readonly #complete: Complete;
  readonly #marker: string | undefined;
  readonly #known: (name: string) => boolean;
  readonly #pollEvery: number;
  readonly #finisher: Finisher;
  readonly #work: WorkFolder;
  readonly #stability = new Stability<string>();
  readonly #waker = new Waker();
  readonly #backoff: Backoff;
  readonly #saidOfEntries = new Said();
  readonly #saidOfTrouble = new Said();
  #stopped = false;

  constructor(context: ServiceContext<FileDropConfig>, folders: Folders, times: Times) {
    this.#context = context;
    this.#folders = folders;
    this.#times = times;
    this.#complete = completeOf(context.config);
    const { marker, stableFor } = partsOf(this.#complete);
    this.#marker = marker;
    const ruleOf = matcherOf(context.config);
    this.#known = (name) => ruleOf(name) !== undefined;
    this.#pollEvery = pollOf(context.config);
    this.#backoff = new Backoff(times.retryFirst, times.retryCeiling);
    this.#finisher = new Finisher(context, folders, times);
    const intake = new Intake(context, folders, this.#finisher);
    this.#work = new WorkFolder(context, folders, intake, this.#finisher, stableFor ?? times.changedQuiet);
  }

  halt(): void {
    this.#stopped = true;
    this.#work.stop();
    this.#finisher.stop();
    this.#waker.wake();
  }

  async run(): Promise<void> {
    const halt = () => this.halt();
    if (this.#context.signal.aborted) return;
    this.#context.signal.addEventListener('abort', halt, { once: true });
    const unwatch = watchFolder(this.#folders.inbox, this.#context.logger, () => this.#waker.wake());
    try {
      await Promise.all([this.#look(), this.#finisher.run()]);
    } finally {
      unwatch();
      this.#context.signal.removeEventListener('abort', halt);
    }
  }

  async #look(): Promise<void> {
    while (!this.#stopped) {
      const began = performance.now();
      try {
        const due = await this.#pass();
        this.#recovered();
        const rest = Math.min(this.#pollEvery, Math.max(SHORTEST_REST, 2 * (performance.now() - began)));
        await this.#waker.sleep(rest, () => this.#stopped);
        if (due > rest) await this.#waker.sleep(Math.min(this.#pollEvery, due) - rest);
      } catch (error) {
        if (this.#stopped) return;
        this.#complain(error);
        await this.#waker.sleep(this.#backoff.next(), () => this.#stopped);
      }
    }
  }

  /**
   * First what is in work/, then, in their order, all files that are complete now.
   * @returns milliseconds until something may be complete that is not now.
   * @throws where nothing can be taken in for the time being.
   */
  async #pass(): Promise<number> {
    await this.#folders.verify();
    const work = await this.#work.pass();
    if (this.#stopped || work.holdsInbox) return work.due;
    const seen = await this.#seen();
    this.#report(seen.others);
    this.#stability.keepOnly(new Set(seen.files.map(({ raw }) => raw)));
    let due = work.due;
    const now = performance.now();
    for (const file of seen.files) {
      const wait = this.#untilComplete(file, now);
      if (wait > 0) due = Math.min(due, wait);
      else if (this.#stopped) return due;
      else await this.#take(file);
    }
    return due;
  }

  async #seen(): Promise<Look> {
    try {
      return await look(this.#folders.inbox, this.#marker);
    } catch (error) {
      throw dropError('FOLDER_UNREADABLE', `${this.#folders.inbox} cannot be looked at: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Milliseconds until the file is complete if nothing happens to it; infinite where only a marker can say it. */
  #untilComplete(file: Candidate, now: number): number {
    const unchanged = this.#stability.unchangedFor(file.raw, file.stamp, now);
    if (this.#complete === 'renamed') {
      return this.#known(textOf(file.raw)) ? 0 : Math.max(0, this.#times.unknownQuiet - unchanged);
    }
    if ('marker' in this.#complete) return file.marked ? 0 : Number.POSITIVE_INFINITY;
    return Math.max(0, this.#complete.stableFor - unchanged);
  }

  async #take(file: Candidate): Promise<void> {
    let claim: string | undefined;
    try {
      claim = await claimFile(this.#folders, file, this.#marker, this.#context.clock.now());
    } catch (error) {
      if (!['EACCES', 'EPERM', 'EBUSY'].includes(codeOf(error))) throw error;
      const name = shown(textOf(file.raw));
      if (!this.#saidOfEntries.first(`claim ${file.raw}`)) return;
      const fields = { code: 'FILE_UNREADABLE', cause: codeOf(error), file: name };
      this.#context.logger.error(fields, `a file cannot be moved to work/ and stays where it is: ${codeOf(error)}`);
      return;
    }
    if (claim === undefined) return;
    this.#stability.forget(file.raw);
    await this.#work.take(claim, file.stamp);
  }

  #report(others: Look['others']): void {
    for (const { raw, kind } of others) {
      if (!this.#saidOfEntries.first(`${kind} ${raw}`)) continue;
      const fields = { code: 'FILE_NOT_REGULAR', file: shown(textOf(raw)), kind };
      if (kind === 'link')
        this.#context.logger.warn(fields, 'a link in the drop folder is not followed and stays where it is');
      else this.#context.logger.info(fields, 'something in the drop folder is no plain file and is left alone');
    }
  }

  #complain(error: unknown): void {
    const code = error instanceof WaybillError && error.code.startsWith('FOLDER_') ? error.code : 'ENGINE_CANNOT_STORE';
    if (!this.#saidOfTrouble.first(`${code} ${codeOf(error)}`)) return;
    const fields = { code, cause: codeOf(error), service: this.#context.name };
    this.#context.logger.error(
      fields,
      `no file can be taken in now, nothing is lost, tried again by itself: ${messageOf(error)}`,
    );
  }

  #recovered(): void {
    this.#backoff.reset();
    if (this.#saidOfTrouble.empty) return;
    this.#saidOfTrouble.clear();
    this.#context.logger.info({ service: this.#context.name }, 'files are taken in again');
  }
}

function partsOf(complete: Complete): { readonly marker?: string; readonly stableFor?: number } {
  return complete === 'renamed' ? {} : complete;
}

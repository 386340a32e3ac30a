import type { ServiceContext } from '../../engine/contracts/service.ts';
import { codeOf, RefusedError, WaybillError } from '../../engine/errors.ts';
import { duplicatesOf } from '../../engine/service-settings.ts';
import { claimedFile, releaseEmptyClaim } from './claims.ts';
import { type FileDropConfig, matcherOf } from './config.ts';
import { type Stamp, sameStamp, statOf } from './disk.ts';
import { errors, type FileDropCode } from './errors.ts';
import type { Finisher } from './finisher.ts';
import { failClaim, finishDuplicate, type Reason } from './finishing.ts';
import type { Folders } from './folders.ts';
import { pathIn, type RawName, shown, textOf } from './names.ts';
import { openReading, type Reading } from './reading.ts';

/** What came of taking in one claimed file. */
export type Taken =
  /** It is a submission now, or lies in done/ or failed/, or there was nothing in the claim. */
  | { readonly kind: 'settled' }
  /** It is being written, or could not be read just now: it stays claimed and must be unchanged for a while first. */
  | { readonly kind: 'unsettled'; readonly stamp: Stamp }
  /** The engine cannot store now: it stays claimed and is tried again as it is. */
  | { readonly kind: 'stuck'; readonly error: unknown };

const SETTLED: Taken = { kind: 'settled' };

/** Hands claimed files to the engine, one at a time. */
export class Intake {
  readonly #context: ServiceContext<FileDropConfig>;
  readonly #folders: Folders;
  readonly #finisher: Finisher;
  readonly #ruleOf: ReturnType<typeof matcherOf>;

  constructor(context: ServiceContext<FileDropConfig>, folders: Folders, finisher: Finisher) {
    this.#context = context;
    this.#folders = folders;
    this.#finisher = finisher;
    this.#ruleOf = matcherOf(context.config);
  }

  /**
   * Takes in the file of a claim. `expected` is what the file was when it was last seen to be complete.
   * @throws the file system's error, or `WORK_NOT_OURS`, where the claim itself cannot be worked on.
   */
  async take(claim: string, expected: Stamp | undefined): Promise<Taken> {
    const raw = await claimedFile(this.#folders, claim);
    if (raw === undefined) {
      await releaseEmptyClaim(this.#folders, claim);
      return SETTLED;
    }
    const stat = await statOf(pathIn(this.#folders.work, claim, raw));
    if (stat !== undefined && !stat.isFile()) return this.#fail(claim, raw, reasonFor('FILE_NOT_REGULAR'));
    const name = textOf(raw);
    if (this.#ruleOf(name) === undefined) return this.#fail(claim, raw, reasonFor('FILE_MATCHES_NOTHING'));
    let reading: Reading;
    try {
      reading = await openReading(pathIn(this.#folders.work, claim, raw));
    } catch (error) {
      if (error instanceof WaybillError) return this.#fail(claim, raw, reasonOf(error));
      // A bad block or a stale handle of one file must not stop the others.
      if (stat === undefined || ['EMFILE', 'ENFILE', 'ENOMEM'].includes(codeOf(error))) throw error;
      this.#warnUnreadable(raw, error);
      return { kind: 'unsettled', stamp: stat };
    }
    try {
      if (expected && !sameStamp(reading.before, expected)) return { kind: 'unsettled', stamp: reading.before };
      return await this.#accept(claim, raw, name, reading);
    } finally {
      await reading.close();
    }
  }

  async #accept(claim: string, raw: RawName, name: string, reading: Reading): Promise<Taken> {
    const context = this.#context;
    const rule = this.#ruleOf(name)!;
    this.#finisher.accepting(claim);
    try {
      const accepted = await context.accept({
        body: reading.body,
        name,
        rule,
        duplicates: duplicatesOf(context.config),
        claim,
        confirm: () => reading.confirm(),
      });
      if (accepted.kind === 'stored') {
        this.#finisher.adopt(accepted.id);
        return SETTLED;
      }
      // Nothing was committed, so nobody may have asked whether the file is still what was read.
      await reading.confirm();
      await finishDuplicate(this.#folders, claim, raw, (await context.submission(accepted.id)) ?? accepted.id);
      context.logger.info(
        { code: 'DUPLICATE', submission: accepted.id },
        'the same content came before; the file is in done/',
      );
      return SETTLED;
    } catch (error) {
      return await this.#notAccepted(claim, raw, reading, error);
    } finally {
      this.#finisher.accepting(undefined);
    }
  }

  async #notAccepted(claim: string, raw: RawName, reading: Reading, error: unknown): Promise<Taken> {
    const trouble = reading.trouble();
    if (trouble === 'changed') {
      this.#context.logger.warn({ code: 'FILE_CHANGED', file: shown(textOf(raw)) }, errors.FILE_CHANGED.means);
      return { kind: 'unsettled', stamp: reading.before };
    }
    if (trouble) {
      this.#warnUnreadable(raw, trouble);
      return { kind: 'unsettled', stamp: reading.before };
    }
    if (error instanceof RefusedError) return this.#fail(claim, raw, reasonOf(error));
    return { kind: 'stuck', error };
  }

  #warnUnreadable(raw: RawName, error: unknown): void {
    const fields = { code: 'FILE_UNREADABLE', cause: codeOf(error), file: shown(textOf(raw)) };
    this.#context.logger.warn(fields, `the file could not be read, tried again by itself: ${codeOf(error)}`);
  }

  async #fail(claim: string, raw: RawName, reason: Reason): Promise<Taken> {
    await failClaim(this.#folders, claim, raw, reason);
    this.#context.logger.warn(
      { code: reason.code, file: shown(textOf(raw)) },
      `a file went to failed/: ${reason.reason}`,
    );
    return SETTLED;
  }
}

function reasonFor(code: FileDropCode): Reason {
  return { code, reason: errors[code].means, cure: errors[code].cure };
}

function reasonOf(error: WaybillError): Reason {
  const { line, column } = error.place;
  return {
    code: error.code,
    reason: error.message,
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  };
}

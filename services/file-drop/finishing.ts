import type { ServiceContext, ServiceProgress, SubmissionView } from '../../engine/contracts/service.ts';
import type { Place } from '../../engine/errors.ts';
import { label } from '../../engine/labels.ts';
import { layoutOf, rejectedCsv } from '../../engine/rejected-csv.ts';
import { claimedFile, closeClaim } from './claims.ts';
import type { FileDropConfig } from './config.ts';
import { moveInto, statOf, writeWhole } from './disk.ts';
import { errors } from './errors.ts';
import type { Folders } from './folders.ts';
import { finalName, pathIn, rawOf, shown, textOf } from './names.ts';

type Context = ServiceContext<FileDropConfig>;

/** Why a file was not taken, as it is written beside it. */
export interface Reason extends Pick<Place, 'line' | 'column'> {
  readonly code: string;
  readonly reason: string;
  readonly means?: string;
  readonly cure?: string;
}

/**
 * Brings what people see of one submission up to what became of it, and says how far that is. Every step is whole or not
 * at all and may be done again: after a crash at any point the same call ends in the same files.
 */
export async function finish(
  context: Context,
  folders: Folders,
  view: SubmissionView,
  progress: ServiceProgress,
): Promise<ServiceProgress> {
  let reached = progress;
  if (reached === 'open') reached = await tell(context, folders, view);
  if (reached === 'moved' && view.settled) reached = await close(context, folders, view);
  return reached;
}

/** Once it is routed, refused or cancelled: the answer beside the original, and the original to where it belongs. */
async function tell(context: Context, folders: Folders, view: SubmissionView): Promise<ServiceProgress> {
  if (view.state === 'routed') {
    await writeRejected(context, folders, view);
    await moveOriginal(context, folders, view, folders.done);
  } else if (view.state === 'refused' || view.state === 'cancelled') {
    await writeJson(folders.failed, `${finalName(view.id, view.name)}.reason.json`, {
      submission: view.id,
      file: view.name,
      ...reasonOf(view),
    });
    await moveOriginal(context, folders, view, folders.failed);
  } else {
    return 'open';
  }
  await context.progress(view.id, 'moved');
  return 'moved';
}

/** Once every message is settled: the report beside the original. A refusal has its reason there already. */
async function close(context: Context, folders: Folders, view: SubmissionView): Promise<ServiceProgress> {
  if (view.state !== 'refused') {
    const folder = view.state === 'cancelled' ? folders.failed : folders.done;
    const report = await context.report(view.id);
    const late = await changedLate(context, folder, view);
    await writeJson(folder, `${finalName(view.id, view.name)}.report.json`, {
      submission: view.id,
      file: view.name,
      ...report,
      ...late,
    });
  }
  await context.progress(view.id, 'closed');
  return 'closed';
}

/**
 * A writer that paused for longer than `stableFor` goes on writing to a file that was taken in: its rows would be missing
 * without a word. Known by the size; a file that was moved away meanwhile is not looked for.
 */
async function changedLate(context: Context, folder: string, view: SubmissionView): Promise<object> {
  if (view.claim === undefined) return {};
  const stat = await statOf(pathIn(folder, rawOf(finalName(view.id, view.name))));
  if (stat === undefined || Number(stat.size) === view.bytes) return {};
  const { means, cure } = errors.FILE_CHANGED_LATE;
  const fields = { code: 'FILE_CHANGED_LATE', submission: view.id, file: shown(view.name) };
  context.logger.warn(fields, `${view.bytes} bytes were taken in, the file has ${stat.size} now. ${means} ${cure}`);
  return { warning: { code: 'FILE_CHANGED_LATE', means, cure, bytesTaken: view.bytes, bytesNow: Number(stat.size) } };
}

function reasonOf(view: SubmissionView): Reason {
  if (view.state === 'cancelled')
    return { code: 'CANCELLED', reason: errors.CANCELLED.means, cure: errors.CANCELLED.cure };
  return view.refusal ?? { code: 'REFUSED', reason: errors.REFUSED.means, cure: errors.REFUSED.cure };
}

async function writeRejected(context: Context, folders: Folders, view: SubmissionView): Promise<void> {
  if (view.rejectedItems === 0) return;
  const name = `${finalName(view.id, view.name)}.rejected.csv`;
  // It is there whole or not at all: what is there was written before a crash, and what routing rejected stays the same.
  if ((await statOf(pathIn(folders.done, rawOf(name)))) !== undefined) return;
  await writeWhole(folders.done, name, rejectedCsv({ ...layoutOf(view.scan), items: () => context.rejected(view.id) }));
}

async function moveOriginal(context: Context, folders: Folders, view: SubmissionView, folder: string): Promise<void> {
  // A submission that was made by hand has no file in work/.
  if (view.claim === undefined) return;
  const raw = await claimedFile(folders, view.claim);
  const name = finalName(view.id, view.name);
  if (raw !== undefined) {
    await moveOut(folders, view.claim, raw, folder, name);
  } else if ((await statOf(pathIn(folder, rawOf(name)))) === undefined) {
    const at = { code: 'FILE_GONE', submission: view.id, file: shown(view.name) };
    context.logger.warn(at, `the file of submission ${view.id} is not in work/ any more; ${errors.FILE_GONE.cure}`);
  }
  await closeClaim(folders, view.claim);
}

async function moveOut(folders: Folders, claim: string, raw: string, folder: string, name: string): Promise<void> {
  // The claim's folder is not flushed: it goes now, and finding it again after a power failure does no harm.
  await moveInto(pathIn(folders.work, claim, raw), folder, name);
  label('file.moved');
}

/** Puts a claimed file that is no submission into failed/, with the reason beside it. */
export async function failClaim(folders: Folders, claim: string, raw: string, reason: Reason): Promise<void> {
  const name = finalName(claim, textOf(raw));
  await writeJson(folders.failed, `${name}.reason.json`, { file: textOf(raw), ...reason });
  await moveOut(folders, claim, raw, folders.failed, name);
  await closeClaim(folders, claim);
}

/** Puts a claimed file whose content came before into done/, with a report that names the first submission. */
export async function finishDuplicate(
  folders: Folders,
  claim: string,
  raw: string,
  first: SubmissionView | string,
): Promise<void> {
  const name = finalName(claim, textOf(raw));
  const earlier = typeof first === 'string' ? { submission: first } : earlierOf(first);
  await writeJson(folders.done, `${name}.report.json`, {
    file: textOf(raw),
    code: 'DUPLICATE',
    ...errors.DUPLICATE,
    duplicateOf: earlier,
  });
  await moveOut(folders, claim, raw, folders.done, name);
  await closeClaim(folders, claim);
}

function earlierOf(view: SubmissionView) {
  return { submission: view.id, file: view.name, acceptedAt: new Date(view.acceptedAt).toISOString() };
}

async function writeJson(folder: string, name: string, value: object): Promise<void> {
  const text = JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v), 2);
  await writeWhole(folder, name, [`${text}\n`]);
}

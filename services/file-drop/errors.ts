import { defineErrors, type ErrorDetails, WaybillError } from '../../engine/errors.ts';

/** Everything that can go wrong between a drop folder and a submission. */
export const errors = defineErrors({
  FOLDER_MISSING: {
    means: 'The drop folder does not exist, and neither does the folder it would be made in.',
    cure: 'Make the folder, or mount the share it lies on, and give the engine its rights.',
  },
  FOLDER_NOT_A_FOLDER: {
    means: 'Where a folder is needed stands something else.',
    cure: 'Move away what stands there, or name another folder.',
  },
  FOLDER_IS_LINK: {
    means: 'work/, done/ or failed/ is a symbolic link; following it would let a sender choose where files go.',
    cure: 'Replace the link by a real folder inside the drop folder.',
  },
  FOLDER_NO_PERMISSION: {
    means: 'The engine may not read, write or enter the folder.',
    cure: 'Give the user that runs the engine read, write and enter rights on the folder and on work/, done/ and failed/.',
  },
  FOLDER_OTHER_FILE_SYSTEM: {
    means:
      'work/, done/ or failed/ lies on another file system than the drop folder, so files cannot be renamed into it.',
    cure: 'Unmount what is mounted there; the three folders belong inside the drop folder.',
  },
  FOLDER_OVERLAPS: {
    means: 'Two services use the same folder, or one lies inside the other; they would take files from each other.',
    cure: 'Give each service a folder of its own, none inside another.',
  },
  FOLDER_REPLACED: {
    means: 'The drop folder, work/, done/ or failed/ is no longer the one that the service started with.',
    cure: 'Put the folder back (a share may have been unmounted), or restart the engine to use the new one.',
  },
  FOLDER_UNREADABLE: {
    means: 'The drop folder could not be looked at.',
    cure: 'See the reason in the message; nothing is lost, and it is tried again by itself.',
  },
  GLOB_NEVER_MATCHES: {
    means: 'The pattern can match no file: it holds a folder, or names that are left alone as hidden or temporary.',
    cure: 'Write the pattern for the bare name of a finished file, such as "vax-*.csv".',
  },
  STABLE_FOR_ZERO: {
    means: 'A file that only has to be unchanged for no time at all would be taken half written.',
    cure: 'Set stableFor to a few seconds, or let the sender use a marker or a rename.',
  },
  FILE_MATCHES_NOTHING: {
    means: 'The file matches none of the patterns of the service, so nobody knows what it is.',
    cure: 'Correct the name and drop the file again, or add a pattern under files.',
  },
  FILE_NOT_REGULAR: {
    means: 'It is a link, a folder, a pipe or a device, not a plain file; links are never followed.',
    cure: 'Drop a plain file.',
  },
  FILE_UNREADABLE: {
    means: 'The file could not be read.',
    cure: 'Let the sender give read rights to the user that runs the engine, and drop the file again.',
  },
  FILE_CHANGED: {
    means: 'The file changed while it was read; nothing of it was kept, and it waits to be unchanged again.',
    cure: 'Nothing to do. If it comes often, make stableFor longer, or let the sender use a marker or a rename.',
  },
  FILE_CHANGED_LATE: {
    means:
      'The file is no longer what was taken in: somebody wrote to it afterwards. What was written then is not sent.',
    cure: 'Compare it with what was taken in, drop what is missing as a file of its own, and make stableFor longer or agree on a marker or a rename.',
  },
  FILE_NAME_TAKEN: {
    means: 'A file that is not ours stands where a finished one is to go; nothing is ever overwritten.',
    cure: 'Move the file that stands there away; the service goes on by itself.',
  },
  FILE_GONE: {
    means: 'The file that a submission came from is no longer in work/ nor where it belongs.',
    cure: 'Nothing to do: its content is safe in the engine. Let nobody move files in work/.',
  },
  WORK_NOT_OURS: {
    means: 'Something in work/ was not put there by this service, or a claim holds more than one file.',
    cure: 'Look at it and move it away; to have a file taken in, drop it in the drop folder itself.',
  },
  ENGINE_CANNOT_STORE: {
    means: 'The engine could not store the file (the disk may be full); nothing was taken, the file waits in work/.',
    cure: 'Make room or see the reason in the message; it is tried again by itself.',
  },
  FINISH_FAILED: {
    means: 'A result could not be written or a file could not be moved to done/ or failed/.',
    cure: 'Make room or give rights, as the message says; it is tried again by itself.',
  },
  DUPLICATE: {
    means: 'The same content came before, within the window that the service looks back.',
    cure: 'See the earlier submission; to send it all the same, submit the file by hand with --again.',
  },
  REFUSED: {
    means: 'The submission was refused.',
    cure: 'See the reason with waybill trace; correct the file and drop it again.',
  },
  CANCELLED: {
    means: 'A person gave the submission up; what had not been sent then will not be sent.',
    cure: 'Drop the file again if it is to be sent after all.',
  },
});

export type FileDropCode = keyof typeof errors;

/** An error of the drop folder. `message` names the file's place, never its content. */
export function dropError(code: FileDropCode, message: string, details: ErrorDetails = {}): WaybillError {
  return new WaybillError(code, message, details);
}

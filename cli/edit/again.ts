import { type Invocation, oneWord, optionalFlag, requiredFlag } from '../command.ts';
import { dataFolder } from '../folders.ts';
import { reading } from '../ledger.ts';
import { commit } from './commit.ts';
import { messageToReplace, planSendingAgain } from './message.ts';
import { subjectOf, transportOf } from './subject.ts';
import { runningTransports } from './transports.ts';

/**
 * `waybill resend MESSAGE --again`: the same bytes once more, as a new version, after a question. The command has the flags
 * `VERSION_FLAGS`, `reason`, `by`, `entry`, `data` and `json`.
 * @returns the exit code. @throws WaybillError of `EDIT_ERRORS`, and where the ledger is no longer as it was shown.
 */
export async function sendAgain(invocation: Invocation): Promise<number> {
  const word = oneWord(invocation, 'MESSAGE');
  const reason = requiredFlag(invocation, 'reason');
  const folder = dataFolder(invocation);
  const transports = await runningTransports(folder);
  const plan = await reading(folder, (open) => {
    const subject = subjectOf(open, word);
    const old = messageToReplace(subject, { entry: optionalFlag(invocation, 'entry'), again: true });
    // For a destination that is gone it would wait for ever, and keep the next engine from starting.
    if (transports) transportOf(subject, old, transports);
    return planSendingAgain(open, subject, old);
  });
  return commit(invocation, { plan, reason, dataFolder: folder });
}

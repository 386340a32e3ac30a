/** A person decides about a submission as a whole: what is in quarantine, or not routed to its end. */
import type { Store, SubmissionDecision } from '../../engine/contracts/store.ts';
import { submissionId } from '../../engine/ids.ts';
import type { SubmissionState } from '../../engine/states.ts';
import { EXIT, type Invocation, requiredFlag } from '../command.ts';
import { change } from '../control.ts';
import { reading } from '../ledger.ts';
import { printJson, printLines, wantsJson } from '../output.ts';
import { whoAsks } from '../who.ts';
import { runAct } from './act-command.ts';

export interface SubmissionKind {
  readonly name: 'release' | 'cancel';
  /** States in which the submission itself is decided about; in others, its messages are. */
  readonly from: readonly SubmissionState[];
  readonly offline: (store: Store, decision: SubmissionDecision) => Promise<void>;
  /** What became of it, after its id. */
  readonly says: string;
}

interface WholeSubmission {
  readonly submission: number;
  readonly id: string;
}

/** Acts on messages; where a submission is named that is itself to be decided about, decides about that. Gives the exit code. */
export function actOrDecide(invocation: Invocation, kind: SubmissionKind): Promise<number> {
  return runAct(invocation, {
    verb: kind.name,
    what: 'MESSAGE, SUBMISSION or BATCH',
    async otherwise({ submission }, folder) {
      const whole = await submissionToDecide(folder, submission, kind);
      return whole && decideSubmission(invocation, folder, whole, kind);
    },
  });
}

/** The submission that was named, where it is itself what is decided about; `undefined` where its messages are. */
async function submissionToDecide(
  dataFolder: string,
  submission: number | undefined,
  { from }: SubmissionKind,
): Promise<WholeSubmission | undefined> {
  if (submission === undefined) return undefined;
  return reading(dataFolder, ({ ledger, instance }) => {
    const state = ledger.ask('submission', { submission })?.state;
    const whole = state !== undefined && from.includes(state);
    return whole ? { submission, id: submissionId(instance, submission) } : undefined;
  });
}

/** Decides, through the engine while it runs and with the ledger while it does not; gives the exit code. */
async function decideSubmission(
  invocation: Invocation,
  dataFolder: string,
  { submission, id }: WholeSubmission,
  { name, offline, says }: SubmissionKind,
): Promise<number> {
  const reason = requiredFlag(invocation, 'reason');
  const who = whoAsks(invocation);
  const { engineRuns } = await change(
    dataFolder,
    { method: 'POST', path: `/api/v1/submissions/${id}/${name}`, json: { reason, who } },
    `waybill ${name}`,
    (store) => offline(store, { submission, reason, who, at: Date.now() }),
  );
  if (wantsJson(invocation)) printJson(invocation, { submission: id, [name]: true, who, engineRuns });
  else {
    const next = engineRuns ? '' : ' The engine does not run; it goes on with it at its next start.';
    printLines(invocation, [`${id} ${says} (said by ${who}).${next}`]);
  }
  return EXIT.ok.code;
}

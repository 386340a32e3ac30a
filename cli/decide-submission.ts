import type { Store, SubmissionDecision } from '../engine/contracts/store.ts';
import { WaybillError } from '../engine/errors.ts';
import { submissionId } from '../engine/ids.ts';
import type { SubmissionState } from '../engine/states.ts';
import { type Command, DATA_FLAG, EXIT, JSON_FLAG, oneWord, requiredFlag } from './command.ts';
import { change } from './control.ts';
import { dataFolder } from './folders.ts';
import { findSubmission, reading } from './ledger.ts';
import { printJson, printLines, wantsJson } from './output.ts';
import { BY_FLAG, whoAsks } from './who.ts';

/** A command by which a person decides about one submission. */
export interface SubmissionCommand {
  readonly name: 'release' | 'cancel';
  readonly summary: string;
  /** States in which it may be asked for. */
  readonly from: readonly SubmissionState[];
  readonly offline: (store: Store, decision: SubmissionDecision) => Promise<void>;
  /** What became of it, after its id. */
  readonly says: string;
}

/** Makes the command: it works through the engine while it runs, and with the ledger while it does not. */
export function submissionCommand({ name, summary, from, offline, says }: SubmissionCommand): Command {
  return {
    name,
    summary,
    usage: 'SUBMISSION --reason TEXT',
    flags: {
      reason: { type: 'string', value: 'TEXT', description: 'Why, for those who come after. Required.' },
      ...BY_FLAG,
      ...DATA_FLAG,
      ...JSON_FLAG,
    },
    async run(invocation) {
      const word = oneWord(invocation, 'SUBMISSION');
      const reason = requiredFlag(invocation, 'reason');
      const who = whoAsks(invocation);
      const folder = dataFolder(invocation);
      const { submission, id } = await reading(folder, (open) => {
        const number = findSubmission(open, word);
        const state = open.ledger.ask('submission', { submission: number })?.state;
        if (state === undefined || !from.includes(state))
          throw notNow(name, submissionId(open.instance, number), state, from);
        return { submission: number, id: submissionId(open.instance, number) };
      });
      const json = { submission, reason, who };
      const { engineRuns } = await change(
        folder,
        { method: 'POST', path: `/control/${name}`, json },
        `waybill ${name}`,
        (store) => offline(store, { ...json, at: Date.now() }),
      );
      if (wantsJson(invocation)) printJson(invocation, { submission: id, [name]: true, who, engineRuns });
      else {
        const next = engineRuns ? '' : ' The engine does not run; it goes on with it at its next start.';
        printLines(invocation, [`${id} ${says} (said by ${who}).${next}`]);
      }
      return EXIT.ok.code;
    },
  };
}

function notNow(name: string, id: string, state: string | undefined, from: readonly string[]): WaybillError {
  return new WaybillError(
    'SUBMISSION_DECIDED',
    `${id} is ${state ?? 'gone'}: waybill ${name} takes a submission that is ${from.join(', ')}. waybill submissions shows their states.`,
  );
}

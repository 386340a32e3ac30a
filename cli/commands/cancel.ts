import { ACT_FLAGS } from '../acting/act-command.ts';
import { actOrDecide, type SubmissionKind } from '../acting/submission-decision.ts';
import type { Command } from '../command.ts';

const WHOLE: SubmissionKind = {
  name: 'cancel',
  from: ['quarantined', 'scanned', 'routing'],
  offline: (store, decision) => store.cancelSubmission(decision),
  says: 'is cancelled',
};

export const cancel: Command = {
  name: 'cancel',
  summary:
    'Give up messages that are queued, held back or in doubt; or a submission that is in quarantine or not routed to its end. Of messages without --confirm or --yes only a look.',
  usage: 'MESSAGE | SUBMISSION[:LINE] | BATCH | --where FILTER, each with --reason TEXT --confirm COUNT',
  flags: ACT_FLAGS,
  run: (invocation) => actOrDecide(invocation, WHOLE),
};

import { ACT_FLAGS } from '../acting/act-command.ts';
import { actOrDecide, type SubmissionKind } from '../acting/submission-decision.ts';
import type { Command } from '../command.ts';

const WHOLE: SubmissionKind = {
  name: 'release',
  from: ['quarantined'],
  offline: (store, decision) => store.release(decision),
  says: 'is released and will be routed',
};

export const release: Command = {
  name: 'release',
  summary:
    'Let messages go that were held back, each in its old place; or a submission out of quarantine, in spite of its counts. Of messages without --confirm or --yes only a look.',
  usage: 'MESSAGE | SUBMISSION[:LINE] | BATCH | --where FILTER, each with --reason TEXT --confirm COUNT',
  flags: ACT_FLAGS,
  run: (invocation) => actOrDecide(invocation, WHOLE),
};

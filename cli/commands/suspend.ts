import { ACT_FLAGS, runAct } from '../acting/act-command.ts';
import type { Command } from '../command.ts';

export const suspend: Command = {
  name: 'suspend',
  summary:
    'Hold messages back that are queued; a call in flight is not touched. Without --confirm or --yes only a look.',
  usage: 'MESSAGE | SUBMISSION[:LINE] | BATCH | --where FILTER, each with --reason TEXT --confirm COUNT',
  flags: ACT_FLAGS,
  run: (invocation) => runAct(invocation, { verb: 'suspend', what: 'MESSAGE, SUBMISSION or BATCH' }),
};

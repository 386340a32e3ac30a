import { ACT_FLAGS, runAct } from '../acting/act-command.ts';
import type { Command } from '../command.ts';
import { VERSION_FLAGS } from '../edit/commit.ts';

export const resend: Command = {
  name: 'resend',
  summary:
    'Send messages again that were rejected, have failed or are in doubt, each in its old place; one that was delivered with --again. Without --confirm or --yes only a look.',
  usage: 'MESSAGE | SUBMISSION[:LINE] | BATCH | --where FILTER, each with --reason TEXT --confirm COUNT',
  flags: {
    ...ACT_FLAGS,
    again: {
      type: 'boolean',
      description:
        'MESSAGE was delivered and is sent again on purpose, as a new version with the same bytes, after a question.',
    },
    bodies: VERSION_FLAGS.bodies,
    entry: { type: 'string', value: 'NAME', description: 'With --again: the entry of the message.' },
  },
  async run(invocation) {
    if (invocation.flags.again !== true)
      return runAct(invocation, { verb: 'resend', what: 'MESSAGE, SUBMISSION or BATCH' });
    const { sendAgain } = await import('../edit/again.ts');
    return sendAgain(invocation);
  },
};

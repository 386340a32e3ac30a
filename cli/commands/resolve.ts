import type { ResolveRequest } from '../../engine/contracts/store.ts';
import { WaybillError } from '../../engine/errors.ts';
import { batchId } from '../../engine/ids.ts';
import { ACT_FLAGS, runAct } from '../acting/act-command.ts';
import { type Command, EXIT, type Invocation, requiredFlag, UsageError } from '../command.ts';
import { change } from '../control.ts';
import { type Reading, reading } from '../ledger.ts';
import { counted, printJson, printLines, wantsJson } from '../output.ts';
import { whoAsks } from '../who.ts';

/** What may be decided: the flag, the state that the messages get, and how that is said. */
const DECISIONS = {
  delivered: { to: 'delivered', says: 'are delivered', description: 'The receiver has them.' },
  rejected: { to: 'rejected', says: 'are rejected', description: 'The receiver has refused them.' },
  resend: {
    to: 'queued',
    says: 'are queued again, in their old place',
    description: 'The receiver does not have them, or can take them twice: send them again.',
  },
  cancel: { to: 'cancelled', says: 'are cancelled', description: 'Give them up.' },
} as const satisfies Record<string, { to: ResolveRequest['to']; says: string; description: string }>;
const FLAGS = Object.keys(DECISIONS) as (keyof typeof DECISIONS)[];

export const resolve: Command = {
  name: 'resolve',
  summary:
    'Decide about messages that are in doubt, after asking the receiver: those of a batch, one message, or all that fit a filter. Of a filter without --confirm or --yes only a look.',
  usage:
    'BATCH | MESSAGE | --where FILTER --confirm COUNT, each with --delivered|--rejected|--resend|--cancel --reason TEXT',
  flags: {
    ...Object.fromEntries(
      FLAGS.map((name) => [name, { type: 'boolean', description: DECISIONS[name].description } as const]),
    ),
    ...ACT_FLAGS,
    reason: {
      type: 'string',
      value: 'TEXT',
      description: 'Why, for those who come after: who at the receiver said what. Required.',
    },
  },
  run(invocation) {
    const decision = DECISIONS[decided(invocation)];
    // What is named is decided at once; only a filter is looked at first.
    if (invocation.words.length > 0) requiredFlag(invocation, 'reason');
    return runAct(invocation, {
      verb: 'resolve',
      goal: decision.to,
      what: 'BATCH or MESSAGE',
      bareBatch: true,
      otherwise: async ({ batch }, folder) =>
        batch === undefined ? undefined : resolveBatch(invocation, folder, batch, decision),
    });
  },
};

/** Decides about what is in doubt of one batch, which was named and so need not be looked at first. */
async function resolveBatch(
  invocation: Invocation,
  folder: string,
  batch: number,
  { to, says }: (typeof DECISIONS)[keyof typeof DECISIONS],
): Promise<number> {
  const reason = requiredFlag(invocation, 'reason');
  const who = whoAsks(invocation);
  const id = await reading(folder, (open) => {
    refuseDecided(open, batch);
    return batchId(open.instance, batch);
  });
  const json = { batch, to, reason, who };
  const { value, engineRuns } = await change<{ messages: number; destination: string }>(
    folder,
    { method: 'POST', path: '/control/resolve', json },
    'waybill resolve',
    (store) => store.resolve({ ...json, at: Date.now() }),
  );
  const { messages, destination } = value;
  if (wantsJson(invocation)) printJson(invocation, { batch: id, destination, messages, to, who, engineRuns });
  else {
    const next = engineRuns
      ? `${destination} goes on.`
      : `The engine does not run; ${destination} goes on at its next start.`;
    printLines(invocation, [
      `${id}: ${counted(messages, 'message')} to ${destination} ${says} (said by ${who}). ${next}`,
    ]);
  }
  return EXIT.ok.code;
}

/** A call in flight is for the engine to judge: of one that ended, the messages are in doubt. */
function refuseDecided({ ledger, instance }: Reading, batch: number): void {
  const state = ledger.ask('batch', { batch })?.state ?? 'closed';
  if (state === 'inDoubt' || state === 'sending') return;
  throw new WaybillError(
    'BATCH_NOT_IN_DOUBT',
    `${batchId(instance, batch)} is ${state}: only messages in doubt can be resolved. waybill status shows what is in doubt.`,
  );
}

function decided({ flags }: Invocation): keyof typeof DECISIONS {
  const [first, ...others] = FLAGS.filter((name) => flags[name] === true);
  if (first !== undefined && others.length === 0) return first;
  throw new UsageError(`give one of ${FLAGS.map((name) => `--${name}`).join(', ')}`);
}

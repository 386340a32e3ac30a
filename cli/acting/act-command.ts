/** Commands by which a person acts on messages: a look first, then the deed with the count confirmed. */
import { type ActQuestion, previewAct } from '../../engine/act-preview.ts';
import type { ActRequest } from '../../engine/acting.ts';
import { ACTS } from '../../engine/acts.ts';
import type { ActGoal, ActVerb } from '../../engine/contracts/acting.ts';
import { WaybillError } from '../../engine/errors.ts';
import { previewDocument } from '../../portal/acting/documents.ts';
import {
  type Command,
  DATA_FLAG,
  EXIT,
  type Invocation,
  JSON_FLAG,
  optionalFlag,
  requiredFlag,
  UsageError,
  wholeNumber,
} from '../command.ts';
import { dataFolder } from '../folders.ts';
import { reading } from '../ledger.ts';
import { counted, printJson, printLines, wantsJson } from '../output.ts';
import { BY_FLAG, whoAsks } from '../who.ts';
import { lookingAt, type Performed, perform } from './perform.ts';
import { givenFilter, type Selection, selectionOf, WHERE_FLAGS } from './selection.ts';
import { previewLines } from './show.ts';

/** Flags of every act. */
export const ACT_FLAGS = {
  ...WHERE_FLAGS,
  confirm: {
    type: 'string',
    value: 'COUNT',
    description: 'Do it, if exactly so many messages would be changed. Without it and --yes there is only a look.',
  },
  yes: { type: 'boolean', description: 'Do it, with whatever fits now.' },
  reason: { type: 'string', value: 'TEXT', description: 'Why, for those who come after. Required to do it.' },
  ...BY_FLAG,
  ...DATA_FLAG,
  ...JSON_FLAG,
} as const satisfies Command['flags'];

export interface ActKind {
  readonly verb: ActVerb;
  readonly goal?: ActGoal;
  /** What the command takes instead of a filter, for its messages. */
  readonly what: string;
  readonly bareBatch?: boolean;
  /** Does the command in another way where it must; `undefined`: it is an act on messages. */
  readonly otherwise?: (selection: Selection, folder: string) => Promise<number | undefined>;
}

/** Runs an act's command line. */
export async function runAct(invocation: Invocation, kind: ActKind): Promise<number> {
  const folder = dataFolder(invocation);
  const confirm = confirmed(invocation);
  if (confirm !== undefined) requiredFlag(invocation, 'reason');
  const filter = await givenFilter(invocation);
  const selection = await reading(folder, (open) => selectionOf(open, invocation, filter, kind));
  const other = await kind.otherwise?.(selection, folder);
  if (other !== undefined) return other;
  const { verb, goal } = kind;
  const question: ActQuestion = { verb, where: selection.where, ...(goal === undefined ? {} : { goal }) };
  refuseState(verb, selection);
  // A message that was named is the only one that can be hit: there is nothing to look at first.
  const confirmedNow = confirm ?? (selection.single ? 1 : undefined);
  if (confirmedNow === undefined) return look(invocation, folder, question);
  const request: ActRequest = {
    ...question,
    confirm: confirmedNow,
    reason: requiredFlag(invocation, 'reason'),
    who: whoAsks(invocation),
  };
  const performed = await perform(folder, request, invocation.tell);
  show(invocation, request, selection, performed);
  return EXIT.ok.code;
}

function confirmed(invocation: Invocation): number | 'any' | undefined {
  const count = optionalFlag(invocation, 'confirm');
  if (count === undefined) return invocation.flags.yes === true ? 'any' : undefined;
  if (invocation.flags.yes === true) throw new UsageError('give --confirm or --yes, not both');
  return wholeNumber(count, 'confirm');
}

/** Says of a message that was named why it is not acted on. */
function refuseState(verb: ActVerb, { single }: Selection): void {
  if (!single) return;
  const states: readonly string[] = [...ACTS[verb].from, ...ACTS[verb].ifNamed];
  if (states.includes(single.state)) return;
  const again = verb === 'resend' && single.state === 'delivered' ? ' To send it again on purpose, add --again.' : '';
  throw new WaybillError(
    'ACT_STATE',
    `${single.id} is ${single.state}: ${verb} acts on messages that are ${states.join(', ')}.${again}`,
  );
}

async function look(invocation: Invocation, folder: string, question: ActQuestion): Promise<number> {
  const preview = await reading(folder, (open) => previewAct(lookingAt(open), question));
  if (wantsJson(invocation)) printJson(invocation, { done: false, ...previewDocument(preview) });
  else printLines(invocation, previewLines(preview));
  return EXIT.ok.code;
}

function show(
  invocation: Invocation,
  { verb, goal, who }: ActRequest,
  { single }: Selection,
  { act, engineRuns }: Performed,
): void {
  if (wantsJson(invocation)) {
    const { act: number, state, count, done, skipped } = act;
    printJson(invocation, { act: number, verb, state, count, done, skipped, who, engineRuns });
    return;
  }
  const what = single ? single.id : counted(act.done, 'message');
  const are =
    single || act.done === 1 ? `is ${saysOf(verb, goal).replace('their', 'its')}` : `are ${saysOf(verb, goal)}`;
  const skipped =
    act.skipped === 0 ? '' : ` ${counted(act.skipped, 'message')} had changed meanwhile and were left as they are.`;
  const next = engineRuns ? '' : ' The engine does not run; it goes on with it at its next start.';
  const unfinished =
    act.state === 'done' ? '' : ` The engine ended meanwhile: the rest of ${act.count} is done at its next start.`;
  printLines(invocation, [`${what} ${are} (said by ${who}; act ${act.act}).${skipped}${unfinished || next}`]);
}

function saysOf(verb: ActVerb, goal: ActGoal | undefined): string {
  if (verb !== 'resolve') return ACTS[verb].does;
  return goal === 'queued' ? 'queued again in their old place' : (goal ?? 'decided');
}

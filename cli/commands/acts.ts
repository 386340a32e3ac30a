import type { ActRow } from '../../engine/contracts/acting.ts';
import { actDocument } from '../../portal/acting/documents.ts';
import { type Command, DATA_FLAG, EXIT, JSON_FLAG, optionalFlag, wholeNumber } from '../command.ts';
import { dataFolder } from '../folders.ts';
import { reading } from '../ledger.ts';
import { aligned, localTime, printJson, printLines, wantsJson } from '../output.ts';

const LIMIT = 20;

export const acts: Command = {
  name: 'acts',
  summary: 'List what people did with messages: who, when, which, why, how many; and what is not finished.',
  usage: '',
  flags: {
    limit: { type: 'string', value: 'N', description: `How many, the newest first; default: ${LIMIT}.` },
    ...DATA_FLAG,
    ...JSON_FLAG,
  },
  run(invocation) {
    const limit = wholeNumber(optionalFlag(invocation, 'limit') ?? String(LIMIT), 'limit');
    return reading(dataFolder(invocation), ({ ledger, instance }) => {
      const found = ledger.ask('acts', { limit });
      if (wantsJson(invocation)) printJson(invocation, { acts: found.map((act) => actDocument(act, instance)) });
      else if (found.length === 0) printLines(invocation, ['Nobody has acted on messages yet.']);
      else printLines(invocation, aligned(found.map(actCells)));
      return EXIT.ok.code;
    });
  },
};

function actCells({ act, at, who, verb, goal, count, done, skipped, state, filter, reason }: ActRow): string[] {
  const what = verb === 'resolve' ? `resolve as ${goal}` : verb;
  const left = skipped === 0 ? '' : `, ${skipped} left as they were`;
  const how = state === 'done' ? `${done} done${left}` : `NOT FINISHED: ${done} of ${count}${left}`;
  return [String(act), localTime(at), who, what, how, filter, reason];
}

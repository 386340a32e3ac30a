import { createReadStream, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Accepted } from '../../engine/contracts/service.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { parseSubmissionId } from '../../engine/ids.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { submissionReport } from '../../engine/report.ts';
import { acceptOffline } from '../accept-offline.ts';
import {
  ADAPTERS_FLAG,
  type Command,
  DATA_FLAG,
  EXIT,
  type Invocation,
  JSON_FLAG,
  requiredFlag,
  UsageError,
} from '../command.ts';
import { change } from '../control.ts';
import { adapterFolders, dataFolder, productionFolder } from '../folders.ts';
import { follow } from '../follow.ts';
import { loadOrThrow } from '../host.ts';
import { reading } from '../ledger.ts';
import { printJson, printLines, wantsJson } from '../output.ts';
import { summaryLines } from '../summary.ts';

export const submit: Command = {
  name: 'submit',
  summary: 'Hand a file over to a service, as if it had come that way.',
  usage: 'FILE --service NAME [--wait] [--again] [FOLDER]',
  flags: {
    service: {
      type: 'string',
      value: 'NAME',
      description: 'The service whose rules say how the file is read and where it goes. Required.',
    },
    name: {
      type: 'string',
      value: 'NAME',
      description: "The name under which it is handed over, for the service's patterns; default: the file's own.",
    },
    wait: {
      type: 'boolean',
      description: 'Wait until every message is settled, with progress on standard error, then print the summary.',
    },
    again: { type: 'boolean', description: 'Take it in although the same content was taken in before.' },
    ...DATA_FLAG,
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const { path, name, folder } = input(invocation);
    const data = dataFolder(invocation);
    const service = requiredFlag(invocation, 'service');
    const again = invocation.flags.again === true;
    const query = new URLSearchParams({ service, name, again: String(again) });
    const request = { method: 'POST', path: `/control/submit?${query}`, stream: () => createReadStream(path) } as const;
    const { value, engineRuns } = await change<Accepted>(data, request, 'waybill submit', async (store) => {
      const adapters = adapterFolders(invocation);
      const registry = await loadAdapters(adapters);
      const production = await loadOrThrow(productionFolder(folder), registry);
      return acceptOffline(store, { production, registry, dataFolder: data, service, name, path, again });
    });
    if (value.kind === 'stored' && engineRuns && invocation.flags.wait === true) return waited(invocation, data, value);
    report(invocation, value, engineRuns);
    return EXIT.ok.code;
  },
};

function input({ words, flags }: Invocation): { path: string; name: string; folder: string | undefined } {
  const [file, folder, ...others] = words;
  if (file === undefined) throw new UsageError('FILE is missing');
  if (others.length > 0) throw new UsageError('one FILE is taken at a time');
  const path = resolve(file);
  try {
    if (!statSync(path).isFile()) throw new WaybillError('INPUT_NOT_READABLE', `${path} is not a file.`);
  } catch (error) {
    if (error instanceof WaybillError) throw error;
    throw new WaybillError('INPUT_NOT_READABLE', `${path} cannot be read: ${codeOf(error)}.`, { cause: error });
  }
  return { path, folder, name: typeof flags.name === 'string' ? basename(flags.name) : basename(path) };
}

function report(invocation: Invocation, { kind, id }: Accepted, engineRuns: boolean): void {
  if (wantsJson(invocation)) {
    printJson(invocation, { kind, submission: id, engineRuns });
    return;
  }
  const duplicate = `The same content was taken in before as ${id}; nothing was taken in now. (--again takes it in once more.)`;
  const stored = `${id} is stored${engineRuns ? '' : '; the engine does not run and goes on with it at its next start'}.`;
  printLines(invocation, [kind === 'duplicate' ? duplicate : stored]);
}

/** Follows it to its end. Refused as a whole: exit code 5. */
function waited(invocation: Invocation, data: string, accepted: Accepted): Promise<number> {
  return reading(data, async (open) => {
    const number = parseSubmissionId(open.instance, accepted.id) ?? 0;
    const row = await follow(invocation, open, number);
    if (wantsJson(invocation)) {
      const summary = await submissionReport(
        (question, request) => open.ledger.ask(question, request),
        open.instance,
        number,
      );
      printJson(invocation, { kind: accepted.kind, engineRuns: row !== undefined, ...summary });
    } else printLines(invocation, summaryLines(open, number));
    if (!row) {
      invocation.tell(`The engine has gone away; ${accepted.id} is stored and goes on at its next start.`);
      return EXIT.unexpected.code;
    }
    return row.state === 'routed' ? EXIT.ok.code : EXIT.refused.code;
  });
}

import { resolve } from 'node:path';
import { type AdapterKind, PROJECT_FOLDER } from '../../engine/registry.ts';
import { type Command, EXIT, type Invocation, JSON_FLAG, optionalFlag, UsageError } from '../command.ts';
import { printJson, printLines, wantsJson } from '../output.ts';
import { isTemplateKind, type Scaffold, scaffold, TEMPLATE_KINDS } from '../scaffold.ts';

const KINDS = TEMPLATE_KINDS.join('|');

export const newAdapter: Command = {
  name: 'new',
  summary:
    'Write a new adapter in one file, with its test and its page, all of which work as they are: a service that takes files of a folder, a format of lines, an operation that writes files.',
  usage: `${KINDS} NAME [--into DIR]`,
  flags: {
    into: {
      type: 'string',
      value: 'DIR',
      description:
        "A folder of your own, for --adapters of the other commands; it is made if need be. Default: Waybill's own folder, where that is the current one.",
    },
    ...JSON_FLAG,
  },
  async run(invocation) {
    const { kind, name, into } = asked(invocation);
    const made = await scaffold(kind, name, into);
    if (wantsJson(invocation)) printJson(invocation, made);
    else printLines(invocation, linesOf(made));
    return EXIT.ok.code;
  },
};

function asked(invocation: Invocation): { kind: (typeof TEMPLATE_KINDS)[number]; name: string; into: string } {
  const [kind, name, ...others] = invocation.words;
  if (kind === undefined || name === undefined)
    throw new UsageError(`${kind === undefined ? KINDS : 'NAME'} is missing`);
  if (!isTemplateKind(kind)) throw new UsageError(unknownKind(kind));
  if (others.length > 0) throw new UsageError('one NAME is taken at a time');
  const into = optionalFlag(invocation, 'into');
  if (into !== undefined) return { kind, name, into: resolve(into) };
  if (resolve('.') === PROJECT_FOLDER) return { kind, name, into: PROJECT_FOLDER };
  throw new UsageError("--into is missing: name a folder of your own, or go to Waybill's own folder");
}

function unknownKind(kind: string): string {
  const transform: AdapterKind = 'transform';
  if (kind === transform) return 'transforms are data of a production: write transforms/NAME.yaml, or NAME.ts in code';
  return `${JSON.stringify(kind)} is none of ${TEMPLATE_KINDS.join(', ')}`;
}

function linesOf({ files, next }: Scaffold): string[] {
  return [...files.map((file) => `wrote ${file}`), ...next.map((line) => `next: ${line}`)];
}

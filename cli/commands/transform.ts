import { basename, resolve } from 'node:path';
import { snapshotOf } from '../../engine/config/hash.ts';
import type { Fault, Item } from '../../engine/contracts/item.ts';
import type { LineageLine, TransformContext, TransformResult } from '../../engine/contracts/transform.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { itemId } from '../../engine/ids.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { compileTransform, openFormat } from '../../engine/route-program.ts';
import { parseMessage } from '../../hl7/parse.ts';
import {
  ADAPTERS_FLAG,
  type Command,
  EXIT,
  JSON_FLAG,
  optionalFlag,
  requiredFlag,
  UsageError,
  wholeNumber,
} from '../command.ts';
import { adapterFolders, productionFolder } from '../folders.ts';
import { loadOrThrow } from '../host.ts';
import { aligned, printJson, printLines, wantsJson } from '../output.ts';
import { feedOf, readItemAt } from '../rehearse.ts';

interface Rehearsal {
  readonly transform: string;
  readonly file: string;
  readonly line: number;
  readonly kind: TransformResult['kind'];
  readonly input: readonly { readonly column: string; readonly value: string }[];
  readonly output?: string;
  readonly reason?: string;
  readonly faults: readonly Fault[];
  readonly lineage: readonly (LineageLine & { readonly value?: string })[];
}

export const transform: Command = {
  name: 'transform',
  summary:
    'Run one row of a file through a transform, as the folder stands now, and show what came of each value. Sends nothing, keeps nothing.',
  usage: 'NAME --in FILE --line N [FOLDER]',
  flags: {
    in: { type: 'string', value: 'FILE', description: 'The file with the row. Required.' },
    line: { type: 'string', value: 'N', description: 'Line of the row, from 1; the header is line 1. Required.' },
    'record-map': {
      type: 'string',
      value: 'NAME',
      description: 'Read the file by this record map; default: as the service does that feeds the transform.',
    },
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const [name, folder] = invocation.words;
    if (name === undefined) throw new UsageError('NAME is missing');
    const file = resolve(requiredFlag(invocation, 'in'));
    const line = wholeNumber(requiredFlag(invocation, 'line'), 'line');
    const registry = await loadAdapters(adapterFolders(invocation));
    const production = await loadOrThrow(productionFolder(folder), registry);
    const snapshot = snapshotOf(production);
    const program = await compileTransform(registry, snapshot, name);
    const recordMap = optionalFlag(invocation, 'record-map');
    const feed =
      recordMap === undefined
        ? await feedOf(production, registry, name, file)
        : { format: { type: 'csv', recordMap }, service: '' };
    const format = await openFormat(registry, snapshot, feed.format);
    const item = await readItemAt(format, production, file, line).catch((error: unknown) => {
      if (error instanceof WaybillError) throw error;
      throw new WaybillError('INPUT_NOT_READABLE', `${file} cannot be read: ${codeOf(error)}.`, { cause: error });
    });
    const id = 'test-1';
    const context: TransformContext = {
      messageId: itemId('test', 1, line),
      charset: 'utf-8',
      acceptedAt: Date.now(),
      submission: { id, name: basename(file), service: feed.service ?? '' },
      fields: {},
      partner: '',
    };
    const columns = format.columns ?? [];
    const invalid = { result: { kind: 'invalid', faults: item.faults }, lineage: [] } as const;
    const made = rehearsed(
      name,
      file,
      item,
      columns,
      item.faults.length > 0 ? invalid : program.explain(item, context),
    );
    if (wantsJson(invocation)) printJson(invocation, made);
    else printLines(invocation, linesOf(made));
    return made.kind === 'invalid' ? EXIT.refused.code : EXIT.ok.code;
  },
};

function rehearsed(
  name: string,
  file: string,
  item: Item,
  columns: readonly string[],
  { result, lineage }: { readonly result: TransformResult; readonly lineage: readonly LineageLine[] },
): Rehearsal {
  const input = columns.map((column, index) => ({ column, value: item.values[index] ?? '' }));
  const common = { transform: name, file, line: item.line, kind: result.kind, input };
  if (result.kind === 'invalid') return { ...common, faults: result.faults, lineage: [] };
  if (result.kind === 'dropped') return { ...common, faults: [], reason: result.reason, lineage: [] };
  return { ...common, faults: [], output: result.message.text, lineage: withValues(lineage, result.message.text) };
}

/** Each target with what stands there in the message, where the message is HL7. */
function withValues(lineage: readonly LineageLine[], text: string): Rehearsal['lineage'] {
  if (!text.startsWith('MSH')) return lineage;
  const message = parseMessage(text);
  return lineage.map((line) => ({ ...line, value: valueAt(message, line.target) }));
}

function valueAt(message: ReturnType<typeof parseMessage>, target: string): string {
  try {
    return message.raw(target) ?? '';
  } catch {
    // A target that is a whole segment has no value of its own.
    return '';
  }
}

function linesOf({ transform: name, file, line, kind, input, output, reason, faults, lineage }: Rehearsal): string[] {
  const values = new Map(input.map(({ column, value }) => [column, value]));
  return [
    `${basename(file)}, line ${line}, through ${name}: ${kind}${reason === undefined ? '' : `, ${reason}`}`,
    'input:',
    ...aligned(
      input.map(({ column, value }) => [column, value]),
      '  ',
    ),
    ...(faults.length === 0
      ? []
      : [
          'faults:',
          ...faults.map(
            (fault) =>
              `  line ${fault.line}${fault.column === undefined ? '' : `, column ${fault.column}`}: ${fault.reason} (${fault.code})`,
          ),
        ]),
    ...(output === undefined
      ? []
      : [
          'output:',
          ...output
            .split(/\r\n|\r|\n/)
            .filter((segment) => segment !== '')
            .map((segment) => `  ${segment}`),
        ]),
    ...(lineage.length === 0
      ? []
      : [
          'what came from where:',
          ...aligned(
            lineage.map((each) => lineageCells(each, values)),
            '  ',
          ),
        ]),
  ];
}

/** `family: Roe  ->  PID-5.1: ROE  by actions[0].set.PID-5.1` */
function lineageCells(
  { target, sources, action, value }: Rehearsal['lineage'][number],
  values: ReadonlyMap<string, string>,
): string[] {
  const from = sources.map((source) => (values.has(source) ? `${source}: ${values.get(source)}` : source)).join(', ');
  return [from, '->', value === undefined ? target : `${target}: ${value}`, action];
}

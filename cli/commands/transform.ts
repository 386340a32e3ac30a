import { basename, resolve } from 'node:path';
import { isRecord } from '../../engine/config/adapters.ts';
import { snapshotOf } from '../../engine/config/hash.ts';
import type { Production } from '../../engine/contracts/production.ts';
import type { TransformContext } from '../../engine/contracts/transform.ts';
import { codeOf, WaybillError } from '../../engine/errors.ts';
import { itemId } from '../../engine/ids.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { compileTransform, openFormat } from '../../engine/route-program.ts';
import {
  ADAPTERS_FLAG,
  type Command,
  EXIT,
  type Invocation,
  JSON_FLAG,
  optionalFlag,
  requiredFlag,
  UsageError,
  wholeNumber,
} from '../command.ts';
import { adapterFolders, productionFolder } from '../folders.ts';
import { loadOrThrow } from '../host.ts';
import { printJson, printLines, wantsJson } from '../output.ts';
import { linesOf, rehearsed } from '../rehearsal.ts';
import { type Feed, feedOf, readItem, type Wanted } from '../rehearse.ts';

export const transform: Command = {
  name: 'transform',
  summary:
    'Run one item of a file (a row, a message, a document) through a transform, as the folder stands now, and show what came of each value. Sends nothing, keeps nothing.',
  usage: 'NAME --in FILE [--line N | --item N] [FOLDER]',
  flags: {
    in: { type: 'string', value: 'FILE', description: 'The file with the item. Required.' },
    line: {
      type: 'string',
      value: 'N',
      description:
        'A line that the item lies on, from 1; the header of a CSV file is line 1. Not needed where the file is one item.',
    },
    item: { type: 'string', value: 'N', description: 'Number of the item in the file, from 1, instead of a line.' },
    'record-map': {
      type: 'string',
      value: 'NAME',
      description: 'Read the file by this record map; default: as the service does that feeds the transform.',
    },
    format: {
      type: 'string',
      value: 'TYPE',
      description:
        'Read the file by this format with its defaults (`hl7-batch`, `json`, `raw`), where no service feeds the transform.',
    },
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const [name, folder] = invocation.words;
    if (name === undefined) throw new UsageError('NAME is missing');
    const file = resolve(requiredFlag(invocation, 'in'));
    const wanted = wantedOf(invocation);
    const registry = await loadAdapters(adapterFolders(invocation));
    const production = await loadOrThrow(productionFolder(folder), registry);
    const snapshot = snapshotOf(production);
    const program = await compileTransform(registry, snapshot, name);
    const named = namedFormat(invocation);
    if (named) refuseOtherRecordMap(production, name, named);
    const feed = named ?? (await feedOf(production, registry, name, file));
    const format = await openFormat(registry, snapshot, feed.format);
    const { item, number } = await readItem(format, production, file, wanted).catch((error: unknown) => {
      if (error instanceof WaybillError) throw error;
      throw new WaybillError('INPUT_NOT_READABLE', `${file} cannot be read: ${codeOf(error)}.`, { cause: error });
    });
    const context: TransformContext = {
      messageId: itemId('test', 1, number),
      charset: 'utf-8',
      acceptedAt: Date.now(),
      submission: { id: 'test-1', name: basename(file), service: feed.service ?? '' },
      fields: {},
      partner: '',
    };
    const ran = item.faults.length > 0 ? undefined : program.explain(item, context);
    const made = rehearsed({ transform: name, file, item, number, columns: format.columns ?? [] }, ran);
    if (wantsJson(invocation)) printJson(invocation, made);
    else printLines(invocation, linesOf(made));
    return made.kind === 'invalid' ? EXIT.refused.code : EXIT.ok.code;
  },
};

function wantedOf(invocation: Invocation): Wanted {
  const line = optionalFlag(invocation, 'line');
  const item = optionalFlag(invocation, 'item');
  if (line !== undefined && item !== undefined) throw new UsageError('give --line or --item, not both');
  if (line !== undefined) return { line: wholeNumber(line, 'line') };
  return item === undefined ? 'only' : { item: wholeNumber(item, 'item') };
}

/** The format that the command line names, if it does. */
/** Columns are found by their place in the record map: another map would show the values of other columns. */
function refuseOtherRecordMap({ resources }: Production, name: string, { format }: Feed): void {
  const transform: unknown = resources.files.transforms?.[name];
  if (!isRecord(transform) || !isRecord(transform.from)) return;
  const { recordMap } = transform.from;
  if (typeof recordMap !== 'string' || format.recordMap === undefined || format.recordMap === recordMap) return;
  throw new WaybillError(
    'RECORD_MAP_MISMATCH',
    `${name} is written for the record map ${recordMap}: name that one with --record-map, or another transform.`,
  );
}

function namedFormat(invocation: Invocation): Feed | undefined {
  const recordMap = optionalFlag(invocation, 'record-map');
  if (recordMap !== undefined) return { format: { type: 'csv', recordMap } };
  const type = optionalFlag(invocation, 'format');
  return type === undefined ? undefined : { format: { type } };
}

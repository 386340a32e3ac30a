import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatProblem } from '../../engine/config/problems.ts';
import { messageOf, WaybillError } from '../../engine/errors.ts';
import { builtInDialect, builtInDialects, dialectLines } from '../../operations/soap/dialect.ts';
import { type Command, EXIT, type Invocation, JSON_FLAG, optionalFlag, requiredFlag, UsageError } from '../command.ts';
import { type DialectFolder, readDialects } from '../dialects/folder.ts';
import { runSamples, type SampleResult } from '../dialects/run-sample.ts';
import { readSamples, samplesPath } from '../dialects/samples.ts';
import { dialectText } from '../dialects/show.ts';
import { writeDialect } from '../dialects/write.ts';
import { productionFolder } from '../folders.ts';
import { aligned, counted, printJson, printLines, wantsJson } from '../output.ts';

const SHIPPED = fileURLToPath(new URL('../../operations/soap/dialects/', import.meta.url));

export const dialect: Command = {
  name: 'dialect',
  summary:
    "List dialects, show one whole, write one from a receiver's WSDL, or run the samples of one (ends with 1 where a sample came out otherwise).",
  usage: 'list|show NAME|new NAME --wsdl FILE|test NAME [FOLDER]',
  flags: {
    wsdl: { type: 'string', value: 'FILE', description: "For new: the receiver's WSDL, with its schemas beside it." },
    operation: {
      type: 'string',
      value: 'NAME',
      description: 'For new: the operation that takes messages, where the WSDL has several.',
    },
    ...JSON_FLAG,
  },
  async run(invocation) {
    const [verb, ...words] = invocation.words;
    switch (verb) {
      case 'list':
        return list(invocation, words);
      case 'show':
        return show(invocation, words);
      case 'new':
        return write(invocation, words);
      case 'test':
        return test(invocation, words);
      default:
        throw new UsageError(
          verb === undefined ? 'list, show, new or test is missing' : `${verb} is none of list, show, new and test`,
        );
    }
  },
};

function nameAndFolder(words: readonly string[]): { readonly name: string; readonly folder: string } {
  const [name, folder, ...others] = words;
  if (name === undefined) throw new UsageError('NAME is missing');
  if (others.length > 0) throw new UsageError('one NAME and one FOLDER are taken');
  return { name, folder: productionFolder(folder) };
}

/** Tells what is wrong with the production's dialects; true where nothing is. */
function tellProblems({ tell }: Invocation, { problems }: DialectFolder): boolean {
  for (const problem of problems) tell(formatProblem(problem));
  return problems.every(({ warning }) => warning);
}

function list(invocation: Invocation, words: readonly string[]): number {
  const [folder, ...others] = words;
  if (others.length > 0) throw new UsageError('one FOLDER is taken');
  const own = readDialects(productionFolder(folder));
  const sound = tellProblems(invocation, own);
  const names = [...own.names, ...builtInDialects().filter((name) => !own.names.includes(name))];
  const rows = names.map((name) => {
    const isOwn = own.names.includes(name);
    return { name, from: isOwn ? 'dialects/' : 'built in', summary: summaryOf(name, own) };
  });
  if (wantsJson(invocation)) printJson(invocation, rows);
  else printLines(invocation, aligned(rows.map(({ name, from, summary }) => [name, from, summary])));
  return sound ? EXIT.ok.code : EXIT.configuration.code;
}

function summaryOf(name: string, own: DialectFolder): string {
  try {
    return dialectLines(name, own.resources).lines.summary ?? '';
  } catch (error) {
    return messageOf(error);
  }
}

function show(invocation: Invocation, words: readonly string[]): number {
  const { name, folder } = nameAndFolder(words);
  const own = readDialects(folder);
  if (!tellProblems(invocation, own)) return EXIT.configuration.code;
  const text = dialectText(name, own.resources);
  if (wantsJson(invocation)) printJson(invocation, { name, text });
  else printLines(invocation, text.trimEnd().split('\n'));
  return EXIT.ok.code;
}

async function write(invocation: Invocation, words: readonly string[]): Promise<number> {
  const { name, folder } = nameAndFolder(words);
  const wsdl = requiredFlag(invocation, 'wsdl');
  const files = await writeDialect(name, wsdl, optionalFlag(invocation, 'operation'), folder);
  const next = [`look for CONFIRM, ASK and FILL IN in ${files[0]}`, `waybill dialect test ${files[0]}`];
  if (wantsJson(invocation)) printJson(invocation, { files, next });
  else printLines(invocation, [...files.map((file) => `wrote ${file}`), ...next.map((line) => `next: ${line}`)]);
  return EXIT.ok.code;
}

async function test(invocation: Invocation, words: readonly string[]): Promise<number> {
  const { name, folder } = asked(words);
  const own = readDialects(folder);
  if (!tellProblems(invocation, own)) return EXIT.configuration.code;
  const { path, shown } = placeOf(name, folder, own);
  const { samples, problems } = readSamples(path, shown);
  for (const problem of problems) invocation.tell(formatProblem(problem));
  if (!samples) return EXIT.usage.code;
  const results = await runSamples(samples, own.resources);
  const failed = results.filter(({ differences }) => differences.length > 0);
  if (wantsJson(invocation)) printJson(invocation, { ok: failed.length === 0, dialect: name, samples: results });
  else
    printLines(invocation, [
      ...results.flatMap(linesOf),
      `${name}: ${results.length - failed.length} of ${counted(results.length, 'sample')} as expected`,
    ]);
  return failed.length === 0 ? EXIT.ok.code : EXIT.unexpected.code;
}

/** A dialect by its name, or by the path of its file or of its samples, which says the folder too. */
function asked(words: readonly string[]): { readonly name: string; readonly folder: string } {
  const [word = ''] = words;
  if (!word.endsWith('.yaml')) return nameAndFolder(words);
  if (words.length > 1) throw new UsageError('a file says its folder itself');
  const path = resolve(word);
  if (!existsSync(path)) throw new WaybillError('SAMPLES_NOT_FOUND', `there is no ${word}`);
  const dialects = basename(dirname(path)) === 'samples' ? dirname(dirname(path)) : dirname(path);
  return { name: basename(path, '.yaml'), folder: dirname(dialects) };
}

function placeOf(name: string, folder: string, own: DialectFolder): { readonly path: string; readonly shown: string } {
  const path = samplesPath(join(folder, 'dialects'), name);
  if (own.names.includes(name) || existsSync(path) || !builtInDialect(name)) {
    return { path, shown: `dialects/samples/${name}.yaml` };
  }
  return { path: samplesPath(SHIPPED, name), shown: `samples of ${name}` };
}

const SHOWN_TEXT = 600;

function linesOf({ name, place, differences }: SampleResult): string[] {
  if (differences.length === 0) return [`ok      ${name}`];
  return [
    `FAILED  ${name} (${place})`,
    ...differences.map(
      ({ place: at, what, found, expected }) => `        ${at} ${what}: expected ${cut(expected)}, found ${cut(found)}`,
    ),
  ];
}

function cut(text: string): string {
  return text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}...` : text;
}

import { messageOf, WaybillError } from '../../engine/errors.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { ADAPTERS_FLAG, type Command, EXIT, type Invocation, JSON_FLAG, optionalFlag, UsageError } from '../command.ts';
import { adapterFolders, productionFolder } from '../folders.ts';
import { printJson, printLines, wantsJson } from '../output.ts';
import { testLines } from '../testing/report.ts';
import { runTests, type TestRun } from '../testing/run-tests.ts';

export const test: Command = {
  name: 'test',
  summary:
    'Run the tests of a production (tests/*.yaml): rows in, messages compared field by field; nothing is sent. Ends with 0 where all passed, 1 where one failed, 2 where none could run.',
  usage: '[FOLDER] [--only GLOB]',
  flags: {
    only: {
      type: 'string',
      value: 'GLOB',
      description: 'Run the cases whose name, or the name of whose file (doses), fits: * is any text, ? any character.',
    },
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const [folder, ...others] = invocation.words;
    if (others.length > 0) throw new UsageError('one FOLDER is taken');
    const begun = performance.now();
    const run = await results(invocation, productionFolder(folder));
    if (!run) return EXIT.usage.code;
    const ms = performance.now() - begun;
    const failed = run.cases.filter(({ passed }) => !passed).length;
    const cannotRun = run.problems.some(({ warning }) => !warning);
    if (wantsJson(invocation)) {
      const counts = { files: run.files, passed: run.cases.length - failed, failed, ms: Math.round(ms) };
      printJson(invocation, { ok: failed === 0 && !cannotRun, ...counts, cases: run.cases, problems: run.problems });
    } else printLines(invocation, testLines(run, ms));
    if (cannotRun) return EXIT.usage.code;
    return failed === 0 ? EXIT.ok.code : EXIT.unexpected.code;
  },
};

/** `undefined` where not even the adapters can be found; that was told. */
async function results(invocation: Invocation, folder: string): Promise<TestRun | undefined> {
  try {
    return await runTests(folder, await loadAdapters(adapterFolders(invocation)), optionalFlag(invocation, 'only'));
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    invocation.tell(`${messageOf(error)} (${error.code})`);
    return undefined;
  }
}

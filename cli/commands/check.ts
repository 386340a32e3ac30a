import { alertProblems } from '../../alerts/check.ts';
import { loadProduction } from '../../engine/config/load.ts';
import { probeProduction } from '../../engine/config/probe.ts';
import { formatProblem, type Problem } from '../../engine/config/problems.ts';
import type { CheckResult } from '../../engine/contracts/operation.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { operatorProblems } from '../../portal/acting/operators.ts';
import { partnerProblems } from '../../portal/partners/check.ts';
import { ADAPTERS_FLAG, type Command, DATA_FLAG, EXIT, type Invocation, JSON_FLAG } from '../command.ts';
import { checkDestinations, redisWarnings } from '../connect.ts';
import { adapterFolders, dataFolder, productionFolder } from '../folders.ts';
import { counted, printJson, printLines, wantsJson } from '../output.ts';
import { overlapProblems } from '../overlaps.ts';
import { testProblems } from '../testing/run-tests.ts';

interface Findings {
  readonly folder: string;
  readonly problems: readonly Problem[];
  /** Absent unless `--connect` was given and the production has no errors. */
  readonly destinations?: Readonly<Record<string, readonly CheckResult[]>>;
  readonly redis?: readonly { readonly code: string; readonly message: string }[];
}

export const check: Command = {
  name: 'check',
  summary: 'Say everything that is wrong with a production, without starting it.',
  usage: '[FOLDER] [--connect]',
  flags: {
    connect: {
      type: 'boolean',
      description:
        'Also try each destination (host, certificate, contract, credentials) and look at the Redis of REDIS_URL. Changes nothing there.',
    },
    ...DATA_FLAG,
    ...ADAPTERS_FLAG,
    ...JSON_FLAG,
  },
  async run(invocation) {
    const findings = await find(invocation);
    const errors = errorsOf(findings);
    const { folder, problems, destinations, redis } = findings;
    if (wantsJson(invocation))
      printJson(invocation, { ok: errors === 0, folder, errors, problems, destinations, redis });
    else printLines(invocation, linesOf(findings, errors));
    return errors === 0 ? EXIT.ok.code : EXIT.configuration.code;
  },
};

async function find(invocation: Invocation): Promise<Findings> {
  const folder = productionFolder(invocation.words[0]);
  const data = dataFolder(invocation);
  const registry = await loadAdapters(adapterFolders(invocation));
  const { production, problems } = await loadProduction(folder, registry);
  if (!production) return { folder, problems };
  const overlaps = await overlapProblems(production, registry, data);
  const tests = await testProblems(production, registry);
  const partners = [...(await partnerProblems(production)), ...(await operatorProblems(production))];
  const alerts = await alertProblems(production);
  const probes = await probeProduction(production, registry);
  const probed = [...problems, ...overlaps, ...probes, ...tests, ...partners, ...alerts];
  if (invocation.flags.connect !== true) return { folder, problems: probed };
  return {
    folder,
    problems: probed,
    destinations: await checkDestinations(production, registry),
    redis: await redisWarnings(data),
  };
}

function errorsOf({ problems, destinations }: Findings): number {
  const failed = Object.values(destinations ?? {})
    .flat()
    .filter(({ ok, skipped }) => !ok && skipped !== true);
  return problems.filter(({ warning }) => !warning).length + failed.length;
}

function linesOf({ folder, problems, destinations, redis }: Findings, errors: number): string[] {
  const warnings = problems.filter(({ warning }) => warning).length + (redis?.length ?? 0);
  return [
    ...problems.map((problem) =>
      formatProblem(problem.warning ? { ...problem, code: `warning ${problem.code}` } : problem),
    ),
    ...Object.entries(destinations ?? {}).flatMap(([name, results]) =>
      results.map((result) => resultLine(name, result)),
    ),
    ...(redis ?? []).map(({ code, message }) => `REDIS_URL: ${message} (warning ${code})`),
    `${folder}: ${errors === 0 ? 'no errors' : counted(errors, 'error')}, ${counted(warnings, 'warning')}`,
  ];
}

function resultLine(name: string, { what, ok, skipped, detail, code }: CheckResult): string {
  const verdict = ok ? 'ok' : skipped === true ? 'not tried' : 'FAILED';
  return `${name} ${what}: ${verdict}, ${detail}${code === undefined ? '' : ` (${code})`}`;
}

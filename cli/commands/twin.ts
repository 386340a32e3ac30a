import { formatProblem } from '../../engine/config/problems.ts';
import { type Dialect, resolveDialect } from '../../operations/soap/dialect.ts';
import {
  listSins,
  readScenario,
  type Scenario,
  ScenarioError,
  startTwin,
  type TwinOptions,
} from '../../operations/soap/twin/index.ts';
import { type Command, EXIT, type Invocation, optionalFlag, UsageError, wholeNumber } from '../command.ts';
import { readDialects } from '../dialects/folder.ts';
import { productionFolder } from '../folders.ts';

export const twin: Command = {
  name: 'twin',
  summary: 'Play a receiver of a dialect on this machine, with all its moods, until SIGTERM or SIGINT.',
  usage: '[--dialect NAME] [--scenario FILE] [--log FILE] [--port N]',
  flags: {
    dialect: {
      type: 'string',
      value: 'NAME',
      description: 'A built-in dialect, or one of the production; default cdc-iis-2011.',
    },
    production: { type: 'string', value: 'FOLDER', description: 'A production whose own dialects it can play.' },
    scenario: { type: 'string', value: 'FILE', description: 'What it does wrong, and when; without it nothing.' },
    seed: { type: 'string', value: 'N', description: "Another seed than the scenario's." },
    'list-sins': { type: 'boolean', description: 'Print everything that it can do wrong, and end.' },
    port: {
      type: 'string',
      value: 'N',
      description: 'Port on the loopback interface; default any free one, printed at the start.',
    },
    log: {
      type: 'string',
      value: 'FILE',
      description:
        'One line of JSON for each message taken: request, position, control id, SHA-256. What stands in it was taken before.',
    },
    'log-messages': { type: 'boolean', description: 'Whole messages in the log; for made-up patients only.' },
    state: {
      type: 'string',
      value: 'FILE',
      description: 'Numbers of requests, tickets and refusals go on from here after a restart.',
    },
    'max-bytes': {
      type: 'string',
      value: 'N',
      description: 'Largest request; a larger one is answered by the fault of the dialect.',
    },
  },
  async run(invocation) {
    if (invocation.flags['list-sins'] === true) {
      for (const line of listSins()) invocation.print(line);
      return EXIT.ok.code;
    }
    const dialect = dialectOf(invocation);
    if (!dialect) return EXIT.configuration.code;
    const scenario = scenarioOf(invocation, dialect);
    if (scenario === 'faulty') return EXIT.configuration.code;
    const server = await startTwin({
      dialect,
      port: wholeNumber(optionalFlag(invocation, 'port') ?? '0', 'port'),
      credentials: credentials(),
      maxBytes: wholeNumber(optionalFlag(invocation, 'max-bytes') ?? '64000000', 'max-bytes'),
      logMessages: invocation.flags['log-messages'] === true,
      ...files(invocation),
      ...(scenario === undefined ? {} : { scenario }),
    });
    invocation.print(server.url);
    await new Promise<void>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
    await server.close();
    return EXIT.ok.code;
  },
};

/** The dialect; `undefined` where those of the production have problems, which were told. @throws WaybillError */
function dialectOf(invocation: Invocation): Dialect | undefined {
  const name = optionalFlag(invocation, 'dialect') ?? 'cdc-iis-2011';
  const folder = optionalFlag(invocation, 'production');
  if (folder === undefined) return resolveDialect(name, { timeZone: 'UTC', values: {}, tables: {}, files: {} });
  const { resources, problems } = readDialects(productionFolder(folder));
  for (const problem of problems) invocation.tell(formatProblem(problem));
  return problems.some(({ warning }) => !warning) ? undefined : resolveDialect(name, resources);
}

/** The scenario, if one is named; `faulty` where it has problems, which were told. */
function scenarioOf(invocation: Invocation, dialect: Dialect): Scenario | 'faulty' | undefined {
  const file = optionalFlag(invocation, 'scenario');
  const seed = optionalFlag(invocation, 'seed');
  if (file === undefined) {
    if (seed !== undefined) throw new UsageError('--seed goes with --scenario');
    return undefined;
  }
  try {
    const scenario = readScenario(file, dialect);
    return seed === undefined ? scenario : { ...scenario, seed: wholeNumber(seed, 'seed') };
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    for (const problem of error.problems) invocation.tell(formatProblem(problem));
    return 'faulty';
  }
}

function files(invocation: Invocation): Pick<TwinOptions, 'log' | 'state'> {
  const log = optionalFlag(invocation, 'log');
  const state = optionalFlag(invocation, 'state');
  return { ...(log === undefined ? {} : { log }), ...(state === undefined ? {} : { state }) };
}

/** What a sender must give, from the same variables that the sample production uses; any, where they are not set. */
function credentials(): { username?: string; password?: string; organisation?: string } {
  const { REGISTRY_USER: username, REGISTRY_PASSWORD: password, REGISTRY_FACILITY: organisation } = process.env;
  return {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(organisation ? { organisation } : {}),
  };
}

import { resolveDialect } from '../../operations/soap/dialect.ts';
import { startTwin } from '../../operations/soap/twin/index.ts';
import { type Command, EXIT, optionalFlag, wholeNumber } from '../command.ts';

export const twin: Command = {
  name: 'twin',
  summary: 'Play a receiver of a dialect on this machine, until SIGTERM or SIGINT.',
  usage: '[--port N] [--log FILE]',
  flags: {
    dialect: { type: 'string', value: 'NAME', description: 'Built-in dialect; default cdc-iis-2011.' },
    port: {
      type: 'string',
      value: 'N',
      description: 'Port on the loopback interface; default any free one, printed at the start.',
    },
    log: {
      type: 'string',
      value: 'FILE',
      description: 'One line of JSON for each message taken: request, control id, SHA-256.',
    },
    'log-messages': { type: 'boolean', description: 'Whole messages in the log; for made-up patients only.' },
    'max-bytes': {
      type: 'string',
      value: 'N',
      description: 'Largest request; a larger one is answered by the fault of the dialect.',
    },
  },
  async run(invocation) {
    const log = optionalFlag(invocation, 'log');
    const server = await startTwin({
      dialect: resolveDialect(optionalFlag(invocation, 'dialect') ?? 'cdc-iis-2011', {
        timeZone: 'UTC',
        values: {},
        tables: {},
        files: {},
      }),
      port: wholeNumber(optionalFlag(invocation, 'port') ?? '0', 'port'),
      credentials: credentials(),
      maxBytes: wholeNumber(optionalFlag(invocation, 'max-bytes') ?? '64000000', 'max-bytes'),
      logMessages: invocation.flags['log-messages'] === true,
      ...(log === undefined ? {} : { log }),
    });
    invocation.print(server.url);
    await new Promise<void>((resolve) => process.once('SIGTERM', resolve).once('SIGINT', resolve));
    await server.close();
    return EXIT.ok.code;
  },
};

/** What a sender must give, from the same variables that the sample production uses; any, where they are not set. */
function credentials(): { username?: string; password?: string; organisation?: string } {
  const { REGISTRY_USER: username, REGISTRY_PASSWORD: password, REGISTRY_FACILITY: organisation } = process.env;
  return {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(organisation ? { organisation } : {}),
  };
}

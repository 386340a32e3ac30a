import { leaveStartBehind } from '../../engine/memory.ts';
import { loadAdapters } from '../../engine/registry.ts';
import { ADAPTERS_FLAG, type Command, DATA_FLAG, EXIT, optionalFlag, UsageError } from '../command.ts';
import { adapterFolders, dataFolder, productionFolder } from '../folders.ts';
import { loadOrThrow, startHost } from '../host.ts';
import { openLog } from '../log.ts';

export const run: Command = {
  name: 'run',
  summary: 'Run a production until SIGTERM or SIGINT.',
  usage: '[FOLDER]',
  flags: {
    ...DATA_FLAG,
    ...ADAPTERS_FLAG,
    orphans: {
      type: 'string',
      value: 'hold',
      description: 'Start although messages wait for a destination that is gone; they stay where they are.',
    },
    'log-level': { type: 'string', value: 'LEVEL', description: 'error, warn, info (default) or debug.' },
  },
  async run(invocation) {
    const orphans = optionalFlag(invocation, 'orphans') ?? 'refuse';
    if (orphans !== 'refuse' && orphans !== 'hold') throw new UsageError('--orphans takes `hold`');
    const log = openLog(optionalFlag(invocation, 'log-level') ?? 'info');
    const adapters = adapterFolders(invocation);
    const registry = await loadAdapters(adapters);
    const production = await loadOrThrow(productionFolder(invocation.words[0]), registry);
    const stopping = Promise.withResolvers<void>();
    process.once('SIGTERM', stopping.resolve).once('SIGINT', stopping.resolve);
    const host = await startHost({
      production,
      registry,
      adapters,
      dataFolder: dataFolder(invocation),
      logger: log.logger,
      orphans,
      onDeath: (error) => {
        log.logger('ledger').error({ code: 'STORE_FAILED' }, error.message);
        process.exit(EXIT.ledger.code);
      },
    });
    leaveStartBehind();
    await stopping.promise;
    await host.stop();
    log.close();
    return EXIT.ok.code;
  },
};

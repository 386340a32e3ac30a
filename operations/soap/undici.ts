import { createRequire } from 'node:module';

type Undici = Pick<typeof import('undici'), 'buildConnector' | 'Client'>;

const require = createRequire(import.meta.url);

/**
 * What sends over one connection, and nothing else of undici: its index loads fetch, caches, mocks and WebSockets as well,
 * 10 MB. Loaded when the first destination is opened.
 */
export function undici(): Undici {
  return {
    Client: require('undici/lib/dispatcher/client.js') as Undici['Client'],
    buildConnector: require('undici/lib/core/connect.js') as Undici['buildConnector'],
  };
}

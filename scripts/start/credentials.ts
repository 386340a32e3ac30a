import { randomBytes } from 'node:crypto';

/** What the sample production and the twin read from the environment: a new password at each start, never written down. */
export function sampleEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    REGISTRY_USER: 'harbor-county',
    REGISTRY_PASSWORD: randomBytes(18).toString('base64url'),
    REGISTRY_FACILITY: 'HARBOR1',
  };
}

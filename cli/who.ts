import { userInfo } from 'node:os';
import { type Invocation, optionalFlag } from './command.ts';

export const BY_FLAG = {
  by: { type: 'string', value: 'NAME', description: 'Who decides; default: the name of the user of this machine.' },
} as const;

/** Who asks for a change, for the event that is kept of it. */
export function whoAsks(invocation: Invocation): string {
  const named = optionalFlag(invocation, 'by');
  if (named !== undefined && named !== '') return named;
  try {
    return userInfo().username;
  } catch {
    // A container may run with a user that has no name.
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

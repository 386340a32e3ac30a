/**
 * Aborted by the first SIGINT, SIGTERM or SIGHUP; further ones change nothing, since Ctrl-C reaches us from the terminal and
 * again from the launcher.
 */
export function untilToldToStop(): AbortSignal {
  const told = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => told.abort());
  return told.signal;
}

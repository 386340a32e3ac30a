import pino, { type Logger as Pino } from 'pino';
import type { Logger } from '../engine/contracts/runtime.ts';
import { EVENTS, onEvent } from '../engine/events.ts';

export interface Log {
  readonly logger: (name: string) => Logger;
  close(): void;
}

/** Logs to standard error as JSON lines; every event of the engine by its one definition. A healthy run says almost nothing. */
export function openLog(level: string): Log {
  const root: Pino = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
  const unsubscribe = onEvent(({ name, fields }) => {
    const { level: eventLevel, says } = EVENTS[name];
    root[eventLevel]({ event: name, ...fields }, says);
  });
  return { logger: (name) => root.child({ part: name }), close: unsubscribe };
}

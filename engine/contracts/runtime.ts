/** What the engine lends to adapters. */

/** The part of pino that adapters use. Never log payloads, patients or secrets. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The engine's clock. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

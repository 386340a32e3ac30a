/** What is checked beside segments, fields, components and required values. */
export interface ValidationSettings {
  /** Version to check by; the one in MSH-12 where it is not said. */
  readonly version?: string;
  readonly tables: boolean;
  readonly lengths: boolean;
  /** How numbers, dates and times are written. */
  readonly types: boolean;
}

/** One thing wrong with a message. The reason names the rule, never the value. */
export interface Issue {
  readonly code: string;
  /** Where: `PID`, `PID-7`, `OBX(2)-5.1`, `PID-3(2).4.3`. */
  readonly path: string;
  /** Physical line in the text of the message, from 1. */
  readonly line: number;
  readonly reason: string;
}

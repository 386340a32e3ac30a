/**
 * The outcome table: what happened -> outcome -> next step -> whose fault -> what a person reads and can do. Written once:
 * the classes of errors that operations throw derive from it, the docs and `waybill outcomes` are made from it, and a
 * destination may take a line of it otherwise. Each adapter has the lines of its own codes; those of the engine stand in
 * `engine-outcomes.ts`.
 */
import {
  ConfigError,
  type DeliveryError,
  type DeliveryErrorDetails,
  type ErrorEntry,
  PermanentError,
  TooLargeError,
  TransientError,
  UncertainError,
  type Whose,
} from './errors.ts';

/** What becomes of the messages, in a word and a sentence. */
export const OUTCOMES = {
  delivered: 'The receiver said that it took the message.',
  rejected: 'The receiver refused the message, or it cannot become what the receiver takes.',
  retry: 'It was certainly not taken: it stays queued in its place and is tried again by itself.',
  split:
    'It was not taken because it is too large: its batch goes again in two halves where batches are `auto`; elsewhere the destination stops.',
  inDoubt: 'It may have been taken: nothing is sent again until it is known.',
  failed: 'It was certainly not taken, and will not be as it is: it is set aside and the others go on.',
  stop: 'It was certainly not taken, and every message would fare alike: all stay queued and the destination stops.',
} as const;

export type OutcomeName = keyof typeof OUTCOMES;

/** What happens next, by itself or by a person. */
export const NEXT_STEPS = {
  done: 'done',
  retryAfter: 'retry after a wait',
  split: 'split',
  correct: 'correct the message',
  checkReceiver: 'check the receiver',
  ask: 'ask the receiver',
  stop: 'stop the destination',
  contactSupport: 'contact support',
} as const;

export type NextStep = keyof typeof NEXT_STEPS;

/** Whose fault it is, as a sentence begins; nobody's where there is none. */
export const FAULT_OF: Readonly<Record<Whose | 'nobody', string>> = {
  nobody: "It is nobody's fault.",
  ours: 'It is ours to mend.',
  data: 'The fault is in the data.',
  receiver: 'The fault is with the receiver.',
  network: 'The fault is in the network between us.',
  unknown: 'Nobody can tell yet whose fault it is.',
};

/** A line of the table, by a code. */
export interface OutcomeRow {
  readonly outcome: OutcomeName;
  readonly next: NextStep;
  readonly whose: Whose | 'nobody';
  /** What happened, as a sentence; absent: what the table of errors says that the code means. */
  readonly happened?: string;
  /** What a person can do, as a sentence; absent: the cure in the table of errors. */
  readonly advice?: string;
  /** Why no destination may take the line otherwise; absent: it may (see `overrideProblem`). */
  readonly fixed?: string;
}

export type OutcomeTable = Readonly<Record<string, OutcomeRow>>;

/** Fixes the keys of a table of outcomes, so that the codes that may be thrown derive from it. */
export function defineOutcomes<const T extends OutcomeTable>(table: T): T {
  return table;
}

/** A line of the table, whole. */
export interface OutcomeLine {
  readonly code: string;
  readonly happened: string;
  readonly outcome: OutcomeName;
  readonly next: NextStep;
  readonly whose: Whose | 'nobody';
  /** What the operator reads: whose fault it is, and what to do. */
  readonly sentence: string;
  /** Why no destination may take it otherwise. */
  readonly fixed?: string;
}

/**
 * The lines of a table, whole, in its order.
 * @param errors the table of errors that has the words of the same codes
 * @throws Error where a line has no words, which a test finds
 */
export function outcomeLines(rows: OutcomeTable, errors: Readonly<Record<string, ErrorEntry>>): readonly OutcomeLine[] {
  return Object.entries(rows).map(([code, row]) => {
    const happened = row.happened ?? errors[code]?.means;
    const advice = row.advice ?? errors[code]?.cure;
    if (happened === undefined || advice === undefined) throw new Error(`the outcome ${code} has no words of its own`);
    const { outcome, next, whose, fixed } = row;
    return {
      code,
      happened,
      outcome,
      next,
      whose,
      sentence: `${FAULT_OF[whose]} ${advice}`,
      ...(fixed === undefined ? {} : { fixed }),
    };
  });
}

/** Outcomes that an operation tells the engine by throwing. */
type Thrown = Exclude<OutcomeName, 'delivered' | 'rejected'>;

type ErrorClass = new (code: string, message: string, details?: DeliveryErrorDetails) => DeliveryError;

/** The class of error that tells the engine each outcome. */
export const ERROR_CLASSES: Readonly<Record<Thrown, ErrorClass>> = {
  retry: TransientError,
  split: TooLargeError,
  inDoubt: UncertainError,
  failed: PermanentError,
  stop: ConfigError,
};

/** The outcome that an error tells by its class; what nobody foresaw may have come after the request had gone out. */
export function outcomeOfError(error: unknown): Thrown {
  if (error instanceof TransientError) return 'retry';
  if (error instanceof TooLargeError) return 'split';
  if (error instanceof ConfigError) return 'stop';
  if (error instanceof PermanentError) return 'failed';
  return 'inDoubt';
}

/** Codes of a table that an operation may throw. */
export type ThrownCode<T extends OutcomeTable> = {
  [C in keyof T & string]: [Extract<T[C]['outcome'], Thrown>] extends [never] ? never : C;
}[keyof T & string];

/**
 * Makes the errors of a table: the class and whose fault it is follow from the code's line, so that no code can be thrown
 * as anything else than what the docs say.
 */
export function failuresBy<const T extends OutcomeTable>(rows: T) {
  return (code: ThrownCode<T>, message: string, details: DeliveryErrorDetails = {}): DeliveryError => {
    const row: OutcomeRow | undefined = rows[code];
    if (row === undefined || row.outcome === 'delivered' || row.outcome === 'rejected')
      throw new TypeError(`${code} is no failure of this table`);
    const whose = row.whose === 'nobody' ? 'unknown' : row.whose;
    return new ERROR_CLASSES[row.outcome](code, message, { whose, ...details });
  };
}

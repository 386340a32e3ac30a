/** The keys that every destination has beside those of its adapter: how batches go out, and what is done when they do not. */

import type {
  BatchSettings,
  BreakerSettings,
  Destination,
  DoubtSettings,
  MaintenanceWindow,
  Order,
  OutcomeOverride,
  RateSettings,
  RetrySettings,
} from '../contracts/production.ts';
import type { FormatReference } from '../contracts/service.ts';
import type { TSchema } from '../schema.ts';
import { Duration, Keys, Size, Type, Words } from '../schema.ts';

/** A format with its settings: `type` and the keys of that format. */
const FORMAT_REFERENCE = Type.Object(
  { type: Type.String({ minLength: 1, description: 'Name of the format.' }) },
  { description: 'A format and its settings.' },
);

/** Schedules of retries that have a name, in milliseconds. `gateway`: as the national gateway for immunisations does. */
const RETRY_PRESETS: Readonly<Record<string, readonly number[]>> = { gateway: [0, 300_000, 600_000, 3_600_000] };

/** Batch settings where nothing is said: one message a call. */
export const SINGLY: BatchSettings = Object.freeze({
  mode: 'single',
  maxMessages: 1,
  maxBytes: 4_000_000,
  maxAge: 30_000,
  mixSubmissions: false,
});

const BATCH = Keys(
  {
    format: Type.Optional(FORMAT_REFERENCE),
    mode: Words(['batch', 'single', 'auto'], {
      default: 'batch',
      description:
        'batch: up to maxMessages in a call; a batch that the receiver finds too large stops the destination. single: one message in a call. auto: a batch that is too large is halved, down to single messages; the size that worked is remembered, and tried larger again after tryLargerAfter.',
    }),
    maxMessages: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 1000,
      description: 'Messages in a batch, at most.',
    }),
    maxBytes: Size({ default: '4MB', description: 'Size of a batch with its envelope, at most.' }),
    maxAge: Duration({ default: '30s', description: 'The oldest message waits this long for others, at most.' }),
    mixSubmissions: Type.Boolean({ default: false, description: 'Messages of several submissions may share a batch.' }),
    tryLargerAfter: Duration({
      default: '1d',
      description: 'With mode auto: how long the size that worked is kept before a larger one is tried.',
    }),
  },
  { description: 'When a batch is closed: the first limit that is reached. Without it, one message a call.' },
);

const GIVE_UP = 'When messages fail for good: never, or a duration since the first attempt.';

const RETRY = Type.Object(
  {
    schedule: Type.Optional(
      Type.Union(
        [
          Words(Object.keys(RETRY_PRESETS), { description: 'A schedule by name.' }),
          Type.Array(Duration({ description: 'Wait before the next try.' }), { minItems: 1 }),
        ],
        {
          description:
            'Waits before each retry in turn, the last of them again and again, in place of first, factor and ceiling; or `gateway`: at once, 5 minutes, 10 minutes, then every hour.',
        },
      ),
    ),
    first: Duration({ default: '1s', description: 'Wait before the first retry.' }),
    factor: Type.Number({
      minimum: 1,
      maximum: 100,
      default: 2,
      description: 'Each further wait is this many times as long.',
    }),
    ceiling: Duration({ default: '5m', description: 'No wait is longer.' }),
    jitter: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.2,
      description: 'Share of the wait that is drawn by chance.',
    }),
    giveUpAfter: Type.Union([Type.Literal('never'), Duration({ description: 'Time since the first attempt.' })], {
      default: 'never',
      description: GIVE_UP,
    }),
    maxAttempts: Type.Union(
      [Type.Literal('unlimited'), Type.Integer({ minimum: 1, description: 'Attempts in all.' })],
      { default: 'unlimited', description: 'Attempts after which messages fail for good.' },
    ),
  },
  { additionalProperties: false, default: {}, description: 'Waits between tries after a failure that may pass.' },
);

const POLICIES = ['hold', 'resend', 'probe'] as const;
const POLICY = {
  description:
    'What to do when nobody knows whether a message arrived. hold: wait for a person. resend: send it again. probe: ask the receiver, where its dialect has a way to.',
};

const DOUBT = Type.Union(
  [
    Words(POLICIES, POLICY),
    Keys({
      policy: Words(POLICIES, { ...POLICY, default: 'hold' }),
      every: Duration({ default: '1m', description: 'Time between two questions to the receiver.' }),
      deadline: Type.Union([Type.Literal('never'), Duration({ description: 'Time since the doubt began.' })], {
        default: 'never',
        description: 'After it the doubt is told as overdue, and afterDeadline is done.',
      }),
      afterDeadline: Words(['hold', 'resend', 'fail'], {
        default: 'hold',
        description: 'hold: go on waiting for a person. resend: send again. fail: the messages have failed.',
      }),
      lane: Words(['waits', 'goesOn'], {
        default: 'waits',
        description: 'goesOn: later messages do not wait for the decision; a message that is sent again is then late.',
      }),
    }),
  ],
  { default: 'hold', ...POLICY },
);

const ORDER = Type.Union(
  [
    Words(['strict', 'none'], {
      description: 'strict: one lane, one call in flight, order is kept. none: calls may overtake each other.',
    }),
    Keys({
      key: Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
        description:
          'Column of the record map, or path of the item (`PID-3.1`), of which order is kept among messages with the same value; of several, the first that is not empty.',
      }),
    }),
  ],
  { default: 'strict', description: 'strict, none, or { key: COLUMN }: in which order messages go.' },
);

const BREAKER = Type.Object(
  {
    failures: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 5,
      description: 'Calls in a row that did not get through, after which only one call at a time is tried.',
    }),
    pause: Type.Optional(
      Duration({ description: 'Wait between two trial calls; without it as long as a retry waits.' }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'Keeps calls from a receiver that does not answer: one trial call at a time until one gets through.',
  },
);

export const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
/** A time of day. */
export const CLOCK = { pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' };

const MAINTENANCE = Type.Array(
  Keys({
    days: Type.Array(Words(DAYS, { description: 'A day of the week.' }), {
      default: DAYS,
      description: 'Days on which it begins; every day unless said otherwise.',
    }),
    from: Type.String({ ...CLOCK, description: 'Time at which it begins: `22:00`.' }),
    to: Type.String({ ...CLOCK, description: 'Time at which it ends; not after `from`: on the next day.' }),
    timeZone: Type.Optional(
      Type.Unsafe({
        type: 'string',
        'x-waybill': 'timeZone',
        description: "Zone of these times; the production's unless said otherwise.",
      }),
    ),
  }),
  { default: [], description: 'Hours in which no call begins.' },
);

const RATE = Keys(
  {
    calls: Type.Integer({ minimum: 1, maximum: 100_000, description: 'Calls, at most.' }),
    per: Duration({ default: '1s', description: 'In any such time.' }),
  },
  { description: 'How many calls the receiver allows.' },
);

// A computed key: an object with a literal `then` is taken for a promise by the linter.
const THEN = 'then';

const OUTCOMES = Type.Record(
  Type.String({ pattern: '^[A-Z][A-Z0-9_]*$' }),
  Keys({
    [THEN]: Words(['retry', 'stop', 'fail', 'inDoubt', 'split'], { description: 'What is done instead.' }),
    whose: Type.Optional(
      Words(['ours', 'data', 'receiver', 'network', 'unknown'], { description: 'Whose fault it is.' }),
    ),
    advice: Type.Optional(Type.String({ minLength: 1, description: 'What people are told to do.' })),
  }),
  { default: {}, description: 'Lines of the outcome table that this destination takes otherwise, by code.' },
);

/** The keys that every destination has beside those of its adapter. */
export const DESTINATION_KEYS: Readonly<Record<string, TSchema>> = {
  batch: Type.Optional(BATCH),
  order: ORDER,
  maxInFlight: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 16,
      description: 'Calls at the same time, at most: 1 with order strict, else 4 unless said otherwise.',
    }),
  ),
  retry: RETRY,
  inDoubt: DOUBT,
  breaker: BREAKER,
  maintenance: MAINTENANCE,
  rate: Type.Optional(RATE),
  outcomes: OUTCOMES,
  answersTo: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Name of a route: every answer becomes a submission of it, linked to the batch that caused it.',
    }),
  ),
  answerFormat: Type.Optional(FORMAT_REFERENCE),
};

/** Hours of a day, as people write them: `from: 22:00`. */
export interface WindowShape {
  readonly days: readonly (typeof DAYS)[number][];
  readonly from: string;
  readonly to: string;
  readonly timeZone?: string;
}

/** Values of `DESTINATION_KEYS`. */
export interface DestinationShape {
  readonly type: string;
  readonly batch?: BatchSettings;
  readonly order: 'strict' | 'none' | { readonly key: string | readonly string[] };
  readonly maxInFlight?: number;
  readonly retry: Omit<RetrySettings, 'schedule'> & { readonly schedule?: string | readonly number[] };
  readonly inDoubt: DoubtSettings['policy'] | DoubtSettings;
  readonly breaker: BreakerSettings;
  readonly maintenance: readonly WindowShape[];
  readonly rate?: RateSettings;
  readonly outcomes: Readonly<Record<string, OutcomeOverride>>;
  readonly answersTo?: string;
  readonly answerFormat?: FormatReference;
}

/** What `inDoubt: WORD` says of the rest. */
const PLAIN_DOUBT = { every: 60_000, deadline: 'never', afterDeadline: 'hold', lane: 'waits' } as const;
const IN_FLIGHT = 4;

/** The settings as the engine takes them: words and short forms spelled out. */
export function deliverySettings(
  shape: DestinationShape,
  timeZone: string,
): Omit<Destination, 'type' | 'config' | 'batch' | 'answersTo'> {
  const order = orderOf(shape.order);
  const { schedule, ...retry } = shape.retry;
  const waits = typeof schedule === 'string' ? RETRY_PRESETS[schedule] : schedule;
  return {
    order,
    maxInFlight: order.kind === 'strict' ? 1 : (shape.maxInFlight ?? IN_FLIGHT),
    retry: waits === undefined ? retry : { ...retry, schedule: waits },
    inDoubt: doubtOf(shape.inDoubt),
    breaker: shape.breaker,
    maintenance: shape.maintenance.map((window) => windowOf(window, timeZone)),
    ...(shape.rate === undefined ? {} : { rate: shape.rate }),
    outcomes: shape.outcomes,
  };
}

/** `inDoubt` spelled out. */
export function doubtOf(inDoubt: DestinationShape['inDoubt']): DoubtSettings {
  return typeof inDoubt === 'string' ? { policy: inDoubt, ...PLAIN_DOUBT } : inDoubt;
}

function orderOf(order: DestinationShape['order']): Order {
  if (typeof order === 'string') return { kind: order };
  return { kind: 'key', paths: typeof order.key === 'string' ? [order.key] : order.key };
}

/** Hours as the engine takes them; in `timeZone` where they name none. */
export function windowOf(window: WindowShape, timeZone: string): MaintenanceWindow {
  return {
    days: window.days.map((day) => DAYS.indexOf(day)),
    from: minutes(window.from),
    to: minutes(window.to),
    timeZone: window.timeZone ?? timeZone,
  };
}

function minutes(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
}

/** The key `alerts` of production.yaml: which conditions are told to whom. */

import type {
  AlertChannel,
  AlertRule,
  AlertSettings,
  CommandChannel,
  EmailChannel,
  WebhookChannel,
} from '../contracts/alerts.ts';
import { EVENTS } from '../events.ts';
import type { TSchema } from '../schema.ts';
import { Duration, Keys, Secret, Size, Type, Words } from '../schema.ts';
import { CLOCK, DAYS, type WindowShape } from './delivery-schema.ts';

const NAME = '^[a-z][a-z0-9-]{0,59}$';
const ADDRESS = '^[^\\s<>@,;"]+@[^\\s<>@,;"]+$';

const DESTINATIONS = Type.Array(Type.String({ minLength: 1, description: 'Name of a destination.' }), {
  default: [],
  description: 'Only these destinations; all of them unless said otherwise.',
});

const FOR = Duration({ default: '0s', description: 'It must have lasted this long.' });

/** The conditions by their key; a rule has exactly one of them. */
const CONDITIONS: Readonly<Record<string, TSchema>> = {
  stopped: Keys({ for: FOR, destinations: DESTINATIONS }, { description: 'A destination is stopped.' }),
  oldestMessage: Keys(
    {
      olderThan: Duration({ description: 'Time since the oldest message that is not settled was accepted.' }),
      destinations: DESTINATIONS,
    },
    { description: 'Messages of a destination are late; not in hours of its maintenance.' },
  ),
  inDoubt: Keys(
    {
      for: FOR,
      messages: Type.Integer({
        minimum: 1,
        default: 1,
        description: 'Messages of a destination that have been in doubt for so long, at least.',
      }),
      destinations: DESTINATIONS,
    },
    { description: 'Nobody knows whether messages arrived.' },
  ),
  rejectedRows: Keys(
    {
      overPercent: Type.Number({
        minimum: 0,
        maximum: 100,
        description: 'Share of the rows of a submission that were rejected; more than this is told.',
      }),
      minRows: Type.Integer({ minimum: 1, default: 1, description: 'Smaller submissions do not count.' }),
      services: Type.Array(Type.String({ minLength: 1, description: 'Name of a service.' }), {
        default: [],
        description: 'Only submissions of these services; of all of them unless said otherwise.',
      }),
    },
    { description: 'A submission has many rejected rows. Told once for each; it has no end.' },
  ),
  disk: Keys(
    {
      below: Type.Union(
        [
          Size({ description: 'Room that is left.' }),
          Type.String({ pattern: '^\\d{1,2}%$', description: 'a share of the disk, such as `10%`' }),
        ],
        { description: 'A size such as `5GB`, or a share such as `10%`.' },
      ),
    },
    { description: 'The disk of the data folder has little room left.' },
  ),
  certificate: Keys(
    {
      endsWithin: Duration({ description: 'Time until it ends: `30d`.' }),
      receivers: Type.Boolean({
        default: true,
        description: 'Look also at the certificates of receivers over https, by a handshake every six hours.',
      }),
    },
    { description: 'A certificate ends soon: of the listener, of a destination for mutual TLS, of a receiver.' },
  ),
  event: Keys(
    {
      name: Words(Object.keys(EVENTS), { description: 'Name of an event, as in the log.' }),
      times: Type.Integer({ minimum: 1, maximum: 1000, default: 1, description: 'It happened at least so often.' }),
      within: Duration({ default: '10m', description: 'In this time.' }),
      destinations: DESTINATIONS,
    },
    { description: 'Something happened; any event of the log.' },
  ),
  redisAway: Keys({ for: FOR }, { description: 'The Redis of the hand-over does not answer.' }),
  cannotStore: Keys({ for: FOR }, { description: 'The ledger or the bodies cannot be written.' }),
};

export const CONDITION_KEYS = Object.keys(CONDITIONS);

const RULE = Keys({
  name: Type.String({ pattern: NAME, description: 'lower-case letters, digits and dashes, a letter first' }),
  when: Keys(Object.fromEntries(Object.entries(CONDITIONS).map(([key, schema]) => [key, Type.Optional(schema)])), {
    description: 'What is told: exactly one of these.',
  }),
  channels: Type.Array(Type.String({ minLength: 1, description: 'Name of a channel.' }), {
    minItems: 1,
    uniqueItems: true,
    description: 'Who is told.',
  }),
  severity: Words(['info', 'warning', 'critical'], {
    default: 'warning',
    description: 'How bad it is; critical goes out in quiet hours too.',
  }),
  repeat: Type.Union([Type.Literal('never'), Duration({ description: 'Time since it was told last.' })], {
    default: '4h',
    description: 'When it is told again while it lasts: a duration, or never.',
  }),
  resolved: Type.Boolean({ default: true, description: 'Tell when it is over, once, if it had been told.' }),
});

/** What every channel has. */
const CHANNEL = {
  quiet: Type.Array(
    Keys({
      days: Type.Array(Words(DAYS, { description: 'A day of the week.' }), {
        default: [...DAYS],
        description: 'Days on which they begin; every day unless said otherwise.',
      }),
      from: Type.String({ ...CLOCK, description: 'a time of day such as `22:00`' }),
      to: Type.String({ ...CLOCK, description: 'a time of day; not after `from`: on the next day' }),
    }),
    {
      default: [],
      description: "Hours, in the production's zone, in which only critical alerts go out; others wait.",
    },
  ),
  timeLimit: Duration({ default: '30s', description: 'Time for one message, at most.' }),
};

const CA = Type.Optional(Secret({ description: 'PEM of the CA to trust, in place of the public ones.' }));

const CHANNELS = [
  Keys(
    {
      type: Type.Literal('email'),
      url: Type.Optional(
        Type.Unsafe({
          type: 'string',
          'x-waybill': 'secret',
          pattern: '^smtps?://[^\\s/?#]+/?$',
          description: 'smtp://user:password@host:port, or smtps:// for TLS from the first byte; in place of host',
        }),
      ),
      host: Type.Optional(Type.String({ minLength: 1, description: 'The mail server.' })),
      port: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 65535,
          description: 'Its port; 587 unless said otherwise, 465 with tls: implicit.',
        }),
      ),
      tls: Type.Optional(
        Words(['implicit', 'starttls', 'none'], {
          description:
            'starttls unless said otherwise, implicit on port 465; it is demanded and verified. none: a relay of your own.',
        }),
      ),
      ca: CA,
      credentials: Type.Optional(
        Keys({
          username: Type.String({ minLength: 1, description: 'User name at the mail server.' }),
          password: Secret({ description: 'Its password.' }),
        }),
      ),
      from: Type.String({ pattern: ADDRESS, description: 'an address such as `waybill@county.example`' }),
      to: Type.Array(Type.String({ pattern: ADDRESS, description: 'an address such as `on-call@county.example`' }), {
        minItems: 1,
        maxItems: 50,
        description: 'Who gets the mail.',
      }),
      ...CHANNEL,
    },
    { description: 'An e-mail.' },
  ),
  Keys(
    {
      type: Type.Literal('webhook'),
      url: Type.String({
        pattern: '^https?://[^\\s@/]+([/?]\\S*)?$',
        description: 'an http or https address without user name; the alert is posted there as JSON',
      }),
      headers: Type.Record(
        Type.String({ pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" }),
        Secret({ description: 'Value of a header.' }),
        { default: {}, description: 'Headers to send, such as Authorization.' },
      ),
      signature: Type.Optional(
        Secret({ description: 'Key of the HMAC-SHA256 over the body, in the header x-waybill-signature.' }),
      ),
      ca: CA,
      ...CHANNEL,
    },
    { description: 'A POST with JSON.' },
  ),
  Keys(
    {
      type: Type.Literal('command'),
      command: Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description:
          'Program and arguments, as a list; no shell reads them. The alert stands on its standard input as JSON.',
      }),
      ...CHANNEL,
    },
    { description: 'A program of your own.' },
  ),
];

/** `alerts` of production.yaml. */
export const ALERTS_SCHEMA = Keys(
  {
    every: Duration({ default: '10s', description: 'How often the levels are looked at.' }),
    group: Duration({
      default: '30s',
      description: 'Alerts that come within this time go out as one message for each channel.',
    }),
    channels: Type.Record(Type.String({ pattern: NAME }), Type.Union(CHANNELS), {
      minProperties: 1,
      description: 'Who can be told, by name.',
    }),
    rules: Type.Array(RULE, { minItems: 1, description: 'What is told.' }),
  },
  { description: 'Tells people of what needs them, by e-mail, webhook or a program.' },
);

/** A channel with its quiet hours as people write them. */
type Written<Channel extends AlertChannel> = Omit<Channel, 'quiet'> & { readonly quiet: readonly WindowShape[] };

/** The mail server is not worked out yet: it is `url`, or `host` with the rest. */
export type EmailShape = Omit<Written<EmailChannel>, 'host' | 'port' | 'tls'> &
  Partial<Pick<EmailChannel, 'host' | 'port' | 'tls'>> & { readonly url?: string };

export type ChannelShape = EmailShape | Written<WebhookChannel> | Written<CommandChannel>;

export interface RuleShape extends Omit<AlertRule, 'when'> {
  /** One key, whose value is that condition's settings. */
  readonly when: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Values of `ALERTS_SCHEMA`. */
export interface AlertsShape extends Omit<AlertSettings, 'channels' | 'rules'> {
  readonly channels: Readonly<Record<string, ChannelShape>>;
  readonly rules: readonly RuleShape[];
}

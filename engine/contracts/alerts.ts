import type { EventName } from '../events.ts';
import type { MaintenanceWindow } from './production.ts';

/** Who is told of what: `alerts` of a production, whole and validated. Times are milliseconds. */
export interface AlertSettings {
  /** How often the levels are looked at. */
  readonly every: number;
  /** Alerts that come within this time go out as one message; a condition that ends comes back unseen within it. */
  readonly group: number;
  readonly channels: Readonly<Record<string, AlertChannel>>;
  readonly rules: readonly AlertRule[];
}

export type Severity = 'info' | 'warning' | 'critical';

export interface AlertRule {
  readonly name: string;
  readonly when: AlertCondition;
  /** Names of channels. */
  readonly channels: readonly string[];
  readonly severity: Severity;
  /** How long until it is told again while it lasts. */
  readonly repeat: number | 'never';
  /** It is told when it is over. */
  readonly resolved: boolean;
}

/** Which destinations a rule looks at; an empty list: all of them. */
interface OfDestinations {
  readonly destinations: readonly string[];
}

/** What a rule waits for. */
export type AlertCondition =
  | ({ readonly kind: 'stopped'; readonly for: number } & OfDestinations)
  | ({ readonly kind: 'oldestMessage'; readonly olderThan: number } & OfDestinations)
  /** At least `messages` in doubt, each for at least that time. */
  | ({ readonly kind: 'inDoubt'; readonly for: number; readonly messages: number } & OfDestinations)
  /** Of one submission with at least `minRows` rows; an empty list of services: all of them. */
  | {
      readonly kind: 'rejectedRows';
      readonly overPercent: number;
      readonly minRows: number;
      readonly services: readonly string[];
    }
  | { readonly kind: 'disk'; readonly below: DiskLimit }
  | { readonly kind: 'certificate'; readonly endsWithin: number; readonly receivers: boolean }
  | ({
      readonly kind: 'event';
      readonly name: EventName;
      readonly times: number;
      readonly within: number;
    } & OfDestinations)
  | { readonly kind: 'redisAway'; readonly for: number }
  | { readonly kind: 'cannotStore'; readonly for: number };

/** Room that is left on the disk of the data folder. */
export type DiskLimit = { readonly bytes: number } | { readonly percent: number };

interface ChannelBase {
  /** Hours in which only alerts of severity `critical` go out; the others wait until they end. */
  readonly quiet: readonly MaintenanceWindow[];
  /** Time for one message, milliseconds. */
  readonly timeLimit: number;
}

export interface EmailChannel extends ChannelBase {
  readonly type: 'email';
  readonly host: string;
  readonly port: number;
  /** `implicit`: from the first byte. `starttls`: demanded, never left out. `none`: in the clear. */
  readonly tls: 'implicit' | 'starttls' | 'none';
  /** PEM of the CA to trust, in place of the public ones. */
  readonly ca?: string;
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly from: string;
  readonly to: readonly string[];
}

export interface WebhookChannel extends ChannelBase {
  readonly type: 'webhook';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Key of the HMAC-SHA256 over the body. */
  readonly signature?: string;
  readonly ca?: string;
}

export interface CommandChannel extends ChannelBase {
  readonly type: 'command';
  /** Program and arguments; never read by a shell. */
  readonly command: readonly string[];
}

export type AlertChannel = EmailChannel | WebhookChannel | CommandChannel;

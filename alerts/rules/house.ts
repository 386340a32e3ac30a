/** Levels of the engine's surroundings: disk, certificates, Redis, the ledger. */
import type { AlertCondition, AlertRule } from '../../engine/contracts/alerts.ts';
import type { CertificateFacts, Condition, Facts, Seen } from '../condition.ts';
import { localTime, size, span } from '../words.ts';

type Of<K extends AlertCondition['kind']> = Extract<AlertCondition, { kind: K }>;

/** A disk that was told of has room again when this much more than the limit is free: a level that sways says nothing. */
const ROOM_AGAIN = 1.05;

/** The disk of the data folder. */
export function disk(rule: AlertRule, { below }: Of<'disk'>, { disk: found, now }: Facts): Seen {
  if (!found) return 'unknown';
  const percent = found.size === 0 ? 0 : (found.free / found.size) * 100;
  const share = 'bytes' in below ? found.free / below.bytes : percent / below.percent;
  if (share >= ROOM_AGAIN) return [];
  const left = `${size(found.free)} (${percent.toFixed(1)} %)`;
  return [
    {
      ...about(rule, ''),
      since: now,
      due: share < 1,
      sentence: `The disk of the data folder has ${left} left.`,
      advice: 'make room, or give the data folder a larger disk; when it is full, services take nothing in',
      over: 'The disk of the data folder has room again.',
      facts: { freeBytes: found.free, freePercent: Math.round(percent * 10) / 10 },
    },
  ];
}

const WHOSE: Readonly<Record<CertificateFacts['of'], (name: string) => string>> = {
  listener: () => 'The certificate of the listener',
  client: (name) => `Our certificate for the destination ${name}`,
  receiver: (name) => `The certificate of the receiver of ${name}`,
};

const CERTIFICATE_ADVICE: Readonly<Record<CertificateFacts['of'], string>> = {
  listener: 'renew it, put it into the file that listen.tls names, and restart the engine',
  client: 'renew it, put it into the file that tls.certificate names, then waybill resume the destination',
  receiver: 'ask the receiver when it will be renewed, and whether its CA changes',
};

/** One condition for each certificate that ends soon, or has ended, or cannot be looked at. */
export function certificate(rule: AlertRule, { endsWithin, receivers }: Of<'certificate'>, facts: Facts): Seen {
  return facts.certificates
    .filter(({ of, endsAt }) => (receivers || of !== 'receiver') && !(endsAt - facts.now >= endsWithin))
    .map(({ of, name, endsAt }): Condition => {
      const rest = endsAt - facts.now;
      if (Number.isNaN(rest)) return notSeen(rule, WHOSE[of](name), certificateSubject(of, name), facts.now);
      const when = rest > 0 ? `ends in ${span(rest)}` : 'has ended';
      return {
        ...about(rule, certificateSubject(of, name)),
        since: endsAt - endsWithin,
        due: true,
        sentence: `${WHOSE[of](name)} ${when}: ${localTime(endsAt, facts.timeZone)}.`,
        advice: CERTIFICATE_ADVICE[of],
        over: `${WHOSE[of](name)} was renewed.`,
        facts: {
          certificate: of,
          ...(name === '' ? {} : { destination: name }),
          endsAt: new Date(endsAt).toISOString(),
        },
      };
    });
}

function certificateSubject(of: CertificateFacts['of'], name: string): string {
  return name === '' ? of : `${of} ${name}`;
}

/** Not enough to tell anybody, and no reason to say that it is over. */
function notSeen(rule: AlertRule, whose: string, subject: string, now: number): Condition {
  const sentence = `${whose} could not be looked at.`;
  return { ...about(rule, subject), since: now, due: false, sentence, advice: '', over: '', facts: {} };
}

/** The Redis of the hand-over. */
export function redisAway(rule: AlertRule, when: Of<'redisAway'>, { redis, now, timeZone }: Facts): Seen {
  if (!redis) return 'unknown';
  const { since } = redis;
  if (since === undefined) return [];
  return [
    {
      ...about(rule, ''),
      since,
      due: now - since >= when.for,
      sentence: `Redis has been away since ${localTime(since, timeZone)}.`,
      advice: 'this node goes on delivering and nothing is lost; look at the Redis server and at REDIS_URL',
      over: 'Redis answers again.',
      facts: {},
    },
  ];
}

/** The ledger or the bodies. */
export function cannotStore(rule: AlertRule, when: Of<'cannotStore'>, { store, now, timeZone }: Facts): Seen {
  if (!store) return 'unknown';
  const { since, code } = store;
  if (since === undefined) return [];
  return [
    {
      ...about(rule, ''),
      since,
      due: now - since >= when.for,
      sentence: `Nothing can be stored since ${localTime(since, timeZone)}${code ? ` (${code})` : ''}: services take nothing in.`,
      advice:
        'look at the disk of the data folder: room, permissions, errors; the engine goes on by itself when it can',
      over: 'The ledger can be written again.',
      facts: code ? { code } : {},
    },
  ];
}

function about(rule: AlertRule, subject: string) {
  return { rule: rule.name, subject, once: false };
}

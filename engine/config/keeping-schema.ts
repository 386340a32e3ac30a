/** The key `keep` of production.yaml: how long what is settled is kept, and when what is older is purged. */

import type { KeepSettings, KeepTime, RouteKeeping } from '../contracts/keeping.ts';
import { combinations, timeOf } from '../retention.ts';
import type { TSchema } from '../schema.ts';
import { Duration, Keys, Type } from '../schema.ts';
import { MESSAGE_STATES, type MessageState } from '../states.ts';
import type { Loading } from './loading.ts';
import { isTreeMap, treeAt } from './yaml.ts';

const AT = ['keep'];
const CLOCK = '^([01]\\d|2[0-3]):[0-5]\\d$';
const NAMES = Object.keys(MESSAGE_STATES) as readonly MessageState[];
/** States in which a message may stay for good. */
const SETTLED = NAMES.filter((name) => MESSAGE_STATES[name].settled);

function Time(description: string): TSchema {
  return Type.Optional(
    // The first one is what is asked for where neither is given.
    Type.Union([Duration({ description: 'Time since the submission was settled.' }), Type.Literal('forever')], {
      description,
    }),
  );
}

const TIMES = {
  bodies: Time('Files as they came, messages, rejected and edited rows: everything that holds values.'),
  ledger: Time('Rows about each item and message, with batches and answers. Not shorter than bodies.'),
};

const STATES = Type.Optional(
  Keys(Object.fromEntries(SETTLED.map((state) => [state, Type.Optional(Keys(TIMES))])), {
    description: 'Submissions with a message in this state are kept so long; the longest of their states counts.',
  }),
);

/** `keep` as people write it. Absent: everything is kept for ever. */
export const KEEPING_SCHEMA = Keys(
  {
    ...TIMES,
    states: STATES,
    routes: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,59}$' }), Keys({ ...TIMES, states: STATES }), {
        description: 'Other times for submissions of a route, by its name.',
      }),
    ),
    at: Type.String({
      pattern: CLOCK,
      default: '03:30',
      description:
        "a time of day such as `03:30`, by the clocks of the production's time zone: then what is past its time goes",
    }),
  },
  { description: 'How long what is settled is kept. Without it everything is kept for ever.' },
);

interface KeepShape extends RouteKeeping {
  readonly routes?: Readonly<Record<string, RouteKeeping>>;
  readonly at: string;
}

/** Reads `keep`; what is wrong with it is added to the problems. `undefined` where there is none, or none to be used. */
export function readKeeping(loading: Loading): KeepSettings | undefined {
  const tree = treeAt(loading.tree, AT);
  if (!isTreeMap(tree)) return undefined;
  const { value, valid } = loading.validate(tree, KEEPING_SCHEMA, AT);
  const known = loading.names('routes');
  const named = treeAt(tree, ['routes']);
  for (const name of isTreeMap(named) ? Object.keys(named) : []) {
    if (!known.includes(name)) loading.unknownName('UNKNOWN_ROUTE', [...AT, 'routes', name], name, known);
  }
  if (!valid) return undefined;
  const { at, ...rest } = value as KeepShape;
  const keep = Object.freeze({ ...rest, at: Number(at.slice(0, 2)) * 60 + Number(at.slice(3)) });
  checkOrder(loading, keep);
  return keep;
}

/** Rows about messages that are kept shorter than the messages themselves would lead to nothing. */
function checkOrder(loading: Loading, keep: KeepSettings): void {
  const told = new Set<string>();
  for (const combination of combinations(keep)) {
    const bodies = timeOf(keep, combination, 'bodies');
    const ledger = timeOf(keep, combination, 'ledger');
    if (longer(ledger.time, bodies.time)) continue;
    const at = [...AT, ...ledger.path];
    if (told.has(at.join('.'))) continue;
    told.add(at.join('.'));
    loading.issue('KEEP_LEDGER_SHORTER', at, `less than ${[...AT, ...bodies.path].join('.')}`, 'at least as long');
  }
}

function longer(ledger: KeepTime, bodies: KeepTime): boolean {
  return ledger === 'forever' || (bodies !== 'forever' && ledger >= bodies);
}

import type { KeepSettings, KeepTime, KeepTimes, RetentionRow } from './contracts/keeping.ts';
import { MESSAGE_STATES, type MessageState } from './states.ts';

/** How long what is kept, made out of what people wrote: for each route and state, and where it is said. */

const STATES = Object.keys(MESSAGE_STATES) as readonly MessageState[];

/** A route with a state of messages, for which there is one answer. */
export interface Combination {
  readonly route: string;
  readonly state: MessageState | undefined;
}

/** Every route that is spoken of, and every other one (''), with every state, and without one. */
export function combinations({ routes = {} }: KeepSettings): Combination[] {
  return ['', ...Object.keys(routes)].flatMap((route) => [undefined, ...STATES].map((state) => ({ route, state })));
}

/** How long, and where that is said: for the state (of the route, then of all), else for the route, else for all. */
export function timeOf(
  keep: KeepSettings,
  { route, state }: Combination,
  key: keyof KeepTimes,
): { readonly time: KeepTime; readonly path: readonly string[] } {
  const own = keep.routes?.[route];
  const said: readonly (readonly [KeepTimes | undefined, readonly string[]])[] = [
    ...(state === undefined
      ? []
      : ([
          [own?.states?.[state], ['routes', route, 'states', state]],
          [keep.states?.[state], ['states', state]],
        ] as const)),
    [own, ['routes', route]],
    [keep, []],
  ];
  for (const [times, path] of said) {
    const time = times?.[key];
    if (time !== undefined) return { time, path: [...path, key] };
  }
  return { time: 'forever', path: [key] };
}

/** The same as the store takes it: a row for every route that is spoken of, and for the others, with every state. */
export function retentionOf(keep: KeepSettings | undefined): RetentionRow[] {
  if (!keep) return [];
  return combinations(keep).map((combination) => ({
    ...combination,
    bodies: limited(timeOf(keep, combination, 'bodies').time),
    ledger: limited(timeOf(keep, combination, 'ledger').time),
  }));
}

function limited(time: KeepTime): number | undefined {
  return time === 'forever' ? undefined : time;
}

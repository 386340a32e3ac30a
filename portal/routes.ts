/** Paths and methods that are served, to tell a wrong method (405) from an unknown path (404). */
export class ServedRoutes {
  readonly #methods = new Map<string, Set<string>>();

  /** Adds a route as Fastify writes it: `/receipts/:id`, `/files/*`. */
  add(path: string, methods: string | readonly string[]): void {
    const known = this.#methods.get(path) ?? new Set();
    for (const method of typeof methods === 'string' ? [methods] : methods) known.add(method);
    this.#methods.set(path, known);
  }

  /** The methods with which a path (without its query) is served, sorted; empty where it is not. */
  allowed(path: string): readonly string[] {
    const steps = path.split('/');
    const fitting = [...this.#methods].filter(([pattern]) => fits(pattern.split('/'), steps));
    return [...new Set(fitting.flatMap(([, methods]) => [...methods]))].sort();
  }
}

function fits(pattern: readonly string[], steps: readonly string[]): boolean {
  if (pattern.at(-1) === '*')
    return steps.length >= pattern.length && fits(pattern.slice(0, -1), steps.slice(0, pattern.length - 1));
  return (
    pattern.length === steps.length &&
    pattern.every((part, index) => (part.startsWith(':') ? steps[index] !== '' : part === steps[index]))
  );
}

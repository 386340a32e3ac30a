/** The sins of one request: which there are, and which were really committed. */
import type { Choice } from './scenario.ts';
import type { Sin, SinName } from './sins.ts';

type Named<N extends SinName> = Extract<Sin, { readonly sin: N }>;

export class Plan {
  readonly rule: number | undefined;
  readonly sins: readonly Sin[];
  readonly #done = new Set<SinName>();

  constructor({ rule, sins }: Choice) {
    this.rule = rule;
    this.sins = sins;
  }

  get isGood(): boolean {
    return this.sins.length === 0;
  }

  /** Names of the sins that were committed. */
  get done(): ReadonlySet<SinName> {
    return this.#done;
  }

  /** The sin of this name, without saying that it is committed. */
  look<N extends SinName>(name: N): Named<N> | undefined {
    return this.sins.find((sin): sin is Named<N> => sin.sin === name);
  }

  has(name: SinName): boolean {
    return this.look(name) !== undefined;
  }

  /** The sin of this name, which is committed now. */
  commit<N extends SinName>(name: N): Named<N> | undefined {
    const sin = this.look(name);
    if (sin) this.#done.add(name);
    return sin;
  }
}

import type { TSchema } from 'typebox';
import type { ErrorEntry } from '../errors.ts';
import type { OutcomeTable } from '../outcomes.ts';

/** What every adapter says of itself: the default export of one file, found by a loader, documented from here. */
export interface AdapterDescription {
  /** Equal to the file's name. */
  readonly name: string;
  readonly summary: string;
  /** Markdown. */
  readonly description: string;
  readonly examples: readonly { readonly title: string; readonly yaml: string }[];
  readonly errors: Readonly<Record<string, ErrorEntry>>;
  /** The lines of the outcome table that are its own, by code; words that are absent there stand under `errors`. */
  readonly outcomes?: OutcomeTable;
}

/** An adapter with settings of its own. */
export interface ConfigurableDescription extends AdapterDescription {
  readonly schema: TSchema;
}

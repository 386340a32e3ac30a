import type { TSchema } from 'typebox';

/** Path of keys and indexes into a document, as the loader turns into line and column. */
export type KeyPath = readonly (string | number)[];

/** One problem in a configuration. The loader adds file, line and column. */
export interface Issue {
  readonly path: KeyPath;
  /** Stable code from the folder's table of errors. */
  readonly code: string;
  /** What stands there, cut short; never a secret. */
  readonly found: string;
  readonly expected: string;
  readonly cure: string;
  /** Warnings do not keep a production from starting. Default: an error. */
  readonly warning?: boolean;
}

/** A look-up table: rows of named columns. The first column is the key unless a look-up names others. */
export interface TableData {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * Everything that transforms and formats may read of a production, as plain data (validated, typed by its schema).
 * It is what a submission is pinned to: its hash is the snapshot's name.
 */
export interface Resources {
  readonly timeZone: string;
  readonly values: Readonly<Record<string, string>>;
  readonly tables: Readonly<Record<string, TableData>>;
  /** Files by kind and name: `files['record-maps'].doses`. Kinds are declared by adapters (`ResourceKind`). */
  readonly files: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A kind of files in a production's folder, declared by the adapter that understands them. */
export interface ResourceKind {
  /** Folder in the production (`record-maps`); also the key in `Resources.files`. */
  readonly folder: string;
  /** First key of each file, whose value is the file's name (`recordMap`). */
  readonly key: string;
  /** Extensions without the dot; `yaml` files are validated by `schema`, others are handed over as text. */
  readonly extensions: readonly string[];
  readonly schema: TSchema;
  /** Checks that go beyond the schema; gets the validated data of this file and all resources. */
  check?(data: unknown, resources: Resources, name: string): readonly Issue[];
}

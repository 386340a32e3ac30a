/** Settings of the format, each of which may stand in the format's own lines or in the record map. */
import { Size, type TSchema, Type, Words } from '../../engine/schema.ts';
import { CHARSETS, type Charset } from '../text/charset.ts';

const DELIMITERS = [',', ';', '\t', '|'] as const;
const DEFAULT_FIELD = 1_000_000;
const DEFAULT_RECORD = 4_000_000;
const DEFAULT_COLUMNS = 10_000;

/** Settings as they are written. Sizes are bytes of UTF-8. */
export interface CsvSettings {
  readonly delimiter?: string;
  readonly quotes?: 'strict' | 'relaxed' | 'none';
  readonly charset?: 'auto' | Charset;
  readonly header?: 'required' | 'none';
  readonly maxField?: number;
  readonly maxRecord?: number;
  readonly maxColumns?: number;
}

/** Settings with nothing left open. */
export interface Settings {
  /** The delimiters that are possible; several: the header line decides. */
  readonly delimiters: readonly string[];
  readonly quotes: 'strict' | 'relaxed' | 'none';
  readonly charset: 'auto' | Charset;
  readonly header: 'required' | 'none';
  readonly maxField: number;
  readonly maxRecord: number;
  readonly maxColumns: number;
}

/** The keys in a schema. They have no defaults there, since either place may hold them. */
export const SETTINGS_SCHEMA: Readonly<Record<string, TSchema>> = {
  delimiter: Type.Optional(
    Type.String({
      pattern: '^(auto|tab|[^"\\r\\n])$',
      description: '`auto` (default: found in the header line among , ; tab and |), `tab`, or the character itself.',
    }),
  ),
  quotes: Type.Optional(
    Words(['strict', 'relaxed', 'none'], {
      description:
        '`strict` (default): a stray quote refuses the file. `relaxed`: it is text. `none`: quotes have no meaning at all.',
    }),
  ),
  charset: Type.Optional(
    Words(['auto', ...CHARSETS], {
      description:
        '`auto` (default): by the byte order mark, else UTF-8. A byte order mark wins over any charset named here.',
    }),
  ),
  header: Type.Optional(
    Words(['required', 'none'], {
      description: '`required` (default): the first line has the names. `none`: columns are taken by their position.',
    }),
  ),
  maxField: Type.Optional(Size({ description: 'Largest field; a larger one refuses the file. Default: 1MB.' })),
  maxRecord: Type.Optional(Size({ description: 'Largest row; a larger one refuses the file. Default: 4MB.' })),
  maxColumns: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100_000, description: 'Most fields in a line. Default: 10000.' }),
  ),
};

/** The settings in force: those of the format win over those of the record map, and both over the defaults. */
export function settingsOf(format: CsvSettings, map: CsvSettings = {}): Settings {
  const delimiter = format.delimiter ?? map.delimiter ?? 'auto';
  const maxField = format.maxField ?? map.maxField ?? DEFAULT_FIELD;
  return {
    delimiters: delimiter === 'auto' ? DELIMITERS : [delimiter === 'tab' ? '\t' : delimiter],
    quotes: format.quotes ?? map.quotes ?? 'strict',
    charset: format.charset ?? map.charset ?? 'auto',
    header: format.header ?? map.header ?? 'required',
    maxField,
    maxRecord: Math.max(format.maxRecord ?? map.maxRecord ?? DEFAULT_RECORD, maxField),
    maxColumns: format.maxColumns ?? map.maxColumns ?? DEFAULT_COLUMNS,
  };
}

import { defineFormat, type Format, type FormatContext } from '../../engine/contracts/format.ts';
import { WaybillError } from '../../engine/errors.ts';
import { Keys, Type } from '../../engine/schema.ts';
import { compileColumn } from './columns.ts';
import { CSV_ERRORS } from './errors.ts';
import { placeOfField, searchFields } from './fields.ts';
import { ItemMaker } from './items.ts';
import { readRows } from './reader.ts';
import type { RecordMap } from './record-map.ts';
import { RECORD_MAPS } from './record-map-schema.ts';
import { layoutOf, scanCsv } from './scan.ts';
import { type CsvSettings, SETTINGS_SCHEMA, settingsOf } from './settings.ts';
import { compileUnique, uniqueFaults } from './unique.ts';

export interface CsvConfig extends CsvSettings {
  readonly recordMap?: string;
}

export default defineFormat<CsvConfig>({
  name: 'csv',
  summary: 'Delimited text: one item for each row, checked by a record map.',
  description: `
Reads comma, semicolon, tab or pipe separated text as RFC 4180 describes it. A **record map** (\`record-maps/NAME.yaml\`)
says which columns there are, by which names the header may call them, and what a value must be. Without one, the values of
a row are its fields as they stand.

The whole file is looked at before the first row is taken: charset, quotes, header. What is wrong there refuses the file,
with line and column. What is wrong in a row makes that row invalid, with every fault of it; the others go on.

- Lines end with LF, CRLF or CR, also mixed. A line without any character is no row.
- A file in another charset than UTF-8 is converted strictly: a byte without meaning refuses the file.
- A row that has more or fewer fields than the header is invalid, and its values are not looked at.
- A value is trimmed (unless \`trim: false\`), then its default is taken if it is empty, then it is held against the rules.
- In \`unique\`, dates are compared by what they mean; a row whose key is empty throughout is not compared.
- A \`rejected.csv\` that comes back is known by its column \`waybill_id\`, which no record map declares: its rows take the
  place of those that they correct, the other columns in front of the file's own are left aside, and cells that were made
  harmless for spreadsheets are what they were.

Each setting may stand here or in the record map; here wins.`.trim(),
  schema: Keys({
    recordMap: Type.Optional(Type.String({ minLength: 1, description: 'Name of the record map.' })),
    ...SETTINGS_SCHEMA,
  }),
  examples: [
    { title: 'With a record map', yaml: 'type: csv\nrecordMap: doses\n' },
    {
      title: 'Plain columns in an old export',
      yaml: 'type: csv\ndelimiter: ";"\ncharset: windows-1252\nquotes: relaxed\n',
    },
  ],
  errors: CSV_ERRORS,
  resources: [RECORD_MAPS],
  open,
});

/** @throws WaybillError `UNKNOWN_RECORD_MAP`, and where the record map has issues that `check` would have found */
function open(config: CsvConfig, { resources }: FormatContext): Format {
  const map = config.recordMap === undefined ? undefined : findMap(config.recordMap, resources.files);
  const settings = settingsOf(config, map);
  const columns = map?.columns.map((column) => compileColumn(column, resources)) ?? [];
  const uniqueKey = map === undefined ? undefined : compileUnique(map, resources);
  const unique =
    map === undefined || uniqueKey === undefined ? {} : { uniqueKey, uniqueFaults: uniqueFaults.bind(undefined, map) };
  const searchable = map === undefined ? [] : searchFields(map);
  return {
    columns: map?.columns.map(({ name }) => name) ?? [],
    scan: (source, context) => scanCsv(source, context, settings, map),
    read: async (source, scan, from, context) => {
      const layout = layoutOf(scan, map);
      const maker = new ItemMaker(columns, layout, map?.trim ?? true, context.today);
      return readRows({ ...settings, delimiter: layout.delimiter }, maker, { source, from, context });
    },
    rows: {
      place: (scan, name) => placeOfField(layoutOf(scan, map), map, name),
      item: (scan, fields, lines, today) =>
        new ItemMaker(columns, layoutOf(scan, map), map?.trim ?? true, today).remake(fields, lines),
    },
    ...(searchable.length > 0 ? { searchable } : {}),
    ...unique,
  };
}

function findMap(name: string, files: FormatContext['resources']['files']): RecordMap {
  const maps = files[RECORD_MAPS.folder] ?? {};
  if (Object.hasOwn(maps, name)) return maps[name] as RecordMap;
  const there = Object.keys(maps).join(', ') || 'none';
  throw new WaybillError('UNKNOWN_RECORD_MAP', `no record map ${name} in the production (there are: ${there})`);
}

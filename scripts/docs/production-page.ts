import { DESTINATION_KEYS } from '../../engine/config/delivery-schema.ts';
import { PRODUCTION_SCHEMA } from '../../engine/config/production-schema.ts';
import { schemaNode } from '../../engine/config/schema-node.ts';
import { Keys } from '../../engine/schema.ts';
import { pageHead } from './pages.ts';
import { schemaTable } from './schema-table.ts';

/** `docs/reference/production.md`: the keys of production.yaml that do not depend on an adapter. */
export function productionPage(): string {
  return [
    pageHead('production.yaml'),
    'A service or a destination has a `type`, the name of its adapter, and beside the keys below those of that adapter',
    '(folder `adapters/`). Everything is read as text; the schema gives types. An unknown key is an error.',
    '',
    ...schemaTable(schemaNode(PRODUCTION_SCHEMA)),
    '',
    '## Every destination',
    '',
    ...schemaTable(schemaNode(Keys({ ...DESTINATION_KEYS }))),
    '',
  ].join('\n');
}

import { storeConformance } from './conformance.ts';
import { openSqlite } from './ledger.ts';

storeConformance('SQLite', openSqlite);

import { MESSAGE_STATES, type MessageState, SUBMISSION_STATES } from '../../engine/states.ts';
import { StoreError } from '../errors.ts';
import { ACTING_MIGRATION } from './migration-acting.ts';
import { KEEPING_MIGRATION } from './migration-keeping.ts';
import { VERSIONS_MIGRATION } from './migration-versions.ts';

/**
 * Message states are kept as small numbers. A row that grows when its state changes splits pages, and SQLite gives 0 and
 * 1 no byte at all; so codes begin at 2, and every state takes one byte.
 */
const FIRST_CODE = 2;
const STATE_NAMES = Object.keys(MESSAGE_STATES) as readonly MessageState[];
const LAST_CODE = FIRST_CODE + STATE_NAMES.length - 1;
export const STATE_CODES = Object.fromEntries(STATE_NAMES.map((name, index) => [name, FIRST_CODE + index])) as Record<
  MessageState,
  number
>;
const SETTLED_CODES = STATE_NAMES.filter((name) => MESSAGE_STATES[name].settled).map((name) => STATE_CODES[name]);

/** The state with this code; a code that this version does not know is an error, since nothing can be said of it. */
export function stateOf(code: number): MessageState {
  const name = STATE_NAMES[code - FIRST_CODE];
  if (name === undefined)
    throw new StoreError('STORE_FAILED', `The ledger holds a message state ${code} that is not known here.`);
  return name;
}

/**
 * `messages.batch` of a message that is in none: as wide as any batch number that comes later, so that no row grows when
 * it joins a batch. A message that lost its batch holds that batch's number, negative, until it joins the next one.
 */
export const NO_BATCH = -(2 ** 30);

/** Rows of `numbers`: what a block's messages are inserted from, many in one statement. */
export const NUMBERS = 1000;

const submissionStates = Object.keys(SUBMISSION_STATES)
  .map((name) => `'${name}'`)
  .join(', ');

/**
 * Forward migrations: entry n brings version n to n + 1. Never edit one that was released.
 * Bodies stand in a table of their own, since changing a number in a row writes the whole row again.
 */
export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE facts (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (hash TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE submissions (
  number INTEGER PRIMARY KEY,
  place INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN (${submissionStates})),
  service TEXT NOT NULL,
  partner TEXT NOT NULL,
  name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  hash TEXT NOT NULL,
  claim TEXT UNIQUE,
  fields TEXT NOT NULL,
  accepted_at INTEGER NOT NULL,
  format TEXT NOT NULL,
  route TEXT NOT NULL,
  snapshot TEXT NOT NULL REFERENCES snapshots (hash),
  gate INTEGER NOT NULL,
  scan TEXT,
  refusal TEXT,
  items INTEGER,
  items_routed INTEGER NOT NULL DEFAULT 0,
  blocks INTEGER NOT NULL DEFAULT 0,
  cursor INTEGER NOT NULL DEFAULT 0,
  lines INTEGER NOT NULL DEFAULT 0,
  rejected_items INTEGER NOT NULL DEFAULT 0,
  unsettled INTEGER NOT NULL DEFAULT 0,
  routed_at INTEGER,
  settled_at INTEGER,
  progress TEXT NOT NULL DEFAULT 'open' CHECK (progress IN ('open', 'moved', 'closed'))
) STRICT;
CREATE INDEX submissions_place ON submissions (place);
CREATE INDEX submissions_name ON submissions (name, number);
CREATE INDEX submissions_unrouted ON submissions (place) WHERE state IN ('accepted', 'scanned', 'routing');
CREATE INDEX submissions_unfinished ON submissions (service, number) WHERE progress <> 'closed';
CREATE TABLE entries (
  submission INTEGER NOT NULL REFERENCES submissions (number),
  entry INTEGER NOT NULL,
  name TEXT NOT NULL,
  destination TEXT NOT NULL,
  transform TEXT NOT NULL,
  PRIMARY KEY (submission, entry)
) STRICT, WITHOUT ROWID;
CREATE TABLE counters (
  submission INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  state INTEGER NOT NULL,
  n INTEGER NOT NULL CHECK (n >= 0),
  PRIMARY KEY (submission, entry, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE duplicates (
  owner TEXT NOT NULL,
  hash TEXT NOT NULL,
  submission INTEGER NOT NULL REFERENCES submissions (number),
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (owner, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE item_blocks (
  submission INTEGER NOT NULL REFERENCES submissions (number),
  block INTEGER NOT NULL,
  first_item INTEGER NOT NULL,
  items INTEGER NOT NULL,
  first_line INTEGER NOT NULL,
  last_line INTEGER NOT NULL,
  from_cursor INTEGER NOT NULL,
  from_lines INTEGER NOT NULL,
  item_lines BLOB NOT NULL,
  rejects BLOB,
  unique_keys BLOB,
  PRIMARY KEY (submission, block)
) STRICT;
CREATE TABLE body_blocks (
  id INTEGER PRIMARY KEY,
  submission INTEGER NOT NULL REFERENCES submissions (number),
  block INTEGER NOT NULL,
  destination TEXT NOT NULL,
  place INTEGER NOT NULL,
  entries TEXT NOT NULL,
  first_item INTEGER NOT NULL,
  first_message INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  made INTEGER NOT NULL,
  pending INTEGER NOT NULL CHECK (pending >= 0),
  unsettled INTEGER NOT NULL CHECK (unsettled >= 0),
  replaces INTEGER,
  bytes INTEGER NOT NULL,
  routed_at INTEGER NOT NULL
) STRICT;
CREATE TABLE bodies (id INTEGER PRIMARY KEY REFERENCES body_blocks (id), body BLOB NOT NULL) STRICT;
CREATE INDEX body_blocks_pending ON body_blocks (destination, place, id) WHERE pending > 0;
CREATE INDEX body_blocks_submission ON body_blocks (submission, block);
CREATE INDEX body_blocks_messages ON body_blocks (first_message);
CREATE TRIGGER body_blocks_keep BEFORE DELETE ON body_blocks WHEN OLD.unsettled > 0
  BEGIN SELECT RAISE (ABORT, 'bodies of messages that are not settled cannot be deleted'); END;
CREATE TRIGGER bodies_keep BEFORE DELETE ON bodies
  WHEN (SELECT unsettled FROM body_blocks WHERE id = OLD.id) > 0
  BEGIN SELECT RAISE (ABORT, 'bodies of messages that are not settled cannot be deleted'); END;
CREATE TRIGGER bodies_fixed BEFORE UPDATE ON bodies
  BEGIN SELECT RAISE (ABORT, 'bodies are never changed'); END;
CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  submission INTEGER NOT NULL,
  entry INTEGER NOT NULL,
  item INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN ${FIRST_CODE} AND ${LAST_CODE}),
  batch INTEGER NOT NULL
) STRICT;
CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT;
WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n < ${NUMBERS - 1})
  INSERT INTO numbers SELECT n FROM series;
CREATE TRIGGER messages_keep BEFORE DELETE ON messages WHEN OLD.state NOT IN (${SETTLED_CODES.join(', ')})
  BEGIN SELECT RAISE (ABORT, 'messages that are not settled cannot be deleted'); END;
CREATE TABLE batches (
  id INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'inDoubt', 'done', 'closed')),
  whole INTEGER NOT NULL,
  first_message INTEGER NOT NULL,
  place INTEGER NOT NULL,
  count INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  planned_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  first_attempt_at INTEGER,
  replaces INTEGER
) STRICT;
CREATE INDEX batches_open ON batches (destination, place, first_message) WHERE state IN ('planned', 'sending', 'inDoubt');
CREATE TABLE batch_parts (
  batch INTEGER NOT NULL REFERENCES batches (id),
  body_block INTEGER NOT NULL REFERENCES body_blocks (id),
  first_message INTEGER NOT NULL,
  last_message INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (batch, first_message)
) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
  batch INTEGER NOT NULL REFERENCES batches (id),
  attempt INTEGER NOT NULL,
  run TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT NOT NULL,
  code TEXT NOT NULL DEFAULT '',
  words TEXT NOT NULL DEFAULT '',
  whose TEXT NOT NULL DEFAULT '',
  status INTEGER,
  answer BLOB,
  PRIMARY KEY (batch, attempt)
) STRICT;
CREATE TRIGGER attempts_keep BEFORE DELETE ON attempts
  BEGIN SELECT RAISE (ABORT, 'attempts are never deleted'); END;
CREATE TRIGGER attempts_fixed BEFORE UPDATE ON attempts WHEN OLD.ended_at IS NOT NULL
  BEGIN SELECT RAISE (ABORT, 'attempts that have ended are never changed'); END;
CREATE INDEX attempts_sending ON attempts (run) WHERE ended_at IS NULL;
CREATE TABLE outcomes (
  message INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL,
  code TEXT NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (message, batch, attempt)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER outcomes_keep BEFORE DELETE ON outcomes
  BEGIN SELECT RAISE (ABORT, 'outcomes are never deleted'); END;
CREATE TRIGGER outcomes_fixed BEFORE UPDATE ON outcomes
  BEGIN SELECT RAISE (ABORT, 'outcomes are never changed'); END;
CREATE TABLE destinations (
  name TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  whose TEXT NOT NULL,
  next TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  submission INTEGER,
  batch INTEGER,
  destination TEXT,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX events_submission ON events (submission, id) WHERE submission IS NOT NULL;
CREATE INDEX events_batch ON events (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX events_destination ON events (destination, id) WHERE destination IS NOT NULL;
CREATE TRIGGER events_keep BEFORE DELETE ON events BEGIN SELECT RAISE (ABORT, 'events are never deleted'); END;
CREATE TRIGGER events_fixed BEFORE UPDATE ON events BEGIN SELECT RAISE (ABORT, 'events are never changed'); END;
`,
  `
CREATE TABLE receipts (
  number INTEGER PRIMARY KEY,
  service TEXT NOT NULL,
  partner TEXT NOT NULL,
  key TEXT,
  hash TEXT NOT NULL,
  accepted_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX receipts_key ON receipts (service, partner, key) WHERE key IS NOT NULL;
CREATE INDEX receipts_hash ON receipts (service, partner, hash);
ALTER TABLE submissions ADD COLUMN receipt INTEGER REFERENCES receipts (number);
ALTER TABLE submissions ADD COLUMN part TEXT;
ALTER TABLE submissions ADD COLUMN cause INTEGER REFERENCES batches (id);
CREATE INDEX submissions_receipt ON submissions (receipt) WHERE receipt IS NOT NULL;
CREATE INDEX submissions_cause ON submissions (cause) WHERE cause IS NOT NULL;
CREATE INDEX batch_parts_block ON batch_parts (body_block);
`,
  `
ALTER TABLE body_blocks ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
ALTER TABLE body_blocks ADD COLUMN items BLOB;
DROP INDEX body_blocks_pending;
CREATE INDEX body_blocks_pending ON body_blocks (destination, lane, place, id) WHERE pending > 0;
ALTER TABLE batches ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN ticket TEXT;
ALTER TABLE batches ADD COLUMN doubt_since INTEGER;
ALTER TABLE batches ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN overdue INTEGER NOT NULL DEFAULT 0;
DROP INDEX batches_open;
CREATE INDEX batches_open ON batches (destination, lane, state, place, first_message)
  WHERE state IN ('planned', 'sending', 'inDoubt');
CREATE TABLE pauses (
  destination TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('breaker', 'maintenance', 'rate')),
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  code TEXT NOT NULL,
  reason TEXT NOT NULL,
  next TEXT NOT NULL,
  PRIMARY KEY (destination, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE batch_limits (
  destination TEXT PRIMARY KEY,
  messages INTEGER NOT NULL,
  worked INTEGER NOT NULL,
  too_many INTEGER,
  bytes INTEGER,
  since INTEGER NOT NULL,
  try_larger_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE verdicts (
  message INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  state TEXT NOT NULL,
  code TEXT NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (message, batch, asked)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER verdicts_keep BEFORE DELETE ON verdicts
  BEGIN SELECT RAISE (ABORT, 'verdicts are never deleted'); END;
CREATE TRIGGER verdicts_fixed BEFORE UPDATE ON verdicts
  BEGIN SELECT RAISE (ABORT, 'verdicts are never changed'); END;
`,
  ACTING_MIGRATION,
  VERSIONS_MIGRATION,
  KEEPING_MIGRATION,
];

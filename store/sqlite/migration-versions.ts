/**
 * Versions and searchable fields. `successors` has one row for each message in whose place something newer stands:
 * `next` is a later version of the same item and entry; without it, the item named here, which came in another submission.
 */
export const VERSIONS_MIGRATION = `
CREATE TABLE successors (
  message INTEGER PRIMARY KEY,
  next INTEGER,
  submission INTEGER NOT NULL,
  item INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('rowEdited', 'messageEdited', 'sentAgain', 'corrected')),
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  changed TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX successors_next ON successors (next) WHERE next IS NOT NULL;
CREATE INDEX successors_corrected ON successors (submission, item) WHERE next IS NULL;
CREATE TRIGGER successors_keep BEFORE DELETE ON successors WHEN EXISTS (SELECT 1 FROM messages WHERE id = OLD.message)
  BEGIN SELECT RAISE (ABORT, 'links of messages that are kept cannot be deleted'); END;
CREATE TRIGGER successors_fixed BEFORE UPDATE ON successors
  BEGIN SELECT RAISE (ABORT, 'links between versions are never changed'); END;
CREATE TABLE edited_rows (
  submission INTEGER NOT NULL REFERENCES submissions (number),
  item INTEGER NOT NULL,
  edit INTEGER NOT NULL,
  row BLOB NOT NULL,
  PRIMARY KEY (submission, item, edit)
) STRICT;
CREATE TABLE search_digests (
  digest BLOB NOT NULL,
  submission INTEGER NOT NULL,
  item INTEGER NOT NULL,
  PRIMARY KEY (digest, submission, item)
) STRICT, WITHOUT ROWID;
`;

/**
 * Retention, and what may be deleted. `retention` has, for each route ('' for those that have no rows of their own) and
 * each state of messages (-1: where there are none), how long bodies and ledger rows are kept; NULL is for ever.
 * `purges` has the submissions that are being purged: only of those can anything be deleted, and only one that is settled
 * and past its retention by this file's own clock gets in. Numbers of messages and batches are never given twice.
 */
export const KEEPING_MIGRATION = `
CREATE TABLE retention (
  route TEXT NOT NULL,
  state INTEGER NOT NULL,
  bodies INTEGER,
  ledger INTEGER,
  PRIMARY KEY (route, state),
  CHECK (ledger IS NULL OR (bodies IS NOT NULL AND bodies <= ledger))
) STRICT, WITHOUT ROWID;
ALTER TABLE submissions ADD COLUMN bodies_purged_at INTEGER;
ALTER TABLE submissions ADD COLUMN purged_at INTEGER;
CREATE INDEX submissions_kept ON submissions (settled_at, number)
  WHERE settled_at IS NOT NULL AND bodies_purged_at IS NULL;
CREATE INDEX submissions_rows_kept ON submissions (settled_at, number)
  WHERE bodies_purged_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX search_digests_submission ON search_digests (submission, item);
CREATE INDEX events_purge_runs ON events (id) WHERE what = 'purgeRun';
CREATE TABLE purges (
  submission INTEGER PRIMARY KEY REFERENCES submissions (number),
  what TEXT NOT NULL CHECK (what IN ('bodies', 'ledger')),
  begun_at INTEGER NOT NULL,
  who TEXT NOT NULL,
  emptied INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE numbers_given (what TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO numbers_given (what, last) VALUES ('message', 0);
CREATE VIEW next_message (id) AS
  SELECT max((SELECT coalesce(max(id), 0) FROM messages), (SELECT last FROM numbers_given WHERE what = 'message')) + 1;
CREATE VIEW kept_until (submission, bodies, ledger) AS
  SELECT s.number,
    max(s.settled_at, coalesce((SELECT max(routed_at) FROM body_blocks WHERE submission = s.number), 0))
      + (SELECT CASE WHEN count(*) = 0 THEN (SELECT r.bodies FROM retention r WHERE r.state = -1
            AND r.route = coalesce((SELECT t.route FROM retention t WHERE t.route = s.route AND t.state = -1), ''))
          WHEN count(*) = count(r.bodies) THEN max(r.bodies) END
        FROM counters c LEFT JOIN retention r ON r.state = c.state
          AND r.route = coalesce((SELECT t.route FROM retention t WHERE t.route = s.route AND t.state = -1), '')
        WHERE c.submission = s.number AND c.n > 0),
    max(s.settled_at, coalesce((SELECT max(routed_at) FROM body_blocks WHERE submission = s.number), 0))
      + (SELECT CASE WHEN count(*) = 0 THEN (SELECT r.ledger FROM retention r WHERE r.state = -1
            AND r.route = coalesce((SELECT t.route FROM retention t WHERE t.route = s.route AND t.state = -1), ''))
          WHEN count(*) = count(r.ledger) THEN max(r.ledger) END
        FROM counters c LEFT JOIN retention r ON r.state = c.state
          AND r.route = coalesce((SELECT t.route FROM retention t WHERE t.route = s.route AND t.state = -1), '')
        WHERE c.submission = s.number AND c.n > 0)
  FROM submissions s;

CREATE TRIGGER purges_due BEFORE INSERT ON purges WHEN NOT EXISTS (
    SELECT 1 FROM submissions s JOIN kept_until k ON k.submission = s.number
    WHERE s.number = NEW.submission AND s.settled_at IS NOT NULL AND s.unsettled = 0 AND s.progress = 'closed'
      AND CASE NEW.what
        WHEN 'bodies' THEN s.bodies_purged_at IS NULL AND k.bodies <= unixepoch('subsec') * 1000
        ELSE s.bodies_purged_at IS NOT NULL AND s.purged_at IS NULL AND k.ledger <= unixepoch('subsec') * 1000 END)
  BEGIN SELECT RAISE (ABORT, 'a submission that is not final or not past its retention cannot be purged'); END;
CREATE TRIGGER purges_fixed BEFORE UPDATE OF submission, what ON purges
  BEGIN SELECT RAISE (ABORT, 'a purge is never made another one'); END;
CREATE TRIGGER purges_keep BEFORE DELETE ON purges WHEN NOT EXISTS (
    SELECT 1 FROM submissions WHERE number = OLD.submission
      AND CASE OLD.what WHEN 'bodies' THEN bodies_purged_at ELSE purged_at END IS NOT NULL)
  BEGIN SELECT RAISE (ABORT, 'a purge that is not done cannot be forgotten'); END;
CREATE TRIGGER submissions_keep BEFORE DELETE ON submissions
  BEGIN SELECT RAISE (ABORT, 'submissions are never deleted'); END;
CREATE TRIGGER submissions_purged BEFORE UPDATE OF bodies_purged_at, purged_at ON submissions WHEN NOT EXISTS (
    SELECT 1 FROM purges WHERE submission = OLD.number AND emptied = 1 AND CASE what
      WHEN 'bodies' THEN OLD.bodies_purged_at IS NULL AND NEW.purged_at IS NULL
      ELSE OLD.purged_at IS NULL AND NEW.bodies_purged_at IS OLD.bodies_purged_at END)
  BEGIN SELECT RAISE (ABORT, 'only a purge that has emptied a submission says so'); END;
CREATE TRIGGER submissions_at_rest BEFORE UPDATE OF unsettled ON submissions
  WHEN NEW.unsettled > OLD.unsettled
    AND (OLD.bodies_purged_at IS NOT NULL OR EXISTS (SELECT 1 FROM purges WHERE submission = OLD.number))
  BEGIN SELECT RAISE (ABORT, 'nothing of a submission that is purged can be under way again'); END;

CREATE TRIGGER body_blocks_purged BEFORE DELETE ON body_blocks
  WHEN NOT EXISTS (SELECT 1 FROM purges WHERE submission = OLD.submission AND what = 'ledger')
  BEGIN SELECT RAISE (ABORT, 'body blocks are deleted only by a purge'); END;
CREATE TRIGGER bodies_purged BEFORE DELETE ON bodies
  WHEN NOT EXISTS (SELECT 1 FROM body_blocks b JOIN purges p ON p.submission = b.submission WHERE b.id = OLD.id)
  BEGIN SELECT RAISE (ABORT, 'bodies are deleted only by a purge'); END;
CREATE TRIGGER messages_purged BEFORE DELETE ON messages
  WHEN NOT EXISTS (SELECT 1 FROM purges WHERE submission = OLD.submission AND what = 'ledger')
  BEGIN SELECT RAISE (ABORT, 'messages are deleted only by a purge'); END;
CREATE TRIGGER messages_numbers AFTER DELETE ON messages
  WHEN OLD.id > (SELECT last FROM numbers_given WHERE what = 'message')
  BEGIN UPDATE numbers_given SET last = OLD.id WHERE what = 'message'; END;
CREATE TRIGGER item_blocks_purged BEFORE DELETE ON item_blocks
  WHEN NOT EXISTS (SELECT 1 FROM purges WHERE submission = OLD.submission AND what = 'ledger')
  BEGIN SELECT RAISE (ABORT, 'item blocks are deleted only by a purge'); END;
CREATE TRIGGER item_blocks_rejects BEFORE UPDATE OF rejects ON item_blocks
  WHEN OLD.rejects IS NOT NULL
    AND (NEW.rejects IS NOT NULL OR NOT EXISTS (SELECT 1 FROM purges WHERE submission = OLD.submission))
  BEGIN SELECT RAISE (ABORT, 'rejected rows are deleted only by a purge'); END;
CREATE TRIGGER edited_rows_purged BEFORE DELETE ON edited_rows
  WHEN NOT EXISTS (SELECT 1 FROM purges WHERE submission = OLD.submission)
  BEGIN SELECT RAISE (ABORT, 'edited rows are deleted only by a purge'); END;
CREATE TRIGGER search_digests_purged BEFORE DELETE ON search_digests
  WHEN NOT EXISTS (SELECT 1 FROM purges WHERE submission = OLD.submission AND what = 'ledger')
  BEGIN SELECT RAISE (ABORT, 'search digests are deleted only by a purge'); END;
DROP TRIGGER outcomes_keep;
CREATE TRIGGER outcomes_keep BEFORE DELETE ON outcomes
  WHEN NOT EXISTS (SELECT 1 FROM messages m JOIN purges p ON p.submission = m.submission AND p.what = 'ledger'
    WHERE m.id = OLD.message)
  BEGIN SELECT RAISE (ABORT, 'outcomes are never deleted but by a purge'); END;
DROP TRIGGER verdicts_keep;
CREATE TRIGGER verdicts_keep BEFORE DELETE ON verdicts
  WHEN NOT EXISTS (SELECT 1 FROM messages m JOIN purges p ON p.submission = m.submission AND p.what = 'ledger'
    WHERE m.id = OLD.message)
  BEGIN SELECT RAISE (ABORT, 'verdicts are never deleted but by a purge'); END;
CREATE TRIGGER batch_parts_purged BEFORE DELETE ON batch_parts
  WHEN NOT EXISTS (SELECT 1 FROM body_blocks b JOIN purges p ON p.submission = b.submission AND p.what = 'ledger'
    WHERE b.id = OLD.body_block)
  BEGIN SELECT RAISE (ABORT, 'parts of batches are deleted only by a purge'); END;
CREATE VIEW purged_batches (batch) AS
  SELECT id FROM batches b WHERE state IN ('done', 'closed')
    AND NOT EXISTS (SELECT 1 FROM batch_parts WHERE batch = b.id)
    AND NOT EXISTS (SELECT 1 FROM submissions WHERE cause = b.id AND purged_at IS NULL);
DROP TRIGGER attempts_keep;
CREATE TRIGGER attempts_keep BEFORE DELETE ON attempts
  WHEN NOT EXISTS (SELECT 1 FROM purged_batches WHERE batch = OLD.batch)
  BEGIN SELECT RAISE (ABORT, 'attempts are never deleted before everything they are about is purged'); END;
CREATE TRIGGER batches_keep BEFORE DELETE ON batches
  WHEN NOT EXISTS (SELECT 1 FROM purged_batches WHERE batch = OLD.id)
    OR EXISTS (SELECT 1 FROM submissions WHERE cause = OLD.id) OR OLD.id = (SELECT max(id) FROM batches)
  BEGIN SELECT RAISE (ABORT, 'batches are never deleted before everything they are about is purged'); END;
DROP TRIGGER body_blocks_keep;
CREATE TRIGGER body_blocks_keep BEFORE DELETE ON body_blocks WHEN OLD.unsettled > 0
  BEGIN SELECT RAISE (ABORT, 'bodies of messages that are not settled cannot be deleted'); END;
DROP TRIGGER bodies_keep;
CREATE TRIGGER bodies_keep BEFORE DELETE ON bodies
  WHEN (SELECT unsettled FROM body_blocks WHERE id = OLD.id) > 0
  BEGIN SELECT RAISE (ABORT, 'bodies of messages that are not settled cannot be deleted'); END;
DROP TRIGGER messages_keep;
CREATE TRIGGER messages_keep BEFORE DELETE ON messages WHEN OLD.state IN (2, 3, 4, 5)
  BEGIN SELECT RAISE (ABORT, 'messages that are not settled cannot be deleted'); END;
`;

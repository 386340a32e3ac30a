/**
 * What a person may act on by state, as codes of message states: queued, sending, inDoubt, suspended, rejected, failed.
 * Numbers, since a migration that was released never changes.
 */
export const ACTABLE = 'state IN (2, 3, 4, 5, 7, 8)';

/**
 * Acts on messages, with what they are about, and an index that finds submissions with messages in a state. It stands on
 * the counters, which change once for each batch: an index on messages would make every change of a state dearer (measured).
 */
export const ACTING_MIGRATION = `
CREATE INDEX counters_actable ON counters (submission, state) WHERE n > 0 AND ${ACTABLE};
CREATE TABLE acts (
  id INTEGER PRIMARY KEY,
  verb TEXT NOT NULL CHECK (verb IN ('resend', 'suspend', 'release', 'cancel', 'resolve')),
  goal TEXT NOT NULL,
  event TEXT NOT NULL,
  filter TEXT NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  count INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  next_part INTEGER NOT NULL DEFAULT 0,
  done INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done')),
  ended_at INTEGER
) STRICT;
CREATE INDEX acts_running ON acts (id) WHERE state = 'running';
CREATE TRIGGER acts_keep BEFORE DELETE ON acts BEGIN SELECT RAISE (ABORT, 'acts are never deleted'); END;
CREATE TRIGGER acts_fixed BEFORE UPDATE ON acts WHEN OLD.state = 'done'
  BEGIN SELECT RAISE (ABORT, 'acts that are done are never changed'); END;
CREATE TABLE act_parts (
  act INTEGER NOT NULL REFERENCES acts (id),
  part INTEGER NOT NULL,
  count INTEGER NOT NULL,
  groups TEXT NOT NULL,
  PRIMARY KEY (act, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE act_submissions (
  act INTEGER NOT NULL REFERENCES acts (id),
  submission INTEGER NOT NULL REFERENCES submissions (number),
  destination TEXT NOT NULL,
  done INTEGER NOT NULL,
  told INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (act, submission, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX act_submissions_told ON act_submissions (act, submission) WHERE told = 0;
`;

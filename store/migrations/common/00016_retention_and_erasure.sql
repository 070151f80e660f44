-- What proves that contacts were erased, how far retention has come, and what it has done.
-- +goose Up

-- One certificate for each contact that was erased, as it was signed then. Nothing in it is personal.
CREATE TABLE erasures (
  contact_id id_text PRIMARY KEY,
  id         id_text NOT NULL UNIQUE,
  erased_at  BIGINT NOT NULL,
  actor      TEXT NOT NULL, -- the id of whoever ordered it
  jws        TEXT NOT NULL -- compact; its payload is the certificate
);

-- Up to which message each rule has been applied: whatever is older is gone, or stands in retention_stays.
CREATE TABLE retention_marks (
  kind       TEXT NOT NULL,
  class      TEXT NOT NULL,
  message_id id_text NOT NULL,
  PRIMARY KEY (kind, class)
);

-- What was old enough and had to stay: it waits, is recent for another reason, or its contact's data are blocked by law.
CREATE TABLE retention_stays (
  kind       TEXT NOT NULL,
  class      TEXT NOT NULL,
  message_id id_text NOT NULL,
  PRIMARY KEY (kind, class, message_id)
);

CREATE TABLE retention_runs (
  id         id_text PRIMARY KEY,
  started_at BIGINT NOT NULL,
  ended_at   BIGINT, -- NULL: it is under way, or its process is gone
  failed     BOOLEAN NOT NULL,
  counts     TEXT NOT NULL -- JSON list: kind, class, before, and how many of what
);

-- All suppressions of an address, the lifted ones too: erasure takes their notes, an export shows them.
CREATE INDEX suppressions_by_hash ON suppressions (address_hash);

-- +goose Down
DROP INDEX suppressions_by_hash;
DROP TABLE retention_runs;
DROP TABLE retention_stays;
DROP TABLE retention_marks;
DROP TABLE erasures;

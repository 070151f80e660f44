-- What proves the consent ledger: the nodes of its Merkle tree over 256, 65,536 and 16,777,216 entries, and its signed heads, which
-- stand in a file outside of the database as well. Triggers refuse to change either. One process at a time makes heads (leads).
-- +goose Up
CREATE TABLE consent_nodes (
  level BIGINT NOT NULL,
  place BIGINT NOT NULL, -- covers the leaves from place << level on
  hash  TEXT NOT NULL,
  PRIMARY KEY (level, place)
);

CREATE TABLE consent_checkpoints (
  number BIGINT PRIMARY KEY,
  size   BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  note   TEXT NOT NULL -- the signed note; size and at are read out of it
);

-- Who does what only one process at a time does, and until when.
CREATE TABLE leads (
  duty   TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until  BIGINT NOT NULL
);
INSERT INTO leads (duty, holder, until) VALUES ('checkpoints', '', 0);

-- +goose StatementBegin
CREATE TRIGGER consent_checkpoints_no_update BEFORE UPDATE ON consent_checkpoints
BEGIN SELECT RAISE(ABORT, 'consent_checkpoints is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_checkpoints_no_delete BEFORE DELETE ON consent_checkpoints
BEGIN SELECT RAISE(ABORT, 'consent_checkpoints is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
-- REPLACE would take a row away without asking the trigger above.
CREATE TRIGGER consent_checkpoints_no_replace BEFORE INSERT ON consent_checkpoints
WHEN EXISTS (SELECT 1 FROM consent_checkpoints WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'consent_checkpoints is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE leads;
DROP TABLE consent_checkpoints;
DROP TABLE consent_nodes;

-- Consent texts. A draft may be changed; a published version never, so the two live in tables of their own and the engine refuses to change
-- what is published.
-- +goose Up
CREATE TABLE consent_text_drafts (
  id         id_text PRIMARY KEY,
  purpose    TEXT NOT NULL,
  channel    TEXT NOT NULL,
  body       TEXT NOT NULL, -- JSON: the words and what goes with them
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL
);
CREATE TABLE consent_texts (
  id           id_text PRIMARY KEY,
  purpose      TEXT NOT NULL,
  channel      TEXT NOT NULL, -- '' for a use of data
  version      BIGINT NOT NULL,
  body         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  created_by   TEXT NOT NULL,
  published_at BIGINT NOT NULL,
  published_by TEXT NOT NULL,
  UNIQUE (purpose, channel, version)
);
-- Versions that say something else than those before: grants on earlier ones are stale (see docs/adr/0017-stale-is-read.md).
CREATE TABLE consent_text_changes (
  purpose  TEXT NOT NULL,
  channel  TEXT NOT NULL,
  version  BIGINT NOT NULL,
  event_id id_text NOT NULL, -- the entry of the ledger that says so
  at       BIGINT NOT NULL,
  PRIMARY KEY (purpose, channel, version)
);
-- +goose StatementBegin
CREATE TRIGGER consent_texts_no_update BEFORE UPDATE ON consent_texts
BEGIN SELECT RAISE(ABORT, 'consent_texts is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_texts_no_delete BEFORE DELETE ON consent_texts
BEGIN SELECT RAISE(ABORT, 'consent_texts is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_text_changes_no_update BEFORE UPDATE ON consent_text_changes
BEGIN SELECT RAISE(ABORT, 'consent_text_changes is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_text_changes_no_delete BEFORE DELETE ON consent_text_changes
BEGIN SELECT RAISE(ABORT, 'consent_text_changes is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
-- REPLACE would take a row away without asking the triggers above.
CREATE TRIGGER consent_texts_no_replace BEFORE INSERT ON consent_texts
WHEN EXISTS (SELECT 1 FROM consent_texts WHERE id = NEW.id OR purpose = NEW.purpose AND channel = NEW.channel AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'consent_texts is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_text_changes_no_replace BEFORE INSERT ON consent_text_changes
WHEN EXISTS (SELECT 1 FROM consent_text_changes WHERE purpose = NEW.purpose AND channel = NEW.channel AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'consent_text_changes is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE consent_text_changes;
DROP TABLE consent_texts;
DROP TABLE consent_text_drafts;

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
CREATE TRIGGER consent_texts_no_change BEFORE UPDATE OR DELETE ON consent_texts
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_texts_no_truncate BEFORE TRUNCATE ON consent_texts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_text_changes_no_change BEFORE UPDATE OR DELETE ON consent_text_changes
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_text_changes_no_truncate BEFORE TRUNCATE ON consent_text_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- +goose Down
DROP TABLE consent_text_changes;
DROP TABLE consent_texts;
DROP TABLE consent_text_drafts;

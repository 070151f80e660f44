-- What shows that an entry of the consent ledger is true, and which version of a consent text was agreed to.
-- +goose Up
ALTER TABLE consent_events ADD COLUMN text_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE consent_events ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE consent_events ADD COLUMN proof_ref TEXT NOT NULL DEFAULT '';
ALTER TABLE consent_events ADD COLUMN recorded_at BIGINT;
ALTER TABLE consents ADD COLUMN text_version BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE consents DROP COLUMN text_version;
ALTER TABLE consent_events DROP COLUMN recorded_at;
ALTER TABLE consent_events DROP COLUMN proof_ref;
ALTER TABLE consent_events DROP COLUMN proof;
ALTER TABLE consent_events DROP COLUMN text_version;

-- Until when a contact wants no mailings: part of the projection of the consent ledger.
-- +goose Up
ALTER TABLE contacts ADD COLUMN paused_until BIGINT;

-- +goose Down
ALTER TABLE contacts DROP COLUMN paused_until;

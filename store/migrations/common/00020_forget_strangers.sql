-- When a contact whom a sign-up made is forgotten, unless they have confirmed by then; NULL: never, or it was looked at.
-- +goose Up
ALTER TABLE confirmations ADD COLUMN forget_at BIGINT;
CREATE INDEX confirmations_to_forget ON confirmations (forget_at) WHERE forget_at IS NOT NULL;

-- +goose Down
DROP INDEX confirmations_to_forget;
ALTER TABLE confirmations DROP COLUMN forget_at;

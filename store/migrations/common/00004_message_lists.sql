-- Lists of messages. Neither created_at nor reference ever changes, so claims and settles stay heap-only updates.
-- +goose Up
CREATE INDEX messages_by_time ON messages (created_at, id);
-- One reference may stand for a whole campaign: its messages are read in the order of their ids.
CREATE INDEX messages_by_reference_id ON messages (reference, id) WHERE reference IS NOT NULL;
DROP INDEX messages_by_reference;

-- +goose Down
CREATE INDEX messages_by_reference ON messages (reference) WHERE reference IS NOT NULL;
DROP INDEX messages_by_reference_id;
DROP INDEX messages_by_time;

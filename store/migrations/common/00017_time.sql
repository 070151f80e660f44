-- What the clock and the calendar have to say.
-- +goose Up

-- The earlier messages that fill the frequency cap of one that is held for it. Few messages are, so it is no column of theirs.
CREATE TABLE cap_evidence (
  message_id id_text PRIMARY KEY,
  earlier    TEXT NOT NULL -- JSON list of message ids, the oldest first
);

-- +goose Down
DROP TABLE cap_evidence;

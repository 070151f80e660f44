-- What the clock and the calendar have to say, and the purposes that were ever registered.
-- +goose Up

-- The earlier messages that fill the frequency cap of one that is held for it. Few messages are, so it is no column of theirs.
CREATE TABLE cap_evidence (
  message_id id_text PRIMARY KEY,
  earlier    TEXT NOT NULL -- JSON list of message ids, the oldest first
);

-- Grants by their end: whom to ask for a renewal, and what has expired.
CREATE INDEX consents_by_end ON consents (valid_until, event_id) WHERE state = 'granted' AND valid_until IS NOT NULL;

-- Who was asked to renew which grant, how many days before its end.
CREATE TABLE renewal_asks (
  event_id   id_text NOT NULL, -- the entry that granted it
  days       BIGINT NOT NULL,
  message_id id_text NOT NULL, -- empty if no message could be made
  at         BIGINT NOT NULL,
  PRIMARY KEY (event_id, days)
);
CREATE INDEX renewal_asks_by_message ON renewal_asks (message_id);

-- What each purpose was first registered as: its class is fixed from then on.
CREATE TABLE purposes (
  id    id_text PRIMARY KEY,
  class TEXT NOT NULL,
  since BIGINT NOT NULL
);

-- +goose Down
DROP TABLE purposes;
DROP TABLE renewal_asks;
DROP INDEX consents_by_end;
DROP TABLE cap_evidence;

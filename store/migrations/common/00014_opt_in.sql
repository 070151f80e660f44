-- Sign-up forms, and the requests to confirm that they and other doors make. A confirmation holds ids and no personal data.
-- +goose Up
CREATE TABLE confirmations (
  id          id_text PRIMARY KEY,
  kind        TEXT NOT NULL, -- 'opt_in' or 'address_proof'
  contact_id  id_text NOT NULL,
  address_id  id_text NOT NULL,
  channel     TEXT NOT NULL,
  language    TEXT NOT NULL,
  form_id     id_text NOT NULL,
  asked       TEXT NOT NULL, -- JSON: the grants that are asked for, with the text that was shown and the entries of the ledger
  code_hash   TEXT NOT NULL, -- keyed; empty: a link is pressed. A link's token is in no table: a key outside of the database makes it
  message_id  id_text NOT NULL, -- that carried the link or the code
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  remind_at   BIGINT, -- NULL: never, or done
  reminded_at BIGINT,
  tries       BIGINT NOT NULL,
  used_at     BIGINT
);
CREATE INDEX confirmations_by_address ON confirmations (address_id, created_at);
CREATE INDEX confirmations_to_remind ON confirmations (remind_at) WHERE remind_at IS NOT NULL;

-- How many sign-ups came from one part of the network lately, which is known by a keyed hash alone.
CREATE TABLE sign_up_counts (
  source_hash id_text NOT NULL,
  ends_at     BIGINT NOT NULL,
  n           BIGINT NOT NULL,
  PRIMARY KEY (ends_at, source_hash)
);

CREATE TABLE forms (
  id         id_text PRIMARY KEY,
  slug       TEXT NOT NULL UNIQUE,
  content    TEXT NOT NULL, -- JSON
  enabled    BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);

CREATE INDEX consents_pending ON consents (since) WHERE state = 'pending'; -- those that nobody confirms lapse

-- +goose Down
DROP INDEX consents_pending;
DROP TABLE forms;
DROP TABLE sign_up_counts;
DROP TABLE confirmations;

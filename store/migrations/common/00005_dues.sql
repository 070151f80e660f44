-- What changes at every claim and settle leaves the indexed columns of messages alone, so that PostgreSQL updates those rows in place
-- (heap-only): when a message is due stands in a narrow table of its own, and how its newest attempt ended in the message's row.
-- +goose Up

-- One row for every message with something left to do; due_at says when to ring for it.
CREATE TABLE dues (
  message_id id_text PRIMARY KEY,
  channel    TEXT NOT NULL,
  lane       TEXT NOT NULL,
  class      TEXT NOT NULL,
  provider   TEXT NOT NULL,
  due_at     BIGINT NOT NULL,
  ring_until BIGINT NOT NULL
);
INSERT INTO dues (message_id, channel, lane, class, provider, due_at, ring_until)
SELECT id, channel, lane, class, provider, due_at, ring_until FROM messages WHERE due_at IS NOT NULL;
CREATE INDEX dues_by_time ON dues (channel, lane, class, due_at);
DROP INDEX messages_due;
ALTER TABLE messages DROP COLUMN ring_until;

-- One row for every claim until its lease is over, so that the reaper finds what nobody settled.
CREATE TABLE leases (
  id       id_text PRIMARY KEY,
  until    BIGINT NOT NULL,
  messages TEXT NOT NULL -- JSON list of ids
);
INSERT INTO leases (id, until, messages) SELECT id, lease_until, '["' || id || '"]' FROM messages WHERE status = 'sending';
CREATE INDEX leases_by_time ON leases (until);

-- By what name a provider reports on an SMS later.
CREATE TABLE sms_refs (
  provider   TEXT NOT NULL,
  ref        TEXT NOT NULL,
  message_id id_text NOT NULL,
  sent_at    BIGINT NOT NULL,
  PRIMARY KEY (provider, ref, message_id)
);
INSERT INTO sms_refs (provider, ref, message_id, sent_at)
SELECT provider, provider_ref, id, sent_at FROM messages WHERE channel = 'sms' AND provider_ref <> '' AND sent_at IS NOT NULL;
CREATE INDEX sms_refs_by_time ON sms_refs (provider, sent_at, message_id);
DROP INDEX messages_sms_sent;
DROP INDEX messages_by_provider_ref;

-- The newest attempt: opened at claimed_at, closed at settled_at if it has an outcome. Earlier ones are in message_attempts.
ALTER TABLE messages ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN code BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN enhanced TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN detail TEXT NOT NULL DEFAULT '';
CREATE VIEW closed_attempts AS
SELECT message_id, attempt, opened_at, closed_at, provider, outcome, cause, code, enhanced, detail, provider_ref FROM message_attempts
UNION ALL
SELECT m.id, m.attempt, m.claimed_at, m.settled_at, m.provider, m.outcome, m.cause, m.code, m.enhanced, m.detail, m.provider_ref FROM messages m
WHERE m.outcome <> '';

-- +goose Down
DROP VIEW closed_attempts;
ALTER TABLE messages DROP COLUMN detail;
ALTER TABLE messages DROP COLUMN enhanced;
ALTER TABLE messages DROP COLUMN code;
ALTER TABLE messages DROP COLUMN cause;
ALTER TABLE messages DROP COLUMN outcome;
CREATE INDEX messages_by_provider_ref ON messages (provider_ref) WHERE provider_ref <> '';
CREATE INDEX messages_sms_sent ON messages (provider, sent_at) WHERE channel = 'sms' AND sent_at IS NOT NULL;
DROP TABLE sms_refs;
DROP TABLE leases;
ALTER TABLE messages ADD COLUMN ring_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX messages_due ON messages (channel, lane, class, due_at) WHERE due_at IS NOT NULL;
DROP TABLE dues;

-- All times are microseconds since 1970 in UTC; NULL is "never". JSON is kept as text: nothing queries inside it.
-- +goose Up

-- People and addresses. The rows of contacts and addresses are also the guards of the street: see store/guard.go.
CREATE TABLE contacts (
  id                      id_text PRIMARY KEY,
  external_id             TEXT UNIQUE,
  name                    TEXT NOT NULL,
  name_lookup             id_text NOT NULL, -- as searches compare it: see folded in store/text.go
  language                TEXT NOT NULL,
  time_zone               TEXT NOT NULL,
  attributes              TEXT NOT NULL,
  minor                   BOOLEAN NOT NULL,
  guardian_consented      BOOLEAN NOT NULL,
  data_blocked_at         BIGINT,
  processing_withdrawn_at BIGINT,
  unsubscribed_all_at     BIGINT,
  erased_at               BIGINT,
  created_at              BIGINT NOT NULL,
  updated_at              BIGINT NOT NULL
);
CREATE INDEX contacts_by_name ON contacts (name_lookup);

CREATE TABLE addresses (
  id         id_text PRIMARY KEY,
  channel    TEXT NOT NULL,
  value      TEXT NOT NULL, -- as it goes on the wire
  lookup     id_text NOT NULL, -- what makes two spellings one address
  hash       id_text NOT NULL, -- keyed hash of channel and lookup; suppressions know addresses by it alone
  created_at BIGINT NOT NULL,
  UNIQUE (channel, lookup)
);
CREATE INDEX addresses_by_hash ON addresses (hash);

CREATE TABLE contact_addresses (
  contact_id    id_text NOT NULL REFERENCES contacts (id),
  address_id    id_text NOT NULL REFERENCES addresses (id),
  is_primary    BOOLEAN NOT NULL,
  verified_at   BIGINT,
  reassigned_at BIGINT,
  created_at    BIGINT NOT NULL,
  PRIMARY KEY (contact_id, address_id)
);
CREATE INDEX contact_addresses_by_address ON contact_addresses (address_id);

CREATE TABLE suppressions (
  id           id_text PRIMARY KEY,
  channel      TEXT NOT NULL,
  address_hash id_text NOT NULL,
  address_id   id_text,
  reason       TEXT NOT NULL,
  origin       TEXT NOT NULL,
  note         TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  lifted_at    BIGINT,
  lifted_by    TEXT NOT NULL
);
CREATE UNIQUE INDEX suppressions_active ON suppressions (address_hash, reason) WHERE lifted_at IS NULL;

CREATE TABLE address_bounces (
  message_id id_text NOT NULL,
  attempt    BIGINT NOT NULL,
  address_id id_text NOT NULL,
  cause      TEXT NOT NULL,
  points     BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (message_id, attempt)
);
CREATE INDEX address_bounces_by_address ON address_bounces (address_id, at);

-- Consent: events are the truth, consents is their projection. Triggers refuse to change an event (next migration).
CREATE TABLE consent_events (
  seq            BIGINT PRIMARY KEY,
  id             id_text NOT NULL UNIQUE,
  kind           TEXT NOT NULL,
  contact_id     id_text NOT NULL,
  address_id     id_text NOT NULL,
  scope          TEXT NOT NULL,
  purpose        TEXT NOT NULL,
  channel        TEXT NOT NULL,
  topic          TEXT NOT NULL,
  source         TEXT NOT NULL,
  actor_kind     TEXT NOT NULL,
  actor_id       TEXT NOT NULL,
  language       TEXT NOT NULL,
  text_hash      TEXT NOT NULL,
  policy_version TEXT NOT NULL,
  at             BIGINT NOT NULL,
  valid_until    BIGINT,
  commitment     TEXT NOT NULL,
  prev_hash      TEXT NOT NULL,
  hash           TEXT NOT NULL
);
CREATE INDEX consent_events_by_contact ON consent_events (contact_id, seq);

-- The personal values that commitments in the chain stand for; erasing a contact deletes them and leaves the chain whole.
CREATE TABLE consent_values (
  event_id id_text PRIMARY KEY,
  salt     TEXT NOT NULL,
  value    TEXT NOT NULL
);

CREATE TABLE consent_head (
  id   BIGINT PRIMARY KEY CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO consent_head (id, seq, hash) VALUES (1, 0, '');

CREATE TABLE consents (
  contact_id   id_text NOT NULL REFERENCES contacts (id),
  purpose      TEXT NOT NULL,
  channel      TEXT NOT NULL,
  topic        TEXT NOT NULL,
  state        TEXT NOT NULL,
  since        BIGINT NOT NULL,
  valid_until  BIGINT,
  objected     BOOLEAN NOT NULL, -- the contact once said no: no import may beat that
  cross_border BOOLEAN NOT NULL, -- the text that was agreed to covers a transfer abroad
  event_id     id_text NOT NULL,
  PRIMARY KEY (contact_id, purpose, channel, topic)
);

-- Templates: a version never changes, so its variants are read and kept whole.
CREATE TABLE template_versions (
  id         id_text PRIMARY KEY,
  template   TEXT NOT NULL,
  number     BIGINT NOT NULL,
  purpose    TEXT NOT NULL,
  calendar   TEXT NOT NULL,
  sample     TEXT NOT NULL,
  variants   TEXT NOT NULL,
  hash       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (template, number)
);

-- The ledger. No column that an index holds changes while a message is claimed and settled, except due_at, which a settled
-- message gives up, and provider_ref, which comes in the same update: so claims stay heap-only updates on PostgreSQL.
CREATE TABLE messages (
  id               id_text PRIMARY KEY,
  contact_id       id_text NOT NULL,
  address_id       id_text,
  channel          TEXT NOT NULL,
  class            TEXT NOT NULL,
  lane             TEXT NOT NULL,
  purpose          TEXT NOT NULL,
  topic            TEXT NOT NULL,
  language         TEXT NOT NULL,
  template         id_text NOT NULL,
  sender           TEXT NOT NULL,
  provider         TEXT NOT NULL,
  mode             TEXT NOT NULL,
  api_key          id_text NOT NULL,
  reference        TEXT,
  trigger_id       TEXT NOT NULL,
  trigger_at       BIGINT,
  has_unsubscribe  BOOLEAN NOT NULL,
  locale_approved  BOOLEAN NOT NULL,
  created_at       BIGINT NOT NULL,
  not_after        BIGINT,
  status           TEXT NOT NULL,
  attempt          BIGINT NOT NULL,
  failures         BIGINT NOT NULL,
  due_at           BIGINT, -- NULL once nothing is to be done
  ring_until       BIGINT NOT NULL,
  lease_until      BIGINT,
  first_attempt_at BIGINT,
  claimed_at       BIGINT,
  settled_at       BIGINT,
  sent_at          BIGINT,
  finalized_at     BIGINT,
  verdict          TEXT NOT NULL,
  reason           TEXT NOT NULL,
  reasons          TEXT NOT NULL,
  basis            TEXT NOT NULL,
  consent_event    id_text NOT NULL,
  policy_version   TEXT NOT NULL,
  decided_at       BIGINT NOT NULL,
  content_hash     TEXT NOT NULL,
  provider_ref     TEXT NOT NULL,
  last_cause       TEXT NOT NULL,
  possible_dup     BOOLEAN NOT NULL
);
CREATE INDEX messages_due ON messages (channel, lane, class, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_sms_sent ON messages (provider, sent_at) WHERE channel = 'sms' AND sent_at IS NOT NULL; -- whose reports are asked for
CREATE INDEX messages_by_contact ON messages (contact_id, id);
CREATE INDEX messages_by_reference ON messages (reference) WHERE reference IS NOT NULL;
CREATE INDEX messages_by_provider_ref ON messages (provider_ref) WHERE provider_ref <> '';

-- What a message was made from. It goes when retention, erasure or the end of a one-time code says so; the ledger row stays.
CREATE TABLE message_payloads (
  message_id id_text PRIMARY KEY,
  data       TEXT NOT NULL, -- JSON, or sealed when the class is security
  sealed     BOOLEAN NOT NULL,
  metadata   TEXT NOT NULL
);

CREATE TABLE attachments (
  id           id_text PRIMARY KEY,
  message_id   id_text NOT NULL,
  name         TEXT NOT NULL,
  content_type TEXT NOT NULL,
  content      blob NOT NULL
);
CREATE INDEX attachments_by_message ON attachments (message_id);

-- One row for every attempt that has ended; the open attempt is the message's own row while it is sending.
CREATE TABLE message_attempts (
  message_id   id_text NOT NULL,
  attempt      BIGINT NOT NULL,
  opened_at    BIGINT NOT NULL,
  closed_at    BIGINT NOT NULL,
  provider     TEXT NOT NULL,
  outcome      TEXT NOT NULL,
  cause        TEXT NOT NULL,
  code         BIGINT NOT NULL,
  enhanced     TEXT NOT NULL,
  detail       TEXT NOT NULL,
  provider_ref TEXT NOT NULL,
  PRIMARY KEY (message_id, attempt)
);

CREATE TABLE message_events (
  message_id id_text NOT NULL,
  id         id_text NOT NULL,
  type       TEXT NOT NULL,
  at         BIGINT NOT NULL,
  attempt    BIGINT NOT NULL,
  reason     TEXT NOT NULL, -- a decision's reason or a cause
  actor      TEXT NOT NULL, -- the id of whoever ordered it; empty if nobody did
  dedupe     TEXT, -- the provider's own id of the event
  PRIMARY KEY (message_id, id)
);
CREATE UNIQUE INDEX message_events_once ON message_events (message_id, dedupe) WHERE dedupe IS NOT NULL;

-- A legal notice goes to a contact once per version or case and channel.
CREATE TABLE message_once (
  contact_id id_text NOT NULL,
  purpose    TEXT NOT NULL,
  channel    TEXT NOT NULL,
  trigger_id TEXT NOT NULL,
  message_id id_text NOT NULL,
  PRIMARY KEY (contact_id, purpose, channel, trigger_id)
);

CREATE TABLE idempotency_keys (
  api_key    id_text NOT NULL,
  route      TEXT NOT NULL,
  token      TEXT NOT NULL,
  body_hash  TEXT NOT NULL,
  answer     TEXT NOT NULL, -- ids and codes, nothing personal
  created_at BIGINT NOT NULL,
  PRIMARY KEY (api_key, route, token)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE api_keys (
  id          id_text PRIMARY KEY,
  name        TEXT NOT NULL,
  mode        TEXT NOT NULL,
  secret_hash TEXT NOT NULL UNIQUE,
  guests      TEXT NOT NULL, -- JSON list of keyed address hashes
  created_at  BIGINT NOT NULL,
  revoked_at  BIGINT
);

CREATE TABLE pauses (
  kind   TEXT NOT NULL,
  name   TEXT NOT NULL,
  reason TEXT NOT NULL,
  origin TEXT NOT NULL,
  at     BIGINT NOT NULL,
  PRIMARY KEY (kind, name)
);

-- What the catcher caught; never written in production.
CREATE TABLE inbox (
  id        id_text PRIMARY KEY,
  channel   TEXT NOT NULL,
  sender    TEXT NOT NULL,
  recipient TEXT NOT NULL,
  subject   TEXT NOT NULL,
  body      TEXT NOT NULL,
  html      TEXT NOT NULL,
  raw       blob NOT NULL,
  at        BIGINT NOT NULL
);

-- +goose Down
DROP TABLE inbox;
DROP TABLE pauses;
DROP TABLE api_keys;
DROP TABLE idempotency_keys;
DROP TABLE message_once;
DROP TABLE message_events;
DROP TABLE message_attempts;
DROP TABLE attachments;
DROP TABLE message_payloads;
DROP TABLE messages;
DROP TABLE template_versions;
DROP TABLE consents;
DROP TABLE consent_head;
DROP TABLE consent_values;
DROP TABLE consent_events;
DROP TABLE address_bounces;
DROP TABLE suppressions;
DROP TABLE contact_addresses;
DROP TABLE addresses;
DROP TABLE contacts;

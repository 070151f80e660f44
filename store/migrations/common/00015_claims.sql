-- Claims and objections, contacts that were merged, and suppressions that say how far they reach and why they were lifted.
-- +goose Up

-- A merged contact keeps its row, which names the one who survived; absorbed says of that one that there are such rows.
ALTER TABLE contacts ADD COLUMN merged_into id_text;
ALTER TABLE contacts ADD COLUMN merged_at BIGINT;
ALTER TABLE contacts ADD COLUMN absorbed BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX contacts_by_survivor ON contacts (merged_into) WHERE merged_into IS NOT NULL;

-- The organisation's own ids of contacts that were merged: they find the survivor.
CREATE TABLE external_ids (
  external_id TEXT PRIMARY KEY,
  contact_id  id_text NOT NULL REFERENCES contacts (id)
);
CREATE INDEX external_ids_by_contact ON external_ids (contact_id);

ALTER TABLE suppressions ADD COLUMN classes TEXT NOT NULL DEFAULT ''; -- which classes it stops, with spaces between; empty: as its reason says
ALTER TABLE suppressions ADD COLUMN lift_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE suppressions ADD COLUMN lift_event id_text NOT NULL DEFAULT ''; -- the entry of the consent ledger that lifted it

CREATE TABLE claims (
  id            id_text PRIMARY KEY,
  number        TEXT NOT NULL UNIQUE,
  contact_id    id_text NOT NULL REFERENCES contacts (id),
  kind          TEXT NOT NULL,
  via           TEXT NOT NULL,
  language      TEXT NOT NULL,
  received_at   BIGINT NOT NULL,
  recorded_at   BIGINT NOT NULL,
  actor_kind    TEXT NOT NULL,
  actor_id      TEXT NOT NULL,
  due_at        BIGINT NOT NULL, -- the end of its last day, exclusive
  commitment    TEXT NOT NULL,   -- to the text, which stands in claim_texts
  state         TEXT NOT NULL,
  acknowledged  id_text NOT NULL, -- the message that told its number; empty: not yet
  answer        id_text NOT NULL, -- the message that answered it; empty: none
  answers       BIGINT NOT NULL,
  answered_at   BIGINT,
  answered_by   TEXT NOT NULL,
  closed_at     BIGINT,
  closed_by     TEXT NOT NULL,
  close_reason  TEXT NOT NULL,
  watch_at      BIGINT -- when there is something to do about it next; NULL: nothing
);
CREATE INDEX claims_by_contact ON claims (contact_id, id);
CREATE INDEX claims_by_watch ON claims (watch_at) WHERE watch_at IS NOT NULL;

-- What claimants wrote; erasing a contact deletes it.
CREATE TABLE claim_texts (
  claim_id id_text PRIMARY KEY REFERENCES claims (id),
  salt     TEXT NOT NULL,
  value    TEXT NOT NULL
);

-- What an objection wrote into the consent ledger, and what it stopped.
CREATE TABLE claim_events (
  claim_id id_text NOT NULL REFERENCES claims (id),
  event_id id_text NOT NULL,
  PRIMARY KEY (claim_id, event_id)
);
CREATE TABLE claim_stops (
  claim_id   id_text NOT NULL REFERENCES claims (id),
  message_id id_text NOT NULL,
  in_flight  BOOLEAN NOT NULL,
  PRIMARY KEY (claim_id, message_id)
);

-- Which alarms the officer was told.
CREATE TABLE claim_alarms (
  claim_id id_text NOT NULL REFERENCES claims (id),
  day      BIGINT NOT NULL,
  told_at  BIGINT NOT NULL,
  PRIMARY KEY (claim_id, day)
);

-- The last number of each year, without gaps.
CREATE TABLE claim_numbers (
  year BIGINT PRIMARY KEY,
  last BIGINT NOT NULL
);

-- +goose Down
DROP TABLE claim_numbers;
DROP TABLE claim_alarms;
DROP TABLE claim_stops;
DROP TABLE claim_events;
DROP TABLE claim_texts;
DROP TABLE claims;
ALTER TABLE suppressions DROP COLUMN lift_event;
ALTER TABLE suppressions DROP COLUMN lift_reason;
ALTER TABLE suppressions DROP COLUMN classes;
DROP TABLE external_ids;
DROP INDEX contacts_by_survivor;
ALTER TABLE contacts DROP COLUMN absorbed;
ALTER TABLE contacts DROP COLUMN merged_at;
ALTER TABLE contacts DROP COLUMN merged_into;

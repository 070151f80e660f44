-- Who works here, what everybody did, and to whom data were disclosed.
-- +goose Up

CREATE TABLE members (
  id             id_text PRIMARY KEY,
  name           TEXT NOT NULL,
  email          TEXT NOT NULL,
  email_lookup   id_text NOT NULL UNIQUE,
  roles          TEXT NOT NULL, -- JSON list
  created_at     BIGINT NOT NULL,
  deactivated_at BIGINT
);

CREATE TABLE member_tokens (
  id           id_text PRIMARY KEY,
  member_id    id_text NOT NULL REFERENCES members (id),
  name         TEXT NOT NULL,
  secret_hash  TEXT NOT NULL UNIQUE,
  created_by   TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT,
  last_used_on BIGINT, -- 00:00 UTC of the day
  revoked_at   BIGINT,
  revoked_by   TEXT NOT NULL
);
CREATE INDEX member_tokens_by_member ON member_tokens (member_id, id);

-- The audit log: triggers let it only grow (the engines' half of this migration). An event is written before what it tells of; how that ended is a row of
-- its own, because a row that could be completed could be changed.
CREATE TABLE audit_events (
  id            id_text PRIMARY KEY,
  at            BIGINT NOT NULL,
  actor_kind    TEXT NOT NULL,
  actor_id      id_text NOT NULL,
  operation     id_text NOT NULL,
  resource_kind TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  fields        TEXT NOT NULL, -- JSON list of names
  reason        TEXT NOT NULL,
  request_id    TEXT NOT NULL,
  status        BIGINT -- NULL unless it was known at once
);
CREATE INDEX audit_events_by_actor ON audit_events (actor_id, id);
CREATE INDEX audit_events_by_operation ON audit_events (operation, id);

CREATE TABLE audit_outcomes (
  event_id    id_text PRIMARY KEY,
  at          BIGINT NOT NULL,
  status      BIGINT NOT NULL,
  resource_id TEXT NOT NULL
);

-- What an event was about, by id: its resource, and every contact whose data it touched.
CREATE TABLE audit_subjects (
  subject_id id_text NOT NULL,
  event_id   id_text NOT NULL,
  PRIMARY KEY (subject_id, event_id)
);
CREATE INDEX audit_subjects_by_event ON audit_subjects (event_id);

-- The register of disclosures to authorities. What was disclosed is not kept; its hashes are.
CREATE TABLE disclosures (
  id           id_text PRIMARY KEY,
  state        TEXT NOT NULL,
  body         TEXT NOT NULL,
  bin          TEXT NOT NULL,
  ground       TEXT NOT NULL,
  reference    TEXT NOT NULL,
  requested_on TEXT NOT NULL,
  contacts     TEXT NOT NULL, -- JSON list of ids
  parts        TEXT NOT NULL, -- JSON list
  recipient    TEXT NOT NULL,
  drafted_by   TEXT NOT NULL,
  drafted_at   BIGINT NOT NULL,
  first_by     TEXT NOT NULL,
  first_at     BIGINT,
  second_by    TEXT NOT NULL,
  second_at    BIGINT,
  refused_by   TEXT NOT NULL,
  refused_at   BIGINT,
  refusal      TEXT NOT NULL,
  exported_by  TEXT NOT NULL,
  exported_at  BIGINT,
  plain_hash   TEXT NOT NULL,
  sealed_hash  TEXT NOT NULL
);

CREATE TABLE disclosure_contacts (
  contact_id    id_text NOT NULL,
  disclosure_id id_text NOT NULL,
  PRIMARY KEY (contact_id, disclosure_id)
);

-- +goose Down
DROP TABLE disclosure_contacts;
DROP TABLE disclosures;
DROP TABLE audit_subjects;
DROP TABLE audit_outcomes;
DROP TABLE audit_events;
DROP TABLE member_tokens;
DROP TABLE members;

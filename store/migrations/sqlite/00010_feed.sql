-- The feed of events, and the webhooks that it is sent to.
-- +goose Up

-- One transaction writes at a time, so the order of seq is that of commits, and tx says nothing: it is PostgreSQL's.
CREATE TABLE feed (
  tx      BIGINT NOT NULL,
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  id      id_text NOT NULL, -- empty: follows from type and subject
  type    TEXT NOT NULL,
  at      BIGINT NOT NULL,
  subject id_text NOT NULL, -- the message, for events of messages: the rest stands in its row; empty otherwise
  attempt BIGINT NOT NULL,
  reason  TEXT NOT NULL,
  data    TEXT NOT NULL -- JSON, ids and codes; empty for events of messages
);
CREATE UNIQUE INDEX feed_by_place ON feed (tx, seq);
INSERT INTO sqlite_sequence (name, seq) VALUES ('feed', 1); -- the first is 2: a reader of the empty feed stands before it, and not nowhere

-- base is added to the numbers of transactions, which begin anew when a dump is restored elsewhere; pruned is the last place forgotten.
CREATE TABLE feed_state (
  id         BIGINT PRIMARY KEY CHECK (id = 1),
  base       BIGINT NOT NULL,
  pruned_tx  BIGINT NOT NULL,
  pruned_seq BIGINT NOT NULL
);
INSERT INTO feed_state (id, base, pruned_tx, pruned_seq) VALUES (1, 0, 0, 1);

CREATE TABLE webhooks (
  id              id_text PRIMARY KEY,
  url             TEXT NOT NULL,
  events          TEXT NOT NULL, -- JSON list of patterns
  description     TEXT NOT NULL,
  enabled         BOOLEAN NOT NULL,
  disabled_reason TEXT NOT NULL,
  failing_since   BIGINT,
  secret          TEXT NOT NULL, -- sealed
  old_secret      TEXT NOT NULL, -- sealed; empty if there is none
  old_until       BIGINT,
  tx              BIGINT NOT NULL, -- how far of the feed it has got
  seq             BIGINT NOT NULL,
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL
);

CREATE TABLE webhook_deliveries (
  webhook_id   id_text NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  id           id_text NOT NULL,
  event_id     id_text NOT NULL,
  event_type   TEXT NOT NULL,
  event_at     BIGINT NOT NULL,
  tx           BIGINT NOT NULL, -- where the event stands in the feed; 0 for a test
  seq          BIGINT NOT NULL,
  state        TEXT NOT NULL,
  attempt      BIGINT NOT NULL,
  in_line      BOOLEAN NOT NULL, -- what comes after it waits for it
  next_at      BIGINT, -- NULL once nothing is to be done
  attempted_at BIGINT,
  duration     BIGINT NOT NULL, -- of the last attempt, in microseconds
  status_code  BIGINT NOT NULL, -- of the last answer; 0 if there was none
  error        TEXT NOT NULL, -- its class; empty if there was none
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (webhook_id, id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE next_at IS NOT NULL;

-- Who delivers: one process at a time, so that an endpoint hears of events in their order.
CREATE TABLE webhook_relay (
  id     BIGINT PRIMARY KEY CHECK (id = 1),
  holder TEXT NOT NULL,
  until  BIGINT NOT NULL
);
INSERT INTO webhook_relay (id, holder, until) VALUES (1, '', 0);

-- +goose Down
DROP TABLE webhook_relay;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
DROP TABLE feed_state;
DROP TABLE feed;

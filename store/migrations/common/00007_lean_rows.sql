-- What nearly every message would have to say twice is said once.
-- +goose Up

-- The first event of a message that was queued when it came in is not written; created_at says when that was.
ALTER TABLE messages ADD COLUMN began_queued BOOLEAN NOT NULL DEFAULT false;

-- A settle asks which contacts were erased lately, not for each message whether its contact was.
CREATE INDEX contacts_by_erasure ON contacts (erased_at) WHERE erased_at IS NOT NULL;

-- Who feeds: one process at a time looks for what is due, and remembers itself how far it has looked. Rings are no longer written.
CREATE TABLE feeder (
  id     BIGINT PRIMARY KEY CHECK (id = 1),
  holder TEXT NOT NULL,
  until  BIGINT NOT NULL
);
INSERT INTO feeder (id, holder, until) VALUES (1, '', 0);
DROP INDEX dues_by_time;
CREATE INDEX dues_by_time ON dues (channel, lane, class, due_at, message_id);

-- +goose Down
DROP INDEX dues_by_time;
CREATE INDEX dues_by_time ON dues (channel, lane, class, due_at);
DROP TABLE feeder;
DROP INDEX contacts_by_erasure;
INSERT INTO message_events (message_id, id, type, at, attempt, reason, actor)
SELECT id, 'evt_' || substr(id, 5), 'queued', created_at, 0, 'ok', '' FROM messages WHERE began_queued;
INSERT INTO message_events (message_id, id, type, at, attempt, reason, actor)
SELECT id, 'evt_' || substr(id, 5) || 's', 'sent', sent_at, attempt, '', '' FROM messages m
WHERE sent_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM message_events e WHERE e.message_id = m.id AND e.type = 'sent');
ALTER TABLE messages DROP COLUMN began_queued;

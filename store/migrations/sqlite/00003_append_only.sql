-- The consent ledger is append-only: the engine itself refuses to change or delete an event.
-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER consent_events_no_update BEFORE UPDATE ON consent_events
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER consent_events_no_delete BEFORE DELETE ON consent_events
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
-- REPLACE would take a row away without asking the trigger above.
CREATE TRIGGER consent_events_no_replace BEFORE INSERT ON consent_events
WHEN EXISTS (SELECT 1 FROM consent_events WHERE seq = NEW.seq OR id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'consent_events is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER consent_events_no_replace;
DROP TRIGGER consent_events_no_delete;
DROP TRIGGER consent_events_no_update;

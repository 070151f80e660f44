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

-- +goose Down
DROP TRIGGER consent_events_no_delete;
DROP TRIGGER consent_events_no_update;

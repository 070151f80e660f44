-- The audit log is append-only, like the consent ledger (00003): the engine refuses to change or delete an entry. REPLACE would take a row
-- away without asking the trigger before its deletion, hence the third of each.
-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_outcomes_no_update BEFORE UPDATE ON audit_outcomes
BEGIN SELECT RAISE(ABORT, 'audit_outcomes is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_outcomes_no_delete BEFORE DELETE ON audit_outcomes
BEGIN SELECT RAISE(ABORT, 'audit_outcomes is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_outcomes_no_replace BEFORE INSERT ON audit_outcomes
WHEN EXISTS (SELECT 1 FROM audit_outcomes WHERE event_id = NEW.event_id)
BEGIN SELECT RAISE(ABORT, 'audit_outcomes is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_subjects_no_update BEFORE UPDATE ON audit_subjects
BEGIN SELECT RAISE(ABORT, 'audit_subjects is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_subjects_no_delete BEFORE DELETE ON audit_subjects
BEGIN SELECT RAISE(ABORT, 'audit_subjects is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_subjects_no_replace BEFORE INSERT ON audit_subjects
WHEN EXISTS (SELECT 1 FROM audit_subjects WHERE subject_id = NEW.subject_id AND event_id = NEW.event_id)
BEGIN SELECT RAISE(ABORT, 'audit_subjects is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER audit_subjects_no_replace;
DROP TRIGGER audit_subjects_no_delete;
DROP TRIGGER audit_subjects_no_update;
DROP TRIGGER audit_outcomes_no_replace;
DROP TRIGGER audit_outcomes_no_delete;
DROP TRIGGER audit_outcomes_no_update;
DROP TRIGGER audit_events_no_replace;
DROP TRIGGER audit_events_no_delete;
DROP TRIGGER audit_events_no_update;

-- The consent ledger is append-only: the engine itself refuses to change, delete or truncate events. The service's role is not
-- the owner of the table (elshi migrate runs as the owner), so it cannot drop the triggers either.
-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER consent_events_no_change BEFORE UPDATE OR DELETE ON consent_events
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_events_no_truncate BEFORE TRUNCATE ON consent_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Claims and settles rewrite message rows: room on each page keeps them heap-only.
ALTER TABLE messages SET (fillfactor = 45);

-- +goose Down
DROP TRIGGER consent_events_no_truncate ON consent_events;
DROP TRIGGER consent_events_no_change ON consent_events;
DROP FUNCTION refuse_change();

-- SQLite takes any type name, so there is nothing to declare: id_text has text affinity and blob is its own.
-- +goose Up
SELECT 1;

-- +goose Down
SELECT 1;

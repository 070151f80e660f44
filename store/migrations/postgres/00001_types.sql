-- The two types that let one text of the tables serve both engines: ids, and what is looked up by its beginning, sort by bytes, and
-- SQLite's BLOB has a name here.
-- +goose Up
CREATE DOMAIN id_text AS text COLLATE "C";
CREATE DOMAIN blob AS bytea;

-- +goose Down
DROP DOMAIN blob;
DROP DOMAIN id_text;

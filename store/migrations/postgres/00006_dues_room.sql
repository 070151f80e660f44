-- Rings rewrite the rows of dues: room on each page keeps them heap-only.
-- +goose Up
ALTER TABLE dues SET (fillfactor = 50);

-- +goose Down
ALTER TABLE dues RESET (fillfactor);

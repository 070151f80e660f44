-- Complaints about one message, and up to where receipts of consents were mailed.
-- +goose Up
ALTER TABLE claims ADD COLUMN message_id id_text NOT NULL DEFAULT ''; -- that the claim complains about; empty: none

-- Receipts are mailed for what is written into the consent ledger from now on.
CREATE TABLE receipts_mailed (
  id  BIGINT PRIMARY KEY CHECK (id = 1),
  seq BIGINT NOT NULL -- the number of the last entry that was dealt with
);
INSERT INTO receipts_mailed (id, seq) SELECT 1, seq FROM consent_head WHERE id = 1;
INSERT INTO leads (duty, holder, until) VALUES ('receipts', '', 0);

-- +goose Down
DELETE FROM leads WHERE duty = 'receipts';
DROP TABLE receipts_mailed;
ALTER TABLE claims DROP COLUMN message_id;

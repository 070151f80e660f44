package store

import "context"

// ReceiptsMailed returns the number of the last entry of the consent ledger of which receipts were dealt with.
func (c *Consents) ReceiptsMailed(ctx context.Context) (int64, error) {
	var seq int64
	err := c.db.reader().row(ctx, []any{&seq}, `SELECT seq FROM receipts_mailed WHERE id = 1`)
	return seq, away(err)
}

// KeepReceiptsMailed moves that number on. One that somebody else has moved meanwhile stays, and that is no error.
func (c *Consents) KeepReceiptsMailed(ctx context.Context, from, to int64) error {
	_, err := c.db.writer().exec(ctx, `UPDATE receipts_mailed SET seq = $2 WHERE id = 1 AND seq = $1`, from, to)
	return away(err)
}

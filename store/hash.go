package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/orleu/elshi/vocab"
)

// Hash is the keyed hash by which suppressions and guest lists know an address, so that they outlive its erasure and reveal
// nothing to whoever has the database alone.
func (db *DB) Hash(channel vocab.Channel, lookup string) string {
	mac := hmac.New(sha256.New, db.hashKey)
	mac.Write([]byte("elshi address v1\x00" + string(channel) + "\x00" + lookup))
	return hex.EncodeToString(mac.Sum(nil))
}

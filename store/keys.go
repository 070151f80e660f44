package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/batcher"
	"github.com/orleu/elshi/vocab"
)

// APIKeys keeps the keys by which systems call us.
type APIKeys struct {
	db     *DB
	lookUp *batcher.Batcher[string, *dispatcher.APIKey] // by the hash of the secret; nil if there is none
}

// NewAPIKeys returns the API keys of a database.
func NewAPIKeys(db *DB) *APIKeys {
	return &APIKeys{db, batcher.New(readsAtOnce, readsTogether, db.reader().liveKeys)}
}

// secretBytes of chance make the 32 characters of a secret.
const secretBytes = 20

// secretText is Crockford's base 32: no letter looks like a digit, so a secret can be read out.
var secretText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

const secretPrefix = "elshi_"

// Create makes a key and returns it with its secret, which is shown this once and cannot be read again:
// elshi_<mode>_<32 characters>. Of the guests, whom alone a guest-list key may write to, channel and key count.
func (k *APIKeys) Create(ctx context.Context, name string, mode dispatcher.Mode, guests []contacts.Address, now time.Time) (dispatcher.APIKey, string, error) {
	raw := make([]byte, secretBytes)
	if _, err := rand.Read(raw); err != nil {
		return dispatcher.APIKey{}, "", fmt.Errorf("create API key: %w", err)
	}
	secret := secretPrefix + string(mode) + "_" + secretText.EncodeToString(raw)
	key := dispatcher.APIKey{ID: vocab.APIKeyID(vocab.NewID(vocab.APIKeyPrefix)), Name: plain(name), Mode: mode, Guests: []string{}, CreatedAt: now}
	for _, g := range guests {
		key.Guests = append(key.Guests, k.db.Hash(g.Channel, g.Key))
	}
	slices.Sort(key.Guests)
	key.Guests = slices.Compact(key.Guests)
	hashes, err := json.Marshal(key.Guests)
	if err != nil {
		return dispatcher.APIKey{}, "", fmt.Errorf("create API key: %w", err)
	}
	if _, err := k.db.writer().exec(ctx, `INSERT INTO api_keys (id, name, mode, secret_hash, guests, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(key.ID), key.Name, string(mode), secretHash(secret), string(hashes), now.UnixMicro()); err != nil {
		return dispatcher.APIKey{}, "", fmt.Errorf("create API key: %w", away(err))
	}
	key.CreatedAt = time.UnixMicro(now.UnixMicro()).UTC()
	return key, secret, nil
}

// secretHash is how a secret is kept. A secret is 160 bits of chance and not somebody's password: nobody can try them all, so a slow hash
// or a salt would cost every request and protect nothing.
func secretHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Authenticate returns the key of a secret. The error is fault.NotFound (api_key_unknown) if there is none or it was revoked. It is no
// comparison in constant time, and need not be: the secret is looked up by its hash, and how long that takes tells about a hash whose
// beginning nobody can choose.
func (k *APIKeys) Authenticate(ctx context.Context, secret string) (dispatcher.APIKey, error) {
	unknown := fault.Missing("api_key_unknown", "this API key is not known, or was revoked")
	if !strings.HasPrefix(secret, secretPrefix) {
		return dispatcher.APIKey{}, unknown
	}
	key, err := k.lookUp.Do(ctx, secretHash(secret))
	if err != nil {
		return dispatcher.APIKey{}, away(err)
	}
	if key == nil {
		return dispatcher.APIKey{}, unknown
	}
	return *key, nil
}

// liveKeys returns the keys with these hashes; nil for those that nobody has. Requests that come at the same time mostly bring one key.
func (r runner) liveKeys(ctx context.Context, hashes []string) ([]*dispatcher.APIKey, error) {
	found := make(map[string]*dispatcher.APIKey, 1)
	keys := make([]*dispatcher.APIKey, len(hashes))
	for i, hash := range hashes {
		key, looked := found[hash]
		if !looked {
			list, err := r.apiKeys(ctx, `secret_hash = $1 AND revoked_at IS NULL`, hash)
			if err != nil {
				return nil, err
			}
			if len(list) > 0 {
				key = &list[0]
			}
			found[hash] = key
		}
		keys[i] = key
	}
	return keys, nil
}

// List returns every key, revoked ones too, the newest first.
func (k *APIKeys) List(ctx context.Context) ([]dispatcher.APIKey, error) {
	list, err := k.db.reader().apiKeys(ctx, `true ORDER BY id DESC`)
	return list, away(err)
}

// Revoke ends a key for good and returns it; one that was revoked before stays as it is. The error is fault.NotFound if there is none.
func (k *APIKeys) Revoke(ctx context.Context, id vocab.APIKeyID, now time.Time) (dispatcher.APIKey, error) {
	if _, err := k.db.writer().exec(ctx, `UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, string(id), now.UnixMicro()); err != nil {
		return dispatcher.APIKey{}, away(err)
	}
	list, err := k.db.reader().apiKeys(ctx, `id = $1`, string(id))
	if err != nil {
		return dispatcher.APIKey{}, away(err)
	}
	if len(list) == 0 {
		return dispatcher.APIKey{}, fault.Missing("api_key_not_found", "there is no API key with this id")
	}
	return list[0], nil
}

func (r runner) apiKeys(ctx context.Context, where string, args ...any) ([]dispatcher.APIKey, error) {
	var list []dispatcher.APIKey
	var x dispatcher.APIKey
	err := r.each(ctx, []any{&x.ID, &x.Name, &x.Mode, jsonOf(&x.Guests), at(&x.CreatedAt), at(&x.RevokedAt)}, func() error {
		list = append(list, x)
		return nil
	}, `SELECT id, name, mode, guests, created_at, revoked_at FROM api_keys WHERE `+where, args...)
	return list, err
}

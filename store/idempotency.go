package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
)

// Replay returns what was answered to the first request with the key, if there was one. Its errors are those of Submit.
func (l *Ledger) Replay(ctx context.Context, key dispatcher.IdempotencyKey) ([]dispatcher.Result, bool, error) {
	results, found, err := l.db.reader().readKey(ctx, key)
	return results, found, away(err)
}

// keyWait is how long a twin's transaction is waited for.
func keyWait(in dispatcher.Intake) time.Duration {
	if in.Key == nil || in.Key.Wait <= 0 {
		return 5 * time.Second
	}
	return in.Key.Wait
}

// takeKeys writes the keys of submissions and returns those that are to be made. Others were made before: they have their answer, or
// the error that is theirs alone. No two of them may have the same key. Whoever holds a key is waited for.
func (tx *tx) takeKeys(ctx context.Context, all []*asked, wait time.Duration) (fresh []*asked, err error) {
	var rows rowset
	for _, a := range all {
		if k := a.in.Key; k != nil {
			rows = append(rows, []any{k.APIKey, k.Route, k.Token, k.BodyHash, micros(a.in.Now)})
		}
	}
	taken := map[keyName]bool{}
	if len(rows) > 0 {
		if taken, err = tx.insertKeys(ctx, rows, wait); err != nil {
			return nil, err
		}
	}
	for _, a := range all {
		if a.in.Key == nil || taken[nameOf(*a.in.Key)] {
			fresh = append(fresh, a)
			continue
		}
		earlier, found, err := tx.readKey(ctx, *a.in.Key)
		if _, own := errors.AsType[*fault.Error](err); err != nil && !own {
			return nil, err
		}
		if err == nil && !found {
			return nil, errKeyGone
		}
		a.out, a.err = dispatcher.Submitted{Results: earlier, Replayed: true}, err
	}
	return fresh, nil
}

// errKeyGone is a key that was there and is not: it was forgotten in between.
var errKeyGone = errors.New("an idempotency key has just been forgotten; the request must be made again")

// keyName is what makes two keys the same.
type keyName struct{ apiKey, route, token string }

func nameOf(k dispatcher.IdempotencyKey) keyName { return keyName{string(k.APIKey), k.Route, k.Token} }

// insertKeys writes keys and returns those that nobody had.
func (tx *tx) insertKeys(ctx context.Context, rows rowset, wait time.Duration) (map[keyName]bool, error) {
	if tx.dialect.name == "postgres" {
		// The INSERT below waits for a twin's transaction; this bounds the wait. SQLite runs one writer at a time anyway.
		if _, err := tx.exec(ctx, `SELECT set_config('lock_timeout', $1, true)`, strconv.FormatInt(max(wait.Milliseconds(), 1), 10)); err != nil {
			return nil, err
		}
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return nil, err
	}
	taken := map[keyName]bool{}
	var name keyName
	err = tx.each(ctx, []any{&name.apiKey, &name.route, &name.token}, func() error {
		taken[name] = true
		return nil
	}, `
		INSERT INTO idempotency_keys (api_key, route, token, body_hash, answer, created_at)
		SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, '', CAST(j.value ->> 4 AS BIGINT) FROM {rows $1}
		WHERE true ORDER BY 1, 2, 3
		ON CONFLICT DO NOTHING
		RETURNING api_key, route, token`, arg)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55P03" {
		return nil, &fault.Error{
			Kind: fault.Conflict, Code: "idempotency_key_in_use", Detail: "the first request with this Idempotency-Key is still running; try again",
		}
	}
	return taken, err
}

// readKey reads the answer kept under a key and checks that it was given to the same body.
func (r runner) readKey(ctx context.Context, key dispatcher.IdempotencyKey) ([]dispatcher.Result, bool, error) {
	var bodyHash, answer string
	err := r.row(ctx, []any{&bodyHash, &answer},
		`SELECT body_hash, answer FROM idempotency_keys WHERE api_key = $1 AND route = $2 AND token = $3`, string(key.APIKey), key.Route, key.Token)
	if isNone(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if bodyHash != key.BodyHash {
		return nil, false, &fault.Error{
			Kind: fault.Invalid, Code: "idempotency_key_reused", Detail: "this Idempotency-Key was used with another body; use a new key for a new request",
		}
	}
	var results []dispatcher.Result
	if err := json.Unmarshal([]byte(answer), &results); err != nil {
		return nil, false, fmt.Errorf("answer kept under an idempotency key: %w", err)
	}
	return results, true, nil
}

// keepAnswers writes what was answered under the keys, for whoever asks again.
func (tx *tx) keepAnswers(ctx context.Context, all []*asked) error {
	var rows rowset
	for _, a := range all {
		if k := a.in.Key; k != nil {
			answer, err := json.Marshal(a.out.Results)
			if err != nil {
				return fmt.Errorf("answer of an idempotency key: %w", err)
			}
			rows = append(rows, []any{k.APIKey, k.Route, k.Token, string(answer)})
		}
	}
	return tx.execRows(ctx, rows, `
		UPDATE idempotency_keys SET answer = j.answer
		FROM (SELECT j.value ->> 0 AS api_key, j.value ->> 1 AS route, j.value ->> 2 AS token, j.value ->> 3 AS answer FROM {rows $1}) j
		WHERE idempotency_keys.api_key = j.api_key AND idempotency_keys.route = j.route AND idempotency_keys.token = j.token`)
}

// ForgetKeys deletes idempotency keys made before t, at most n of them, and returns how many.
func (l *Ledger) ForgetKeys(ctx context.Context, t time.Time, n int) (int, error) {
	done, err := l.db.writer().exec(ctx, `
		DELETE FROM idempotency_keys WHERE (api_key, route, token) IN
			(SELECT api_key, route, token FROM idempotency_keys WHERE created_at < $1 LIMIT $2)`, t.UnixMicro(), n)
	return int(done), away(err)
}

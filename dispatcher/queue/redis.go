// Package queue is the doorbell of the street: it carries "deliver these messages now" through asynq and Redis, and counts rates that
// all processes share. Nothing in it is kept for good: Redis may be lost whole, the ledger is the truth. It is the only package
// that knows asynq and Redis.
package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/orleu/elshi/fault"
)

// Redis is one connection pool to a Redis server, or to one inside this process.
type Redis struct {
	client redis.UniversalClient
	inside *miniredis.Miniredis
}

// RedisOptions are the settings of OpenRedis.
type RedisOptions struct {
	URL           string // redis://, rediss:// or unix://; empty without a Sentinel: a server inside this process
	SentinelName  string // the name of the primary as the sentinels know it
	Sentinels     []string
	SentinelPass  string
	SentinelRedis string // password of the primary behind the sentinels
	PoolSize      int    // connections. If zero, the library's default of 10 per CPU
	// Log gets what the library has to say, at debug level: whoever is refused an answer says so already, and loudly enough. If nil,
	// nobody does. The library has one log, so this one is for every Redis of the process.
	Log *slog.Logger
}

// OpenRedis connects, or starts the server inside this process. It does not wait for a server that is away: rings fail until it is
// there, and the ledger keeps what they were for.
func OpenRedis(o RedisOptions) (*Redis, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	redis.SetLogger(murmur{o.Log}) // else it writes to standard error, between the lines of the log
	switch {
	case o.SentinelName != "":
		return &Redis{client: redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: o.SentinelName, SentinelAddrs: o.Sentinels, SentinelPassword: o.SentinelPass, Password: o.SentinelRedis,
			PoolSize: o.PoolSize, DialTimeout: dialTimeout, ReadTimeout: ioTimeout, WriteTimeout: ioTimeout,
			MaxRetries: retries, DialerRetries: dials,
		})}, nil
	case o.URL != "":
		options, err := redis.ParseURL(o.URL)
		if err != nil {
			return nil, errors.New("redis.url: want redis://, rediss:// or unix:///path") // the library's error may repeat the password
		}
		options.PoolSize, options.DialTimeout, options.ReadTimeout, options.WriteTimeout = o.PoolSize, dialTimeout, ioTimeout, ioTimeout
		options.MaxRetries, options.DialerRetries = retries, dials
		return &Redis{client: redis.NewClient(options)}, nil
	}
	return openInside()
}

// murmur passes on what the Redis library would print: errors of its connections and moves of a Sentinel's primary, with the addresses of
// servers and never with what is stored in them.
type murmur struct{ log *slog.Logger }

// Printf implements the library's logger.
func (m murmur) Printf(ctx context.Context, format string, args ...any) {
	if m.log.Enabled(ctx, slog.LevelDebug) {
		m.log.LogAttrs(ctx, slog.LevelDebug, "redis library", slog.String("error", fmt.Sprintf(format, args...)))
	}
}

const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 3 * time.Second
	// A Redis that is away is told to callers at once: every ring is tried again by the feeder, and the library's own patience would
	// be waited for by whoever submits a message meanwhile.
	retries = 1
	dials   = 1
)

// openInside starts a Redis in this process. Other users of the machine reach its port too, so it has a password.
func openInside() (*Redis, error) {
	password := rand.Text()
	inside := miniredis.NewMiniRedis()
	inside.RequireAuth(password)
	if err := inside.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the in-process redis: %w", err)
	}
	return &Redis{inside: inside, client: redis.NewClient(&redis.Options{Addr: inside.Addr(), Password: password})}, nil
}

// Run moves the clock of the in-process server, which otherwise expires nothing. It returns when ctx ends.
func (r *Redis) Run(ctx context.Context) error {
	if r.inside == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.inside.FastForward(time.Second)
		}
	}
}

// Inside says whether the server is in this process, so that no other process can share it.
func (r *Redis) Inside() bool { return r.inside != nil }

// Ping asks for an answer. Its error is fault.Unavailable.
func (r *Redis) Ping(ctx context.Context) error {
	if err := r.client.Ping(ctx).Err(); err != nil {
		return fault.Away("queue", errors.New("redis does not answer"))
	}
	return nil
}

// Close closes the pool and the in-process server.
func (r *Redis) Close() error {
	err := r.client.Close()
	if r.inside != nil {
		r.inside.Close()
	}
	return err
}

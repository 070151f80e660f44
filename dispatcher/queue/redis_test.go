package queue

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/orleu/elshi/internal/testkit"
)

func TestInsideOrNot(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			if want := strings.HasSuffix(t.Name(), "/inside"); r.Inside() != want {
				t.Errorf("Inside() = %t", r.Inside())
			}
			if err := r.Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whoever else uses the machine may reach the port, and must not ring our bells.
func TestTheRedisInsideIsOurs(t *testing.T) {
	r := open(t, RedisOptions{})
	host, _, err := net.SplitHostPort(r.inside.Addr())
	if err != nil || host != "127.0.0.1" {
		t.Errorf("it listens on %s, %v", r.inside.Addr(), err)
	}
	stranger := redis.NewClient(&redis.Options{Addr: r.inside.Addr()})
	defer stranger.Close()
	if err := stranger.Ping(t.Context()).Err(); err == nil {
		t.Error("it answers a stranger")
	}
}

// Without a moving clock nothing in the Redis inside would ever expire.
func TestTheClockInsideMoves(t *testing.T) {
	r := open(t, RedisOptions{})
	if err := r.client.Set(t.Context(), "key", "value", time.Second).Err(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	testkit.Eventually(t, 15*time.Second, func() error {
		if n := r.client.Exists(t.Context(), "key").Val(); n != 0 {
			return context.DeadlineExceeded
		}
		return nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatIsNone(t *testing.T) {
	_, err := OpenRedis(RedisOptions{URL: "postgres://user:hunter2@host/0"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("OpenRedis = %v, want an error without the password", err)
	}
}

// The library prints to standard error by itself, which a reader of the log in JSON cannot read.
func TestWhatTheLibrarySaysGoesToTheLog(t *testing.T) {
	for name, tc := range map[string]struct {
		level slog.Level
		told  bool
	}{"at debug level": {slog.LevelDebug, true}, "not above it": {slog.LevelInfo, false}} {
		t.Run(name, func(t *testing.T) {
			text := &noted{}
			r := open(t, RedisOptions{
				URL: fmt.Sprintf("redis://elshi:hunter2@127.0.0.1:%d/0", testkit.Free(t)),
				Log: slog.New(slog.NewJSONHandler(text, &slog.HandlerOptions{Level: tc.level})),
			})
			if err := r.Ping(t.Context()); err == nil {
				t.Fatal("nobody listens there, and it answers")
			}
			if told := strings.Contains(text.String(), "connection refused"); told != tc.told {
				t.Errorf("the log tells of the connection: %t, want %t:\n%s", told, tc.told, text.String())
			}
			if strings.Contains(text.String(), "hunter2") {
				t.Errorf("the log has the password:\n%s", text.String())
			}
		})
	}
}

package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// deliverer is what the queue's servers call.
type deliverer interface {
	Deliver(ctx context.Context, b dispatcher.Batch)
}

// ServerOptions are the settings of Servers.
type ServerOptions struct {
	// Concurrency is how many batches of a lane are delivered at once in this process; 0: none, the lane is not served here.
	Concurrency func(vocab.Channel, vocab.Lane) int
	// StopTimeout is how long a stop waits for batches in progress; it must exceed the time one claim takes to send. If zero, 30 s.
	StopTimeout time.Duration
}

// Servers take batches out of the queues: one asynq server for each channel and lane, so that a stalled lane never holds
// another (each server's dequeue loop is serial).
type Servers struct {
	redis     *Redis
	deliverer deliverer
	options   ServerOptions
	log       *slog.Logger
}

// NewServers returns the servers; they take nothing before Run.
func NewServers(r *Redis, d deliverer, o ServerOptions, log *slog.Logger) *Servers {
	if o.StopTimeout == 0 {
		o.StopTimeout = 30 * time.Second
	}
	return &Servers{r, d, o, log}
}

// Run serves until ctx ends, then waits for batches in progress: they hand over what they have begun and give the rest back. Batches
// that outlive the stop timeout go back to their queue.
func (s *Servers) Run(ctx context.Context) error {
	handler := asynq.HandlerFunc(func(task context.Context, t *asynq.Task) error { return s.handle(ctx, task, t) })
	var servers []*asynq.Server
	for _, channel := range vocab.Channels() {
		for _, lane := range vocab.Lanes() {
			n := s.options.Concurrency(channel, lane)
			if n <= 0 {
				continue
			}
			server := asynq.NewServerFromRedisClient(s.redis.client, asynq.Config{
				Concurrency: n, Queues: map[string]int{queueName(channel, lane): 1}, TaskCheckInterval: checkInterval(lane),
				ShutdownTimeout: s.options.StopTimeout, Logger: quiet{s.log}, LogLevel: asynq.WarnLevel,
			})
			if err := server.Start(handler); err != nil {
				shutdown(servers)
				return fmt.Errorf("start the workers: %w", err)
			}
			servers = append(servers, server)
		}
	}
	<-ctx.Done()
	shutdown(servers)
	return nil
}

// shutdown stops all servers from taking batches before it waits for any.
func shutdown(servers []*asynq.Server) {
	for _, server := range servers {
		server.Stop()
	}
	var wait sync.WaitGroup
	for _, server := range servers {
		wait.Go(server.Shutdown)
	}
	wait.Wait()
}

// handle delivers one batch. Its context ends with the task's and with the process's stop: asynq itself tells a handler of neither the
// stop, nor may it, for it would give up waiting for one whose context has ended.
func (s *Servers) handle(stop, task context.Context, t *asynq.Task) error {
	var b dispatcher.Batch
	if err := json.Unmarshal(t.Payload(), &b); err != nil {
		// Not ours, or of a later version; its messages, if any, are in the ledger and rung for again. An error would archive the task.
		s.log.LogAttrs(task, slog.LevelWarn, "a task is no batch; dropped", slog.String("type", t.Type()))
		return nil
	}
	ctx, cancel := context.WithCancelCause(task)
	defer cancel(nil)
	defer context.AfterFunc(stop, func() { cancel(errStopping) })()
	s.deliverer.Deliver(ctx, b)
	return nil
}

var errStopping = errors.New("the process is stopping")

// checkInterval is how long an idle lane sleeps before it looks again, give or take a half. An urgent one looks a hundred times a second,
// which costs Redis and us a hundredth of a core each: whoever waits for a one-time code waits for all the rest of its way as well.
func checkInterval(lane vocab.Lane) time.Duration {
	switch lane {
	case vocab.Urgent:
		return 10 * time.Millisecond
	case vocab.Normal:
		return 100 * time.Millisecond
	case vocab.Bulk:
		return 250 * time.Millisecond
	}
	return time.Second
}

// quiet passes asynq's own warnings on. They name queues and errors, never payloads.
type quiet struct{ log *slog.Logger }

var errLibrary = errors.New("asynq")

func (q quiet) say(level slog.Level, args []any) {
	q.log.LogAttrs(context.Background(), level, "queue library", slog.String("error", fmt.Errorf("%w: %s", errLibrary, fmt.Sprint(args...)).Error())) //nolint:forbidigo // the library's logger has no ctx
}

// Debug implements asynq.Logger.
func (q quiet) Debug(args ...any) { q.say(slog.LevelDebug, args) }

// Info implements asynq.Logger.
func (q quiet) Info(args ...any) { q.say(slog.LevelDebug, args) }

// Warn implements asynq.Logger.
func (q quiet) Warn(args ...any) { q.say(slog.LevelWarn, args) }

// Error implements asynq.Logger.
func (q quiet) Error(args ...any) { q.say(slog.LevelWarn, args) }

// Fatal implements asynq.Logger. It does not end the process: that is main's to decide.
func (q quiet) Fatal(args ...any) { q.say(slog.LevelError, args) }

package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// taskType is the only kind of task there is.
const taskType = "deliver"

// Queue rings: it puts batches into the queue of their channel and lane.
type Queue struct {
	redis   *Redis
	client  *asynq.Client
	timeout time.Duration
}

// New returns a Queue. timeout is how long one batch may take at most, the end of its handler's context; asynq gives a batch out
// again soon after, and the ledger sees to it that this sends nothing twice.
func New(r *Redis, timeout time.Duration) *Queue {
	return &Queue{redis: r, client: asynq.NewClientFromRedisClient(r.client), timeout: timeout}
}

// queueName is the queue of a channel and lane.
func queueName(channel vocab.Channel, lane vocab.Lane) string {
	return string(channel) + "_" + string(lane)
}

// Ring puts a batch into its queue. The error is fault.Unavailable when Redis is away.
func (q *Queue) Ring(ctx context.Context, b dispatcher.Batch) error {
	payload, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("ring %d messages: %w", len(b.IDs), err)
	}
	// A batch whose process was killed is given out again a few times; an outcome never is, for Deliver reports none.
	_, err = q.client.EnqueueContext(ctx, asynq.NewTask(taskType, payload), asynq.Queue(queueName(b.Channel, b.Lane)),
		asynq.MaxRetry(3), asynq.Timeout(q.timeout))
	if err != nil {
		return fmt.Errorf("ring %d messages: %w", len(b.IDs), fault.Away("queue", err))
	}
	return nil
}

// Pending returns how many batches of a lane nobody has picked up yet.
func (q *Queue) Pending(ctx context.Context, channel vocab.Channel, lane vocab.Lane) (int, error) {
	n, err := q.redis.client.LLen(ctx, "asynq:{"+queueName(channel, lane)+"}:pending").Result()
	if err != nil {
		return 0, fmt.Errorf("look at the queue: %w", fault.Away("queue", err))
	}
	return int(n), nil
}

package dispatcher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestAFailingRingIsNoFailure(t *testing.T) {
	d := newDesk(t)
	d.bell.err = fault.Away("queue", errors.New("connection refused"))
	out, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, []Request{goodRequest(vocab.Transactional)})
	if err != nil || out.Results[0].Status != Queued {
		t.Errorf("got %+v, %v", out, err)
	}
	if !strings.Contains(d.log.String(), "ring failed") || strings.Contains(d.log.String(), "aigul") {
		t.Errorf("log: %s", d.log)
	}
}

// The caller's answer does not hang on the queue, and a caller who leaves does not stop the ring.
func TestARingTakesTwoSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		stuck := &stuckBell{}
		d.Submitter.bell = stuck
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if _, err := d.Submit(ctx, Caller{Mode: Live}, nil, []Request{goodRequest(vocab.Transactional)}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 2*time.Second || !errors.Is(stuck.cause, errRingSlow) {
			t.Errorf("it took %v and ended with %v", took, stuck.cause)
		}
	})
}

func TestLargeBatchesAreRungInParts(t *testing.T) {
	d := newDesk(t)
	d.options.BatchSize = 3
	requests := make([]Request, 8)
	for i := range requests {
		requests[i] = goodRequest(vocab.Transactional)
	}
	out, err := d.Submit(t.Context(), Caller{Mode: Live}, nil, requests)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	var rung []vocab.MessageID
	for _, b := range d.bell.rings {
		sizes = append(sizes, len(b.IDs))
		rung = append(rung, b.IDs...)
	}
	if diff := cmp.Diff([]int{3, 3, 2}, sizes); diff != "" {
		t.Errorf("rings (-want +got):\n%s", diff)
	}
	for i, r := range out.Results {
		if rung[i] != r.ID {
			t.Errorf("message %d was not rung for in its turn", i)
		}
	}
}

func TestReplaysDoNotRing(t *testing.T) {
	earlier := []Result{{ID: "msg_1", Status: Queued}}
	key := &IdempotencyKey{APIKey: "key_1", Route: "messages", Token: "t", BodyHash: "h"}
	for name, ledger := range map[string]*intakes{
		"found at once":          {replay: earlier, replayed: true},
		"found in a twin's wake": {replay: earlier, inside: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.Submitter.ledger = ledger
			out, err := d.Submit(t.Context(), Caller{Mode: Live}, key, []Request{goodRequest(vocab.Transactional)})
			if err != nil || !out.Replayed || !cmp.Equal(out.Results, earlier) {
				t.Errorf("got %+v, %v", out, err)
			}
			if len(d.bell.rings) > 0 || len(d.tally.decided) > 0 {
				t.Errorf("a replay rang %d times and was counted %d times", len(d.bell.rings), len(d.tally.decided))
			}
		})
	}
}

func TestWhatGoesOneWayIsOneBatch(t *testing.T) {
	a, b, c := newMessageID(), newMessageID(), newMessageID()
	mine := []vocab.MessageID{a}
	got := AddToBatches(nil, vocab.Email, vocab.Bulk, "relay", mine...)
	got = AddToBatches(got, vocab.Email, vocab.Bulk, "other", b)
	got = AddToBatches(got, vocab.Email, vocab.Bulk, "relay", c)
	want := []Batch{{vocab.Email, vocab.Bulk, "relay", []vocab.MessageID{a, c}}, {vocab.Email, vocab.Bulk, "other", []vocab.MessageID{b}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batches mismatch (-want +got):\n%s", diff)
	}
	if got[0].IDs[0] = "changed"; mine[0] != a {
		t.Error("the caller's ids were changed")
	}
}

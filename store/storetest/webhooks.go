package storetest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
)

func (w *world) webhooks() *store.Webhooks {
	w.Helper()
	return store.NewWebhooks(w.db, must(dispatcher.NewSealer([]byte("a key of 32 bytes for tests only")))(w))
}

// webhook makes one that wants everything, and deletes it with the test: no other test shall see it.
func (w *world) webhook() (*store.Webhooks, events.Webhook, string) {
	w.Helper()
	all := w.webhooks()
	made, secret, err := all.Create(w.ctx, events.Webhook{URL: "https://example.org/in", Events: events.Patterns{"*"}, Enabled: true}, w.now)
	w.ok(err)
	w.Cleanup(func() { _ = all.Delete(context.WithoutCancel(w.ctx), made.ID) }) // the test may have deleted it
	return all, made, secret
}

// line returns what is due for a webhook.
func (w *world) line(all *store.Webhooks, id events.WebhookID) events.Line {
	w.Helper()
	for _, line := range must(all.Lines(w.ctx, w.now, 20))(w) {
		if line.Webhook.ID == id {
			return line
		}
	}
	w.Fatalf("webhook %s is not among those that are sent to", id)
	return events.Line{}
}

// failed is an outcome after which the first event behind the line is tried again in a minute.
func (w *world) failed(e events.Event) events.Outcome {
	return events.Outcome{Delivery: events.Delivery{
		EventID: e.ID, EventType: e.Type, EventAt: e.Timestamp, Place: e.Place, State: events.Pending, Attempt: 1, InLine: true,
		NextAt: w.now.Add(time.Minute), AttemptedAt: w.now, Duration: 1500 * time.Microsecond, StatusCode: 500, Error: events.ErrorStatus, CreatedAt: w.now,
	}}
}

// next returns the first event of a new contact behind a line.
func (w *world) next(line events.Line) events.Event {
	w.Helper()
	p := w.person()
	return w.tells(line.Place, p.contact, events.ContactCreated)[0]
}

var webhookTests = map[string]func(*world){
	"a webhook is kept with its secret sealed, and deleted with its log": func(w *world) {
		all, made, secret := w.webhook()
		if !strings.HasPrefix(secret, "whsec_") || len(secret) != 50 {
			w.Errorf("secret %q", secret)
		}
		want := events.Webhook{ID: made.ID, URL: "https://example.org/in", Events: events.Patterns{"*"}, Enabled: true, CreatedAt: w.now, UpdatedAt: w.now}
		if diff := cmp.Diff(want, must(all.Get(w.ctx, made.ID))(w)); diff != "" {
			w.Errorf("webhook mismatch (-want +got):\n%s", diff)
		}
		if list := must(all.List(w.ctx))(w); len(list) != 1 || list[0].ID != made.ID {
			w.Errorf("List: %+v", list)
		}
		if line := w.line(all, made.ID); !slices.Equal(line.Secrets, []string{secret}) {
			w.Errorf("secrets %v", line.Secrets)
		}
		other := store.NewWebhooks(w.db, must(dispatcher.NewSealer([]byte("another key of 32 bytes for this")))(w))
		if lines, err := other.Lines(w.ctx, w.now, 20); err == nil {
			w.Errorf("whoever has another key reads the secrets: %+v", lines)
		}
		must(all.Test(w.ctx, made.ID, w.now))(w)
		w.ok(all.Delete(w.ctx, made.ID))
		w.refused(all.Delete(w.ctx, made.ID), fault.NotFound, "webhook_not_found")
		_, err := all.Get(w.ctx, made.ID)
		w.refused(err, fault.NotFound, "webhook_not_found")
		_, err = all.Deliveries(w.ctx, made.ID, "", 10)
		w.refused(err, fault.NotFound, "webhook_not_found")
	},
	"a secret is changed over": func(w *world) {
		all, made, first := w.webhook()
		x, second, err := all.Rotate(w.ctx, made.ID, w.now)
		w.ok(err)
		if first == second || !x.OldUntil.Equal(w.now.Add(24*time.Hour)) {
			w.Errorf("rotated %+v", x)
		}
		if got := w.line(all, made.ID).Secrets; !slices.Equal(got, []string{second, first}) {
			w.Errorf("secrets %v", got)
		}
		w.now = x.OldUntil
		if got := w.line(all, made.ID).Secrets; !slices.Equal(got, []string{second}) {
			w.Errorf("secrets a day later %v", got)
		}
		_, _, err = all.Rotate(w.ctx, "whk_nobody", w.now)
		w.refused(err, fault.NotFound, "webhook_not_found")
	},
	"a failed event is due when its time has come, and the line waits for it": func(w *world) {
		all, made, _ := w.webhook()
		line := w.line(all, made.ID)
		e := w.next(line)
		if !must(all.Record(w.ctx, made.ID, line.Place, e.Place, w.failed(e)))(w) {
			w.Fatal("it was not recorded")
		}
		if must(all.Record(w.ctx, made.ID, line.Place, e.Place, w.failed(e)))(w) {
			w.Error("it was recorded twice")
		}
		line = w.line(all, made.ID)
		if !line.Waits || len(line.Due) > 0 || line.Place != e.Place || !line.Webhook.FailingSince.Equal(w.now) {
			w.Errorf("before its time: %+v", line)
		}
		if at := must(all.Undelivered(w.ctx))(w); !at.Equal(e.Timestamp) {
			w.Errorf("the oldest undelivered is of %v, want %v", at, e.Timestamp)
		}
		w.now = w.now.Add(time.Minute)
		line = w.line(all, made.ID)
		if line.Waits || len(line.Due) != 1 {
			w.Fatalf("when its time has come: %+v", line)
		}
		d := line.Due[0].Delivery
		if diff := cmp.Diff(&e, line.Due[0].Event); diff != "" {
			w.Errorf("the event (-want +got):\n%s", diff)
		}
		want := w.failed(e).Delivery
		want.ID, want.Webhook, want.NextAt, want.AttemptedAt, want.CreatedAt = d.ID, made.ID, w.now, start, start
		if diff := cmp.Diff(want, d); diff != "" {
			w.Errorf("the delivery (-want +got):\n%s", diff)
		}
		d.State, d.Attempt, d.NextAt, d.InLine, d.StatusCode, d.Error = events.Delivered, 2, time.Time{}, false, 200, ""
		for range 2 { // the second one is too late
			must(all.Record(w.ctx, made.ID, line.Place, line.Place, events.Outcome{Delivery: d}))(w)
		}
		line = w.line(all, made.ID)
		if line.Waits || len(line.Due) > 0 || !line.Webhook.FailingSince.IsZero() {
			w.Errorf("after it was delivered: %+v", line)
		}
		log := must(all.Deliveries(w.ctx, made.ID, "", 10))(w)
		if diff := cmp.Diff([]events.Delivery{d}, log); diff != "" {
			w.Errorf("the log (-want +got):\n%s", diff)
		}
		again := must(all.Redeliver(w.ctx, made.ID, d.ID, w.now))(w)
		if again.State != events.Pending || again.Attempt != 0 || !again.NextAt.Equal(w.now) || again.InLine {
			w.Errorf("sent again: %+v", again)
		}
		_, err := all.Redeliver(w.ctx, made.ID, "whd_nobody", w.now)
		w.refused(err, fault.NotFound, "delivery_not_found")
	},
	"a webhook that is disabled is sent nothing, and enabled again it goes on where it stopped": func(w *world) {
		all, made, _ := w.webhook()
		line := w.line(all, made.ID)
		e := w.next(line)
		o := w.failed(e)
		o.Disable = events.DisabledGone
		must(all.Record(w.ctx, made.ID, line.Place, e.Place, o))(w)
		x := must(all.Get(w.ctx, made.ID))(w)
		if x.Enabled || x.DisabledReason != events.DisabledGone {
			w.Errorf("it is %+v", x)
		}
		if lines := must(all.Lines(w.ctx, w.now, 20))(w); len(lines) > 0 {
			w.Errorf("it is sent to: %+v", lines)
		}
		if must(all.Record(w.ctx, made.ID, e.Place, e.Place, events.Outcome{}))(w) {
			w.Error("it is moved")
		}
		_, err := all.Test(w.ctx, made.ID, w.now)
		w.refused(err, fault.Conflict, "webhook_disabled")
		log := must(all.Deliveries(w.ctx, made.ID, "", 10))(w)
		_, err = all.Redeliver(w.ctx, made.ID, log[0].ID, w.now)
		w.refused(err, fault.Conflict, "webhook_disabled")
		x = must(all.Update(w.ctx, made.ID, w.now, func(x events.Webhook) (events.Webhook, error) {
			x.Enabled = true
			return x, nil
		}))(w)
		if !x.Enabled || x.DisabledReason != "" || !x.FailingSince.IsZero() {
			w.Errorf("enabled again it is %+v", x)
		}
		if line := w.line(all, made.ID); line.Place != e.Place || !line.Waits {
			w.Errorf("it goes on at %+v", line)
		}
	},
	"the log is read in pages": func(w *world) {
		all, made, _ := w.webhook()
		var want []events.DeliveryID
		for range 5 {
			want = append(want, must(all.Test(w.ctx, made.ID, w.now))(w).ID)
		}
		slices.Reverse(want)
		var got []events.DeliveryID
		for cursor := events.DeliveryID(""); len(got) < 5; cursor = got[len(got)-1] {
			list := must(all.Deliveries(w.ctx, made.ID, cursor, 2))(w)
			if len(list) == 0 {
				break
			}
			for _, d := range list {
				got = append(got, d.ID)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("the log (-want +got):\n%s", diff)
		}
		line := w.line(all, made.ID)
		if len(line.Due) != 5 || line.Due[0].Event == nil || line.Due[0].Event.Type != events.Test || line.Waits {
			w.Errorf("tests are due and nobody waits for them: %+v", line)
		}
	},
	"one process sends at a time": func(w *world) {
		all := w.webhooks()
		if w.db.Engine() == "sqlite" {
			if !must(all.Lead(w.ctx, "a", w.now, w.now))(w) {
				w.Error("the only process does not send")
			}
			return
		}
		for _, step := range []struct {
			holder string
			after  time.Duration
			want   bool
		}{{"a", 0, true}, {"b", 10 * time.Second, false}, {"a", 10 * time.Second, true}, {"b", 20 * time.Second, false}, {"b", 26 * time.Second, true}, {"a", 27 * time.Second, false}} {
			now := w.now.Add(step.after)
			if got := must(all.Lead(w.ctx, step.holder, now, now.Add(15*time.Second)))(w); got != step.want {
				w.Errorf("%s after %v: %t", step.holder, step.after, got)
			}
		}
	},
}

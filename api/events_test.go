package api

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// fakeFeed is a feed of so many suppressions; every hundredth is a consent.
type fakeFeed struct {
	*door

	n, forgotten int64
}

func (f *fakeFeed) Read(_ context.Context, after events.Place, n int, match func(events.Type) bool) (events.Page, error) {
	if after == (events.Place{}) {
		after.Seq = f.forgotten
	}
	if after.Seq < f.forgotten {
		return events.Page{}, events.ErrForgotten
	}
	page := events.Page{Next: after}
	for page.Next.Seq < f.n && page.Next.Seq-after.Seq < int64(n) {
		page.Next.Seq++
		e := events.Event{ID: page.Next.String(), Type: events.SuppressionCreated, Timestamp: monday, Place: page.Next}
		if page.Next.Seq%100 == 0 {
			e.Type, e.Data = events.ConsentGranted, events.Data{ContactID: aContact}
		}
		if match(e.Type) {
			page.Events = append(page.Events, e)
		}
	}
	page.More = page.Next.Seq < f.n
	return page, f.away
}

func (f *fakeFeed) End(context.Context) (events.Place, error) { return events.Place{Seq: f.n}, f.away }

type fakeWebhooks struct {
	*door

	byID    map[events.WebhookID]events.Webhook
	log     []events.Delivery
	ordered []events.DeliveryID
}

const aWebhook events.WebhookID = "whk_06gywnjy01xbs0938nkrkaydxw"

func (f *fakeWebhooks) Create(_ context.Context, x events.Webhook, now time.Time) (events.Webhook, string, error) {
	x.ID, x.CreatedAt, x.UpdatedAt = aWebhook, now, now
	f.byID[x.ID] = x
	return x, "whsec_c2VjcmV0", f.away
}

func (f *fakeWebhooks) Get(_ context.Context, id events.WebhookID) (events.Webhook, error) {
	x, found := f.byID[id]
	if !found && f.away == nil {
		return x, fault.Missing("webhook_not_found", "there is no webhook with this id")
	}
	return x, f.away
}

func (f *fakeWebhooks) List(context.Context) ([]events.Webhook, error) {
	var list []events.Webhook
	for _, x := range f.byID {
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b events.Webhook) int { return cmp.Compare(b.ID, a.ID) })
	return list, f.away
}

func (f *fakeWebhooks) Update(ctx context.Context, id events.WebhookID, now time.Time, change func(events.Webhook) (events.Webhook, error)) (events.Webhook, error) {
	x, err := f.Get(ctx, id)
	if err != nil {
		return x, err
	}
	if x, err = change(x); err != nil {
		return x, err
	}
	x.UpdatedAt = now
	f.byID[id] = x
	return x, nil
}

func (f *fakeWebhooks) Rotate(ctx context.Context, id events.WebhookID, now time.Time) (events.Webhook, string, error) {
	x, err := f.Get(ctx, id)
	x.OldUntil = now.Add(events.SecretOverlap)
	return x, "whsec_bmV3", err
}

func (f *fakeWebhooks) Delete(ctx context.Context, id events.WebhookID) error {
	_, err := f.Get(ctx, id)
	delete(f.byID, id)
	return err
}

func (f *fakeWebhooks) Deliveries(ctx context.Context, id events.WebhookID, before events.DeliveryID, n int) ([]events.Delivery, error) {
	_, err := f.Get(ctx, id)
	var list []events.Delivery
	for _, d := range f.log {
		if (before == "" || d.ID < before) && len(list) < n {
			list = append(list, d)
		}
	}
	return list, err
}

func (f *fakeWebhooks) Redeliver(ctx context.Context, webhook events.WebhookID, id events.DeliveryID, now time.Time) (events.Delivery, error) {
	_, err := f.Get(ctx, webhook)
	f.ordered = append(f.ordered, id)
	return events.Delivery{ID: id, State: events.Pending, NextAt: now, CreatedAt: monday}, err
}

func (f *fakeWebhooks) Test(ctx context.Context, webhook events.WebhookID, now time.Time) (events.Delivery, error) {
	_, err := f.Get(ctx, webhook)
	return events.Delivery{ID: "whd_06gywnjy01xbs0938nkrkaydx0", EventType: events.Test, State: events.Pending, NextAt: now, CreatedAt: now}, err
}

// decoded reads an answer's body.
func decoded[T any](t *testing.T, r answered) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(r.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheFeedIsReadToItsEndWithoutGaps(t *testing.T) {
	for name, tc := range map[string]struct {
		query     string
		want      int
		wantCalls int
	}{
		"everything":       {"limit=400", 1234, 4},
		"a page as it is":  {"limit=1000", 1234, 2},
		"one rare type":    {"limit=5&type=consent.granted", 12, 3},
		"two patterns":     {"limit=1000&type=consent.*,suppression.created", 1234, 2},
		"types that never": {"limit=5&type=message.*", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.feed.n = 1234
			seen, calls, cursor := map[string]bool{}, 0, ""
			for more := true; more; {
				p := decoded[eventPage](t, d.call(t, "GET", "/v1/events?"+tc.query+cursor, "").ok(200))
				for _, e := range p.Data {
					if seen[e.ID] {
						t.Fatalf("event %s came twice", e.ID)
					}
					seen[e.ID] = true
				}
				calls++
				more, cursor = p.More, "&cursor="+p.NextCursor
			}
			if len(seen) != tc.want || calls != tc.wantCalls {
				t.Errorf("got %d events in %d pages, want %d in %d", len(seen), calls, tc.want, tc.wantCalls)
			}
			d.feed.n += 100
			if p := decoded[eventPage](t, d.call(t, "GET", "/v1/events?limit=1000"+cursor, "").ok(200)); len(p.Data) != 100 {
				t.Errorf("the last cursor goes on with %d events, want the 100 new ones", len(p.Data))
			}
		})
	}
}

func TestRareEventsAreLookedForOverSeveralPages(t *testing.T) {
	d := newDoor(t)
	d.feed.n = 100_000
	p := decoded[eventPage](t, d.call(t, "GET", "/v1/events?type=contact.*", "").ok(200))
	if len(p.Data) > 0 || !p.More {
		t.Errorf("got %d events, more: %t; want none, and more to look at", len(p.Data), p.More)
	}
	if place, err := events.ParseCursor(p.NextCursor); err != nil || place.Seq != feedStretch*feedStretches {
		t.Errorf("looked up to %d, %v", place.Seq, err)
	}
}

func TestReadingTheFeedFromNowOn(t *testing.T) {
	d := newDoor(t)
	d.feed.n = 10
	p := decoded[eventPage](t, d.call(t, "GET", "/v1/events?cursor=latest", "").ok(200))
	if len(p.Data) > 0 || p.NextCursor != (events.Place{Seq: 10}).String() {
		t.Errorf("got %+v", p)
	}
}

func TestCursorsThatCannotBeFollowed(t *testing.T) {
	d := newDoor(t)
	d.feed.n, d.feed.forgotten = 100, 50
	old := events.Place{Seq: 49}
	if r := d.call(t, "GET", "/v1/events?cursor="+old.String(), "").problem(410, "cursor_expired"); !strings.Contains(r.Detail, "without a cursor") {
		t.Errorf("%q does not say what to do", r.Detail)
	}
	for query, code := range map[string]string{
		"cursor=1":                                  "invalid_cursor",
		"cursor=msg_06gywnjy01xbs0938nkrkaydxw":     "invalid_cursor",
		"type=message.opened":                       "unknown_event",
		"type=campaign.*":                           "unknown_event",
		"type=message.sent,,":                       "unknown_event",
		"cursor=cur_zzzzzzzzzzzzzzzzzzzzzzzzzz":     "invalid_cursor",
		"type=mess*":                                "unknown_event",
		"cursor=latest&type=Message.Sent&limit=100": "unknown_event",
	} {
		if p := d.call(t, "GET", "/v1/events?"+query, "").problem(422, "invalid_request"); len(p.Errors) == 0 || p.Errors[0].Code != code {
			t.Errorf("%s: got %+v, want %s", query, p.Errors, code)
		}
	}
}

func TestAWebhooksLife(t *testing.T) {
	d := newDoor(t)
	made := decoded[webhookView](t, d.call(t, "POST", "/v1/webhooks", `{"url":"https://example.org/in","events":["message.*"],"description":"CRM"}`).ok(201))
	if made.Secret == "" || !made.Enabled || made.ID != aWebhook {
		t.Errorf("made %+v", made)
	}
	for _, path := range []string{"/v1/webhooks", "/v1/webhooks/" + string(aWebhook)} {
		if body := d.call(t, "GET", path, "").ok(200).Body.String(); strings.Contains(body, "secret\"") || strings.Contains(body, "whsec_") {
			t.Errorf("%s shows the secret: %s", path, body)
		}
	}
	changed := decoded[webhookView](t, d.call(t, "PATCH", "/v1/webhooks/"+string(aWebhook), `{"enabled":false,"events":["consent.*"]}`).ok(200))
	if changed.Enabled || !slices.Equal(changed.Events, events.Patterns{"consent.*"}) || changed.URL != made.URL || changed.Description != "CRM" {
		t.Errorf("changed %+v", changed)
	}
	rotated := decoded[webhookView](t, d.call(t, "POST", "/v1/webhooks/"+string(aWebhook)+"/rotate", "").ok(200))
	if rotated.Secret != "whsec_bmV3" || !rotated.OldSecretUntil.Equal(monday.Add(24*time.Hour)) {
		t.Errorf("rotated %+v", rotated)
	}
	if test := decoded[deliveryView](t, d.call(t, "POST", "/v1/webhooks/"+string(aWebhook)+"/test", "").ok(202)); test.EventType != events.Test {
		t.Errorf("test %+v", test)
	}
	d.webhooks.log = []events.Delivery{
		{ID: "whd_06gywnjy01xbs0938nkrkaydx2", State: events.Dead, Error: events.ErrorTimeout, Attempt: 10, Duration: 1500 * time.Millisecond, CreatedAt: monday},
		{ID: "whd_06gywnjy01xbs0938nkrkaydx1", State: events.Delivered, StatusCode: 204, Attempt: 1, CreatedAt: monday},
	}
	log := d.call(t, "GET", "/v1/webhooks/"+string(aWebhook)+"/deliveries?limit=1", "").ok(200)
	p := decoded[page[deliveryView]](t, log)
	want := []deliveryView{{
		ID: "whd_06gywnjy01xbs0938nkrkaydx2", State: "dead", Error: "timeout", Attempt: 10, DurationMS: 1500, CreatedAt: monday,
	}}
	if diff := gocmp.Diff(want, p.Data); diff != "" || p.NextCursor != "whd_06gywnjy01xbs0938nkrkaydx2" {
		t.Errorf("log mismatch, next %q (-want +got):\n%s", p.NextCursor, diff)
	}
	d.call(t, "POST", "/v1/webhooks/"+string(aWebhook)+"/deliveries/whd_06gywnjy01xbs0938nkrkaydx2/redeliver", "").ok(202)
	if !slices.Equal(d.webhooks.ordered, []events.DeliveryID{"whd_06gywnjy01xbs0938nkrkaydx2"}) {
		t.Errorf("ordered %v", d.webhooks.ordered)
	}
	d.call(t, "DELETE", "/v1/webhooks/"+string(aWebhook), "").ok(204)
	d.call(t, "GET", "/v1/webhooks/"+string(aWebhook), "").problem(404, "webhook_not_found")
	d.call(t, "POST", "/v1/webhooks/"+string(aWebhook)+"/deliveries/nothing/redeliver", "").problem(404, "delivery_not_found")
	d.call(t, "POST", "/v1/webhooks/x/test", "").problem(404, "webhook_not_found")
}

func TestWebhooksThatCannotWorkAreRefusedWhole(t *testing.T) {
	d := newDoor(t)
	for body, want := range map[string][]string{
		`{"url":"http://example.org/in","events":["message.*"]}`:                     {"/url https_required"},
		`{"url":"https://10.1.2.3/in","events":["*"]}`:                               {"/url address_refused"},
		`{"url":"https://127.0.0.1/in","events":["*"]}`:                              {"/url address_refused"},
		`{"url":"https://user:pass@example.org/","events":["*"]}`:                    {"/url url"},
		`{"url":"example.org","events":["message.read","*","consent"]}`:              {"/url url", "/events/0 unknown_event", "/events/2 unknown_event"},
		`{"url":"https://example.org/?iin=900101300017","events":["*"]}`:             {"/url forbidden_identifier"},
		`{"url":"https://example.org/","events":["*"],"description":"900101300017"}`: {"/description forbidden_identifier"},
	} {
		var got []string
		for _, e := range d.call(t, "POST", "/v1/webhooks", body).problem(422, "invalid_request").Errors {
			got = append(got, e.Pointer+" "+e.Code)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	if len(d.webhooks.byID) > 0 {
		t.Error("a refused webhook was made")
	}
	d.call(t, "POST", "/v1/webhooks", `{"url":"https://example.org/","events":["*"]}`).ok(201)
	if p := d.call(t, "PATCH", "/v1/webhooks/"+string(aWebhook), `{"events":null,"url":"http://x"}`).problem(422, "invalid_request"); len(p.Errors) != 2 {
		t.Errorf("got %+v", p.Errors)
	}
}

func TestEventDataHoldsNothingThatSomebodyTyped(t *testing.T) {
	b, err := json.Marshal(events.Event{Data: events.Data{ContactID: aContact, Channel: vocab.Email, Changed: []string{"name"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b); !strings.Contains(got, `"data":{"contact_id":"`+string(aContact)+`","channel":"email","changed":["name"]}`) {
		t.Errorf("what is not known is left out: %s", got)
	}
}

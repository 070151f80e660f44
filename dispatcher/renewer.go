package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// EndingGrant is a grant that has an end.
type EndingGrant struct {
	ContactID  vocab.ContactID
	Key        consent.GrantKey
	Event      vocab.ConsentEventID // that granted it
	ValidUntil time.Time            // exclusive
	Language   vocab.Language       // the contact's; empty if it is not known
}

// renewalLedger is what a Renewer needs of the consent ledger. See store.Consents.
type renewalLedger interface {
	Ending(ctx context.Context, from, until time.Time, days int, after EndingGrant, n int) ([]EndingGrant, error)
	KeepAsks(ctx context.Context, days int, asks map[vocab.ConsentEventID]vocab.MessageID, now time.Time) error
	Expire(ctx context.Context, now time.Time, n int) (int, error)
}

// renewalSubmitter takes messages in; a Submitter is one.
type renewalSubmitter interface {
	Submit(ctx context.Context, caller Caller, key *IdempotencyKey, requests []Request) (Submitted, error)
}

// renewalDays is how many days before its end a grant is asked about. Each stage ends where the next one begins, so that who was away
// for weeks asks once and not twice.
var renewalDays = []int{30, 7}

const (
	renewalTemplate = "consent-renewal"
	renewalTick     = time.Hour
	renewalSize     = 200
)

// Renewer asks contacts for the renewal of grants that end soon, and writes down which have ended. What it asks with is a message like any
// other under the very grant, so the gate says whether it may go: nobody is asked whose grant is not valid any more. Any number of them
// may run; each asks once.
type Renewer struct {
	ledger    renewalLedger
	submitter renewalSubmitter
	purposes  *consent.Registry
	zone      *time.Location // of the dates in the texts
	language  vocab.Language // of contacts whose own is not known
	now       func() time.Time
	log       *slog.Logger
}

// RenewerOptions are what a Renewer is made of; all but Language and Zone are required.
type RenewerOptions struct {
	Ledger    renewalLedger
	Submitter renewalSubmitter
	Purposes  *consent.Registry
	Zone      *time.Location // of the dates in the texts; nil: UTC
	Language  vocab.Language // of contacts whose own is not known; empty: kk
	Now       func() time.Time
	Log       *slog.Logger
}

// NewRenewer returns a Renewer.
func NewRenewer(o RenewerOptions) *Renewer {
	defaultTo(&o.Zone, time.UTC)
	defaultTo(&o.Language, vocab.Kazakh)
	return &Renewer{o.Ledger, o.Submitter, o.Purposes, o.Zone, o.Language, o.Now, o.Log}
}

// Run works at once and then every hour, until ctx ends. Errors are logged and tried again in the next hour.
func (r *Renewer) Run(ctx context.Context) error {
	tick := time.NewTicker(renewalTick)
	defer tick.Stop()
	for {
		if err := r.Renew(ctx); err != nil && ctx.Err() == nil {
			r.log.LogAttrs(ctx, slog.LevelWarn, "grants that end are not dealt with for now", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Renew asks about every grant that ends soon and was not asked about yet, and writes down which have ended.
func (r *Renewer) Renew(ctx context.Context) error {
	now := r.now().UTC()
	for i, days := range renewalDays {
		from := now
		if i+1 < len(renewalDays) {
			from = now.AddDate(0, 0, renewalDays[i+1])
		}
		if err := r.askAll(ctx, days, from, now.AddDate(0, 0, days)); err != nil {
			return err
		}
	}
	for {
		n, err := r.ledger.Expire(ctx, now, renewalSize)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}

func (r *Renewer) askAll(ctx context.Context, days int, from, until time.Time) error {
	var last EndingGrant
	for {
		page, err := r.ledger.Ending(ctx, from, until, days, last, renewalSize)
		if err != nil {
			return fmt.Errorf("grants that end soon: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		if err := r.ask(ctx, days, page); err != nil {
			return err
		}
		last = page[len(page)-1]
	}
}

// ask submits one message for each grant. The key makes a repetition after a crash harmless: the same grants are asked about in the same
// order, and the first answer comes back.
func (r *Renewer) ask(ctx context.Context, days int, page []EndingGrant) error {
	requests := make([]Request, 0, len(page))
	asked := make([]vocab.ConsentEventID, 0, len(page))
	asks := make(map[vocab.ConsentEventID]vocab.MessageID, len(page))
	for _, g := range page {
		request, registered, err := r.request(g)
		if err != nil {
			return err
		}
		if !registered {
			asks[g.Event] = "" // nothing can be sent for a purpose that is registered no more
			continue
		}
		requests, asked = append(requests, request), append(asked, g.Event)
	}
	if len(requests) > 0 {
		key := &IdempotencyKey{Route: "renewals", Token: fmt.Sprintf("%s/%d/%d", asked[0], days, len(asked)), BodyHash: string(asked[len(asked)-1])}
		out, err := r.submitter.Submit(ctx, Caller{Mode: Live}, key, requests)
		if err != nil {
			return fmt.Errorf("ask for renewal: %w", err)
		}
		for i, result := range out.Results {
			asks[asked[i]] = result.ID
			if len(result.Problem) > 0 {
				// It would be the same in an hour; the grant ends as if the contact had not answered.
				r.log.LogAttrs(ctx, slog.LevelError, "a contact cannot be asked to renew a grant", slog.String("consent_event_id", string(asked[i])),
					slog.String("code", result.Problem[0].Code), slog.String("detail", result.Problem[0].Detail))
			}
		}
	}
	return r.ledger.KeepAsks(ctx, days, asks, r.now())
}

// request is the message that asks; false if its purpose is registered no more.
func (r *Renewer) request(g EndingGrant) (Request, bool, error) {
	info, registered := r.purposes.Lookup(g.Key.Purpose)
	if !registered {
		return Request{}, false, nil
	}
	lang := g.Language
	if lang == "" {
		lang = r.language
	}
	grant := map[string]string{"purpose": inLanguage(info.Names, lang), "until": g.ValidUntil.In(r.zone).Format(time.DateOnly)}
	if g.Key.Topic != "" {
		grant["topic"] = r.purposes.TopicName(g.Key.Purpose, g.Key.Topic, lang)
	}
	raw, err := json.Marshal(map[string]any{"grant": grant})
	if err != nil {
		return Request{}, false, fmt.Errorf("ask for renewal of %s: %w", g.Event, err)
	}
	return Request{
		To: To{ContactID: g.ContactID}, Channel: g.Key.Channel, Purpose: g.Key.Purpose, Topic: g.Key.Topic, Language: lang,
		Template: renewalTemplate, Data: raw, ExpiresAt: g.ValidUntil,
	}, true, nil
}

package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orleu/elshi/claims"
)

func (a *App) newClaimDesk(s *street) (*claims.Desk, error) {
	return claims.NewDesk(claims.Options{
		Book: s.stores.claims, Closer: s.stores.claims, Street: s.submitter, People: s.stores.contacts, Purposes: s.gate.Purposes,
		Zone: a.cfg.Location(), Now: a.now, Log: a.log,
	})
}

func (a *App) newClaimWatch(s *street) *claims.Watch {
	if officer := a.newOfficer(s); officer != nil {
		return claims.NewWatch(s.claims, s.stores.claims, officer)
	}
	return claims.NewWatch(s.claims, s.stores.claims, loggedAlarms{a.log})
}

// loggedAlarms tells by the log, which operators watch, where the settings name no officer.
type loggedAlarms struct{ log *slog.Logger }

// Tell logs what there is to tell. Nothing in it is about a person.
func (l loggedAlarms) Tell(ctx context.Context, key, template string, data map[string]any) error {
	l.log.LogAttrs(ctx, slog.LevelWarn, "somebody must act", slog.String("notice", template), slog.String("notice_key", key), slog.Any("notice_data", data))
	return nil
}

// claimCounter counts claims when somebody looks.
type claimCounter interface {
	Count(ctx context.Context, now time.Time) (claims.Count, error)
}

// openClaims are the claims that want something done.
type openClaims struct {
	book   claimCounter
	now    func() time.Time
	open   *prometheus.Desc
	oldest *prometheus.Desc
}

// watchClaims adds the claims to the metrics.
func (m *metrics) watchClaims(book claimCounter, now func() time.Time) {
	m.registry.MustRegister(&openClaims{
		book: book, now: now,
		open: prometheus.NewDesc("elshi_claims_open", "Claims that want something done: open, overdue, or undelivered (answered, but the answer did not arrive).",
			[]string{"state"}, nil),
		oldest: prometheus.NewDesc("elshi_claims_oldest_due_timestamp_seconds", "When the first of them is due; absent if there is none.", nil, nil),
	})
}

// Describe implements prometheus.Collector.
func (c *openClaims) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.open
	ch <- c.oldest
}

// Collect implements prometheus.Collector. While the ledger is away there is nothing to say.
func (c *openClaims) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout) // a Collector is handed no ctx
	defer cancel()
	n, err := c.book.Count(ctx, c.now())
	if err != nil {
		return
	}
	for state, count := range map[string]int{"open": n.Open, "overdue": n.Overdue, "undelivered": n.Undelivered} {
		ch <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(count), state)
	}
	if !n.OldestDue.IsZero() {
		ch <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, float64(n.OldestDue.Unix()))
	}
}

package app

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/events"
)

// feeding is what the feed takes of messages, in the words of the settings.
func feeding(m config.EventMessages) events.Feeding {
	switch m {
	case config.EventsAll:
		return events.FeedAll
	case config.EventsOutcomes:
		return events.FeedOutcomes
	case config.EventsNone:
		return events.FeedNone
	}
	return events.FeedAll
}

// guard says where webhooks may go. A server that is reached by a loopback address is nobody's but this machine's: so are its endpoints.
func guard(cfg config.Config) events.Guard {
	host := ""
	if u, err := url.Parse(cfg.Server.PublicURL); err == nil {
		host = u.Hostname()
	}
	ip := net.ParseIP(host)
	return events.Guard{
		AllowPrivate: cfg.Webhooks.AllowPrivate, AllowLoopback: strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback(),
	}
}

// addEvents keeps the feed in order, and in the feeder role sends webhooks.
func (a *App) addEvents(ctx context.Context, s *street, m *metrics) error {
	if err := s.stores.feed.Resume(ctx); err != nil {
		return err
	}
	if err := s.stores.webhooks.Follow(ctx); err != nil {
		return err
	}
	a.add(ground, "subscriptions", a.followSubscriptions(s))
	if a.cfg.HasRole(config.RoleFeeder) {
		m.watchWebhooks(s.stores.webhooks, a.now)
		sender := events.NewSender(s.stores.webhooks, events.SenderOptions{Guard: guard(a.cfg), Jitter: jitter}, m, a.now, a.log)
		a.add(doors, "webhooks", sender.Run)
	}
	return nil
}

// followTick is how soon a process notices what webhooks that others made subscribe to.
const followTick = 3 * time.Second

func (a *App) followSubscriptions(s *street) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(followTick)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			if err := s.stores.webhooks.Follow(ctx); err != nil && ctx.Err() == nil {
				a.log.LogAttrs(ctx, slog.LevelDebug, "subscriptions stay as they were", slog.String("error", err.Error()))
			}
		}
	}
}

// WebhookAttempted implements events.Observer.
func (m *metrics) WebhookAttempted(result string) { m.webhooks.WithLabelValues(result).Inc() }

// WebhookSkipped implements events.Observer.
func (m *metrics) WebhookSkipped() { m.skipped.Inc() }

// newWebhookMetrics counts what became of webhooks.
func newWebhookMetrics() (*prometheus.CounterVec, prometheus.Counter) {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "elshi_webhook_attempts_total", Help: "Attempts to deliver an event to a webhook, by result: delivered, failed (tried again) or dead (given up).",
		}, []string{"result"}), prometheus.NewCounter(prometheus.CounterOpts{
			Name: "elshi_webhook_events_forgotten_total", Help: "How often events were forgotten before a webhook had them.",
		})
}

// undelivered reads the age of what webhooks wait for when somebody looks.
type undelivered struct {
	webhooks undeliveredReader
	now      func() time.Time
	oldest   *prometheus.Desc
}

type undeliveredReader interface {
	// Undelivered returns when the oldest event happened that some enabled webhook has not got; zero if there is none.
	Undelivered(ctx context.Context) (time.Time, error)
}

// watchWebhooks adds the age of what is undelivered to the metrics.
func (m *metrics) watchWebhooks(w undeliveredReader, now func() time.Time) {
	m.registry.MustRegister(&undelivered{w, now, prometheus.NewDesc("elshi_webhook_oldest_seconds",
		"How long ago the oldest event happened that an enabled webhook has not got.", nil, nil)})
}

// Describe implements prometheus.Collector.
func (u *undelivered) Describe(ch chan<- *prometheus.Desc) { ch <- u.oldest }

// Collect implements prometheus.Collector.
func (u *undelivered) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout) // a Collector is handed no ctx
	defer cancel()
	at, err := u.webhooks.Undelivered(ctx)
	if err != nil {
		return // elshi_ledger_up says so
	}
	age := 0.0
	if !at.IsZero() {
		age = max(0, u.now().Sub(at).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(u.oldest, prometheus.GaugeValue, age)
}

package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// metrics are what operators watch. No label holds an id or an address: labels are closed lists.
type metrics struct {
	registry *prometheus.Registry
	decided  *prometheus.CounterVec
	settled  *prometheus.CounterVec
	claimed  *prometheus.CounterVec
	lost     *prometheus.CounterVec
	signUps  *prometheus.CounterVec
	webhooks *prometheus.CounterVec
	skipped  prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		decided: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "elshi_messages_decided_total", Help: "Messages taken in, by class, channel, verdict and primary reason of the first decision.",
		}, []string{"class", "channel", "verdict", "reason"}),
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "elshi_attempts_settled_total", Help: "Ended attempts, by channel, class, provider, outcome of the hand-over and status it led to.",
		}, []string{"channel", "class", "provider", "outcome", "status"}),
		claimed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "elshi_claims_total", Help: "Messages that workers asked for, by whether they got a permit.",
		}, []string{"result"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "elshi_leases_lost_total", Help: "Attempts whose worker was never heard of again, by class.",
		}, []string{"class"}),
		signUps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "elshi_sign_ups_total", Help: "Requests to confirm and sign-ups that were none, by what became of them: robots get the same answer as people.",
		}, []string{"became"}),
	}
	for _, o := range optin.Outcomes() {
		m.signUps.WithLabelValues(string(o)) // one that has not happened yet is 0 and not missing
	}
	m.webhooks, m.skipped = newWebhookMetrics()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.decided, m.settled, m.claimed, m.lost, m.signUps, m.webhooks, m.skipped)
	return m
}

// Settled implements dispatcher.Observer.
func (m *metrics) Settled(msg dispatcher.Message, s dispatcher.Settlement) {
	m.settled.WithLabelValues(string(msg.Channel), string(msg.Class), string(msg.Provider), string(s.Outcome), string(s.Next)).Inc()
}

// Claimed implements dispatcher.Observer.
func (m *metrics) Claimed(asked, permits int) {
	m.claimed.WithLabelValues("permit").Add(float64(permits))
	m.claimed.WithLabelValues("none").Add(float64(asked - permits))
}

// LeasesLost implements dispatcher.Observer.
func (m *metrics) LeasesLost(class vocab.Class, n int) {
	m.lost.WithLabelValues(string(class)).Add(float64(n))
}

// Decided implements dispatcher.Observer.
func (m *metrics) Decided(class vocab.Class, r dispatcher.Result) {
	m.decided.WithLabelValues(string(class), string(r.Channel), string(r.Verdict), string(r.Reason)).Inc()
}

// SignedUp implements optin.Observer.
func (m *metrics) SignedUp(o optin.Outcome) { m.signUps.WithLabelValues(string(o)).Inc() }

// lanes reads the depth of the lanes when somebody looks, not all the time.
type lanes struct {
	ledger laneReader
	now    func() time.Time
	depth  *prometheus.Desc
	due    *prometheus.Desc
	oldest *prometheus.Desc
	up     *prometheus.Desc
}

type laneReader interface {
	Lanes(ctx context.Context, now time.Time) ([]dispatcher.LaneDepth, error)
}

// watchLanes adds the lanes' depth to the metrics.
func (m *metrics) watchLanes(l laneReader, now func() time.Time) {
	labels := []string{"channel", "lane"}
	m.registry.MustRegister(&lanes{
		ledger: l, now: now,
		depth:  prometheus.NewDesc("elshi_lane_waiting", "Messages that wait in a lane, whenever they are due.", labels, nil),
		due:    prometheus.NewDesc("elshi_lane_due", "Messages of a lane that are due now.", labels, nil),
		oldest: prometheus.NewDesc("elshi_lane_oldest_seconds", "How long the oldest message of a lane has been due.", labels, nil),
		up:     prometheus.NewDesc("elshi_ledger_up", "1 if the ledger answered this scrape.", nil, nil),
	})
}

// Describe implements prometheus.Collector.
func (l *lanes) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.depth, l.due, l.oldest, l.up} {
		ch <- d
	}
}

// scrapeTimeout bounds the query of one scrape.
const scrapeTimeout = 3 * time.Second

// Collect implements prometheus.Collector.
func (l *lanes) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout) // a Collector is handed no ctx
	defer cancel()
	list, err := l.ledger.Lanes(ctx, l.now())
	if err != nil {
		ch <- prometheus.MustNewConstMetric(l.up, prometheus.GaugeValue, 0)
		return
	}
	ch <- prometheus.MustNewConstMetric(l.up, prometheus.GaugeValue, 1)
	for _, d := range list {
		c, lane := string(d.Channel), string(d.Lane)
		ch <- prometheus.MustNewConstMetric(l.depth, prometheus.GaugeValue, float64(d.Waiting), c, lane)
		ch <- prometheus.MustNewConstMetric(l.due, prometheus.GaugeValue, float64(d.Due), c, lane)
		ch <- prometheus.MustNewConstMetric(l.oldest, prometheus.GaugeValue, d.Oldest.Seconds(), c, lane)
	}
}

// handler serves the metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// retentionRules are the settings as rules: whole messages first, so that the content of what goes anyway is not taken apart before.
func retentionRules(r config.Retention) []dispatcher.Retention {
	var rules []dispatcher.Retention
	for _, kind := range dispatcher.RetentionKinds() {
		for _, class := range vocab.Classes() {
			rules = append(rules, dispatcher.Retention{Kind: kind, Class: class, Months: monthsOf(r, kind).For(class)})
		}
	}
	return rules
}

func monthsOf(r config.Retention, kind dispatcher.RetentionKind) config.MonthsByClass {
	switch kind {
	case dispatcher.RetainMessages:
		return r.Messages
	case dispatcher.RetainContent:
		return r.Content
	}
	return config.MonthsByClass{}
}

// retentionMetrics are what operators watch of retention: that it runs, and what it takes.
type retentionMetrics struct {
	forgotten *prometheus.CounterVec
	kept      prometheus.Gauge
	failed    prometheus.Counter
}

// watchRetention adds the metrics of a process that keeps house.
func (m *metrics) watchRetention() *retentionMetrics {
	r := &retentionMetrics{
		forgotten: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "elshi_retention_forgotten_total", Help: "What retention has forgotten, by rule, class and what it was.",
		}, []string{"rule", "class", "what"}),
		kept: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "elshi_retention_last_run_timestamp_seconds", Help: "When the last run of retention ended.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "elshi_retention_failed_runs_total", Help: "Runs of retention of which a part failed.",
		}),
	}
	m.registry.MustRegister(r.forgotten, r.kept, r.failed)
	return r
}

// Forgot counts what a rule has forgotten.
func (r *retentionMetrics) Forgot(kind dispatcher.RetentionKind, class vocab.Class, n dispatcher.ForgetCounts) {
	for what, count := range map[string]int{
		"messages": n.Messages, "payloads": n.Payloads, "attachments": n.Attachments, "details": n.Details, "addresses": n.Addresses,
	} {
		if count > 0 {
			r.forgotten.WithLabelValues(string(kind), string(class), what).Add(float64(count))
		}
	}
}

// HouseKept says when a run ended.
func (r *retentionMetrics) HouseKept(at time.Time, failed bool) {
	r.kept.Set(float64(at.Unix()))
	if failed {
		r.failed.Inc()
	}
}

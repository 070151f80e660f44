package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/inbound"
)

// addInboundMail binds the SMTP server for bounces, complaints and mail that unsubscribes, if the settings ask for one.
func (a *App) addInboundMail(s *street, m *metrics) error {
	if a.cfg.Inbound.Listen == "" || !a.cfg.HasRole(config.RoleAPI) {
		return nil
	}
	server, err := inbound.NewMailServer(inbound.MailOptions{
		Listen: a.cfg.Inbound.Listen, Hostname: a.cfg.Inbound.Hostname, Domain: a.cfg.BounceDomain(), Links: s.links, Ledger: s.stores.ledger,
		Withdrawals: s.withdrawer, Counted: m.mailCounter(), Now: a.now, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.after("close inbound mail", func() error {
		_ = server.Close() // Run has closed it already, unless it never ran
		return nil
	})
	a.add(doors, "inbound mail", server.Run)
	return nil
}

// mailCounter counts returned mail. Every result is there from the start, so that an alert on one has something to look at.
func (m *metrics) mailCounter() func(inbound.MailResult) {
	taken := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "elshi_inbound_mails_total", Help: "Mail that came back, for each of its recipients, by what it came to.",
	}, []string{"result"})
	m.registry.MustRegister(taken)
	for _, r := range inbound.MailResults() {
		taken.WithLabelValues(string(r))
	}
	return func(r inbound.MailResult) { taken.WithLabelValues(string(r)).Inc() }
}

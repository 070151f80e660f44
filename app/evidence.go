package app

import "github.com/orleu/elshi/evidence"

// newEvidence says on what ground each message was allowed or refused.
func (a *App) newEvidence(s *street) *evidence.Maker {
	return evidence.New(evidence.Options{
		Messages: s.stores.ledger, Ledger: s.stores.consents, Texts: s.stores.texts, Notary: s.stores.notary, Suppressions: s.stores.suppressions,
		Templates: s.stores.templates, Renderer: s.renderer, Purposes: s.gate.Purposes, Org: a.cfg.Org.Name, BIN: a.cfg.Org.BIN, Zone: a.cfg.Location(),
	})
}

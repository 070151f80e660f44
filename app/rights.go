package app

import (
	"encoding/json"

	"github.com/orleu/elshi/api"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/export"
	"github.com/orleu/elshi/proof"
)

// newCertificates signs the certificates of erasures in the organisation's name.
func (a *App) newCertificates() (api.Certificates, error) {
	secret, err := a.cfg.Secrets.SigningKey.Key()
	if err != nil {
		return api.Certificates{}, err
	}
	key, err := proof.SigningKey(secret[:], "certificate")
	if err != nil {
		return api.Certificates{}, err
	}
	signer, err := proof.NewSigner(key, "elshi-erasure+jws")
	if err != nil {
		return api.Certificates{}, err
	}
	operator := contacts.Operator{Name: a.cfg.Org.Name, BIN: a.cfg.Org.BIN}
	return api.Certificates{Keys: signer.Keys(), Zone: a.cfg.Location(), Certify: func(c contacts.Certificate) (string, error) {
		c.Operator = operator
		document, err := json.Marshal(c)
		if err != nil {
			return "", err
		}
		return signer.Sign(document)
	}}, nil
}

// newExporter writes everything about a contact.
func (a *App) newExporter(s *street) *export.Exporter {
	return export.New(export.Options{
		People: s.stores.contacts, Consents: s.stores.consents, OptIns: s.stores.optIns, Claims: s.stores.claims, Messages: s.stores.ledger, Renderer: s.renderer, Purposes: s.gate.Purposes,
		Org: a.cfg.Org.Name, Zone: a.cfg.Location(), Language: a.cfg.Languages[0],
	})
}

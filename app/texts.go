package app

import (
	"context"
	"fmt"

	"github.com/orleu/elshi/api"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// apiTexts are the consent texts as the API reads them.
type apiTexts struct{ *store.ConsentTexts }

// Texts returns a list.
func (t apiTexts) Texts(ctx context.Context, f api.TextFilter) ([]consent.Text, error) {
	return t.List(ctx, store.ConsentTextFilter(f))
}

// newReceipts builds what makes and signs receipts.
func newReceipts(cfg config.Config, st stores, registry *consent.Registry) (*proof.Receipts, error) {
	secret, err := cfg.Secrets.SigningKey.Key()
	if err != nil {
		return nil, fmt.Errorf("secrets.signing_key: %w", err)
	}
	key, err := proof.SigningKey(secret[:], "receipt")
	if err != nil {
		return nil, err
	}
	signer, err := proof.NewSigner(key, proof.ReceiptType)
	if err != nil {
		return nil, err
	}
	org := newOrg(cfg)
	return proof.NewReceipts(st.consents, st.texts, registry, proof.Controller{Name: org.Name, BIN: cfg.Org.BIN, Address: org.Address, URL: org.URL}, signer), nil
}

// DemoPolicy is the version of the privacy policy in a demonstration whose settings name none.
const DemoPolicy = "demo"

// demoBIN stands in the demonstration's consent texts where the settings say nothing. No organisation has such a number.
const demoBIN = "000000000000"

// publishTexts publishes the consent texts that ship, for every purpose and channel that has none yet. They are published nowhere else: an
// organisation reads the words it is going to be held to, and publishes them itself.
func (s seeder) publishTexts(ctx context.Context, org config.Org, months int) error {
	operator := consent.Operator{Name: org.Name, BIN: org.BIN, PolicyVersion: org.PolicyVersion, ValidMonths: months}
	if operator.BIN == "" {
		operator.BIN = demoBIN
	}
	if operator.PolicyVersion == "" {
		operator.PolicyVersion = DemoPolicy
	}
	for _, t := range consent.BuiltinTexts(operator) {
		_, err := s.texts.Current(ctx, t.Purpose, t.Channel)
		if err == nil {
			continue
		}
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
		t.CreatedBy = string(consent.ActorSystem)
		draft, err := s.texts.Draft(ctx, t, s.now)
		if err != nil {
			return err
		}
		e := consent.Event{Source: consent.SourceSystem, ActorKind: consent.ActorSystem, ActorID: string(consent.ActorSystem), At: s.now}
		if _, err := s.texts.Publish(ctx, draft.ID, e, consent.Text.CheckPublish); err != nil {
			return fmt.Errorf("consent text for %s by %s: %w", t.Purpose, t.Channel, err)
		}
	}
	return nil
}

// grant is a grant on the words that are published now, in the contact's language.
func (s seeder) grant(ctx context.Context, e consent.Event, purpose vocab.Purpose, channel vocab.Channel) (consent.Event, error) {
	t, err := s.texts.Current(ctx, purpose, channel)
	if err != nil {
		return e, err
	}
	e.Purpose, e.Channel, e.TextVersion, e.TextHash, e.PolicyVersion = purpose, channel, t.Version, t.Hash(e.Language), t.PolicyVersion
	return e, nil
}

package app

import (
	"context"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// newOptIns builds the desk that asks contacts to confirm.
func (a *App) newOptIns(s *street, observer optin.Observer) (*optin.Desk, error) {
	c := a.cfg.SignUp
	return optin.NewDesk(optin.Options{
		Ledger: s.stores.optIns, Counts: s.stores.optIns, Submitter: s.submitter, Purposes: s.gate.Purposes, Links: s.links, Observer: observer,
		Region: a.cfg.DefaultRegion, Policy: a.cfg.Org.PolicyVersion, MinFill: c.MinFill, MaxAge: c.MaxAge, PerSource: c.PerSource, Level: c.Answer,
		Texts: optInTexts{s.stores.texts}, Now: a.now, Log: a.log,
	})
}

// demoForm is where the demonstration's sign-up form is.
const demoForm = "news"

// seedForm makes the demonstration's form, once.
func seedForm(ctx context.Context, forms *store.Forms, now time.Time) error {
	_, err := forms.Create(ctx, optin.Form{
		Slug:  demoForm,
		Title: map[vocab.Language]string{vocab.Kazakh: "Жаңалықтарға жазылу", vocab.Russian: "Подписка на новости", vocab.English: "Sign up for our news"},
		Intro: map[vocab.Language]string{
			vocab.Kazakh:  "Нені және қалай алғыңыз келетінін белгілеңіз. Ештеңе алдын ала белгіленбеген.",
			vocab.Russian: "Отметьте, что и как вы хотите получать. Заранее ничего не отмечено.",
			vocab.English: "Tick what you would like to receive, and how. Nothing is ticked for you.",
		},
		Boxes: []optin.Box{
			{Purpose: "news.company", Channel: vocab.Email}, {Purpose: "event.invite", Channel: vocab.Email}, {Purpose: "event.invite", Channel: vocab.SMS},
		},
		AskName: true, Enabled: true, CreatedAt: now,
	})
	if fault.KindOf(err) == fault.Conflict {
		return nil // made before
	}
	return err
}

package store_test

import (
	"context"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// drivePreferences runs what a contact asks for on the preferences page: to prove an address, to agree, to pause and to end the pause.
func drivePreferences(ctx context.Context, ok func(string, error), db *store.DB, registry *consent.Registry, n int) {
	now, who := noon.Add(time.Duration(n)*time.Second), con(n/4+60)
	optIns, consents := store.NewOptIns(db, registry), store.NewConsents(db, registry)
	proof := optin.Draft{Code: "123456", Confirmation: optin.Confirmation{
		ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.AddressProof, ContactID: who, AddressID: adr(n/4 + 60), ByCode: true,
		Language: "kk", CreatedAt: now, ExpiresAt: now.Add(optin.CodeWithin),
	}}
	_, _, err := optIns.AskToConfirm(ctx, proof)
	ok("ask for a proof", err)
	_, err = optIns.Confirm(ctx, proof.ID, optin.Press{At: now, Code: "123456"})
	ok("prove an address", err)
	_, err = optIns.GrantProved(ctx, optin.ProvedGrant{
		Proof: proof.ID, ContactID: who, Asked: optin.Asked{Purpose: "ads.campaign", TextVersion: 1, TextHash: "abc"}, Language: "kk", At: now,
	})
	ok("agree", err)
	for _, kind := range []consent.EventKind{consent.KindPaused, consent.KindResumed} {
		e := consent.Event{
			Kind: kind, ContactID: who, Scope: consent.ScopeAll, Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact, ActorID: string(who), At: now,
		}
		if kind == consent.KindPaused {
			e.ValidUntil = now.AddDate(0, 0, 30)
		}
		_, err = consents.Pause(ctx, e)
		ok(string(kind), err)
	}
}

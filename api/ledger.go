package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// consentChain is the consent ledger as it ends now.
type consentChain interface {
	// Head returns the end of the chain as it is recorded.
	Head(ctx context.Context) (consent.Head, error)
}

// ledgerNotary checks the consent ledger and proves its entries.
type ledgerNotary interface {
	// Audit reads the whole ledger. An error says that it could not find out.
	Audit(ctx context.Context) (notary.Audit, error)
	// Inclusion proves that an entry stands in the ledger.
	Inclusion(ctx context.Context, id vocab.ConsentEventID) (consent.EntryProof, error)
	// Heads returns signed heads with a number below before, the newest first, at most n; 0: from the end.
	Heads(ctx context.Context, before int64, n int) ([]tlog.Signed, error)
	PublicKey() string
}

func (a *API) registerLedger() {
	register(a, huma.Operation{
		OperationID: "verify-consent-ledger", Method: http.MethodGet, Path: "/v1/consent-ledger/verify", Tags: []string{"consents"},
		Summary: "Check the consent ledger",
		Description: "Reads every entry from 1 to the end at the time of the call and compares it with the signed heads, the values kept beside the ledger, and what is kept of the contacts' consents: " +
			"intact, or the first place that is not what was written. One check runs at a time. It takes some seconds for 100,000 entries; elshi verify has no limit of time.",
	}, a.verifyLedger)
	register(a, huma.Operation{
		OperationID: "list-consent-ledger-checkpoints", Method: http.MethodGet, Path: "/v1/consent-ledger/checkpoints", Tags: []string{"consents"},
		Summary: "List the signed heads of the consent ledger", Description: "The newest first. Whoever keeps one can tell later whether anything before it was changed.",
	}, a.listCheckpoints)
	register(a, huma.Operation{
		OperationID: "get-consent-ledger-public-key", Method: http.MethodGet, Path: "/v1/consent-ledger/public-key", Tags: []string{"consents"},
		Summary: "Read the key that checks the signed heads", Description: "Whoever wants to prove something against this system gets it another way, once, and compares.",
	}, a.ledgerKey)
	register(a, huma.Operation{
		OperationID: "prove-consent-ledger-entry", Method: http.MethodGet, Path: "/v1/consent-ledger/entries/{id}/proof", Tags: []string{"consents"},
		Summary: "Prove that an entry stands in the consent ledger",
		Description: "The entry with all its fields, the way from it to a signed head, and the head. The command elshi-proof checks the document with nothing but the public key. " +
			"An entry that is newer than the newest head is signed for at once.",
	}, a.proveEntry, http.StatusNotFound, http.StatusConflict)
}

// verifyView is what a check of the ledger found.
type verifyView struct {
	Intact  bool       `json:"intact" doc:"Everything is what was written, and nothing is missing."`
	Seq     int64      `json:"head_seq" doc:"The number of the last entry when the check began."`
	Hash    string     `json:"head_hash" doc:"Its hash as it is recorded."`
	Root    tlog.Hash  `json:"root" doc:"The root of the Merkle tree over the entries that are sound, in base64."`
	Signed  int        `json:"signed_heads" doc:"How many signed heads were compared."`
	Outside int        `json:"signed_heads_outside" doc:"How many of them came from the file outside of the database; 0 if it is not at hand here."`
	Broken  *breakView `json:"broken,omitempty" doc:"The first place that is not what was written."`
}

// breakView is where a ledger breaks.
type breakView struct {
	Why       consent.BreakKind    `json:"why" enum:"changed,gap,swapped,inserted,unlinked,stray,tail_cut,head_mismatch,rebuilt,other_value,projection,forged" doc:"What is wrong."`
	Seq       int64                `json:"seq,omitempty" doc:"The number of the entry, or of the first that is concerned."`
	Until     int64                `json:"until,omitempty" doc:"The last that is concerned, or may be."`
	EventID   vocab.ConsentEventID `json:"event_id,omitempty" doc:"The entry that was found there."`
	ContactID vocab.ContactID      `json:"contact_id,omitempty" doc:"Whose consents are not kept as the entries say."`
	Detail    string               `json:"detail" doc:"A sentence about it."`
}

func (a *API) verifyLedger(ctx context.Context, _ *struct{}) (*reply[verifyView], error) {
	found, err := a.Notary.Audit(ctx)
	if err != nil {
		return nil, err
	}
	view := verifyView{
		Intact: found.Intact(), Seq: found.Head.Seq, Hash: found.Head.Hash, Root: found.Root, Signed: found.Signed, Outside: found.Outside,
	}
	if b := found.Break; !view.Intact {
		view.Broken = &breakView{b.Why, b.Seq, b.Until, b.ID, b.Contact, b.String()}
	}
	return answer(view), nil
}

// checkpointView is a signed head.
type checkpointView struct {
	Size int64     `json:"size" doc:"How many entries the ledger had."`
	At   time.Time `json:"at" doc:"When it was signed."`
	Note string    `json:"note" doc:"The signed note (C2SP tlog-checkpoint). Size and time stand in it, too; believe those, after checking the signature."`
}

type checkpointsInput struct {
	Cursor string `query:"cursor" maxLength:"19" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listCheckpoints(ctx context.Context, in *checkpointsInput) (*reply[page[checkpointView]], error) {
	var before int64
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || n < 1 {
			var wrong idCheck
			wrong.add("cursor", "cursor_unknown", "this cursor is none of ours; begin again without one")
			return nil, wrong.err()
		}
		before = n
	}
	limit := pageLimit(in.Limit)
	list, err := a.Notary.Heads(ctx, before, limit+1)
	if err != nil {
		return nil, err
	}
	return pageOf(list, limit, func(s tlog.Signed) string { return strconv.FormatInt(s.Number, 10) },
		func(s tlog.Signed) checkpointView { return checkpointView{s.Size, s.At.UTC(), s.Note} }), nil
}

// ledgerKeyView is the key that checks signed heads.
type ledgerKeyView struct {
	PublicKey string `json:"public_key" example:"elshi.example.org/consent-ledger+64527096+ATml8fiiSsxI/zjOg58Aa0fXoJVEMqhrz5XhsE8TZqFM" doc:"Name, hash and Ed25519 key (C2SP signed-note), for elshi verify and elshi-proof."`
}

func (a *API) ledgerKey(context.Context, *struct{}) (*reply[ledgerKeyView], error) {
	return answer(ledgerKeyView{a.Notary.PublicKey()}), nil
}

type entryInput struct {
	ID string `path:"id" doc:"The entry." example:"cev_06gywnjy01xbs0938nkrkaydxw"`
}

func (a *API) proveEntry(ctx context.Context, in *entryInput) (*reply[consent.EntryProof], error) {
	if err := checkID(vocab.ConsentEventPrefix, in.ID, "consent_event_not_found", "there is no entry of the consent ledger with this id"); err != nil {
		return nil, err
	}
	p, err := a.Notary.Inclusion(ctx, vocab.ConsentEventID(in.ID))
	if err != nil {
		return nil, err
	}
	return answer(p), nil
}

package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// consentChain reads the consent ledger from its beginning.
type consentChain interface {
	// Events returns the entries after seq in order, at most n of them.
	Events(ctx context.Context, after int64, n int) ([]consent.Event, error)
	// Head returns the end of the chain as it is recorded.
	Head(ctx context.Context) (consent.Head, error)
}

// verifyPage is how many entries are read at once.
const verifyPage = 1000

func (a *API) registerLedger() {
	register(a, huma.Operation{
		OperationID: "verify-consent-ledger", Method: http.MethodGet, Path: "/v1/consent-ledger/verify", Tags: []string{"consents"},
		Summary:     "Check the consent ledger",
		Description: "Reads every entry and its hash from 1 to the end at the time of the call: intact, or the first place that is not what was written.",
	}, a.verifyLedger)
}

// verifyView is what a check of the ledger found.
type verifyView struct {
	Intact bool       `json:"intact" doc:"Every entry up to head_seq is what was written, and none is missing."`
	Seq    int64      `json:"head_seq" doc:"The number of the last entry that was checked."`
	Hash   string     `json:"head_hash" doc:"Its hash; compare it with one you have kept."`
	Broken *breakView `json:"broken,omitempty" doc:"The first place that is not what was written."`
}

// breakView is where a ledger breaks.
type breakView struct {
	Seq     int64                `json:"seq" doc:"The number of the entry."`
	EventID vocab.ConsentEventID `json:"event_id,omitempty" doc:"The entry that was found there."`
	Why     consent.BreakKind    `json:"why" enum:"changed,gap,swapped,unlinked,head_mismatch" doc:"What is wrong with it."`
}

// verifyLedger checks up to the head that is recorded when it starts: entries that are written meanwhile are for the next check.
func (a *API) verifyLedger(ctx context.Context, _ *struct{}) (*reply[verifyView], error) {
	head, err := a.Ledger.Head(ctx)
	if err != nil {
		return nil, err
	}
	v := consent.NewVerifier(consent.Head{})
	for after := int64(0); after < head.Seq; {
		events, err := a.Ledger.Events(ctx, after, verifyPage)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if e.Seq <= head.Seq {
				v.Feed(e)
			}
		}
		after = events[len(events)-1].Seq
	}
	first, intact := v.Finish(head)
	view := verifyView{Intact: intact, Seq: head.Seq, Hash: head.Hash}
	if !intact {
		view.Broken = &breakView{first.Seq, first.ID, first.Why}
	}
	return answer(view), nil
}

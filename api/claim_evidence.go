package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// claimEvidenceView is all the evidence about a claim, oldest first. Nothing in it depends on when it is asked for but head, generated_at and
// what is still going on.
type claimEvidenceView struct {
	GeneratedAt  time.Time             `json:"generated_at" doc:"When this was put together."`
	Head         headView              `json:"ledger_head" doc:"The end of the consent ledger at that time: the entries below are chained up to it."`
	Claim        claimView             `json:"claim" doc:"The claim."`
	Contact      contactView           `json:"contact" doc:"Who claims."`
	Grants       []consentView         `json:"grants" nullable:"false" doc:"What the contact's entries amount to, by purpose, channel and topic."`
	Ledger       []consentEventView    `json:"ledger" nullable:"false" doc:"The contact's entries of the consent ledger, with those of contacts that were merged into it."`
	Messages     []messageEvidenceView `json:"messages" nullable:"false" doc:"Every message to the contact that is kept."`
	Suppressions []suppressionView     `json:"suppressions" nullable:"false" doc:"Of the contact's addresses, also those that were lifted."`
}

// headView is the end of the consent ledger.
type headView struct {
	Seq  int64  `json:"seq" doc:"The number of the last entry."`
	Hash string `json:"hash" doc:"Its hash."`
}

// messageEvidenceView is one message with what shows why and how it went.
type messageEvidenceView struct {
	Message  messageView        `json:"message" doc:"The message."`
	Decision decisionView       `json:"decision" doc:"The newest decision, with the hash of the text and the version of the template."`
	Events   []messageEventView `json:"events" nullable:"false" doc:"What happened to it."`
	Attempts []attemptView      `json:"attempts" nullable:"false" doc:"Every call to a provider, with its own answer."`
}

// evidencePage is how much is read at a time.
const evidencePage = 199

// claimEvidence reads what the other calls of this API read, so that it cannot say anything else.
func (a *API) claimEvidence(ctx context.Context, in *decisionInput) (*reply[claimEvidenceView], error) {
	if err := checkClaimID(in.ID); err != nil {
		return nil, err
	}
	c, err := a.Claims.Get(ctx, vocab.ClaimID(in.ID))
	if err != nil {
		return nil, err
	}
	p, err := a.Contacts.Get(ctx, c.ContactID)
	if err != nil {
		return nil, err
	}
	head, err := a.Ledger.Head(ctx)
	if err != nil {
		return nil, err
	}
	pack := claimEvidenceView{
		GeneratedAt: a.now().UTC(), Head: headView{head.Seq, head.Hash}, Claim: a.claimOf(c), Contact: contactOf(p), Grants: []consentView{},
		Suppressions: []suppressionView{},
	}
	grants, err := a.Consents.OfContact(ctx, c.ContactID)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		pack.Grants = append(pack.Grants, consentOf(g))
	}
	entries, err := a.allConsentEvents(ctx, c.ContactID)
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries) // the oldest first
	pack.Ledger = orEmpty(entries)
	if pack.Messages, err = a.allMessageEvidence(ctx, c.ContactID, sentenceLanguage(in.Lang, in.AcceptLanguage)); err != nil {
		return nil, err
	}
	if pack.Suppressions, err = a.allSuppressions(ctx, p); err != nil {
		return nil, err
	}
	return answer(pack), nil
}

// allMessageEvidence reads a contact's messages with what shows why and how each went, the oldest first.
func (a *API) allMessageEvidence(ctx context.Context, contact vocab.ContactID, lang vocab.Language) ([]messageEvidenceView, error) {
	messages, err := a.allMessages(ctx, contact)
	if err != nil {
		return nil, err
	}
	all := make([]messageEvidenceView, 0, len(messages))
	for _, m := range slices.Backward(messages) {
		one, err := a.messageEvidenceOf(ctx, m, lang)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (a *API) messageEvidenceOf(ctx context.Context, m dispatcher.Message, lang vocab.Language) (messageEvidenceView, error) {
	one := messageEvidenceView{Message: messageOf(m), Decision: decisionOf(m, lang), Events: []messageEventView{}, Attempts: []attemptView{}}
	events, err := a.Messages.Events(ctx, m.ID)
	if err != nil {
		return one, err
	}
	for _, e := range events {
		one.Events = append(one.Events, messageEventOf(e))
	}
	attempts, err := a.Messages.Attempts(ctx, m.ID)
	for _, x := range attempts {
		one.Attempts = append(one.Attempts, attemptOf(x))
	}
	return one, err
}

// allSuppressions reads the suppressions of a contact's addresses, the oldest first.
func (a *API) allSuppressions(ctx context.Context, p contacts.Profile) ([]suppressionView, error) {
	all := []suppressionView{}
	for _, x := range p.Addresses {
		f := contacts.SuppressionFilter{Channel: x.Channel, Lookup: x.Key, Lifted: true, Limit: evidencePage}
		for {
			list, err := a.Suppressions.List(ctx, f)
			if err != nil {
				return nil, err
			}
			for _, s := range list {
				all = append(all, suppressionOf(s))
				f.After = s.ID
			}
			if len(list) < evidencePage {
				break
			}
		}
	}
	slices.SortFunc(all, func(x, y suppressionView) int { return strings.Compare(string(x.ID), string(y.ID)) })
	return all, nil
}

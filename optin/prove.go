package optin

import (
	"context"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// ProofLasts is how long a proof of an address is good for what stands on it.
const ProofLasts = 30 * time.Minute

// Prover asks a contact to prove that they hold one of their addresses, by a code of six digits that goes there: what a link alone may
// not do (grant, read a history) may be done with a proof. It keeps the limits of all confirmations.
//
// Whoever asks gets a token, which a page keeps in a hidden field. It is signed, because a receipt names the confirmation that a grant
// stands on: who reads a receipt must not be able to act by it.
type Prover struct {
	desk   *Desk
	ledger grantLedger
}

// NewProver returns a Prover over a desk and what keeps its grants.
func NewProver(d *Desk, l grantLedger) *Prover { return &Prover{d, l} }

// Proof is a proved address.
type Proof struct {
	ID        vocab.ConfirmationID // what an entry of the ledger names as one_time_code
	ContactID vocab.ContactID
	AddressID vocab.AddressID
	Address   vocab.Address
	Channel   vocab.Channel
	At        time.Time
	Until     time.Time // exclusive
}

// Send sends a code to an address of a contact and returns the token of the proof. It answers the same if nothing may be sent or the
// address had enough codes today. The error is fault.NotFound or fault.Conflict (contact_erased, contact_merged, address_missing) if the
// address is not the contact's.
func (p *Prover) Send(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, lang vocab.Language) (string, error) {
	d := p.desk
	defer d.level(ctx, d.now())
	now := d.now().UTC().Truncate(time.Microsecond)
	draft := Draft{Confirmation: Confirmation{
		ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: AddressProof, ContactID: contact, AddressID: address, Language: lang, CreatedAt: now,
	}}
	if err := d.byCode(&draft); err != nil {
		return "", err
	}
	return d.links.Sign(dispatcher.LinkProof, rawID(draft.ID)), d.put(ctx, dispatcher.Caller{Mode: dispatcher.Live}, draft)
}

// Check compares a typed code. The answer is false for whatever is wrong: the token, the code, its time, the tries, or another contact's.
func (p *Prover) Check(ctx context.Context, token string, contact vocab.ContactID, code string) (Proof, bool, error) {
	code, sound := digits(code)
	if !sound {
		return Proof{}, false, nil
	}
	before, err := p.of(ctx, token, contact)
	if err != nil || before.ID == "" {
		return Proof{}, false, err
	}
	done, err := p.desk.ledger.Confirm(ctx, before.ID, Press{At: p.desk.now(), Code: code, Policy: p.desk.Policy})
	if err != nil || done.Result == Gone {
		return Proof{}, false, err
	}
	proof := proofOf(done.Confirmation)
	return proof, p.desk.now().Before(proof.Until), nil
}

// Proved returns the proof that an earlier Check has made, as long as it lasts; false for anything else.
func (p *Prover) Proved(ctx context.Context, token string, contact vocab.ContactID) (Proof, bool, error) {
	c, err := p.of(ctx, token, contact)
	if err != nil || c.UsedAt.IsZero() {
		return Proof{}, false, err
	}
	proof := proofOf(c)
	return proof, p.desk.now().Before(proof.Until), nil
}

// of returns the confirmation of a token if it is an address proof of the contact; else an empty one.
func (p *Prover) of(ctx context.Context, token string, contact vocab.ContactID) (Confirmation, error) {
	raw, err := p.desk.links.Open(dispatcher.LinkProof, token)
	if err != nil {
		return Confirmation{}, nil //nolint:nilerr // a token that is none proves nothing
	}
	c, err := p.desk.ledger.Confirmation(ctx, vocab.ConfirmationID(vocab.FormatID(vocab.ConfirmationPrefix, raw)))
	if fault.KindOf(err) == fault.NotFound {
		return Confirmation{}, nil
	}
	if err != nil || c.Kind != AddressProof || c.ContactID != contact || c.Address == "" {
		return Confirmation{}, err
	}
	return c, nil
}

func proofOf(c Confirmation) Proof {
	return Proof{
		ID: c.ID, ContactID: c.ContactID, AddressID: c.AddressID, Address: c.Address, Channel: c.Channel, At: c.UsedAt, Until: c.UsedAt.Add(ProofLasts),
	}
}

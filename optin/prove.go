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
type Prover struct{ desk *Desk }

// NewProver returns a Prover over a desk.
func NewProver(d *Desk) *Prover { return &Prover{d} }

// Proof is a proved address.
type Proof struct {
	ID        vocab.ConfirmationID // what an entry of the ledger names as one_time_code
	ContactID vocab.ContactID
	AddressID vocab.AddressID
	At        time.Time
	Until     time.Time // exclusive
}

// Send sends a code to an address of a contact and returns the id that belongs to it, which a page keeps in a hidden field. It answers
// the same if nothing may be sent or the address had enough codes today. The error is fault.NotFound or fault.Conflict
// (address_missing) if the address is not the contact's.
func (p *Prover) Send(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, lang vocab.Language) (vocab.ConfirmationID, error) {
	d := p.desk
	defer d.level(ctx, d.now())
	now := d.now().UTC().Truncate(time.Microsecond)
	draft := Draft{Confirmation: Confirmation{
		ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: AddressProof, ContactID: contact, AddressID: address, Language: lang, CreatedAt: now,
	}}
	if err := d.byCode(&draft); err != nil {
		return "", err
	}
	return draft.ID, d.put(ctx, dispatcher.Caller{Mode: dispatcher.Live}, draft)
}

// Check compares a typed code. The answer is false for whatever is wrong: the code, its time, the tries, or another contact's id.
func (p *Prover) Check(ctx context.Context, id vocab.ConfirmationID, contact vocab.ContactID, code string) (Proof, bool, error) {
	code, sound := digits(code)
	if !sound {
		return Proof{}, false, nil
	}
	before, err := p.of(ctx, id, contact)
	if err != nil || before.ID == "" {
		return Proof{}, false, err
	}
	done, err := p.desk.ledger.Confirm(ctx, id, Press{At: p.desk.now(), Code: code, Policy: p.desk.Policy})
	if err != nil || done.Result == Gone {
		return Proof{}, false, err
	}
	proof := proofOf(done.Confirmation)
	return proof, p.desk.now().Before(proof.Until), nil
}

// Proved returns the proof that an earlier Check has made, as long as it lasts; false for anything else.
func (p *Prover) Proved(ctx context.Context, id vocab.ConfirmationID, contact vocab.ContactID) (Proof, bool, error) {
	c, err := p.of(ctx, id, contact)
	if err != nil || c.UsedAt.IsZero() {
		return Proof{}, false, err
	}
	proof := proofOf(c)
	return proof, p.desk.now().Before(proof.Until), nil
}

// of returns the confirmation if it is an address proof of the contact; else an empty one.
func (p *Prover) of(ctx context.Context, id vocab.ConfirmationID, contact vocab.ContactID) (Confirmation, error) {
	c, err := p.desk.ledger.Confirmation(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return Confirmation{}, nil
	}
	if err != nil || c.Kind != AddressProof || c.ContactID != contact || c.Address == "" {
		return Confirmation{}, err
	}
	return c, nil
}

func proofOf(c Confirmation) Proof {
	return Proof{ID: c.ID, ContactID: c.ContactID, AddressID: c.AddressID, At: c.UsedAt, Until: c.UsedAt.Add(ProofLasts)}
}

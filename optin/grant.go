package optin

import (
	"context"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// grantLedger keeps what is granted on a proof.
type grantLedger interface {
	// GrantProved appends one grant to the ledger in one transaction that looks at everything again: the proof, the address, the text.
	// It acts once; whoever presses again is told of the entry that stands. Nothing is written with any other outcome.
	GrantProved(ctx context.Context, g ProvedGrant) (GrantAnswer, error)
}

// ProvedGrant is one grant that rests on a proof of an address, on the channel of that address.
type ProvedGrant struct {
	Proof     vocab.ConfirmationID
	ContactID vocab.ContactID
	Asked     Asked          // the text that was shown
	Language  vocab.Language // in which it was shown
	Policy    string         // version of the privacy policy in force
	Evidence  string         // personal; kept beside the chain
	At        time.Time
}

// GrantOutcome is what became of a press that agrees to something.
type GrantOutcome string

// The outcomes of a press that agrees: a closed list.
const (
	Granted     GrantOutcome = "granted"      // now
	GrantStands GrantOutcome = "stands"       // it was granted before; nothing was written
	NotProved   GrantOutcome = "not_proved"   // no proof, another's, ended, or of an address that is not used on its channel any more
	TextChanged GrantOutcome = "text_changed" // what was shown is not the text in force
	Pointless   GrantOutcome = "pointless"    // nothing would be sent: the address is stopped, or the processing of the contact's data
)

// GrantAnswer is what the ledger says to a press that agrees.
type GrantAnswer struct {
	Outcome GrantOutcome
	Event   vocab.ConsentEventID // the entry that grants it; empty unless it is granted
	At      time.Time
}

// Agreement is what somebody presses: one wish, and the hash of the words that stood beside the button.
type Agreement struct {
	Wish

	Token    string // of the proof
	Language vocab.Language
	Evidence Evidence
}

// Grant grants one wish on the channel of a proved address. Only a published text can be agreed to, and only the one in force, in the very
// words that were shown. The error is fault.Invalid for a purpose or topic that nobody can agree to.
func (p *Prover) Grant(ctx context.Context, contact vocab.ContactID, a Agreement) (GrantAnswer, error) {
	proof, proved, err := p.Proved(ctx, a.Token, contact)
	if err != nil || !proved {
		return GrantAnswer{Outcome: NotProved}, err
	}
	topics := p.desk.purposes.Topics(a.Purpose)
	if a.Topic != "" && !slices.ContainsFunc(topics, func(t consent.TopicInfo) bool { return t.ID == a.Topic }) {
		return GrantAnswer{}, fault.InvalidField("/topic", "unknown", "want a topic of the purpose")
	}
	text, err := p.desk.Shown(ctx, a.Purpose, proof.Channel)
	if fault.KindOf(err) == fault.NotFound {
		return GrantAnswer{}, fault.InvalidField("/purpose", "purpose_unregistered", "want a purpose that a contact can agree to")
	}
	if err != nil {
		return GrantAnswer{}, err
	}
	if text.Version == 0 || a.TextHash == "" || text.Hash[a.Language] != a.TextHash {
		return GrantAnswer{Outcome: TextChanged}, nil
	}
	return p.ledger.GrantProved(ctx, ProvedGrant{
		Proof: proof.ID, ContactID: contact, Language: a.Language, Policy: p.desk.Policy, Evidence: a.Evidence.text(), At: p.desk.now(),
		Asked: Asked{Purpose: a.Purpose, Topic: a.Topic, TextVersion: text.Version, TextHash: a.TextHash, Abroad: text.Abroad},
	})
}

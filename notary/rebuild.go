package notary

import (
	"context"

	"github.com/orleu/elshi/vocab"
)

// rebuilder makes the projection anew.
type rebuilder interface {
	// RebuildProjection makes the projection of the next n contacts behind one from their entries, under their guards, and returns the last
	// of them, "" when none is behind it, and how many were not as they should be.
	RebuildProjection(ctx context.Context, after vocab.ContactID, n int) (vocab.ContactID, int, error)
}

// Rebuilt is what a rebuild did.
type Rebuilt struct {
	Entries int64 // of the ledger that it was made from
	Mended  int   // contacts whose consents were not kept as their entries say
}

// rebuildSize is how many contacts' guards are held at once.
const rebuildSize = 100

// Rebuild makes what is kept of the contacts' consents, and of the ledger's tree, anew from the entries, some contacts at a time. A second
// one changes nothing. The entries are checked first: the error is *NotIntact if they are not what was written, and then nothing is changed.
func (n *Notary) Rebuild(ctx context.Context, o Outside) (Rebuilt, error) {
	o.ChainOnly = true
	found, err := n.Audit(ctx, o)
	if err != nil {
		return Rebuilt{}, err
	}
	if !found.Intact() {
		return Rebuilt{}, &NotIntact{found.Break}
	}
	done := Rebuilt{Entries: found.Head.Seq}
	if err := n.ledger.ForgetNodes(ctx); err != nil {
		return done, err
	}
	if _, err := n.grow(ctx, found.Head); err != nil {
		return done, err
	}
	for after := vocab.ContactID(""); ; {
		next, mended, err := n.ledger.RebuildProjection(ctx, after, rebuildSize)
		done.Mended += mended
		if err != nil || next == "" {
			return done, err
		}
		after = next
	}
}

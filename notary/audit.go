package notary

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// projection is what an audit reads besides the chain.
type projection interface {
	// Misvalued returns the first entry from one number to another beside which a value is kept that it does not commit to.
	Misvalued(ctx context.Context, from, to int64) (consent.Break, error)
	// CompareProjection compares the next n contacts behind one and returns the last of them, "" when none is behind it, and the first
	// difference.
	CompareProjection(ctx context.Context, after vocab.ContactID, n int) (vocab.ContactID, consent.Break, error)
	// Stray returns the number of the first entry behind the recorded end of the chain; 0 if there is none.
	Stray(ctx context.Context) (int64, error)
}

// Outside is what an audit holds against the database.
type Outside struct {
	Key   *tlog.Verifier // whose signature is believed
	Notes []string       // signed heads from outside of the database; nil: none are at hand
	// ChainOnly leaves out what is kept of the contacts' consents, for whoever is about to make that anew.
	ChainOnly bool
}

// Audit is what was found.
type Audit struct {
	Head    consent.Head    // the end of the chain when the audit began; entries that came later were not looked at
	Root    tlog.Hash       // of the tree over everything that was found sound
	Signed  int             // how many signed heads were compared, of the table and from outside
	Outside int             // how many of them came from outside
	Newest  tlog.Checkpoint // the newest of them
	Break   consent.Break   // the first that is not as it was written
}

// Intact says whether nothing is wrong.
func (a Audit) Intact() bool { return a.Break.Why == "" }

// compareSize is how many contacts are compared in one look at the database.
const compareSize = 500

// Audit reads the whole ledger once, entry by entry, and compares it with the signed heads, the values beside it and what is kept of
// the contacts' consents. It holds some thousand entries at a time. An error says that it could not find out: then nothing is known.
func (n *Notary) Audit(ctx context.Context, o Outside) (Audit, error) {
	signed, forged, err := n.signedHeads(ctx, o)
	if err != nil {
		return Audit{}, err
	}
	// Read after the heads: none of them may have more entries than the ledger had when they were read.
	head, err := n.ledger.Head(ctx)
	if err != nil {
		return Audit{}, err
	}
	a := Audit{Head: head, Signed: len(signed), Outside: len(o.Notes)}
	if len(signed) > 0 {
		a.Newest = signed[len(signed)-1]
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var beside consent.Break
	var besideErr error
	var both sync.WaitGroup
	both.Go(func() {
		if beside, besideErr = n.auditBeside(ctx, head, o.ChainOnly); besideErr != nil {
			cancel()
		}
	})
	chain, root, err := n.auditChain(ctx, head, signed)
	if err != nil {
		cancel()
	}
	both.Wait()
	switch {
	case besideErr != nil:
		return Audit{}, besideErr // it may be why the other one ended, never the other way round without an error of its own
	case err != nil:
		return Audit{}, err
	}
	a.Root = root
	// What is wrong with an entry says more than what follows from it; a forged head explains why others do not fit.
	for _, b := range []consent.Break{chain, forged, beside} {
		if b.Why != "" {
			a.Break = b
			break
		}
	}
	return a, nil
}

// auditChain reads the entries.
func (n *Notary) auditChain(ctx context.Context, head consent.Head, signed []tlog.Checkpoint) (consent.Break, tlog.Hash, error) {
	tree := &tlog.Tree{}
	v := consent.NewVerifier(consent.Head{})
	v.Against(tree, signed, nil)
	for at := int64(0); at < head.Seq && !v.Broken(); at += portion {
		if err := n.ledger.Walk(ctx, at+1, min(at+portion, head.Seq), func(e consent.Event) error {
			v.Feed(e)
			return nil
		}); err != nil {
			return consent.Break{}, tlog.Hash{}, err
		}
	}
	first, intact := v.Finish(head)
	if !intact {
		return first, tree.Root(), nil
	}
	stray, err := n.ledger.Stray(ctx)
	if stray > 0 {
		first = consent.Break{Why: consent.Stray, Seq: stray}
	}
	return first, tree.Root(), err
}

// auditBeside looks at what stands beside the chain.
func (n *Notary) auditBeside(ctx context.Context, head consent.Head, chainOnly bool) (consent.Break, error) {
	for at := int64(0); at < head.Seq; at += portion {
		if b, err := n.ledger.Misvalued(ctx, at+1, at+portion); err != nil || b.Why != "" {
			return b, err
		}
	}
	if chainOnly {
		return consent.Break{}, nil
	}
	for after := vocab.ContactID(""); ; {
		next, b, err := n.ledger.CompareProjection(ctx, after, compareSize)
		if err != nil || b.Why != "" || next == "" {
			return b, err
		}
		after = next
	}
}

// signedHeads opens the heads of the table and from outside and returns them by size, one for each, and what is wrong with them.
func (n *Notary) signedHeads(ctx context.Context, o Outside) ([]tlog.Checkpoint, consent.Break, error) {
	var all []tlog.Checkpoint
	var forged consent.Break
	wrong := func(format string, args ...any) {
		if forged.Why == "" {
			forged = consent.Break{Why: consent.Forged, Detail: fmt.Sprintf(format, args...)}
		}
	}
	inTable := map[tlog.Checkpoint]bool{}
	for after := int64(0); ; {
		page, err := n.ledger.Checkpoints(ctx, after, portion)
		if err != nil {
			return nil, forged, err
		}
		for _, s := range page {
			if s.Number != after+1 {
				wrong("number %d is missing in the table", after+1)
			}
			after = s.Number
			c, err := o.Key.Open(s.Note)
			if err != nil {
				wrong("number %d of the table: %v", s.Number, err)
				continue
			}
			inTable[c] = true
			all = append(all, c)
		}
		if len(page) < portion {
			break
		}
	}
	for i, text := range o.Notes {
		c, err := o.Key.Open(text)
		if err != nil {
			wrong("number %d from outside of the database: %v", i+1, err)
			continue
		}
		if !inTable[c] {
			wrong("the head of %d entries that was signed at %s is not in the table", c.Size, c.At.Format("2006-01-02T15:04:05Z07:00"))
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(x, y tlog.Checkpoint) int {
		return cmp.Or(cmp.Compare(x.Size, y.Size), x.At.Compare(y.At))
	})
	for i := 1; i < len(all); i++ {
		if all[i].Size == all[i-1].Size && all[i].Root != all[i-1].Root {
			wrong("two heads of %d entries are signed and differ", all[i].Size)
		}
	}
	return slices.CompactFunc(all, func(x, y tlog.Checkpoint) bool { return x.Size == y.Size }), forged, nil
}

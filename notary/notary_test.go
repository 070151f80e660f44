package notary_test

import (
	"context"
	"testing"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/vocab"
)

func TestEveryEntryIsProvedWhateverTheTreesShape(t *testing.T) {
	o := newOffice(t)
	key := o.notary.Verifier()
	size := int64(0)
	for _, more := range []int{1, 254, 1, 1, 300} { // up to 557: two whole subtrees of 256, and a rest
		o.grants(more)
		size += int64(more)
		events, err := o.consents.Events(t.Context(), 0, 1000)
		if err != nil || int64(len(events)) != size {
			t.Fatal(len(events), err)
		}
		for i := 0; i < len(events); i += 1 + len(events)/40 {
			p, err := o.notary.Inclusion(t.Context(), events[i].ID)
			if err != nil {
				t.Fatalf("entry %d of %d: %v", i+1, size, err)
			}
			if head, err := p.Check(key); err != nil || head.Size < events[i].Seq || p.Entry.ID != events[i].ID {
				t.Fatalf("entry %d of %d: %+v, %v", i+1, size, head, err)
			}
		}
		newest := events[len(events)-1]
		if p, err := o.notary.Inclusion(t.Context(), newest.ID); err != nil || p.TreeSize != size {
			t.Errorf("the newest of %d: %+v, %v", size, p, err)
		}
	}
	if n, err := o.consents.NodeCount(t.Context(), 8); err != nil || n != 2 {
		t.Errorf("%d subtrees are kept, %v; want 2", n, err)
	}
	if _, err := o.notary.Inclusion(t.Context(), "cev_nobody"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an entry that is none: %v", err)
	}
}

func TestARebuiltTreeIsTheSameAndTheSecondRebuildMendsNothing(t *testing.T) {
	o := newOffice(t)
	o.grants(600)
	signed, err := o.notary.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		done, err := o.notary.Rebuild(t.Context(), notary.Outside{Key: o.notary.Verifier(), Notes: []string{signed.Note}})
		if err != nil || done != (notary.Rebuilt{Entries: 600}) {
			t.Errorf("round %d: %+v, %v", round, done, err)
		}
	}
	if again, err := o.notary.Seal(t.Context()); err != nil || again.Root != signed.Root {
		t.Errorf("%s, %v, want %s", again.Root, err, signed.Root)
	}
}

// What is written while an audit reads is for the next one.
func TestAnAuditEndsWhereTheLedgerEndedWhenItBegan(t *testing.T) {
	o := newOffice(t)
	o.grants(20)
	ledger := &growing{Ledger: o.consents, grow: func() { o.grants(2) }}
	n := notary.New(ledger, nil, "", nil)
	found, err := n.Audit(t.Context(), notary.Outside{Key: o.notary.Verifier()})
	if err != nil || !found.Intact() || found.Head.Seq != 20 || ledger.grown == 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// growing is a ledger that grows whenever it is read.
type growing struct {
	notary.Ledger

	grow  func()
	grown int
}

func (g *growing) Head(ctx context.Context) (consent.Head, error) {
	head, err := g.Ledger.Head(ctx)
	g.more()
	return head, err
}

func (g *growing) Stray(ctx context.Context) (int64, error) {
	g.more()
	return g.Ledger.Stray(ctx)
}

func (g *growing) CompareProjection(ctx context.Context, after vocab.ContactID, n int) (vocab.ContactID, consent.Break, error) {
	g.more()
	return g.Ledger.CompareProjection(ctx, after, n)
}

func (g *growing) more() {
	g.grow()
	g.grown++
}

// Package notary signs heads of the consent ledger, keeps them where the database's administrator cannot reach, proves single entries by
// them, and says whether the ledger still is what was signed. It never changes an entry and signs nothing that it has not checked.
package notary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// entries is the consent ledger as a Notary reads it.
type entries interface {
	// Head returns the end of the chain as it is recorded.
	Head(ctx context.Context) (consent.Head, error)
	// Event returns one entry; fault.NotFound if there is none.
	Event(ctx context.Context, id vocab.ConsentEventID) (consent.Event, error)
	// Walk calls f with the entries from one number to another, in order.
	Walk(ctx context.Context, from, to int64, f func(consent.Event) error) error
	// Links returns the chain hashes of the entries from one number to another, in order.
	Links(ctx context.Context, from, to int64) ([]string, error)
}

// heads keeps signed heads.
type heads interface {
	AddCheckpoint(ctx context.Context, s tlog.Signed) (tlog.Signed, error)
	// Checkpoints returns those with a number above after, the oldest first, at most n.
	Checkpoints(ctx context.Context, after int64, n int) ([]tlog.Signed, error)
	// NewestCheckpoints returns those with a number below before, the newest first, at most n; 0: from the end.
	NewestCheckpoints(ctx context.Context, before int64, n int) ([]tlog.Signed, error)
}

// subtrees keeps whole subtrees of the ledger's tree.
type subtrees interface {
	Nodes(ctx context.Context, level uint, from, to int64) ([]tlog.Hash, error)
	NodeCount(ctx context.Context, level uint) (int64, error)
	AddNodes(ctx context.Context, nodes map[tlog.Node]tlog.Hash) error
	ForgetNodes(ctx context.Context) error
}

// Ledger is where the consent ledger and what proves it is kept; store.Consents is one.
type Ledger interface {
	entries
	heads
	subtrees
	projection
	rebuilder
}

// Notary signs heads of the consent ledger and proves entries by them. It is safe for concurrent use.
type Notary struct {
	ledger Ledger
	signer *tlog.Signer
	file   file
	now    func() time.Time
}

// New returns a Notary. Nothing is signed before it is asked to, and nothing that the newest head in the file contradicts; a file that is
// not there contradicts nothing. An empty path is no file.
func New(l Ledger, s *tlog.Signer, path string, now func() time.Time) *Notary {
	return &Notary{l, s, file{path}, now}
}

// PublicKey is the key by which others check what the Notary signs.
func (n *Notary) PublicKey() string { return n.signer.PublicKey() }

// Verifier returns who opens what the Notary signs.
func (n *Notary) Verifier() *tlog.Verifier { return n.signer.Verifier() }

// Heads returns signed heads with a number below before, the newest first, at most so many; 0: from the end.
func (n *Notary) Heads(ctx context.Context, before int64, limit int) ([]tlog.Signed, error) {
	return n.ledger.NewestCheckpoints(ctx, before, limit)
}

// NotIntact is the error of a ledger that is not what was written: nothing more is signed for it.
type NotIntact struct{ Break consent.Break }

// Error names the place.
func (e *NotIntact) Error() string { return "the consent ledger is not intact at " + e.Break.String() }

// portion is how many entries are read and hashed between two writes of subtrees.
const portion = 8192

// Seal signs the ledger as it is now and keeps the signed head. What came since the last subtree that is kept is checked first, entry by
// entry, and the last head that was signed must still fit: the error is *NotIntact if it does not. An empty ledger has no head: the
// answer is the zero Signed. Seal costs what was appended since the last time; appending costs nothing.
func (n *Notary) Seal(ctx context.Context) (tlog.Signed, error) {
	newest, _, err := n.newest(ctx)
	if err != nil {
		return tlog.Signed{}, err
	}
	head, err := n.ledger.Head(ctx)
	if err != nil {
		return tlog.Signed{}, err
	}
	outside, err := n.file.last(n.signer.Verifier())
	if err != nil {
		return tlog.Signed{}, fmt.Errorf("the file of signed heads: %w", err)
	}
	// Whoever rewrote the ledger may have taken the heads of the table away, or be asking for a proof of what they wrote.
	for _, signed := range []tlog.Checkpoint{newest.Checkpoint, outside} {
		if err := n.stillFits(ctx, signed, head); err != nil {
			return tlog.Signed{}, err
		}
	}
	if head.Seq == 0 {
		return tlog.Signed{}, nil
	}
	tree, err := n.grow(ctx, head)
	if err != nil {
		return tlog.Signed{}, err
	}
	c := tlog.Checkpoint{Size: tree.Size(), Root: tree.Root(), At: n.now().UTC().Truncate(time.Second)}
	signed := tlog.Signed{Checkpoint: c}
	if signed.Note, err = n.signer.Sign(c); err != nil {
		return tlog.Signed{}, err
	}
	if signed, err = n.ledger.AddCheckpoint(ctx, signed); err != nil {
		return tlog.Signed{}, fmt.Errorf("keep the signed head: %w", err)
	}
	return signed, nil
}

// newest returns the newest signed head, opened, and whether there is one.
func (n *Notary) newest(ctx context.Context) (tlog.Signed, bool, error) {
	list, err := n.ledger.NewestCheckpoints(ctx, 0, 1)
	if err != nil || len(list) == 0 {
		return tlog.Signed{}, false, err
	}
	s := list[0]
	if s.Checkpoint, err = n.signer.Verifier().Open(s.Note); err != nil {
		return s, false, &NotIntact{consent.Break{Why: consent.Forged, Detail: fmt.Sprintf("number %d of the table: %v", s.Number, err)}}
	}
	return s, true, nil
}

// stillFits looks whether the entries still have the root that was signed, by the subtrees that are kept and the entries beside them.
func (n *Notary) stillFits(ctx context.Context, signed tlog.Checkpoint, head consent.Head) error {
	if signed.Size == 0 { // there is none
		return nil
	}
	if head.Seq < signed.Size {
		return &NotIntact{consent.Break{Why: consent.TailCut, Seq: head.Seq + 1, Until: signed.Size, Head: signed}}
	}
	tree, err := tlog.TreeAt(signed.Size, n.node(ctx))
	if err != nil {
		return err
	}
	if tree.Root() != signed.Root {
		return &NotIntact{consent.Break{Why: consent.Rebuilt, Seq: 1, Until: signed.Size, Head: signed}}
	}
	return nil
}

// grow makes the tree up to the head, and keeps the subtrees that became whole.
func (n *Notary) grow(ctx context.Context, head consent.Head) (*tlog.Tree, error) {
	count, err := n.ledger.NodeCount(ctx, firstKept)
	if err != nil {
		return nil, err
	}
	from := consent.Head{Seq: count << firstKept}
	if from.Seq > head.Seq {
		return nil, &NotIntact{consent.Break{Why: consent.TailCut, Seq: head.Seq + 1, Until: from.Seq}}
	}
	if from.Seq > 0 {
		links, err := n.ledger.Links(ctx, from.Seq, from.Seq)
		if err != nil {
			return nil, err
		}
		if len(links) != 1 {
			return nil, &NotIntact{consent.Break{Why: consent.Gap, Seq: from.Seq, Until: from.Seq}}
		}
		from.Hash = links[0]
	}
	tree, err := tlog.TreeAt(from.Seq, n.node(ctx))
	if err != nil {
		return nil, err
	}
	made := map[tlog.Node]tlog.Hash{}
	v := consent.NewVerifier(from)
	v.Against(tree, nil, func(id tlog.Node, h tlog.Hash) {
		if id.Level > 0 && id.Level%firstKept == 0 {
			made[id] = h
		}
	})
	for at := from.Seq; at < head.Seq && !v.Broken(); at += portion {
		if err := n.ledger.Walk(ctx, at+1, min(at+portion, head.Seq), func(e consent.Event) error {
			v.Feed(e)
			return nil
		}); err != nil {
			return nil, err
		}
		if err := n.ledger.AddNodes(ctx, made); err != nil {
			return nil, err
		}
		clear(made)
	}
	if broken, intact := v.Finish(head); !intact {
		return nil, &NotIntact{broken}
	}
	return tree, nil
}

// Inclusion proves that an entry stands in the ledger, by the newest signed head; one that is newer than that is signed first. The error
// is fault.NotFound if there is no such entry, and fault.Conflict if the ledger is not intact.
func (n *Notary) Inclusion(ctx context.Context, id vocab.ConsentEventID) (consent.EntryProof, error) {
	e, err := n.ledger.Event(ctx, id)
	if err != nil {
		return consent.EntryProof{}, err
	}
	signed, found, err := n.newest(ctx)
	if err == nil && (!found || signed.Size < e.Seq) {
		signed, err = n.Seal(ctx)
	}
	if err != nil {
		return consent.EntryProof{}, explained(err)
	}
	p := consent.EntryProof{
		Format: consent.EntryProofFormat, Entry: consent.EntryOf(e), LeafIndex: e.Seq - 1, TreeSize: signed.Size, Checkpoint: signed.Note,
	}
	if p.Hashes, err = tlog.Inclusion(p.LeafIndex, p.TreeSize, n.node(ctx)); err != nil {
		return consent.EntryProof{}, err
	}
	// Nobody is handed a proof that does not hold.
	if _, err := p.Check(n.signer.Verifier()); err != nil {
		return consent.EntryProof{}, notIntact(err.Error())
	}
	return p, nil
}

// explained is an error for whoever asked over a door.
func explained(err error) error {
	if broken, ok := errors.AsType[*NotIntact](err); ok {
		return notIntact(broken.Break.String())
	}
	return err
}

func notIntact(detail string) error {
	return &fault.Error{
		Kind: fault.Conflict, Code: "ledger_not_intact",
		Detail: "the consent ledger is not what was written, so nothing can be proved by it; see GET /v1/consent-ledger/verify: " + detail,
	}
}

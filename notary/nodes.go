package notary

import (
	"context"
	"fmt"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/tlog"
)

// firstKept is the lowest level whose whole subtrees are kept, and the distance to the next: of a million entries some 3,900 hashes.
const firstKept = 8

// node returns how to find the hash of any whole subtree: from at most 255 neighbours of the nearest level below that is kept.
func (n *Notary) node(ctx context.Context) func(tlog.Node) (tlog.Hash, error) {
	return func(id tlog.Node) (tlog.Hash, error) {
		level := id.Level - id.Level%firstKept
		width := int64(1) << (id.Level - level)
		first, last := id.Index*width, (id.Index+1)*width-1
		if level == 0 {
			return n.fromLeaves(ctx, first, last)
		}
		hashes, err := n.ledger.Nodes(ctx, level, first, last)
		if err != nil {
			return tlog.Hash{}, err
		}
		if int64(len(hashes)) != width {
			return tlog.Hash{}, fmt.Errorf("the ledger's tree has %d of %d subtrees of level %d from %d on: run elshi rebuild", len(hashes), width, level, first)
		}
		return tlog.Join(hashes), nil
	}
}

// fromLeaves is the subtree over the leaves from one to another.
func (n *Notary) fromLeaves(ctx context.Context, first, last int64) (tlog.Hash, error) {
	links, err := n.ledger.Links(ctx, first+1, last+1)
	if err != nil {
		return tlog.Hash{}, err
	}
	if int64(len(links)) != last-first+1 {
		return tlog.Hash{}, &NotIntact{consent.Break{Why: consent.Gap, Seq: first + 1, Until: last + 1}}
	}
	leaves := make([]tlog.Hash, len(links))
	for i, link := range links {
		if leaves[i], err = consent.Leaf(link); err != nil {
			return tlog.Hash{}, &NotIntact{consent.Break{Why: consent.Changed, Seq: first + 1 + int64(i)}}
		}
	}
	return tlog.Join(leaves), nil
}

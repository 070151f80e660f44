package tlog

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// HashSize is the length of the tree's hashes in bytes.
const HashSize = sha256.Size

// Hash is a node of the tree.
type Hash [HashSize]byte

// MarshalText writes base64 (RFC 4648 section 4), as signed notes do.
func (h Hash) MarshalText() ([]byte, error) { return []byte(base.EncodeToString(h[:])), nil }

// UnmarshalText reads exactly what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	raw, err := base.DecodeString(string(text))
	if err != nil || len(raw) != HashSize {
		return errors.New("want 32 bytes in base64")
	}
	copy(h[:], raw)
	return nil
}

// String is the base64 of the hash.
func (h Hash) String() string { return base.EncodeToString(h[:]) }

// LeafHash is the hash of an entry (RFC 9162 section 2.1.1).
func LeafHash(entry []byte) Hash { return Hash(rfc6962.DefaultHasher.HashLeaf(entry)) }

var factory = compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// Node is a whole subtree: the one over the leaves from Index << Level on, 1 << Level of them.
type Node struct {
	Level uint
	Index int64
}

// Tree is the right edge of a tree that grows by one leaf at a time: it holds no more than a hash for each level. The zero Tree is
// empty. It is not safe for concurrent use.
type Tree struct{ edge *compact.Range }

// TreeAt returns the tree as it was at a size. Its whole subtrees are asked of node, one for each bit of the size.
func TreeAt(size int64, node func(Node) (Hash, error)) (*Tree, error) {
	if size < 0 {
		return nil, fmt.Errorf("a tree of %d leaves", size)
	}
	var hashes [][]byte
	for _, id := range compact.RangeNodes(0, uint64(size), nil) {
		h, err := node(Node{id.Level, int64(id.Index)}) //nolint:gosec // no log has 2^63 entries
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h[:])
	}
	edge, err := factory.NewRange(0, uint64(size), hashes)
	if err != nil {
		return nil, fmt.Errorf("a tree of %d leaves: %w", size, err)
	}
	return &Tree{edge}, nil
}

// Append adds a leaf. It calls whole, which may be nil, with each subtree that becomes whole by it.
func (t *Tree) Append(leaf Hash, whole func(Node, Hash)) error {
	if t.edge == nil {
		t.edge = factory.NewEmptyRange(0)
	}
	var visit compact.VisitFn
	if whole != nil {
		visit = func(id compact.NodeID, h []byte) { whole(Node{id.Level, int64(id.Index)}, Hash(h)) } //nolint:gosec // no log has 2^63 entries
	}
	return t.edge.Append(leaf[:], visit)
}

// Size is how many leaves there are.
func (t *Tree) Size() int64 {
	if t.edge == nil {
		return 0
	}
	return int64(t.edge.End()) //nolint:gosec // no log has 2^63 entries
}

// Root is the hash of the tree as it is now; that of an empty one is the hash of nothing.
func (t *Tree) Root() Hash {
	if t.Size() == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	root, err := t.edge.GetRootHash(nil)
	if err != nil { // only of a range that does not begin at 0, and ours does
		return Hash{}
	}
	return Hash(root)
}

// Inclusion returns the hashes that lead from the leaf to the root of the tree of a size (RFC 9162 section 2.1.3.1), from the
// leaf upwards. Whole subtrees are asked of node, each at most once.
func Inclusion(leaf, size int64, node func(Node) (Hash, error)) ([]Hash, error) {
	if leaf < 0 || leaf >= size {
		return nil, fmt.Errorf("leaf %d is not in a tree of %d", leaf, size)
	}
	nodes, err := merkle.Inclusion(uint64(leaf), uint64(size)) //nolint:gosec // both were looked at
	if err != nil {
		return nil, err
	}
	have := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		h, err := node(Node{id.Level, int64(id.Index)}) //nolint:gosec // no log has 2^63 entries
		if err != nil {
			return nil, err
		}
		have[i] = h[:]
	}
	path, err := nodes.Rehash(have, factory.Hash)
	if err != nil {
		return nil, err
	}
	out := make([]Hash, len(path))
	for i := range path {
		out[i] = Hash(path[i])
	}
	return out, nil
}

// Join returns the root of the whole subtree over nodes, whose number is a power of two.
func Join(nodes []Hash) Hash {
	level := bytes.Clone(nodes[0][:])
	if len(nodes) > 1 {
		left, right := Join(nodes[:len(nodes)/2]), Join(nodes[len(nodes)/2:])
		level = factory.Hash(left[:], right[:])
	}
	return Hash(level)
}

// Included says by a nil error that the leaf stands at its place in the tree of the size with the root.
func Included(leaf Hash, index, size int64, path []Hash, root Hash) error {
	if index < 0 || size <= 0 {
		return errors.New("the index or the size is negative")
	}
	raw := make([][]byte, len(path))
	for i := range path {
		raw[i] = path[i][:]
	}
	return merkle.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(size), leaf[:], raw, root[:])
}

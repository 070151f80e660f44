package consent

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// Break is the first place where the ledger, or what belongs to it, is not what was written.
type Break struct {
	Why     BreakKind
	Seq     int64                // the entry; for Gap, TailCut and Rebuilt the first that is concerned; 0 for Projection and Forged
	Until   int64                // the last that is concerned, where there are more or the place is only known so far; else 0
	ID      vocab.ConsentEventID // the entry that was found there; empty if there was none
	Head    tlog.Checkpoint      // the signed head that shows it; zero if none does
	Contact vocab.ContactID      // of Projection
	Detail  string               // of Projection and Forged: what differs; nothing personal
}

// BreakKind is what is wrong with a ledger.
type BreakKind string

// The ways a ledger can be broken: a closed list.
const (
	Changed      BreakKind = "changed"       // the entry is not what was hashed
	Gap          BreakKind = "gap"           // entries were deleted, the numbers left free or closed up
	Swapped      BreakKind = "swapped"       // the entries are all there, in another order
	Inserted     BreakKind = "inserted"      // the entry was put between two that are chained to each other
	Unlinked     BreakKind = "unlinked"      // sound in itself, but the entry before it is not the one it was chained to
	Stray        BreakKind = "stray"         // the entry stands behind the end of the chain
	TailCut      BreakKind = "tail_cut"      // entries from this one on are gone: the recorded head or a signed one names more
	HeadMismatch BreakKind = "head_mismatch" // the last entry is not the one that was recorded as the last
	Rebuilt      BreakKind = "rebuilt"       // the chain is sound, and not the one whose head was signed: it was written anew
	OtherValue   BreakKind = "other_value"   // a personal value beside the chain is not the one that was committed to
	Projection   BreakKind = "projection"    // what is kept of a contact's consents is not what the entries amount to
	Forged       BreakKind = "forged"        // a signed head is not signed by the key, or is missing, or contradicts another one
)

// BreakKinds lists every way.
func BreakKinds() []BreakKind {
	return []BreakKind{
		Changed, Gap, Swapped, Inserted, Unlinked, Stray, TailCut, HeadMismatch, Rebuilt, OtherValue, Projection, Forged,
	}
}

// String says for people what is wrong.
func (b Break) String() string {
	at := fmt.Sprintf("event %d", b.Seq)
	if b.ID != "" {
		at += fmt.Sprintf(" (%s)", b.ID)
	}
	through := ""
	if b.Until > b.Seq {
		through = fmt.Sprintf(" to %d", b.Until)
	}
	shown := ""
	if b.Head.Size > 0 {
		shown = fmt.Sprintf(": the head of %d entries that was signed at %s shows it", b.Head.Size, b.Head.At.Format(time.RFC3339))
	}
	switch b.Why {
	case Changed:
		return at + ": changed"
	case Gap:
		return at + through + ": gap: deleted"
	case Swapped:
		return at + ": swapped" + strings.Replace(through, " to ", " with event ", 1)
	case Inserted:
		return at + through + ": inserted"
	case Unlinked:
		return at + ": unlinked: it or the event before it was written anew"
	case Stray:
		return at + ": stray: it stands behind the end of the chain"
	case TailCut:
		return at + through + ": tail cut: no longer there" + shown
	case HeadMismatch:
		return at + ": head_mismatch: it is not the event that was recorded as the last"
	case Rebuilt:
		return fmt.Sprintf("event %d or a later one up to %d: rebuilt: the chain was written anew%s", b.Seq, b.Until, shown)
	case OtherValue:
		return at + ": other_value: the value kept with it is not the one that was committed to"
	case Projection:
		return fmt.Sprintf("contact %s: projection: %s", b.Contact, b.Detail)
	case Forged:
		return "signed heads: forged: " + b.Detail
	}
	return at + ": " + string(b.Why)
}

// Leaf is the leaf of an entry in the ledger's Merkle tree: the hash over the 32 bytes of its chain hash.
func Leaf(hash string) (tlog.Hash, error) {
	_, digits, _ := strings.Cut(hash, ":")
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%q is no hash of an entry", hash)
	}
	return tlog.LeafHash(raw), nil
}

// Verifier checks a ledger entry by entry without holding it in memory. Use NewVerifier. It is not safe for concurrent use.
type Verifier struct {
	head    Head
	broken  Break
	gapEnds int64  // the number found after a gap; entries below it may yet turn up
	moved   *Event // where a break was found: the entry that belongs elsewhere

	recent [recall]link // the last entries, by number modulo recall

	tree  *tlog.Tree
	heads []tlog.Checkpoint // that are still to come, by size
	fits  int64             // the size of the last that fitted
	whole func(tlog.Node, tlog.Hash)
}

type link struct {
	seq int64
	id  vocab.ConsentEventID
}

// recall is how many entries back the first of several that were inserted is still known by its id.
const recall = 64

// NewVerifier starts after a head that is trusted: a signed checkpoint, or the zero Head for the ledger's beginning.
func NewVerifier(from Head) *Verifier { return &Verifier{head: from} }

// Against also grows the ledger's tree, which stands at the head that v starts after, and compares its roots with signed heads,
// which come by size, those of one size with one root. Whole is called with each subtree that becomes whole; it may be nil.
func (v *Verifier) Against(tree *tlog.Tree, heads []tlog.Checkpoint, whole func(tlog.Node, tlog.Hash)) {
	v.tree, v.heads, v.whole, v.fits = tree, heads, whole, v.head.Seq
}

// Feed checks the next entry. Entries come in the order they are stored in.
func (v *Verifier) Feed(e Event) {
	next := v.head.Seq + 1
	switch {
	case v.broken.Why == Gap && e.Seq >= v.broken.Seq && e.Seq < v.gapEnds:
		v.broken = Break{Seq: v.broken.Seq, ID: v.broken.ID, Why: Swapped} // what was missing came later
	case v.moved != nil && e.Seq == v.moved.Seq:
		there := e.Seq
		e.Seq = v.broken.Seq
		if v.moved = nil; sound(e) { // the two have changed places
			v.broken.Why, v.broken.Until = Swapped, there
		}
	case v.broken.Why != "":
		return // the first break is the one to look at
	case e.Seq > next:
		v.broken, v.gapEnds = Break{Seq: next, Until: e.Seq - 1, ID: e.ID, Why: Gap}, e.Seq
	case e.Seq < next:
		v.broken = Break{Seq: next, ID: e.ID, Why: Swapped}
	case !sound(e):
		v.broken = v.misplaced(e)
	case e.PrevHash != v.head.Hash:
		v.broken = Break{Seq: next, ID: e.ID, Why: Unlinked}
	default:
		v.head = Head{Seq: e.Seq, Hash: e.Hash}
		v.recent[e.Seq%recall] = link{e.Seq, e.ID}
		v.grow(e)
	}
}

// searched is how far an entry that is not sound where it stands is looked for a place where it is, to either side.
const searched = 1 << 12

// misplaced says what became of an entry that is not sound at its number: it may be sound at another one, and then it was moved.
func (v *Verifier) misplaced(e Event) Break {
	n := e.Seq
	for d := int64(1); d <= searched; d++ {
		if e.Seq = n - d; e.Seq > 0 && sound(e) { // it was pushed up by those that were put before it
			first := Break{Why: Inserted, Seq: e.Seq, Until: n - 1}
			if l := v.recent[e.Seq%recall]; l.seq == e.Seq {
				first.ID = l.id
			}
			return first
		}
		if e.Seq = n + d; sound(e) { // it moved down: those before it are gone, unless the other one turns up in its place
			v.moved = &e
			return Break{Why: Gap, Seq: n, Until: n + d - 1, ID: e.ID}
		}
	}
	return Break{Why: Changed, Seq: n, ID: e.ID}
}

// grow adds the entry to the tree and compares what is signed about it.
func (v *Verifier) grow(e Event) {
	if v.tree == nil {
		return
	}
	leaf, err := Leaf(e.Hash)
	if err == nil {
		err = v.tree.Append(leaf, v.whole)
	}
	if err != nil { // a sound hash is a leaf, so this entry is none
		v.broken = Break{Why: Changed, Seq: e.Seq, ID: e.ID}
		return
	}
	for ; len(v.heads) > 0 && v.heads[0].Size <= e.Seq; v.heads = v.heads[1:] {
		signed := v.heads[0]
		if signed.Size == e.Seq && signed.Root != v.tree.Root() {
			v.broken = Break{Why: Rebuilt, Seq: v.fits + 1, Until: e.Seq, Head: signed}
			return
		}
		v.fits = signed.Size
	}
}

// Finish says whether everything fed is intact and ends at the head that was recorded elsewhere, and if not, where it
// breaks first.
func (v *Verifier) Finish(recorded Head) (first Break, intact bool) {
	last := v.head.Seq
	switch {
	case v.broken.Why != "":
		return v.broken, false
	case len(v.heads) > 0: // signed heads name entries that are not there
		newest := v.heads[len(v.heads)-1]
		return Break{Why: TailCut, Seq: last + 1, Until: newest.Size, Head: newest}, false
	case last < recorded.Seq:
		return Break{Why: TailCut, Seq: last + 1, Until: recorded.Seq}, false
	case last > recorded.Seq:
		return Break{Why: Stray, Seq: recorded.Seq + 1}, false
	case v.head != recorded:
		return Break{Why: HeadMismatch, Seq: last}, false
	}
	return Break{}, true
}

// Broken says whether a break was found already, so that whoever feeds may stop.
func (v *Verifier) Broken() bool { return v.broken.Why != "" && v.moved == nil }

// Head returns the end of the sound part that was fed so far: what a checkpoint signs.
func (v *Verifier) Head() Head { return v.head }

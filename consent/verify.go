package consent

import "github.com/orleu/elshi/vocab"

// Break is the first place where the ledger is not what was written.
type Break struct {
	Seq int64                // where the chain breaks; for Gap the first number that is missing
	ID  vocab.ConsentEventID // the entry that was found there; empty if there was none
	Why BreakKind
}

// BreakKind is what is wrong with a ledger.
type BreakKind string

// The ways a ledger can be broken.
const (
	Changed      BreakKind = "changed"       // the entry is not what was hashed
	Gap          BreakKind = "gap"           // entries are missing before this one
	Swapped      BreakKind = "swapped"       // the entries are all there, in another order
	Unlinked     BreakKind = "unlinked"      // sound in itself, but the entry before it is not the one it was chained to
	HeadMismatch BreakKind = "head_mismatch" // the end is not the head that was recorded: entries were cut off or added
)

// Verifier checks a ledger entry by entry without holding it in memory. Use NewVerifier. It is not safe for concurrent use.
type Verifier struct {
	head    Head
	broken  Break
	gapEnds int64 // the number found after a gap; entries below it may yet turn up
}

// NewVerifier starts after a head that is trusted: a signed checkpoint, or the zero Head for the ledger's beginning.
func NewVerifier(from Head) *Verifier { return &Verifier{head: from} }

// Feed checks the next entry. Entries come in the order they are stored in.
func (v *Verifier) Feed(e Event) {
	next := v.head.Seq + 1
	switch {
	case v.broken.Why == Gap && e.Seq >= v.broken.Seq && e.Seq < v.gapEnds:
		v.broken.Why = Swapped // what was missing came later
	case v.broken.Why != "":
		return // the first break is the one to look at
	case e.Seq > next:
		v.broken, v.gapEnds = Break{Seq: next, ID: e.ID, Why: Gap}, e.Seq
	case e.Seq < next:
		v.broken = Break{Seq: next, ID: e.ID, Why: Swapped}
	case !sound(e):
		v.broken = Break{Seq: next, ID: e.ID, Why: Changed}
	case e.PrevHash != v.head.Hash:
		v.broken = Break{Seq: next, ID: e.ID, Why: Unlinked}
	default:
		v.head = Head{Seq: e.Seq, Hash: e.Hash}
	}
}

// Finish says whether everything fed is intact and ends at the head that was recorded elsewhere, and if not, where it
// breaks first.
func (v *Verifier) Finish(recorded Head) (first Break, intact bool) {
	if v.broken.Why != "" {
		return v.broken, false
	}
	switch {
	case v.head == recorded:
		return Break{}, true
	case v.head.Seq == recorded.Seq:
		return Break{Seq: recorded.Seq, Why: HeadMismatch}, false
	default:
		return Break{Seq: min(v.head.Seq, recorded.Seq) + 1, Why: HeadMismatch}, false
	}
}

// Head returns the end of the sound part that was fed so far: what a checkpoint signs.
func (v *Verifier) Head() Head { return v.head }

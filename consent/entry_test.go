package consent

import (
	"crypto/ed25519"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/tlog"
)

func testSigner(t testing.TB) *tlog.Signer {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	s, err := tlog.NewSigner("elshi.example/consent-ledger", key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// treeOf is the tree over events, and signed heads of the sizes.
func treeOf(t testing.TB, events []Event, sizes ...int64) (leaves []tlog.Hash, heads []tlog.Checkpoint, notes []string) {
	t.Helper()
	var tree tlog.Tree
	for _, e := range events {
		leaf, err := Leaf(e.Hash)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
		if err := tree.Append(leaf, nil); err != nil {
			t.Fatal(err)
		}
		for _, size := range sizes {
			if size != e.Seq {
				continue
			}
			c := tlog.Checkpoint{Origin: "elshi.example/consent-ledger", Size: size, Root: tree.Root(), At: monday}
			note, err := testSigner(t).Sign(c)
			if err != nil {
				t.Fatal(err)
			}
			heads, notes = append(heads, c), append(notes, note)
		}
	}
	return leaves, heads, notes
}

// proofOf is the document about one of six events.
func proofOf(t testing.TB, seq int64) EntryProof {
	t.Helper()
	events, _ := ledgerOf(6)
	leaves, _, notes := treeOf(t, events, 6)
	p := EntryProof{Format: EntryProofFormat, Entry: EntryOf(events[seq-1]), LeafIndex: seq - 1, TreeSize: 6, Checkpoint: notes[0]}
	var err error
	if p.Hashes, err = tlog.Inclusion(p.LeafIndex, 6, func(id tlog.Node) (tlog.Hash, error) {
		return tlog.Join(leaves[id.Index<<id.Level : (id.Index+1)<<id.Level]), nil
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAnEntryProofHoldsAfterItWasWrittenDown(t *testing.T) {
	for seq := int64(1); seq <= 6; seq++ {
		p := proofOf(t, seq)
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		read, err := ParseEntryProof(raw)
		if diff := cmp.Diff(p, read); diff != "" || err != nil {
			t.Fatalf("%v (-written +read):\n%s", err, diff)
		}
		if head, err := read.Check(testSigner(t).Verifier()); err != nil || head.Size != 6 || !head.At.Equal(monday) {
			t.Errorf("entry %d: %+v, %v", seq, head, err)
		}
	}
}

func TestNoChangeOfAnEntryProofGoesUnseen(t *testing.T) {
	key := testSigner(t).Verifier()
	refused := func(what string, p EntryProof) {
		t.Helper()
		if head, err := p.Check(key); err == nil {
			t.Errorf("%s changed, and yet: %+v", what, head)
		}
	}
	for i := range reflect.TypeFor[Entry]().NumField() {
		p := proofOf(t, 3)
		switch f := reflect.ValueOf(&p.Entry).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Int64, reflect.Int:
			f.SetInt(f.Int() + 1)
		default:
			f.Set(reflect.ValueOf(f.Interface().(time.Time).Add(time.Microsecond)))
		}
		refused(reflect.TypeFor[Entry]().Field(i).Name, p)
	}
	for what, change := range map[string]func(*EntryProof){
		"the place":    func(p *EntryProof) { p.LeafIndex++ },
		"the size":     func(p *EntryProof) { p.TreeSize++ },
		"a hash":       func(p *EntryProof) { p.Hashes[0][0]++ },
		"a hash gone":  func(p *EntryProof) { p.Hashes = p.Hashes[1:] },
		"the head":     func(p *EntryProof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n6\n", "\n7\n", 1) },
		"no head":      func(p *EntryProof) { p.Checkpoint = "" },
		"another head": func(p *EntryProof) { *p = EntryProof{p.Format, p.Entry, p.LeafIndex, 5, p.Hashes, headOf(t, 5)} },
		"another entry, hashed anew": func(p *EntryProof) {
			e := p.Entry.Event()
			e.Purpose = "ads.campaign"
			e.Hash = hashV2(e)
			p.Entry = EntryOf(e)
		},
	} {
		p := proofOf(t, 3)
		change(&p)
		refused(what, p)
	}
}

func headOf(t testing.TB, size int64) string {
	t.Helper()
	events, _ := ledgerOf(6)
	_, _, notes := treeOf(t, events, size)
	return notes[0]
}

func TestWhatIsNoEntryProofIsNotRead(t *testing.T) {
	raw, err := json.Marshal(proofOf(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	whole := string(raw)
	for name, text := range map[string]string{
		"nothing": "", "half": whole[:len(whole)/2], "two": whole + whole, "another format": strings.Replace(whole, EntryProofFormat, "elshi-entry-proof/9", 1),
		"a field that nothing vouches for": strings.Replace(whole, `"seq":`, `"note":"x","seq":`, 1), "too long": whole + strings.Repeat(" ", maxEntryProof),
		"a list": "[" + whole + "]",
	} {
		if _, err := ParseEntryProof([]byte(text)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func FuzzEntryProof(f *testing.F) {
	raw, err := json.Marshal(proofOf(f, 4))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"format":"elshi-entry-proof/1"}`))
	events, _ := ledgerOf(6)
	key := testSigner(f).Verifier()
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseEntryProof(data)
		if err != nil {
			return
		}
		if head, err := p.Check(key); err == nil && (head.Size != 6 || p.Entry.Hash != events[3].Hash) {
			t.Errorf("%s proves what nobody signed: %+v", data, head)
		}
	})
}

func TestSignedHeadsShowWhatTheChainCannot(t *testing.T) {
	rebuilt := func(l []Event, from int, change func(*Event)) ([]Event, Head) {
		head := Head{}
		if from > 0 {
			head = Head{l[from-1].Seq, l[from-1].Hash}
		}
		for i := from; i < len(l); i++ {
			if i == from {
				change(&l[i])
			}
			l[i], head = Chain(head, l[i])
		}
		return l, head
	}
	for name, tc := range map[string]struct {
		harm func(l []Event, h Head) ([]Event, Head)
		want Break
		head int64 // that shows it
	}{
		"nothing":         {func(l []Event, h Head) ([]Event, Head) { return l, h }, Break{}, 0},
		"rebuilt from 1":  {func(l []Event, _ Head) ([]Event, Head) { return rebuilt(l, 0, func(e *Event) { e.Topic = "x" }) }, Break{Why: Rebuilt, Seq: 1, Until: 4}, 4},
		"rebuilt from 6":  {func(l []Event, _ Head) ([]Event, Head) { return rebuilt(l, 5, func(e *Event) { e.Topic = "x" }) }, Break{Why: Rebuilt, Seq: 5, Until: 7}, 7},
		"rebuilt after 8": {func(l []Event, _ Head) ([]Event, Head) { return rebuilt(l, 8, func(e *Event) { e.Topic = "x" }) }, Break{}, 0}, // nothing is signed there yet
		"one taken out of the middle": {func(l []Event, _ Head) ([]Event, Head) {
			return rebuilt(append(l[:4:4], l[5:]...), 4, func(*Event) {})
		}, Break{Why: Rebuilt, Seq: 5, Until: 7}, 7},
		"cut with the head":          {func(l []Event, _ Head) ([]Event, Head) { return l[:6], Head{6, l[5].Hash} }, Break{Why: TailCut, Seq: 7, Until: 8}, 8},
		"emptied with the head":      {func([]Event, Head) ([]Event, Head) { return nil, Head{} }, Break{Why: TailCut, Seq: 1, Until: 8}, 8},
		"cut behind the signed part": {func(l []Event, _ Head) ([]Event, Head) { return l[:8], Head{8, l[7].Hash} }, Break{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			events, head := ledgerOf(9)
			_, heads, _ := treeOf(t, events, 4, 7, 8)
			events, head = tc.harm(events, head)
			v := NewVerifier(Head{})
			v.Against(&tlog.Tree{}, heads, nil)
			for _, e := range events {
				v.Feed(e)
			}
			got, intact := v.Finish(head)
			for _, h := range heads {
				if h.Size == tc.head {
					tc.want.Head = h
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || intact != (tc.want == Break{}) {
				t.Errorf("intact: %t (-want +got):\n%s", intact, diff)
			}
		})
	}
}

func TestEveryBreakIsSaid(t *testing.T) {
	for _, why := range BreakKinds() {
		said := Break{Why: why, Seq: 7, Until: 9, ID: "cev_7", Contact: "con_1", Detail: "detail"}.String()
		if !strings.Contains(said, strings.ReplaceAll(string(why), "tail_cut", "tail cut")) {
			t.Errorf("%s is said as %q", why, said)
		}
	}
}

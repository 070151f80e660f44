package consent

import (
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

func fullEvent() Event {
	return Event{
		ID: "cev_1", Kind: KindGranted, ContactID: "con_1", AddressID: "adr_1", Scope: ScopePurpose, Purpose: "news.company",
		Channel: vocab.Email, Topic: "maths", Source: SourcePreferencePage, ActorKind: ActorContact, ActorID: "con_1",
		Language: vocab.Kazakh, TextVersion: 3, TextHash: "sha256:ab", PolicyVersion: "2026-01",
		Proof: ProofDoubleOptIn, ProofRef: "cev_0",
		At:         time.Date(2026, 11, 23, 11, 0, 0, 123456789, time.FixedZone("KZ", 5*3600)),
		RecordedAt: time.Date(2026, 11, 23, 6, 0, 1, 0, time.UTC),
		ValidUntil: time.Date(2028, 11, 23, 6, 0, 0, 0, time.UTC), Commitment: "v1:cd",
	}
}

// The hashes were computed by another program from the description of the encoding. If this test fails, every ledger that
// exists has become unverifiable: a new encoding needs a new version.
func TestTheEncodingNeverChanges(t *testing.T) {
	e, head := Chain(Head{}, fullEvent())
	const want = "v2:b158d247d83b92a949f3c605c8d6d525cd631878ba559ecf1714a72990e2daf8"
	if e.Hash != want || head != (Head{Seq: 1, Hash: want}) || e.PrevHash != "" {
		t.Errorf("Chain gives %s and %+v, want %s", e.Hash, head, want)
	}
	if wantAt := time.Date(2026, 11, 23, 6, 0, 0, 123456000, time.UTC); e.At != wantAt {
		t.Errorf("At is %v, want UTC and whole microseconds: %v", e.At, wantAt)
	}
	old := e
	old.TextVersion, old.Proof, old.ProofRef, old.RecordedAt = 0, "", "", time.Time{}
	old.Hash = "v1:b74186a0defc346cf64fdcf7f7faa056aa2fd62e01c05e36d4c1054970187512"
	if !sound(old) {
		t.Error("an entry of the first encoding is not recognised")
	}
	old.Proof = ProofSignedForm
	if sound(old) {
		t.Error("a field that the first encoding does not cover was added to an old entry unseen")
	}
	salt := make([]byte, 16)
	for i := range salt {
		salt[i] = byte(i)
	}
	if got := Commit(salt, "203.0.113.7"); got != "v1:2928b2427d83eb0b19c9a52c22c95bdb7588e506322dbdd976c87d5960828c76" {
		t.Errorf("Commit = %s", got)
	}
}

func TestEveryFieldIsUnderTheHash(t *testing.T) {
	e, _ := Chain(Head{Seq: 4, Hash: "v1:before"}, fullEvent())
	for i := range reflect.TypeFor[Event]().NumField() {
		name := reflect.TypeFor[Event]().Field(i).Name
		if name == "Hash" {
			continue
		}
		changed := e
		field := reflect.ValueOf(&changed).Elem().Field(i)
		switch field.Kind() {
		case reflect.String:
			field.SetString(field.String() + "x")
		case reflect.Int64, reflect.Int:
			field.SetInt(field.Int() + 1)
		default:
			field.Set(reflect.ValueOf(field.Interface().(time.Time).Add(time.Microsecond)))
		}
		if hashV2(changed) == e.Hash {
			t.Errorf("%s can be changed unseen", name)
		}
	}
	// Bytes that move from one field to the next are a change too.
	moved := e
	moved.Topic, moved.Source = "math", "spreference_page"
	if hashV2(moved) == e.Hash {
		t.Error("fields run into each other")
	}
}

func TestACommitmentDependsOnSaltAndValueAndTheirBorder(t *testing.T) {
	all := []string{
		Commit([]byte("salt"), "value"), Commit([]byte("salt"), "valu"), Commit([]byte("salt2"), "value"), Commit([]byte("saltv"), "alue"), Commit(nil, "saltvalue"),
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 5 {
		t.Errorf("commitments collide: %v", all)
	}
}

// ledgerOf is a sound ledger of n entries and its head.
func ledgerOf(n int) ([]Event, Head) {
	var all []Event
	head := Head{}
	for i := range n {
		e := fullEvent()
		e.ID = vocab.ConsentEventID("cev_" + string(rune('a'+i)))
		e.At = monday.Add(time.Duration(i) * time.Hour)
		e, head = Chain(head, e)
		all = append(all, e)
	}
	return all, head
}

func verify(from Head, events []Event, head Head) Break {
	v := NewVerifier(from)
	for _, e := range events {
		v.Feed(e)
	}
	first, intact := v.Finish(head)
	if intact != (first == Break{}) {
		panic("intact, and broken")
	}
	return first
}

func TestTheVerifierNamesTheFirstBadEntry(t *testing.T) {
	for _, tc := range []struct {
		name   string
		tamper func(l []Event, h Head) ([]Event, Head)
		want   Break
	}{
		{"intact", func(l []Event, h Head) ([]Event, Head) { return l, h }, Break{}},
		{"empty, and was never more", func([]Event, Head) ([]Event, Head) { return nil, Head{} }, Break{}},
		{"a field changed", func(l []Event, h Head) ([]Event, Head) { l[2].Kind = KindWithdrawn; return l, h }, Break{Seq: 3, ID: "cev_c", Why: Changed}},
		{"two changed: the first is named", func(l []Event, h Head) ([]Event, Head) {
			l[4].Topic, l[1].Topic = "x", "x"
			return l, h
		}, Break{Seq: 2, ID: "cev_b", Why: Changed}},
		{"changed and hashed again", func(l []Event, h Head) ([]Event, Head) {
			l[2].Kind = KindWithdrawn
			l[2].Hash = hashV2(l[2])
			return l, h
		}, Break{Seq: 4, ID: "cev_d", Why: Unlinked}},
		{"the last one changed and hashed again", func(l []Event, h Head) ([]Event, Head) {
			l[5].Kind = KindWithdrawn
			l[5].Hash = hashV2(l[5])
			return l, h
		}, Break{Seq: 6, Why: HeadMismatch}},
		{"one taken out", func(l []Event, h Head) ([]Event, Head) { return slices.Delete(l, 2, 3), h }, Break{Seq: 3, Until: 3, ID: "cev_d", Why: Gap}},
		{"the first taken out", func(l []Event, h Head) ([]Event, Head) { return l[1:], h }, Break{Seq: 1, Until: 1, ID: "cev_b", Why: Gap}},
		{"one taken out, the rest chained anew", func(l []Event, h Head) ([]Event, Head) {
			l = slices.Delete(l, 2, 3)
			head := Head{2, l[1].Hash}
			for i := 2; i < len(l); i++ {
				l[i], head = Chain(head, l[i])
			}
			return l, h
		}, Break{Seq: 6, Until: 6, Why: TailCut}},
		{"one taken out and the numbers closed up", func(l []Event, h Head) ([]Event, Head) {
			l = slices.Delete(l, 2, 3)
			for i := range l {
				l[i].Seq = int64(i + 1)
			}
			return l, h
		}, Break{Seq: 3, Until: 3, ID: "cev_d", Why: Gap}},
		{"two put in, hashed and chained, the rest moved up", func(l []Event, h Head) ([]Event, Head) {
			head := Head{2, l[1].Hash}
			for i := range 2 {
				e := fullEvent()
				e.ID = vocab.ConsentEventID("cev_x" + strconv.Itoa(i))
				e, head = Chain(head, e)
				l = slices.Insert(l, 2+i, e)
			}
			for i := range l {
				l[i].Seq = int64(i + 1)
			}
			return l, h
		}, Break{Seq: 3, Until: 4, ID: "cev_x0", Why: Inserted}},
		{"two swapped", func(l []Event, h Head) ([]Event, Head) { l[2], l[3] = l[3], l[2]; return l, h }, Break{Seq: 3, ID: "cev_d", Why: Swapped}},
		{"two far apart swapped", func(l []Event, h Head) ([]Event, Head) { l[1], l[4] = l[4], l[1]; return l, h }, Break{Seq: 2, ID: "cev_e", Why: Swapped}},
		{"one twice", func(l []Event, h Head) ([]Event, Head) { return slices.Insert(l, 3, l[2]), h }, Break{Seq: 4, ID: "cev_c", Why: Swapped}},
		{"the contents of two swapped under their numbers", func(l []Event, h Head) ([]Event, Head) {
			l[2], l[3] = l[3], l[2]
			l[2].Seq, l[3].Seq = 3, 4
			return l, h
		}, Break{Seq: 3, Until: 4, ID: "cev_d", Why: Swapped}},
		{"the end cut off", func(l []Event, h Head) ([]Event, Head) { return l[:4], h }, Break{Seq: 5, Until: 6, Why: TailCut}},
		{"emptied", func(_ []Event, h Head) ([]Event, Head) { return nil, h }, Break{Seq: 1, Until: 6, Why: TailCut}},
		{"one added after the recorded end", func(l []Event, h Head) ([]Event, Head) {
			e, _ := Chain(h, fullEvent())
			return append(l, e), h
		}, Break{Seq: 7, Why: Stray}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			events, head := tc.tamper(ledgerOf(6))
			if diff := cmp.Diff(tc.want, verify(Head{}, events, head)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAVerifierGoesOnFromACheckpoint(t *testing.T) {
	events, head := ledgerOf(6)
	v := NewVerifier(Head{})
	for _, e := range events[:3] {
		v.Feed(e)
	}
	if got := verify(v.Head(), events[3:], head); got != (Break{}) {
		t.Errorf("from a true checkpoint: %+v", got)
	}
	if got := verify(Head{Seq: 3, Hash: "v1:other"}, events[3:], head); got != (Break{Seq: 4, ID: "cev_d", Why: Unlinked}) {
		t.Errorf("from a false checkpoint: %+v", got)
	}
}

func TestNoSingleChangeGoesUnseen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events, head := ledgerOf(rapid.IntRange(1, 8).Draw(t, "length"))
		i := rapid.IntRange(0, len(events)-1).Draw(t, "entry")
		f := rapid.IntRange(0, reflect.TypeFor[Event]().NumField()-1).Draw(t, "field")
		field := reflect.ValueOf(&events[i]).Elem().Field(f)
		switch field.Kind() {
		case reflect.String:
			was := field.String()
			field.SetString(rapid.String().Filter(func(s string) bool { return s != was }).Draw(t, "text"))
		case reflect.Int64, reflect.Int:
			was := field.Int()
			field.SetInt(rapid.Int64().Filter(func(n int64) bool { return n != was }).Draw(t, "number"))
		default:
			shift := rapid.Int64Range(1, int64(time.Hour/time.Microsecond)).Draw(t, "microseconds")
			field.Set(reflect.ValueOf(field.Interface().(time.Time).Add(time.Duration(shift) * time.Microsecond)))
		}
		if got := verify(Head{}, events, head); got == (Break{}) {
			t.Fatalf("field %d of entry %d was changed unseen", f, i)
		}
	})
}

package tlog

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

func seed(b byte) []byte { return []byte(strings.Repeat(string(rune(b)), ed25519.SeedSize)) }

func signer(t *testing.T, origin string, of byte) *Signer {
	t.Helper()
	s, err := NewSigner(origin, ed25519.NewKeyFromSeed(seed(of)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The roots of RFC 6962's reference trees (certificate-transparency test vectors).
func TestRootsAreThoseOfTheReference(t *testing.T) {
	inputs := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var tree Tree
	for size, want := range roots {
		root := tree.Root()
		if got := hex.EncodeToString(root[:]); got != want || tree.Size() != int64(size) {
			t.Errorf("root of %d leaves: %s, want %s", size, got, want)
		}
		if size < len(inputs) {
			raw, _ := hex.DecodeString(inputs[size])
			if err := tree.Append(LeafHash(raw), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// leaves makes n leaves and says what any whole subtree over them is.
func leaves(n int) ([]Hash, func(Node) (Hash, error)) {
	all := make([]Hash, n)
	for i := range all {
		all[i] = LeafHash([]byte(fmt.Sprint(i)))
	}
	return all, func(id Node) (Hash, error) {
		first, last := id.Index<<id.Level, (id.Index+1)<<id.Level
		if last > int64(n) {
			return Hash{}, errors.New("not whole")
		}
		return Join(all[first:last]), nil
	}
}

func TestEveryLeafIsIncludedInEveryLaterTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 700).Draw(t, "size")
		at := rapid.IntRange(0, n-1).Draw(t, "leaf")
		all, node := leaves(n)
		var tree Tree
		whole := map[Node]Hash{}
		for _, leaf := range all {
			if err := tree.Append(leaf, func(id Node, h Hash) { whole[id] = h }); err != nil {
				t.Fatal(err)
			}
		}
		for id, h := range whole {
			if want, err := node(id); err != nil || want != h {
				t.Fatalf("subtree %+v is reported as %s, want %s, %v", id, h, want, err)
			}
		}
		resumed, err := TreeAt(int64(n), node)
		if err != nil || resumed.Root() != tree.Root() || resumed.Size() != int64(n) {
			t.Fatalf("resumed at %d: %s, %v, want %s", n, resumed.Root(), err, tree.Root())
		}
		asked := 0
		path, err := Inclusion(int64(at), int64(n), func(id Node) (Hash, error) { asked++; return node(id) })
		if err != nil {
			t.Fatal(err)
		}
		if most := 2 * bits.Len(uint(n)); asked > most {
			t.Errorf("%d nodes were asked for, want at most %d", asked, most)
		}
		if err := Included(all[at], int64(at), int64(n), path, tree.Root()); err != nil {
			t.Fatalf("leaf %d of %d: %v", at, n, err)
		}
		wrong := Hash{1}
		for _, err := range []error{
			Included(wrong, int64(at), int64(n), path, tree.Root()), Included(all[at], int64(at), int64(n), path, wrong),
			Included(all[at], int64(at), int64(n), append(path, wrong), tree.Root()), Included(all[at], -1, int64(n), path, tree.Root()),
			Included(all[at], int64(n), int64(n), path, tree.Root()), Included(all[at], int64(at), 0, path, tree.Root()),
		} {
			if err == nil {
				t.Fatal("something that is not included is")
			}
		}
	})
}

func TestACheckpointIsReadAsItWasSigned(t *testing.T) {
	s := signer(t, "elshi.example.org/consent-ledger", 's')
	want := Checkpoint{Origin: "elshi.example.org/consent-ledger", Size: 1204, Root: LeafHash(nil), At: noon}
	signed, err := s.Sign(want)
	if err != nil {
		t.Fatal(err)
	}
	body := "elshi.example.org/consent-ledger\n1204\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\ntime 2026-03-02T07:00:00Z\n\n— elshi.example.org/consent-ledger "
	if !strings.HasPrefix(signed, body) {
		t.Errorf("note\n%s\nwant it to begin with\n%s", signed, body)
	}
	published, err := NewVerifier(" " + s.PublicKey() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	moved := signer(t, "other.example/ledger", 's') // the same key under another name
	for name, v := range map[string]*Verifier{"own": s.Verifier(), "published": published, "of another origin": moved.Verifier()} {
		got, err := v.Open(signed)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := signer(t, "elshi.example.org/consent-ledger", 'r').Verifier().Open(signed); err == nil {
		t.Error("another key opens a checkpoint")
	}
	for _, change := range [][2]string{{"1204", "1205"}, {"bjQ", "bjR"}, {"07:00:00", "08:00:00"}, {"consent-ledger\n1204", "consents\n1204"}, {"\n\n", "\n"}, {"— ", "- "}} {
		if c, err := published.Open(strings.Replace(signed, change[0], change[1], 1)); err == nil {
			t.Errorf("%q for %q: opened as %+v", change[1], change[0], c)
		}
	}
}

func TestANameThatIsNoneAndAKeyThatIsNoneAreRefused(t *testing.T) {
	key := ed25519.NewKeyFromSeed(seed('s'))
	for _, origin := range []string{"", "a b", "a+b", "a\nb", "журнал", strings.Repeat("x", 201)} {
		if _, err := NewSigner(origin, key); err == nil {
			t.Errorf("origin %q is taken", origin)
		}
	}
	public := signer(t, "log", 's').PublicKey()
	for _, text := range []string{"", "log", public[:len(public)-4], strings.Replace(public, "log", "gol", 1), "x" + public} {
		if _, err := NewVerifier(text); err == nil {
			t.Errorf("key %q is taken", text)
		}
	}
}

func TestAFileIsCutIntoItsNotes(t *testing.T) {
	s := signer(t, "log", 's')
	var notes []string
	for n := range 3 {
		signed, err := s.Sign(Checkpoint{Size: int64(n), At: noon})
		if err != nil {
			t.Fatal(err)
		}
		notes = append(notes, signed)
	}
	file := strings.Join(notes, "\n") + "\n"
	for cut := range len(file) + 1 {
		got, torn := SplitNotes(file[:cut])
		whole := 0
		for end := 0; whole < 3 && end+len(notes[whole])+1 <= cut; whole++ {
			end += len(notes[whole]) + 1
		}
		if len(got) != whole || strings.Join(append(got, ""), "\n")+torn != file[:cut] {
			t.Fatalf("cut at %d: %d notes and %q, want %d", cut, len(got), torn, whole)
		}
	}
	if got, torn := SplitNotes("\n\n" + file + "\n"); len(got) != 3 || torn != "" {
		t.Errorf("with empty lines around: %d notes and %q", len(got), torn)
	}
}

func FuzzOpen(f *testing.F) {
	key := ed25519.NewKeyFromSeed(seed('s'))
	s, err := NewSigner("log", key)
	if err != nil {
		f.Fatal(err)
	}
	signed, err := s.Sign(Checkpoint{Size: 7, At: noon})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add("log\n7\n\n— log AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		notes, torn := SplitNotes(text)
		if len(strings.Join(notes, ""))+len(torn) > len(text) {
			t.Errorf("%q has more in its notes than it has", text)
		}
		if c, err := s.Verifier().Open(text); err == nil && (c.Size != 7 || c.Origin != "log") {
			t.Errorf("%q is opened as %+v, which nobody signed", text, c)
		}
		if c, err := parse(text); err == nil && (c.Size < 0 || c.Origin == "" && !strings.HasPrefix(text, "\n")) {
			t.Errorf("%q is read as %+v", text, c)
		}
	})
}

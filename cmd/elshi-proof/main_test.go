package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/tlog"
)

// document is a proof about the second of two entries, and the key that signed it.
func document(t *testing.T) (text, publicKey string) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signer, err := tlog.NewSigner("log.example/ledger", key)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	first, head := consent.Chain(consent.Head{}, consent.Event{ID: "cev_1", Kind: consent.KindRequested, ContactID: "con_1", At: at})
	second, _ := consent.Chain(head, consent.Event{ID: "cev_2", Kind: consent.KindConfirmed, ContactID: "con_1", Purpose: "news.company", At: at})
	var tree tlog.Tree
	var leaves []tlog.Hash
	for _, e := range []consent.Event{first, second} {
		leaf, err := consent.Leaf(e.Hash)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
		if err := tree.Append(leaf, nil); err != nil {
			t.Fatal(err)
		}
	}
	note, err := signer.Sign(tlog.Checkpoint{Size: 2, Root: tree.Root(), At: at})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(consent.EntryProof{
		Format: consent.EntryProofFormat, Entry: consent.EntryOf(second), LeafIndex: 1, TreeSize: 2, Hashes: leaves[:1], Checkpoint: note,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), signer.PublicKey()
}

func TestTheAnswerAndTheExitCode(t *testing.T) {
	text, key := document(t)
	file := filepath.Join(t.TempDir(), "entry.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args           []string
		in             string
		code           int
		out, complaint string
	}{
		"from a file":             {[]string{"--public-key", key, file}, "", 0, "this entry stood in the ledger of 2 entries signed at 2026-03-02T07:00:00Z by log.example/ledger\n", ""},
		"from standard input":     {[]string{"--public-key=" + key}, text, 0, `entry 2 (cev_2): confirmed, purpose "news.company", contact "con_1"`, ""},
		"help":                    {[]string{"--help"}, "", 0, "Exit codes", ""},
		"a field changed":         {[]string{"--public-key", key, "-"}, strings.Replace(text, "news.company", "ads.campaign", 1), 1, "", "its fields do not give its hash"},
		"the head changed":        {[]string{"--public-key", key}, strings.Replace(text, `\n2\n`, `\n3\n`, 1), 1, "", "signature does not fit"},
		"the way changed":         {[]string{"--public-key", key}, strings.Replace(text, `"hashes":["`, `"hashes":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","`, 1), 1, "", "do not lead"},
		"another key":             {[]string{"--public-key", "elshi.example.org/consent-ledger+64527096+ATml8fiiSsxI/zjOg58Aa0fXoJVEMqhrz5XhsE8TZqFM"}, text, 1, "", "not signed by this key"},
		"a key that is none":      {[]string{"--public-key", "x"}, text, 2, "", "no public key"},
		"no key":                  {nil, text, 2, "", "Usage"},
		"two files":               {[]string{"--public-key", key, file, file}, "", 2, "", "Usage"},
		"a file that is away":     {[]string{"--public-key", key, file + "x"}, "", 2, "", "entry.jsonx"},
		"a document that is none": {[]string{"--public-key", key}, "{}", 2, "", "format"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, complaints bytes.Buffer
			code := run(tc.args, strings.NewReader(tc.in), &out, &complaints)
			if code != tc.code || !strings.Contains(out.String(), tc.out) || !strings.Contains(complaints.String(), tc.complaint) {
				t.Errorf("exit code %d, want %d\n%s%s", code, tc.code, &out, &complaints)
			}
			if (code == proved) != (out.Len() > 0) || (code == proved) != (complaints.Len() == 0) {
				t.Errorf("exit code %d says on standard output %q and on standard error %q", code, &out, &complaints)
			}
		})
	}
}

package email

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/internal/testkit"
)

//go:embed testdata/dkimverify.py
var dkimVerify string

// dkimpy, which shares no code with what signs here, finds every mail valid that came over SMTP, and none that was changed after that.
func TestDkimpyFindsSignedMailValid(t *testing.T) {
	keys := signingKeys(t)
	text := rapid.StringOfN(rapid.OneOf(rapid.RuneFrom([]rune("..  \t\n=-")), rapid.Rune()), 0, 300, -1)
	mails := rapid.Custom(func(t *rapid.T) channels.Message {
		m := sample(1)
		m.Email.Text = "." + text.Draw(t, "text") + "\n..\n.\n \n\n"
		m.Email.HTML = text.Draw(t, "html")
		m.Email.Subject = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(text.Draw(t, "subject"))
		if rapid.Bool().Draw(t, "list") {
			m.Email.Headers = marketing().Email.Headers
		}
		return m
	})
	batch := []channels.Message{marketing(), legal(), withAttachments()}
	batch[1].Email.From.Address = "news@example.kz"
	for seed := range 25 {
		m := mails.Example(seed)
		m.ID = sample(100 + seed).ID
		batch = append(batch, m)
	}
	batch[1].ID = sample(99).ID
	var all, wants, names []string
	for name, d := range signatures(t) {
		valid, invalid := "valid", "invalid"
		if name == "both" {
			valid, invalid = "valid valid", "invalid invalid"
		}
		for i, mail := range received(t, d, batch) {
			all, wants, names = append(all, mail), append(wants, valid), append(names, name+" as received")
			if i > 0 {
				continue
			}
			for _, h := range harms {
				want := invalid
				if h.valid {
					want = valid
				}
				all, wants, names = append(all, h.do(mail)), append(wants, want), append(names, name+" with "+h.name)
			}
		}
	}
	for i, verdicts := range dkimpy(t, keys, all) {
		if shorten(verdicts) != wants[i] {
			t.Errorf("%s (%d): %q, want %s", names[i], i, verdicts, wants[i])
		}
	}
}

// dkimpy returns what python3-dkim says of each signature of each mail.
func dkimpy(t *testing.T, keys signing, mails []string) [][]string {
	t.Helper()
	python := testkit.NeedPython(t, "dkim", "nacl")
	var given struct {
		Records map[string]string `json:"records"`
		Mails   [][]byte          `json:"mails"`
	}
	given.Records = keys.records
	for _, mail := range mails {
		given.Mails = append(given.Mails, []byte(mail))
	}
	input, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", dkimVerify)
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("python: %v\n%s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	if err := json.Unmarshal(output, &out); err != nil || len(out) != len(mails) {
		t.Fatalf("python answers for %d of %d mails: %v", len(out), len(mails), err)
	}
	return out
}

package email

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/internal/testkit"
)

//go:embed testdata/readback.py
var readback string

// readMail is a mail as another mail library understands it.
type readMail struct {
	Subject     string   `json:"subject"`
	From        []string `json:"from"` // name, address
	To          []string `json:"to"`
	ReplyTo     []string `json:"reply_to"`
	MessageID   string   `json:"message_id"`
	Date        string   `json:"date"`
	Unsubscribe string   `json:"unsubscribe"`
	Types       []string `json:"types"` // of every part, depth first
	Text        string   `json:"text"`
	HTML        string   `json:"html"`
	Files       []string `json:"files"`
	Contents    []string `json:"contents"`
}

// Python's email package, an independent reader, finds exactly what was put in: for mails of random Unicode, all in one process.
func TestPythonReadsBackWhatWasWritten(t *testing.T) {
	python := testkit.Need(t, "python3")
	text := rapid.StringOfN(rapid.RuneFrom(nil, unicode.Cyrillic, unicode.Latin, unicode.Nd, unicode.Po, unicode.So, unicode.Zs), 1, 200, -1)
	line := rapid.Map(text, func(s string) string {
		// Readers may lose spaces at the ends of a field and other separators of lines, which nobody types.
		return strings.TrimSpace(s)
	})
	body := rapid.Map(rapid.SliceOfN(text, 1, 6), func(lines []string) string { return strings.Join(lines, "\n") + "\n" })
	file := rapid.StringOfN(rapid.RuneFrom([]rune("abcқәі 7-_().'\";=%*")), 1, 40, -1)
	mails := rapid.Custom(func(t *rapid.T) channels.Message {
		m := sample(1)
		m.Email.Subject, m.Email.ToName, m.Email.From.Name = line.Draw(t, "subject"), line.Draw(t, "to"), line.Draw(t, "from")
		m.Email.Text, m.Email.HTML = body.Draw(t, "text"), body.Draw(t, "html")
		m.Email.Headers = marketing().Email.Headers
		if rapid.Bool().Draw(t, "file") {
			m.Email.Attachments = []channels.Attachment{{
				Name: strings.TrimSpace(file.Draw(t, "name")) + ".bin", ContentType: "application/octet-stream",
				Content: []byte(rapid.StringMatching(`[a-z\r\n]{0,200}`).Draw(t, "content")),
			}}
		}
		return m
	})
	batch := []channels.Message{marketing(), legal(), withAttachments()}
	batch[1].To = "asel@example.kz" // Python does not give punycode back
	special := sample(4)
	special.Email.Subject, special.Email.ToName = "=?utf-8?q?not_encoded?= a  b", `a "b" \c, <d@e>`
	batch = append(batch, special)
	for seed := range 60 {
		batch = append(batch, mails.Example(seed))
	}

	var want, got []readMail
	var stdin [][]byte
	for i, m := range batch {
		l, err := compose(m)
		if err != nil {
			t.Fatalf("compose mail %d (%+v) = %v %s", i, m.Email, err, err.Detail)
		}
		// What the receiving side of SMTP hands on: the doubled dots are gone.
		stdin = append(stdin, bytes.TrimPrefix(bytes.ReplaceAll(l.wire, []byte("\r\n."), []byte("\r\n")), []byte(".")))
		want = append(want, expected(m))
	}
	input, err := json.Marshal(stdin)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", readback)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(cmd.Environ(), "PYTHONUTF8=1")
	output, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // exec returns it unwrapped
		t.Fatalf("python: %v\n%s", err, exit.Stderr)
	}
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatalf("python's output: %v", err)
	}
	for i := range want {
		if diff := cmp.Diff(want[i], got[i]); diff != "" {
			t.Errorf("mail %d mismatch (-want +got):\n%s", i, diff)
		}
	}
}

// expected is what a reader must find in a mail.
func expected(m channels.Message) readMail {
	e := m.Email
	unix := func(s string) string { return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s) }
	want := readMail{
		Subject: e.Subject, From: []string{e.From.Name, e.From.Address}, To: []string{e.ToName, m.To.Reveal()},
		ReplyTo: []string{e.ReplyTo.Name, e.ReplyTo.Address}, MessageID: "<" + e.MessageID + ">",
		Date: e.Date.Format("2006-01-02T15:04:05-07:00"), Text: unix(e.Text), HTML: unix(e.HTML),
		Files: []string{}, Contents: []string{},
	}
	for _, h := range e.Headers {
		if h.Name == "List-Unsubscribe" {
			want.Unsubscribe = h.Value
		}
	}
	alternatives := []string{"text/plain"}
	if e.HTML != "" {
		alternatives = append(alternatives, "text/html")
	}
	var files []string
	for _, a := range e.Attachments {
		contentType, _, _ := strings.Cut(a.ContentType, ";")
		if contentType == "text/calendar" {
			alternatives = append(alternatives, contentType)
		}
		files = append(files, contentType)
		want.Files = append(want.Files, a.Name)
		want.Contents = append(want.Contents, string(a.Content))
	}
	if len(alternatives) > 1 {
		alternatives = slices.Insert(alternatives, 0, "multipart/alternative")
	}
	want.Types = alternatives
	if len(files) > 0 {
		want.Types = slices.Concat([]string{"multipart/mixed"}, alternatives, files)
	}
	return want
}

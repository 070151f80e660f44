package email

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	stdmail "net/mail"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/wneessen/go-mail"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/internal/testkit"
)

//go:embed testdata/understand.py
var understandPython string

//go:embed testdata/understand.js
var understandNode string

// understood is all that a reader makes of a mail.
type understood struct {
	Subject   string      `json:"subject"`
	From      [][2]string `json:"from"` // name, address
	To        [][2]string `json:"to"`
	ReplyTo   [][2]string `json:"reply_to"`
	MessageID string      `json:"message_id"`
	Date      int64       `json:"date"`    // Unix seconds
	Headers   [][2]string `json:"headers"` // further ones, sorted
	Text      string      `json:"text"`
	HTML      string      `json:"html"`
	Calendar  string      `json:"calendar"`
	Files     [][2]string `json:"files"` // name, type
	Contents  [][]byte    `json:"contents"`
}

// Readers that share no code with us read the same from a mail of our encoder as from one that go-mail composed in full, and that is what
// was meant.
func TestReadersUnderstandTheSameAsFromGoMail(t *testing.T) {
	all := mails()
	ours, theirs := twice(t, all)
	t.Run("Python", func(t *testing.T) {
		compareReadings(t, all, ours, theirs, func(t *testing.T, raw [][]byte) []understood {
			t.Helper()
			cmd := exec.CommandContext(t.Context(), testkit.NeedPython(t, "email"), "-c", understandPython)
			cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
			return understoodBy(t, cmd, raw)
		})
	})
	t.Run("mailparser", func(t *testing.T) {
		compareReadings(t, all, ours, theirs, func(t *testing.T, raw [][]byte) []understood {
			t.Helper()
			node, dir := testkit.NodeProject(t, os.DirFS("../../test/e2e/testdata/mailparser"))
			cmd := exec.CommandContext(t.Context(), node, "-e", understandNode)
			cmd.Dir = dir
			return understoodBy(t, cmd, raw)
		})
	})
}

func compareReadings(t *testing.T, messages []channels.Message, ours, theirs [][]byte, read func(*testing.T, [][]byte) []understood) {
	t.Helper()
	all := read(t, slices.Concat(ours, theirs))
	for i := range ours {
		if diff := cmp.Diff(all[len(ours)+i], all[i]); diff != "" {
			t.Errorf("mail %d mismatch (-go-mail +ours):\n%s\n%s", i, diff, ours[i][:min(len(ours[i]), 1500)])
		}
		if diff := cmp.Diff(meant(messages[i]), all[i], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("mail %d mismatch (-meant +ours):\n%s", i, diff)
		}
	}
}

func understoodBy(t *testing.T, cmd *exec.Cmd, raw [][]byte) []understood {
	t.Helper()
	input, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%v\n%s", err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	var all []understood
	if err := json.Unmarshal(output, &all); err != nil || len(all) != len(raw) {
		t.Fatalf("%d of %d mails were read: %v", len(all), len(raw), err)
	}
	for i := range all {
		all[i].normalise()
	}
	return all
}

// meant is what a reader should make of a message.
func meant(m channels.Message) understood {
	e := m.Email
	u := understood{
		Subject: e.Subject, From: [][2]string{{e.From.Name, e.From.Address}}, To: [][2]string{{e.ToName, m.To.Reveal()}},
		MessageID: "<" + e.MessageID + ">", Date: e.Date.Unix(), Text: e.Text, HTML: e.HTML,
	}
	if e.ReplyTo != nil {
		u.ReplyTo = [][2]string{{e.ReplyTo.Name, e.ReplyTo.Address}}
	}
	for _, h := range e.Headers {
		u.Headers = append(u.Headers, [2]string{strings.ToLower(h.Name), h.Value})
	}
	slices.SortFunc(u.Headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	for _, a := range e.Attachments {
		mediaType, _, _ := strings.Cut(a.ContentType, ";")
		if mediaType == "text/calendar" {
			u.Calendar = string(a.Content)
		}
		u.Files, u.Contents = append(u.Files, [2]string{a.Name, mediaType}), append(u.Contents, a.Content)
	}
	u.normalise()
	return u
}

// normalise takes away what go-mail does otherwise than we, on purpose: line ends are as the system has them; go-mail begins a field with
// a fold if its first word is long, which readers give back as a space, and it writes "_" for signs that file systems do not take.
func (u *understood) normalise() {
	unix := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	u.Text, u.HTML, u.Calendar = unix.Replace(u.Text), unix.Replace(u.HTML), unix.Replace(u.Calendar)
	u.Subject = strings.TrimLeft(u.Subject, " ")
	for i := range u.Headers {
		u.Headers[i][1] = strings.TrimLeft(u.Headers[i][1], " ")
	}
	safe := strings.NewReplacer(`"`, "_", "*", "_", "/", "_", ":", "_", "<", "_", ">", "_", "?", "_", `\`, "_", "|", "_")
	for i := range u.Files {
		u.Files[i][0] = safe.Replace(u.Files[i][0])
	}
}

// twice returns the mails as our encoder and as go-mail makes them, as the receiving side of SMTP hands them on.
func twice(t *testing.T, all []channels.Message) (ours, theirs [][]byte) {
	t.Helper()
	for i, m := range all {
		l, unfit := compose(m)
		if unfit != nil {
			t.Fatalf("compose mail %d (%+v) = %v %s", i, m.Email, unfit, unfit.Detail)
		}
		ours = append(ours, bytes.Clone(unstuffed(l.wire)))
		l.free()
		whole, err := byGoMail(m)
		if err != nil {
			t.Fatalf("go-mail: mail %d (%+v): %v", i, m.Email, err)
		}
		theirs = append(theirs, whole)
	}
	return ours, theirs
}

// byGoMail lets go-mail compose a message in full: its header, names, parts and files.
func byGoMail(message channels.Message) ([]byte, error) {
	e := message.Email
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	m.FromMailAddress(&stdmail.Address{Name: e.From.Name, Address: e.From.Address})
	m.ToMailAddress(&stdmail.Address{Name: e.ToName, Address: message.To.Reveal()})
	if e.ReplyTo != nil {
		m.ReplyToMailAddress(&stdmail.Address{Name: e.ReplyTo.Name, Address: e.ReplyTo.Address})
	}
	m.Subject(e.Subject)
	m.SetDateWithValue(e.Date)
	m.SetMessageIDWithValue(e.MessageID)
	for _, h := range e.Headers {
		m.SetGenHeader(mail.Header(h.Name), h.Value)
	}
	m.SetBodyString(mail.TypeTextPlain, e.Text)
	if e.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, e.HTML)
	}
	for _, a := range e.Attachments {
		if mediaType, params, err := mime.ParseMediaType(a.ContentType); err != nil {
			return nil, err
		} else if mediaType == "text/calendar" {
			delete(params, "charset") // go-mail adds its own
			m.AddAlternativeString(mail.ContentType(mime.FormatMediaType(mediaType, params)), string(a.Content))
		}
		m.AttachReadSeeker(a.Name, bytes.NewReader(a.Content), mail.WithFileContentType(mail.ContentType(a.ContentType)))
	}
	var out bytes.Buffer
	_, err := m.WriteTo(&out)
	return out.Bytes(), err
}

// mails are those with names and many at random, the same in every run.
func mails() []channels.Message {
	all := []channels.Message{marketing(), legal(), withAttachments()}
	all[1].To = "asel@example.kz" // go-mail leaves domains beyond ASCII as they are
	empty := sample(4)
	empty.Email.Subject, empty.Email.ToName, empty.Email.From.Name, empty.Email.ReplyTo, empty.Email.HTML = "", "", "", nil, ""
	empty.Email.Text = "\n"
	all = append(all, empty)
	random := rapid.Custom(randomMail)
	for seed := range 100 {
		all = append(all, random.Example(seed))
	}
	return all
}

// writing are scripts and signs that people write with: Kazakh, Latin with marks that combine, Arabic and Hebrew from right to left,
// emoji joined and coloured, and what means something in a header.
var writing = rapid.OneOf(
	rapid.RuneFrom(nil, unicode.Cyrillic, unicode.Latin, unicode.Nd, unicode.Po),
	rapid.RuneFrom([]rune("әіңғүұқөһ «»—…№")),
	rapid.RuneFrom([]rune("e\u0301a\u0308o\u0327\u0336"), unicode.Mn),
	rapid.RuneFrom([]rune("\u200f\u202b"), unicode.Arabic, unicode.Hebrew),
	rapid.RuneFrom([]rune("👩\u200d🏫👍🏽🇰🇿❤\ufe0f"), unicode.So),
	rapid.RuneFrom([]rune(`"\()<>[]:;@,.=?_% -`)),
	rapid.RuneFrom([]rune("abc XYZ 019")),
)

func randomMail(t *rapid.T) channels.Message {
	m := sample(rapid.IntRange(1, 1e6).Draw(t, "n"))
	e := m.Email
	// Readers may lose spaces at the ends of a field, which nobody types.
	field := func(name string, most int) string {
		return strings.TrimSpace(rapid.StringOfN(writing, 0, most, -1).Draw(t, name))
	}
	e.Subject, e.ToName, e.From.Name = field("subject", 120), field("to", 60), field("from", 60)
	if rapid.Bool().Draw(t, "no reply-to") {
		e.ReplyTo = nil
	} else {
		e.ReplyTo.Name = field("reply-to", 60)
	}
	e.Date = time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "date"), 0).In(time.FixedZone("", 60*rapid.IntRange(-11*60, 14*60).Draw(t, "zone")))
	if rapid.IntRange(0, 5).Draw(t, "a long word") == 0 {
		e.Subject = strings.TrimSpace(e.Subject + " " + rapid.StringMatching(`[a-z]{70,900}`).Draw(t, "word"))
	}
	e.Text = body(t, "text") + rapid.SampledFrom([]string{".", "..", " ", "\t", "\u00a0", "\n\n", "="}).Draw(t, "end")
	if rapid.Bool().Draw(t, "has HTML") {
		e.HTML = body(t, "HTML")
	}
	if rapid.Bool().Draw(t, "list") {
		e.Headers = append(marketing().Email.Headers, channels.Header{Name: "X-Note", Value: "n" + field("note", 100)}) // beginning with "<" it would hold addresses
	}
	for range rapid.IntRange(0, 2).Draw(t, "files") {
		e.Attachments = append(e.Attachments, channels.Attachment{
			Name: field("file", 30) + ".bin", ContentType: "application/octet-stream", Content: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "content"),
		})
	}
	return m
}

// body is text with all that a body can have: every rune but NUL, long lines, lines of dots, spaces at the ends of lines.
func body(t *rapid.T, name string) string {
	anything := rapid.Rune().Filter(func(r rune) bool { return r != 0 })
	line := rapid.OneOf(
		rapid.StringOfN(writing, 0, 200, -1), rapid.StringOfN(anything, 0, 100, -1), rapid.StringMatching(`\.{1,5}`),
		rapid.StringMatching(`[a-zә.= ]{0,80}[ \t]{1,3}`), rapid.StringOfN(rapid.RuneFrom([]rune("az=.")), 995, 1100, -1), rapid.StringOfN(rapid.RuneFrom([]rune("әқ ")), 995, 1100, -1), rapid.Just(""),
	)
	end := rapid.SampledFrom([]string{"\n", "\r\n"})
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			fmt.Fprint(&b, line.Draw(t, "line"), end.Draw(t, "end"))
		}
		return b.String()
	}).Draw(t, name)
}

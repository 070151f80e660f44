package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

// shown is what the API says that a message reads like.
type shown struct{ Subject, Text, HTML string }

// intact compares a mail as a mail server got it with what the API shows.
func intact(t *testing.T, w *world, id string, raw []byte) {
	t.Helper()
	var want shown
	if err := json.Unmarshal(w.get(t, "/v1/messages/"+id+"/content").want(t, http.StatusOK).Body, &want); err != nil {
		t.Fatal(err)
	}
	got := readBy(t, [][]byte{raw}, testkit.Need(t, "python3"), "testdata/read.py")[0]
	if got.Subject != want.Subject || strings.TrimSpace(got.Text) != strings.TrimSpace(want.Text) || strings.TrimSpace(got.HTML) != strings.TrimSpace(want.HTML) {
		t.Errorf("the mail is not what the API shows; subject %q and %q, text\n%s\nand\n%s", got.Subject, want.Subject, got.Text, want.Text)
	}
	if want := "<" + strings.TrimPrefix(id, "msg_") + "@mail.orleu.example>"; got.MessageID != want {
		t.Errorf("Message-ID is %s, want %s", got.MessageID, want)
	}
	if len(got.Files) == 1 && strings.HasSuffix(got.Files[0], ".txt") && got.Contents[0] != attached {
		t.Errorf("the attachment reads %q", got.Contents[0])
	}
}

const attached = "Анықтама\n.\n..нүктелер\nFrom here\n"

// mixed sends an invitation in Kazakh and an answer with a file, and returns their ids.
func mixed(t *testing.T, w *world) []string {
	t.Helper()
	w.meet(t, person{name: "Айгүл Серікқызы", language: "kk", email: "aigul@relay.example", grants: []string{"event.invite"}})
	return []string{
		w.sent(t, invitation("aigul@relay.example")),
		w.sent(t, reply("aigul@relay.example", `, "attachments": [{"name": "анықтама.txt", "content_type": "text/plain; charset=utf-8", "content": "`+base64Of(attached)+`"}]`)),
	}
}

// byID finds a message's mail among sources.
func byID(t *testing.T, raws []string, id string) []byte {
	t.Helper()
	for _, raw := range raws {
		if strings.Contains(raw, "<"+strings.TrimPrefix(id, "msg_")+"@mail.orleu.example>") {
			return []byte(raw)
		}
	}
	t.Fatalf("no mail of %s among %d", id, len(raws))
	return nil
}

func TestThroughPostfix(t *testing.T) {
	t.Parallel()
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{KeepRaw: true})
	postfix := testkit.StartPostfix(t, sink.Addr())
	w := startWorld(t, mailTo(postfix.Port))
	ids := mixed(t, w)
	testkit.Eventually(t, soon, func() error {
		if n := sink.Count(); n < len(ids) {
			return fmt.Errorf("Postfix has relayed %d of %d mails:\n%s", n, len(ids), postfix.Log(t))
		}
		return nil
	})
	var raws []string
	for _, m := range sink.Messages() {
		if !strings.HasPrefix(m.From, "bounce+") || len(m.To) != 1 || m.To[0] != "aigul@relay.example" {
			t.Errorf("envelope from %q to %q", m.From, m.To)
		}
		raws = append(raws, m.Raw)
	}
	for _, id := range ids {
		raw := byID(t, raws, id)
		if !strings.Contains(string(raw), "Received: ") || !strings.Contains(string(raw), "relay.example (Postfix)") {
			t.Error("the mail did not go through Postfix")
		}
		intact(t, w, id, raw)
	}
	if n := sink.Count(); n != len(ids) {
		t.Errorf("the last server has %d mails, want %d", n, len(ids))
	}
}

func TestSMTPSinkAsServer(t *testing.T) {
	t.Parallel()
	path := testkit.Need(t, testkit.SMTPSinkC)
	dir, err := os.MkdirTemp("", "elshi-smtp-sink-") //nolint:usetesting // t.TempDir's parents let no other user in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	port := testkit.Free(t)
	args := []string{"-d", filepath.Join(dir, "mail."), "127.0.0.1:" + strconv.Itoa(port), "100"}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...)
	}
	testkit.Start(t, testkit.Command{Path: path, Args: args})
	reachable(t, port)
	w := startWorld(t, mailTo(port))
	ids := mixed(t, w)
	files, err := filepath.Glob(filepath.Join(dir, "mail.*"))
	if err != nil || len(files) != len(ids) {
		t.Fatalf("smtp-sink has %d mails (%v), want %d", len(files), err, len(ids))
	}
	var raws []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, string(raw))
	}
	for _, id := range ids {
		intact(t, w, id, byID(t, raws, id))
	}
}

func TestAiosmtpdAsServer(t *testing.T) {
	t.Parallel()
	path, port, dir := testkit.Need(t, testkit.Aiosmtpd), testkit.Free(t), filepath.Join(t.TempDir(), "maildir")
	testkit.Start(t, testkit.Command{Path: path, Args: []string{"-n", "-l", "127.0.0.1:" + strconv.Itoa(port), "-c", "aiosmtpd.handlers.Mailbox", dir}})
	reachable(t, port)
	w := startWorld(t, mailTo(port))
	ids := mixed(t, w)
	var raws []string
	files, err := filepath.Glob(filepath.Join(dir, "new", "*"))
	if err != nil || len(files) != len(ids) {
		t.Fatalf("aiosmtpd has %d mails (%v), want %d", len(files), err, len(ids))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, string(raw))
	}
	for _, id := range ids {
		intact(t, w, id, byID(t, raws, id))
	}
}

// reachable waits until something listens.
func reachable(t *testing.T, port int) {
	t.Helper()
	testkit.Eventually(t, soon, func() error {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(port))
		return errors.Join(err, closeIf(c))
	})
}

func closeIf(c net.Conn) error {
	if c == nil {
		return nil
	}
	return c.Close()
}

package inbound

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/dispatcher"
)

var reportedAt = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func TestVectors(t *testing.T) {
	for name, want := range map[string]channels.Report{
		"01.eml": {Status: channels.ReportFailed, At: reportedAt, Err: &channels.Error{
			Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1",
			Detail: "smtp; 550 5.1.1 <nouser@bad.test>: Recipient address rejected: User unknown",
		}},
		"03.eml": {Status: channels.ReportFailed, At: reportedAt, Err: &channels.Error{
			Cause: channels.OurAuthentication, Code: 550, Enhanced: "5.7.26",
			Detail: "smtp; 550 5.7.26 Unauthenticated email from orleu.test is not accepted",
		}},
		"06.eml": {Status: channels.ReportPending, At: reportedAt},
	} {
		raw, err := os.ReadFile(filepath.Join("testdata/dsn", name))
		if err != nil {
			t.Fatal(err)
		}
		m := read(raw)
		if m.bounce == nil || !m.automatic || m.complaint {
			t.Errorf("read(%s) = %+v, want an automatic mail that is a delivery report", name, m)
			continue
		}
		if diff := cmp.Diff(want, m.bounce.report(reportedAt), cmpopts.IgnoreFields(channels.Report{}, "EventID")); diff != "" {
			t.Errorf("report of %s mismatch (-want +got):\n%s", name, diff)
		}
	}
}

// status is a delivery report around a machine's part.
func status(header, partHeader, part string) string {
	return header + "Content-Type: multipart/report; boundary=b; Report-Type=\"Delivery-Status\"\n\n--b\nContent-Type: " + partHeader + "\n\n" + part + "\n--b--\n"
}

func TestReadDelivery(t *testing.T) {
	const block = "Final-Recipient: rfc822; a@b.example\nAction: FAILED (mailbox is gone)\nStatus: 5.1.1\nDiagnostic-Code: smtp;\n 550 5.1.1\n\tno such user"
	failed := []recipientStatus{{action: "failed", status: "5.1.1", diagnostic: "smtp; 550 5.1.1 no such user"}}
	for _, tc := range []struct {
		name, raw string
		want      []recipientStatus
	}{
		{"as it should be", status("", "message/delivery-status", "Reporting-MTA: dns; x\n\n"+block), failed},
		{"line ends of the wire", strings.ReplaceAll(status("", "message/delivery-status", "Reporting-MTA: dns; x\n\n"+block), "\n", "\r\n"), failed},
		{"no empty line between the blocks", status("", "message/delivery-status", "Reporting-MTA: dns; x\n"+block), failed},
		{"empty lines with blanks", status("", "message/delivery-status", "Reporting-MTA: dns; x\n  \n\n"+block+"\n\t\n\n"), failed},
		{"lines that are no fields", status("", "message/delivery-status", "hello\n  there\n\n"+block+"\nbye"), failed},
		{"base64", status("", "message/delivery-status\nContent-Transfer-Encoding: BASE64", base64.StdEncoding.EncodeToString([]byte(block))), failed},
		{"quoted-printable", status("", "message/global-delivery-status\nContent-Transfer-Encoding: quoted-printable", strings.ReplaceAll(block, "Action: ", "Action=3A ")), failed},
		{"a field twice: the first counts", status("", "message/delivery-status", block+"\nAction: delivered"), failed},
		{"a block without an action", status("", "message/delivery-status", "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1"), nil},
		{"cut in the middle", status("", "message/delivery-status", block)[:len(status("", "message/delivery-status", block))-len("\n--b--\n")], failed},
	} {
		m := read([]byte(tc.raw))
		if m.bounce == nil {
			t.Errorf("%s: no report in\n%s", tc.name, tc.raw)
			continue
		}
		if diff := cmp.Diff(tc.want, m.bounce.recipients, cmp.AllowUnexported(recipientStatus{})); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", tc.name, diff)
		}
	}
	endless := status("", "message/delivery-status", "Action: failed\nDiagnostic-Code: smtp;"+strings.Repeat("\n x", 1<<20))
	if got := read([]byte(endless)).bounce.recipients[0]; got.action != "failed" || len(got.diagnostic) > maxField+2 {
		t.Errorf("a field without an end: %s with %d bytes", got.action, len(got.diagnostic))
	}
	for name, raw := range map[string]string{
		"another report":         strings.Replace(status("", "message/delivery-status", block), "Delivery-Status", "disposition-notification", 1),
		"no report":              strings.Replace(status("", "message/delivery-status", block), "multipart/report", "multipart/mixed", 1),
		"no boundary":            strings.Replace(status("", "message/delivery-status", block), "boundary=b;", "", 1),
		"a text about a failure": status("", "text/plain", block),
		"too many parts before":  strings.Replace(status("", "message/delivery-status", block), "--b\n", strings.Repeat("--b\n\nx\n", maxParts)+"--b\n", 1),
	} {
		if m := read([]byte(raw)); m.bounce != nil {
			t.Errorf("%s: taken for a report: %+v", name, m.bounce)
		}
	}
}

func TestEventIDSaysWhichReportItIs(t *testing.T) {
	id := func(header, part string) string {
		return read([]byte(status(header, "message/delivery-status", part))).bounce.eventID
	}
	const failed, delayed = "Action: failed\nStatus: 5.1.1", "Action: delayed\nStatus: 4.4.1"
	same := id("Message-ID: <1@x>\n", failed)
	for name, other := range map[string]string{
		"the same report, seen again":     id("Received: by elsewhere\nMessage-ID:  <1@x>\n", failed),
		"without a Message-ID, the words": id("", failed),
		"another Message-ID":              id("Message-ID: <2@x>\n", failed),
		"another envelope":                id("Message-ID: <1@x>\n", "Original-Envelope-Id: e\n\n"+failed),
	} {
		if want := strings.HasPrefix(name, "the same"); (other == same) != want || other == "" {
			t.Errorf("%s: event %q beside %q", name, other, same)
		}
	}
	if again := id("", failed); again != id("", failed) || again == id("", delayed) {
		t.Error("without a Message-ID, the words of the report must tell")
	}
}

func FuzzDSN(f *testing.F) {
	vectors, err := filepath.Glob("testdata/dsn/*.eml")
	if err != nil || len(vectors) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, path := range vectors {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(status("Message-ID: <1@x>\n", "message/delivery-status", "Action: failed\n\nAction: delivered\nStatus: 2.0.0")))
	f.Add([]byte("Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := read(raw)
		if m.complaint && m.bounce != nil {
			t.Error("a mail is a bounce and a complaint")
		}
		if m.bounce == nil {
			return
		}
		r := m.bounce.report(reportedAt)
		if (r.Status == channels.ReportFailed) != (r.Err != nil) {
			t.Errorf("report %+v: an error belongs to a failure and to nothing else", r)
		}
		if r.Err != nil && (!slices.Contains(channels.Causes(), r.Err.Cause) || !utf8.ValidString(r.Err.Detail) || len(r.Err.Detail) > 500) {
			t.Errorf("error %+v of a report", r.Err)
		}
		if len(r.EventID) != len("dsn:")+32 {
			t.Errorf("event %q", r.EventID)
		}
		if r.Status != channels.ReportPending && !strings.Contains(strings.ToLower(string(raw)), "report") {
			t.Error("a mail without the word report is one")
		}
	})
}

func FuzzRecipient(f *testing.F) {
	links := dispatcher.NewLinks("https://elshi.example", []byte("0123456789abcdef"), []byte("fedcba9876543210"))
	s := &MailServer{o: MailOptions{Domain: "bounces.example", Links: links}}
	const id = "msg_06gywnjy01xbs0938nkrkaydxw"
	good := "bounce+" + links.Token(dispatcher.LinkBounce, id) + "@bounces.example"
	for _, a := range []string{
		good, "unsubscribe+" + links.Token(dispatcher.LinkUnsubscribe, id) + "@bounces.example", strings.ToUpper(good), good + ".", "bounce+@bounces.example", "@", "",
	} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, address string) {
		r, ok := s.recipientOf(address)
		if !ok {
			return
		}
		name := map[dispatcher.LinkKind]string{dispatcher.LinkBounce: "bounce", dispatcher.LinkUnsubscribe: "unsubscribe"}[r.kind]
		token := links.Token(r.kind, r.id)
		if want := name + "+" + token + "@bounces.example"; !strings.EqualFold(address, want) || !strings.Contains(address, token) {
			t.Errorf("%q is taken for %q", address, want)
		}
	})
}

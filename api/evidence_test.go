package api

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// fakeEvidence says who asked for what.
type fakeEvidence struct {
	*door

	asked []evidence.Reader
}

func (f *fakeEvidence) Of(_ context.Context, m dispatcher.Message, r evidence.Reader, now time.Time) (evidence.Sealed, error) {
	f.asked = append(f.asked, r)
	d := evidence.Document{Format: evidence.Format, GeneratedAt: now, Message: evidence.Message{ID: m.ID}}
	return evidence.Sealed{Document: d, JSON: fmt.Appendf(nil, `{"evidence":{"format":%q},"seal":"x"}`, d.Format)}, f.away
}

func (f *fakeEvidence) Page(w io.Writer, s evidence.Sealed) error {
	_, err := fmt.Fprintf(w, "<p>%s", s.Document.Message.ID)
	return err
}

func (f *fakeEvidence) PDF(w io.Writer, s evidence.Sealed) error {
	_, err := fmt.Fprintf(w, "%%PDF %s", s.Document.Message.ID)
	return err
}

func TestEvidenceComesInTheFormThatIsWanted(t *testing.T) {
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact, Class: vocab.Marketing}
	at := "/v1/messages/" + string(aMessage) + "/evidence"
	const jsonBody = `{"evidence":{"format":"elshi-message-evidence/1"},"seal":"x"}`
	for name, tc := range map[string]struct{ query, accept, kind, body, file string }{
		"json by default":      {"", "", "application/json", jsonBody, ".json"},
		"json for anything":    {"", "*/*", "application/json", jsonBody, ".json"},
		"json by accept":       {"", "application/json, text/html", "application/json", jsonBody, ".json"},
		"json by format":       {"?format=json", "text/html", "application/json", jsonBody, ".json"},
		"a page for a browser": {"", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8", "<p>" + string(aMessage), ""},
		"a page by format":     {"?format=html", "application/pdf", "text/html; charset=utf-8", "<p>" + string(aMessage), ""},
		"a PDF by accept":      {"", "application/pdf;q=1, text/html", "application/pdf", "%PDF " + string(aMessage), ".pdf"},
		"a PDF by format":      {"?format=pdf", "", "application/pdf", "%PDF " + string(aMessage), ".pdf"},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.call(t, "GET", at+tc.query, "", "Accept: "+tc.accept, "Accept-Language: ru").ok(200)
			if a.Header().Get("Content-Type") != tc.kind || a.Body.String() != tc.body || a.Header().Get("Content-Language") != "ru" {
				t.Errorf("headers %v, body %s", a.Header(), a.Body)
			}
			if page := strings.HasPrefix(tc.kind, "text/html"); page != (a.Header().Get("Content-Security-Policy") == printedPolicy) {
				t.Errorf("policy %q", a.Header().Get("Content-Security-Policy"))
			}
			if tc.file != "" && a.Header().Get("Content-Disposition") != `inline; filename="evidence-`+string(aMessage)+tc.file+`"` {
				t.Errorf("file %q", a.Header().Get("Content-Disposition"))
			}
		})
	}
	d.call(t, "GET", at+"?format=docx", "").problem(422, "invalid_request")
	d.call(t, "GET", "/v1/messages/msg_06gywnjy01xbs0938nkrkaydx0/evidence", "").problem(404, "message_not_found")
	d.call(t, "GET", "/v1/messages/x/evidence", "").problem(404, "message_not_found")
}

func TestWhoSeesWhatOfEvidenceIsTheRolesAndLeavesATrace(t *testing.T) {
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact, Class: vocab.Marketing}
	at := "/v1/messages/" + string(aMessage) + "/evidence?lang=en"
	for _, secret := range []string{liveSecret, secretOf(members.Legal), secretOf(members.Operator)} {
		d.call(t, "GET", at, "", "Authorization: Bearer "+secret).ok(200)
		e := d.audit.events[len(d.audit.events)-1]
		if e.Operation != "get-message-evidence" || e.Resource.ID != string(aMessage) || !cmp.Equal(e.Contacts, []vocab.ContactID{aContact}) {
			t.Errorf("audit event %+v", e)
		}
	}
	want := []evidence.Reader{{Full: true, Language: "en"}, {Full: true, Language: "en"}, {Language: "en"}}
	if diff := cmp.Diff(want, d.evidence.asked); diff != "" {
		t.Errorf("readers mismatch (-want +got):\n%s", diff)
	}
	d.call(t, "GET", at, "", "Authorization: Bearer "+secretOf(members.Viewer)).problem(403, "role_needed")
	d.call(t, "GET", at, "", "Authorization: Bearer "+testSecret).problem(403, "key_mode_forbidden")
}

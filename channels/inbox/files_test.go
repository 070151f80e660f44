package inbox_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels/inbox"
)

func TestFilesHaveNamesAndComeOnce(t *testing.T) {
	part := func(headers, body string) string { return "--b\r\n" + headers + "\r\n\r\n" + body + "\r\n" }
	raw := "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		part("Content-Type: text/plain", "text") +
		part("Content-Type: text/calendar", "BEGIN:VCALENDAR") +
		part("Content-Type: text/calendar\r\nContent-Disposition: attachment; filename=event.ics", "BEGIN:VCALENDAR") +
		part("Content-Type: application/pdf\r\nContent-Disposition: attachment", "%PDF") + "--b--\r\n"
	var got []string
	for _, f := range inbox.Files([]byte(raw)) {
		got = append(got, f.Name+" "+f.ContentType+" "+strings.TrimSpace(string(f.Content)))
	}
	want := []string{"event.ics text/calendar BEGIN:VCALENDAR", "part-2 application/pdf %PDF"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files mismatch (-want +got):\n%s", diff)
	}
	if got := inbox.Files([]byte("")); len(got) != 0 {
		t.Errorf("an empty mail has files %v", got)
	}
}

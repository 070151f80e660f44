package api_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPreferencesAreThePictureOfTheContactsPage(t *testing.T) {
	s := newStreet(t)
	s.publish(t, nil)
	now := s.publish(t, nil) // a second version, which says nothing else
	s.publish(t, map[string]any{"purpose": "event.invite"})
	id := s.contact(t)
	path := "/v1/contacts/" + id + "/preferences"
	picture := func() map[string][]string {
		t.Helper()
		v := s.call(t, 200, "GET", path, "")
		lists := map[string][]string{}
		for _, list := range []string{"receives", "stopped", "available"} {
			lists[list] = []string{}
			for _, x := range v[list].([]any) {
				m := x.(map[string]any)
				lists[list] = append(lists[list], fmt.Sprint(m["purpose"], " ", m["channel"], " ", m["state"]))
			}
		}
		return lists
	}
	service := []string{"data.verification email none", "service.notice email none"}
	want := map[string][]string{"receives": service, "stopped": {}, "available": {"event.invite email <nil>", "news.company email <nil>"}}
	if diff := cmp.Diff(want, picture()); diff != "" {
		t.Fatalf("of a contact who was never asked (-want +got):\n%s", diff)
	}
	available := s.call(t, 200, "GET", path, "")["available"].([]any)[1].(map[string]any)
	if diff := cmp.Diff(now["version"], available["text_version"]); diff != "" || len(available["text_hash"].(map[string]any)) != 3 {
		t.Errorf("the text of %+v (-want +got):\n%s", available, diff)
	}
	hash := available["text_hash"].(map[string]any)["kk"]
	s.call(t, 201, "POST", "/v1/consents", fmt.Sprintf(`{"contact_id": %q, "kind": "grant", "purpose": "news.company", "channel": "email", "text_hash": %q}`, id, hash))
	s.call(t, 201, "POST", "/v1/consents", fmt.Sprintf(`{"contact_id": %q, "kind": "refuse", "purpose": "event.invite", "channel": "email"}`, id))
	want = map[string][]string{
		"receives": append([]string{"news.company email granted"}, service...), "stopped": {"event.invite email refused"}, "available": {"event.invite email <nil>"},
	}
	if diff := cmp.Diff(want, picture()); diff != "" {
		t.Errorf("after a yes and a no (-want +got):\n%s", diff)
	}
	s.call(t, 200, "POST", "/v1/consents/withdraw", fmt.Sprintf(`{"contact_id": %q, "scope": "all"}`, id))
	v := s.call(t, 200, "GET", path, "")
	if v["unsubscribed_all_at"] == nil || len(v["receives"].([]any)) != len(service) {
		t.Errorf("after a stop of everything: %+v", v)
	}
	s.call(t, 404, "GET", "/v1/contacts/con_06gywnjy01xbs0938nkrkaydxw/preferences", "")
}

package consent

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestShippedPurposesAreThePolicys(t *testing.T) {
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	want := map[vocab.Purpose]vocab.Class{
		"account.identity": vocab.Security, "account.access": vocab.Transactional, "request.reply": vocab.Transactional,
		"support.case": vocab.Transactional, "service.materials": vocab.Transactional, "event.participation": vocab.Transactional,
		"service.notice": vocab.Service, "data.verification": vocab.Service, "news.company": vocab.Marketing,
		"offers.company": vocab.Marketing, "event.invite": vocab.Marketing, "ads.campaign": vocab.Marketing,
		"survey.research": vocab.Marketing, "staff.notice": vocab.Transactional, "consent.receipt": vocab.Transactional, "legal.policy_change": vocab.Legal, "legal.claim": vocab.Legal,
		"legal.rights": vocab.Legal, "legal.transfer": vocab.Legal, "legal.breach": vocab.Breach,
	}
	got := map[vocab.Purpose]vocab.Class{}
	for _, p := range r.All() {
		got[p.ID] = p.Class
		marketing := p.Class == vocab.Marketing
		if p.NeedsGrant != marketing || (p.ValidMonths == DefaultValidMonths) != marketing || p.Clause == "" || p.LegalBasis == "" {
			t.Errorf("%s: %+v", p.ID, p)
		}
		if problems := checkPurpose(p); len(problems) > 0 {
			t.Errorf("%s would be refused as an extra: %v", p.ID, problems)
		}
		if found, ok := r.Lookup(p.ID); !ok || found.ID != p.ID {
			t.Errorf("Lookup(%s) = %v, %v", p.ID, found, ok)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shipped purposes mismatch (-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(r.All(), func(a, b PurposeInfo) int { return cmpStrings(a.ID, b.ID) }) {
		t.Error("All is not sorted")
	}
	for _, use := range ProcessingUses() {
		if _, found := r.Lookup(use.ID); found || !isProcessingUse(use.ID) || len(use.Names) != 3 {
			t.Errorf("%s is a use of data and must not be a purpose: %+v", use.ID, use)
		}
	}
	if len(ProcessingUses()) != 3 {
		t.Errorf("%d uses of data, want 3", len(ProcessingUses()))
	}
}

func cmpStrings(a, b vocab.Purpose) int {
	if a < b {
		return -1
	}
	return 1
}

func TestPartnersAreRegisteredByName(t *testing.T) {
	r, err := NewRegistry(
		PurposeInfo{ID: "partner.acme", Class: vocab.Marketing, Clause: "3.1 b7", Names: names("Acme", "Acme", "Acme"), ValidMonths: 6},
		PurposeInfo{ID: "alumni.club", Class: vocab.Service, Clause: "3.1 b10", Names: names("Клуб", "Клуб", "Club")},
	)
	if err != nil {
		t.Fatal(err)
	}
	acme, found := r.Lookup("partner.acme")
	if partner, is := PartnerOf(acme.ID); !found || !acme.NeedsGrant || acme.ValidMonths != 6 || acme.LegalBasis == "" || !is || partner != "acme" {
		t.Errorf("partner.acme: %+v, found %v, partner %q %v", acme, found, partner, is)
	}
	if club, found := r.Lookup("alumni.club"); !found || club.NeedsGrant || club.ValidMonths != 0 {
		t.Errorf("alumni.club: %+v, found %v", club, found)
	}
	if _, found := r.Lookup("partner.other"); found {
		t.Error("one partner's registration serves another")
	}
	if _, is := PartnerOf("news.company"); is {
		t.Error("news.company is said to be a partner's")
	}
}

func TestTopicsBelongToPurposesThatNeedAGrant(t *testing.T) {
	some := names("а", "б", "c")
	r, err := Registered(RegistryOptions{ValidMonths: 12, Topics: []TopicInfo{
		{ID: "maths", Purpose: "news.company", Names: names("Математика", "Математика", "Maths")},
		{ID: "school.leaders", Purpose: "news.company", Names: some},
		{ID: "maths", Purpose: "event.invite", Names: some},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Topics("news.company"); len(got) != 2 || got[0].ID != "maths" || got[1].ID != "school.leaders" {
		t.Errorf("topics of news.company: %+v", got)
	}
	if got := r.TopicName("news.company", "maths", vocab.English); got != "Maths" {
		t.Errorf("the topic is called %q", got)
	}
	if got := r.TopicName("news.company", "chess", vocab.English); got != "chess" {
		t.Errorf("a topic that is not registered is called %q", got)
	}
	if p, _ := r.Lookup("news.company"); p.ValidMonths != 12 {
		t.Errorf("a grant lasts %d months, want those of the options", p.ValidMonths)
	}
	_, err = Registered(RegistryOptions{Topics: []TopicInfo{
		{ID: "maths", Purpose: "news.company", Names: some},
		{ID: "maths", Purpose: "news.company", Names: some},
		{ID: "a b", Purpose: "service.notice", Names: names("", "б", "c")},
	}})
	e, _ := errors.AsType[*fault.Error](err)
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Pointer+" "+f.Code)
	}
	want := []string{"/topics/1/id duplicate", "/topics/2/id format", "/topics/2/purpose purpose_unregistered", "/topics/2/names/kk required"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems mismatch (-want +got):\n%s", diff)
	}
}

func TestARegistryRefusesEveryWrongPurposeAtOnce(t *testing.T) {
	some := names("а", "б", "c")
	_, err := NewRegistry(
		PurposeInfo{ID: "news.company", Class: vocab.Marketing, Names: some},
		PurposeInfo{ID: "partner.acme", Class: vocab.Service, Names: some},
		PurposeInfo{ID: "good.one", Class: vocab.Marketing, Names: some},
		PurposeInfo{ID: "good.one", Class: vocab.Marketing, Names: some},
		PurposeInfo{ID: "Bad", Class: "promo", Names: names("а", "", "c")},
		PurposeInfo{ID: "event.registry", Class: vocab.Service, Names: some, NeedsGrant: true, ValidMonths: 3},
		PurposeInfo{ID: "minus.months", Class: vocab.Marketing, Names: some, ValidMonths: -1},
	)
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Invalid {
		t.Fatalf("NewRegistry gives %v, want an invalid fault", err)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Pointer+" "+f.Code)
	}
	want := []string{
		"/0/id duplicate", "/1/class partner_is_marketing", "/3/id duplicate", "/4/id format", "/4/class unknown",
		"/4/names/ru required", "/5/id processing_use", "/5/needs_grant class_decides", "/5/valid_months range",
		"/6/valid_months range",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems mismatch (-want +got):\n%s", diff)
	}
}

func TestGrantsEndByCalendarMonths(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, tc := range []struct {
		months      int
		given, want string
	}{
		{24, "2026-11-23T11:00:00+05:00", "2028-11-23T06:00:00Z"},
		{24, "2028-02-29T00:00:00Z", "2030-02-28T00:00:00Z"},
		{6, "2026-08-31T10:00:00Z", "2027-02-28T10:00:00Z"},
		{1, "2026-12-31T23:59:59Z", "2027-01-31T23:59:59Z"},
		{13, "2027-01-31T10:00:00Z", "2028-02-29T10:00:00Z"},
	} {
		if got := (PurposeInfo{ValidMonths: tc.months}).ValidUntil(at(tc.given)); !got.Equal(at(tc.want)) {
			t.Errorf("%d months from %s end %v, want %s", tc.months, tc.given, got, tc.want)
		}
	}
	if got := (PurposeInfo{}).ValidUntil(monday); !got.IsZero() {
		t.Errorf("a purpose without grants has an end: %v", got)
	}
}

package consent

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/vocab"
)

func TestEveryReasonHasThreeDistinctSentences(t *testing.T) {
	seen := map[string]Reason{}
	for _, r := range Reasons() {
		for _, lang := range vocab.Languages() {
			said := r.Sentence(lang)
			if said == "" || said == string(r) || !strings.HasSuffix(said, ".") {
				t.Errorf("%s in %s: %q is no sentence", r, lang, said)
			}
			if other, taken := seen[said]; taken {
				t.Errorf("%s in %s says the same as %s: %q", r, lang, other, said)
			}
			seen[said] = r
		}
	}
	if len(sentences) != len(Reasons()) {
		t.Errorf("%d reasons have sentences, the list has %d", len(sentences), len(Reasons()))
	}
}

func TestSentenceFallsBack(t *testing.T) {
	for lang, want := range map[vocab.Language]string{
		"kk": "Жіберуге болады.", "ru-KZ": "Отправить можно.", "EN": "The message may be sent.", "de": "Жіберуге болады.", "": "Жіберуге болады.",
	} {
		if got := OK.Sentence(lang); got != want {
			t.Errorf("Sentence(%q) = %q, want %q", lang, got, want)
		}
	}
	if got := (text{"", "да", "yes"}).in("kk"); got != "да" {
		t.Errorf("a text without kk gives %q, want the Russian one", got)
	}
	if got := Reason("made_up").Sentence("en"); got != "made_up" {
		t.Errorf("an unknown reason says %q", got)
	}
}

func TestReasonsKeepTheFixedOrder(t *testing.T) {
	want := `ok purpose_unregistered contact_erased data_blocked processing_withdrawn address_missing address_invalid
		suppressed_hard_bounce address_reassigned address_unverified suppressed_complaint channel_stopped unsubscribed_all
		channel_stopped_use_other complained_use_other suppressed_manual minor_no_guardian no_fresh_request no_trigger
		service_opted_out no_consent consent_pending consent_refused consent_withdrawn consent_expired consent_stale
		partner_not_consented duplicate message_expired unsubscribe_missing sender_unregistered cross_border_not_covered
		locale_unapproved forbidden_identifier not_on_guest_list quiet_hours frequency_cap contact_paused rate_limit campaign_paused
		provider_paused consent_unavailable budget_exceeded`
	var got []string
	holding := 0
	for _, r := range Reasons() {
		got = append(got, string(r))
		if r.Timing() {
			holding++
		} else if holding > 0 {
			t.Errorf("%s denies and comes after a reason that holds", r)
		}
	}
	if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
		t.Errorf("Reasons() mismatch (-want +got):\n%s", diff)
	}
	if holding != 8 {
		t.Errorf("%d reasons hold, want 8", holding)
	}
}

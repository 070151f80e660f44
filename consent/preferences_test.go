package consent_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

func TestPreferencesSayWhatComesAndWhatCould(t *testing.T) {
	names := map[vocab.Language]string{vocab.Kazakh: "м", vocab.Russian: "м", vocab.English: "m"}
	r, err := consent.Registered(consent.RegistryOptions{Topics: []consent.TopicInfo{{ID: "maths", Purpose: "event.invite", Names: names}}})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 12, 4, 0, 0, 0, time.UTC)
	now := at.AddDate(0, 8, 0)
	key := func(p vocab.Purpose, topic vocab.Topic) consent.GrantKey {
		return consent.GrantKey{Purpose: p, Channel: vocab.Email, Topic: topic}
	}
	held := func(k consent.GrantKey, s consent.State, until time.Time) consent.HeldGrant {
		return consent.HeldGrant{Key: k, Grant: consent.Grant{State: s, Since: at, ValidUntil: until, Event: "cev_x", Text: 2}}
	}
	all := r.Preferences([]consent.HeldGrant{
		held(consent.GrantKey{Purpose: consent.ProcessingCore}, consent.Granted, time.Time{}),
		held(key("ads.campaign", ""), consent.None, time.Time{}),
		held(key("event.invite", ""), consent.Stale, time.Time{}),
		held(key("event.invite", "maths"), consent.Pending, time.Time{}),
		held(key("news.company", ""), consent.Granted, now.Add(1)),
		held(key("offers.company", ""), consent.Granted, now),
		held(key("request.reply", ""), consent.Withdrawn, time.Time{}),
		held(key("service.notice", ""), consent.Withdrawn, time.Time{}),
	}, []vocab.Channel{vocab.Email, vocab.SMS}, now)
	pref := func(k consent.GrantKey, s consent.State, comes bool) consent.Preference {
		return consent.Preference{Key: k, State: s, Comes: comes, Since: at, Event: "cev_x", Text: 2}
	}
	news := pref(key("news.company", ""), consent.Granted, true)
	news.Until = now.Add(1)
	offers := pref(key("offers.company", ""), consent.Expired, false)
	offers.Since = now
	want := []consent.Preference{
		pref(key("event.invite", ""), consent.Stale, false),
		pref(key("event.invite", "maths"), consent.Pending, true),
		news, offers,
		pref(key("service.notice", ""), consent.Withdrawn, false),
		{Key: key("data.verification", ""), State: consent.None, Comes: true},
		{Key: consent.GrantKey{Purpose: "data.verification", Channel: vocab.SMS}, State: consent.None, Comes: true},
		{Key: consent.GrantKey{Purpose: "service.notice", Channel: vocab.SMS}, State: consent.None, Comes: true},
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("Preferences mismatch (-want +got):\n%s", diff)
	}
	open := r.Grantable(all, vocab.Email)
	if diff := cmp.Diff([]consent.GrantKey{
		key("ads.campaign", ""), key("event.invite", ""), key("event.invite", "maths"), key("offers.company", ""), key("survey.research", ""),
	}, open); diff != "" {
		t.Errorf("Grantable mismatch (-want +got):\n%s", diff)
	}
	if len(r.Grantable(all, vocab.SMS)) != len(open)+1 {
		t.Error("what comes by email counts for SMS")
	}
}

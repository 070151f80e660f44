package api_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

// wrong returns "pointer code" of each problem of an answer.
func wrong(v map[string]any) []string {
	var list []string
	errs, _ := v["errors"].([]any)
	for _, e := range errs {
		m := e.(map[string]any)
		list = append(list, fmt.Sprint(m["pointer"], " ", m["code"]))
	}
	slices.Sort(list)
	return list
}

// newsText is the body of a complete text, as the built-in one says it.
func newsText(t *testing.T, change map[string]any) string {
	t.Helper()
	text := consent.BuiltinTexts(consent.Operator{
		Name: map[vocab.Language]string{"kk": "Өрлеу", "ru": "Өрлеу", "en": "Orleu"}, BIN: "990740000008", PolicyVersion: "2026-05",
	})[0]
	body := map[string]any{
		"purpose": "news.company", "channel": "email", "bin": text.BIN, "variants": text.Variants, "third_parties": true,
		"covers_cross_border": false, "open_sources": false, "policy_version": text.PolicyVersion,
	}
	maps.Copy(body, change)
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (s *street) publish(t *testing.T, change map[string]any) map[string]any {
	t.Helper()
	id := s.call(t, 201, "POST", "/v1/consent-texts", newsText(t, change))["id"].(string)
	return s.call(t, 200, "POST", "/v1/consent-texts/"+id+"/publish", "")
}

func (s *street) contact(t *testing.T) string {
	t.Helper()
	return s.call(t, 201, "POST", "/v1/contacts", `{"name":"Айгүл","addresses":[{"email":"aigul@example.org","verified":true}]}`)["id"].(string)
}

func TestATextWithGapsIsNotPublishedAndEveryGapIsNamed(t *testing.T) {
	s := newStreet(t)
	made := s.call(t, 201, "POST", "/v1/consent-texts", `{"purpose":"news.company","channel":"email","material":true,
		"variants":{"kk":{"title":"Жаңалықтар","data":["аты-жөні",""]},"ru":{}},"covers_cross_border":true}`)
	id := made["id"].(string)
	got := wrong(s.call(t, 422, "POST", "/v1/consent-texts/"+id+"/publish", ""))
	var want []string
	for _, lang := range []string{"kk", "ru"} {
		for _, f := range []string{"actions", "cross_border", "data", "open_sources", "operator", "statement", "term", "third_parties", "title", "uses", "withdrawal"} {
			if lang != "kk" || f != "title" {
				want = append(want, "/variants/"+lang+"/"+f+" required")
			}
		}
	}
	want = append(want, "/bin required", "/countries required", "/open_sources required", "/policy_version required", "/reason required",
		"/third_parties required", "/variants/en required")
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems mismatch (-want +got):\n%s", diff)
	}
	if v := s.call(t, 200, "GET", "/v1/consent-texts/"+id, ""); v["status"] != "draft" {
		t.Errorf("it is %v", v["status"])
	}
}

func TestADraftIsChangedUntilItIsPublished(t *testing.T) {
	s := newStreet(t)
	id := s.call(t, 201, "POST", "/v1/consent-texts", newsText(t, nil))["id"].(string)
	path := "/v1/consent-texts/" + id
	changed := s.call(t, 200, "PATCH", path, `{"policy_version":"2026-06","variants":{"en":null},"open_sources":null}`)
	if changed["policy_version"] != "2026-06" || at(changed, "variants", "en") != nil || at(changed, "variants", "kk", "title") == nil || changed["open_sources"] != nil {
		t.Errorf("changed to %v", changed)
	}
	if got := wrong(s.call(t, 422, "POST", path+"/publish", "")); !cmp.Equal(got, []string{"/open_sources required", "/variants/en required"}) {
		t.Errorf("problems %v", got)
	}
	variant := at(s.call(t, 201, "POST", "/v1/consent-texts", newsText(t, nil)), "variants", "en").(map[string]any)
	delete(variant, "hash")
	raw, _ := json.Marshal(map[string]any{"variants": map[string]any{"en": variant}, "open_sources": false})
	s.call(t, 200, "PATCH", path, string(raw))
	published := s.call(t, 200, "POST", path+"/publish", "")
	if published["version"] != 1.0 || published["status"] != "published" || published["published_at"] == nil {
		t.Errorf("published as %v", published)
	}
	for _, c := range [][2]string{{"PATCH", path}, {"DELETE", path}, {"POST", path + "/publish"}} {
		body := ""
		if c[0] == "PATCH" {
			body = `{"bin":"000000000001"}`
		}
		if v := s.call(t, 409, c[0], c[1], body); v["code"] != "consent_text_published" {
			t.Errorf("%s %s: %v", c[0], c[1], v)
		}
	}
	if v := s.call(t, 200, "GET", "/v1/consent-texts/current?purpose=news.company&channel=email", ""); v["id"] != id {
		t.Errorf("the current one is %v, want %s", v["id"], id)
	}
	s.call(t, 404, "GET", "/v1/consent-texts/current?purpose=news.company&channel=sms", "")
	if list := s.call(t, 200, "GET", "/v1/consent-texts?status=published&channel=email", "")["data"].([]any); len(list) != 1 {
		t.Errorf("%d published texts, want 1", len(list))
	}
	if list := s.call(t, 200, "GET", "/v1/consent-texts?channel=none", "")["data"].([]any); len(list) != 0 {
		t.Errorf("%d texts for uses of data, want none", len(list))
	}
}

func TestWhatNoDraftMayHold(t *testing.T) {
	s := newStreet(t)
	variants := func(statement string) map[string]any {
		return map[string]any{"variants": map[string]any{"en": map[string]any{"statement": statement}}}
	}
	for name, tc := range map[string]struct {
		change map[string]any
		want   string
	}{
		"a purpose that needs no consent": {map[string]any{"purpose": "request.reply"}, "/purpose not_by_consent"},
		"an unknown purpose":              {map[string]any{"purpose": "x.y"}, "/purpose purpose_unregistered"},
		"messages without a channel":      {map[string]any{"channel": nil}, "/channel required"},
		"a use of data on a channel":      {map[string]any{"purpose": "processing.core"}, "/channel not_for_use_of_data"},
		"a BIN of eleven digits":          {map[string]any{"bin": "99074000000"}, "/bin format"},
		"a country in words":              {map[string]any{"countries": []string{"Germany"}}, "/countries contradiction"},
		"an identity number in the words": {variants("born 900101300017"), "/variants/en/statement forbidden_identifier"},
	} {
		t.Run(name, func(t *testing.T) {
			body := newsText(t, tc.change)
			if tc.change["channel"] == nil && strings.Contains(body, `"channel":null`) {
				body = strings.Replace(body, `"channel":null,`, "", 1)
			}
			if got := wrong(s.call(t, 422, "POST", "/v1/consent-texts", body)); len(got) == 0 || !slices.Contains(got, tc.want) {
				t.Errorf("got %v, want %s", got, tc.want)
			}
		})
	}
	// The operator's own number is none of a person, wherever it stands, also one that looks like a person's.
	change := variants("Orleu, BIN 900101300017")
	change["bin"] = "900101300017"
	s.call(t, 201, "POST", "/v1/consent-texts", newsText(t, change))
}

func TestWhoeverRecordsAConsentSaysWhichWordsWereShown(t *testing.T) {
	s := newStreet(t)
	contact := s.contact(t)
	record := func(status int, rest string) map[string]any {
		t.Helper()
		return s.call(t, status, "POST", "/v1/consents", `{"contact_id":"`+contact+`","purpose":"news.company","channel":"email",`+rest+`}`)
	}
	s.publish(t, nil)
	text := s.publish(t, map[string]any{"covers_cross_border": true, "countries": []string{"DE"}})
	hash := at(text, "variants", "ru", "hash").(string)
	for name, tc := range map[string]struct{ body, want string }{
		"nothing":                      {`"kind":"grant"`, "/text_version required"},
		"nothing, asking":              {`"kind":"request"`, "/text_version required"},
		"nothing, confirming":          {`"kind":"confirm"`, "/text_version required"},
		"nothing, renewing":            {`"kind":"renew"`, "/text_version required"},
		"a version that is not there":  {`"kind":"grant","text_version":9,"language":"ru"`, "/text_version text_unknown"},
		"a version in no language":     {`"kind":"grant","text_version":2`, "/language required"},
		"a version in another tongue":  {`"kind":"grant","text_version":2,"language":"de"`, "/language language"},
		"another version's hash":       {`"kind":"grant","text_version":2,"language":"kk","text_hash":"` + hash + `"`, "/text_hash text_mismatch"},
		"a hash of nothing":            {`"kind":"grant","text_hash":"v1:00"`, "/text_hash text_unknown"},
		"a form without its hash":      {`"kind":"grant","proof":"signed_form"`, "/proof_ref format"},
		"a note that is not there":     {`"kind":"grant","proof":"operator_note"`, "/evidence required"},
		"a form's hash without a form": {`"kind":"grant","text_version":2,"language":"ru","proof_ref":"ab"`, "/proof_ref not_here"},
		"tomorrow's form":              {`"kind":"grant","proof":"operator_note","evidence":"by phone","given_at":"2026-11-24T05:00:00Z"`, "/given_at future"},
		"yesterday's click":            {`"kind":"grant","text_version":2,"language":"ru","given_at":"2026-11-22T05:00:00Z"`, "/given_at not_here"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wrong(record(422, tc.body)); !cmp.Equal(got, []string{tc.want}) {
				t.Errorf("got %v, want %s", got, tc.want)
			}
		})
	}
	byHash := record(201, `"kind":"grant","text_hash":"`+hash+`"`)
	if byHash["text_version"] != 2.0 || byHash["cross_border"] != true || byHash["state"] != "granted" {
		t.Errorf("by its hash: %v", byHash)
	}
	events := s.call(t, 200, "GET", "/v1/contacts/"+contact+"/timeline", "")["data"].([]any)
	if got := at(events[0], "consent"); at(got, "text_hash") != hash || at(got, "language") != "ru" || at(got, "policy_version") != "2026-05" {
		t.Errorf("the ledger says %v", got)
	}
	form := strings.Repeat("0a", 32)
	onPaper := s.call(t, 201, "POST", "/v1/consents", `{"contact_id":"`+contact+`","purpose":"news.company","channel":"email","topic":"maths","kind":"grant",
		"proof":"signed_form","proof_ref":"`+strings.ToUpper(form)+`","given_at":"2026-01-10T04:00:00Z"}`)
	if onPaper["valid_until"] != "2028-01-10T04:00:00Z" || onPaper["since"] != "2026-01-10T04:00:00Z" {
		t.Errorf("a paper form of January: %v", onPaper)
	}
	newest := s.call(t, 200, "GET", "/v1/contacts/"+contact+"/timeline", "")["data"].([]any)[0]
	if got := at(newest, "consent"); at(got, "proof") != "signed_form" || at(got, "proof_ref") != form || at(got, "recorded_at") != "2026-11-23T05:00:00Z" {
		t.Errorf("the ledger says %v", got)
	}
}

func TestAMaterialChangeMakesGrantsStaleUntilTheyAreRenewed(t *testing.T) {
	s := newStreet(t)
	contact := s.contact(t)
	s.publish(t, nil)
	grant := func(status int, rest string) map[string]any {
		t.Helper()
		return s.call(t, status, "POST", "/v1/consents", `{"contact_id":"`+contact+`","purpose":"news.company","channel":"email","language":"kk",`+rest+`}`)
	}
	state := func() any {
		t.Helper()
		return at(s.call(t, 200, "GET", "/v1/contacts/"+contact+"/consents", "")["data"].([]any)[0], "state")
	}
	grant(201, `"kind":"grant","text_version":1`)
	s.publish(t, map[string]any{"reason": "a comma"})
	if got := state(); got != "granted" {
		t.Errorf("after a change of a comma it is %v", got)
	}
	s.publish(t, map[string]any{"material": true, "reason": "another carrier"})
	if got := state(); got != "stale" {
		t.Errorf("after a material change it is %v", got)
	}
	if got := wrong(grant(422, `"kind":"renew","text_version":2`)); !cmp.Equal(got, []string{"/text_version text_outdated"}) {
		t.Errorf("renewed on old words: %v", got)
	}
	grant(201, `"kind":"renew","text_version":3`)
	if got := state(); got != "granted" {
		t.Errorf("renewed, it is %v", got)
	}
	if v := s.call(t, 200, "GET", "/v1/consent-ledger/verify", ""); v["intact"] != true || v["head_seq"] != 3.0 {
		t.Errorf("the ledger: %v", v)
	}
}

func TestTheReceiptIsSignedAndTheSameEachTime(t *testing.T) {
	s := newStreet(t)
	contact := s.contact(t)
	s.publish(t, nil)
	event := s.call(t, 201, "POST", "/v1/consents", `{"contact_id":"`+contact+`","purpose":"news.company","channel":"email","kind":"grant","text_version":1,"language":"ru"}`)["event_id"].(string)
	first := s.call(t, 200, "GET", "/v1/consents/"+event+"/receipt", "")
	if diff := cmp.Diff(first, s.call(t, 200, "GET", "/v1/consents/"+event+"/receipt", "")); diff != "" {
		t.Errorf("the second time it is another one:\n%s", diff)
	}
	parts := strings.Split(first["jws"].(string), ".")
	decoded := make([][]byte, 3)
	for i, p := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			t.Fatal(err)
		}
	}
	key, err := proof.SigningKey([]byte("a key of 32 bytes for tests only"), "receipt")
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(key.Public().(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), decoded[2]) {
		t.Error("the signature is not of the document")
	}
	var payload map[string]any
	if err := json.Unmarshal(decoded[1], &payload); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first["receipt"], any(payload)); diff != "" {
		t.Errorf("what is shown is not what is signed (-shown +signed):\n%s", diff)
	}
	if text := string(decoded[1]); strings.Contains(text, "aigul") || strings.Contains(text, "Айгүл") || !strings.Contains(text, contact) {
		t.Errorf("want the pseudonym and nothing personal: %s", text)
	}
	s.call(t, 404, "GET", "/v1/consents/cev_06gywnjy01xbs0938nkrkaydxw/receipt", "")
	s.call(t, 404, "GET", "/v1/consents/nothing/receipt", "")
}

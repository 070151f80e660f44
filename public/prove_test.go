package public

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// counter is a house where addresses are proved: the code is 123456, and a proof's token is of this contact and this address.
type counter struct {
	*house

	shared   bool
	texts    map[vocab.Purpose]optin.Text
	entries  []consent.Event
	past     []dispatcher.Message
	proofs   map[string]optin.Proof // by token
	sent     []vocab.AddressID
	agreed   []optin.Agreement
	outcome  optin.GrantOutcome
	noGrants error // answered by Grant alone
}

const otherAddress = vocab.AddressID("adr_01jd0000000000000000000001")

func newCounter(t testing.TB) *counter {
	t.Helper()
	c := &counter{house: newHouse(t), outcome: optin.Granted, proofs: map[string]optin.Proof{}, texts: map[vocab.Purpose]optin.Text{}}
	c.to.Reach = []Reached{{ID: addressID, Channel: vocab.Email}, {ID: otherAddress, Channel: vocab.SMS}}
	for _, p := range []vocab.Purpose{"news.company", "event.invite", "survey.research"} {
		x := consentText(string(p))
		x.Version = 3
		c.texts[p] = x
	}
	registry, err := consent.Registered(consent.RegistryOptions{Topics: []consent.TopicInfo{{ID: "maths", Purpose: "event.invite", Names: map[vocab.Language]string{
		vocab.Kazakh: "Математика", vocab.Russian: "Математика (ру)", vocab.English: "Maths",
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	o := c.options(registry)
	o.Proofs = Proofs{Prover: c, Records: c}
	if c.door, err = New(o); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *counter) Send(_ context.Context, _ vocab.ContactID, address vocab.AddressID, _ vocab.Language) (string, error) {
	if c.away != nil {
		return "", c.away
	}
	c.sent = append(c.sent, address)
	return "asked-" + string(address), nil
}

func (c *counter) Check(_ context.Context, token string, contact vocab.ContactID, code string) (optin.Proof, bool, error) {
	address, asked := strings.CutPrefix(token, "asked-")
	if c.away != nil || !asked || contact != contactID || code != "123456" {
		return optin.Proof{}, false, c.away
	}
	c.prove(token, vocab.AddressID(address))
	return c.proofs[token], true, nil
}

// prove makes a token stand for an address.
func (c *counter) prove(token string, address vocab.AddressID) {
	proof := optin.Proof{ID: "cnf_x", ContactID: contactID, AddressID: address, Address: fullEmail, Channel: vocab.Email, At: now, Until: now.Add(optin.ProofLasts)}
	if address == otherAddress {
		proof.Address, proof.Channel = "+77010001234", vocab.SMS
	}
	c.proofs[token] = proof
}

func (c *counter) Proved(_ context.Context, token string, contact vocab.ContactID) (optin.Proof, bool, error) {
	proof, known := c.proofs[token]
	return proof, known && contact == proof.ContactID, c.away
}

func (c *counter) Grant(_ context.Context, _ vocab.ContactID, a optin.Agreement) (optin.GrantAnswer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away != nil || c.noGrants != nil {
		return optin.GrantAnswer{}, cmpOr(c.away, c.noGrants)
	}
	if _, proved := c.proofs[a.Token]; !proved {
		return optin.GrantAnswer{Outcome: optin.NotProved}, nil
	}
	c.agreed = append(c.agreed, a)
	return optin.GrantAnswer{Outcome: c.outcome, Event: eventID, At: now}, nil
}

func cmpOr(errs ...error) error {
	return errs[slices.IndexFunc(errs, func(err error) bool { return err != nil })]
}

func (c *counter) Shared(context.Context, vocab.AddressID) (bool, error) { return c.shared, c.away }

func (c *counter) Texts(_ context.Context, channel vocab.Channel) (map[vocab.Purpose]optin.Text, error) {
	if channel != vocab.Email {
		return nil, c.away
	}
	return c.texts, c.away
}

func (c *counter) Entries(_ context.Context, _ vocab.ContactID, n int) ([]consent.Event, error) {
	return c.entries[:min(n, len(c.entries))], c.away
}

func (c *counter) Messages(_ context.Context, _ vocab.ContactID, n int) ([]dispatcher.Message, error) {
	return c.past[:min(n, len(c.past))], c.away
}

// press posts to the page of proofs of the newsletter, in English.
func (c *counter) press(t testing.TB, want int, fields ...string) string {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	got := c.ask(t, http.MethodPost, c.path("p", vocab.Marketing)+"/proof?lang=en", values.Encode(), "Content-Type", form, "Accept", browser)
	if got.Code != want {
		t.Fatalf("%v: status %d, want %d\n%s", fields, got.Code, want, got.Body)
	}
	return got.Body.String()
}

// proves goes the whole way to a proof of the link's address and returns the page and the token.
func (c *counter) proves(t testing.TB) (page, token string) {
	t.Helper()
	token = fieldOf(t, c.press(t, 200, "do", "send", "channel", "email"), "proof")
	return c.press(t, 200, "do", "check", "proof", token, "channel", "email", "code", "123456"), token
}

func fieldOf(t testing.TB, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no field %s in\n%s", name, page)
	}
	return html.UnescapeString(m[1])
}

func TestALinkAloneOffersToProveTheAddress(t *testing.T) {
	c := newCounter(t)
	path := c.path("p", vocab.Marketing)
	page := c.ask(t, http.MethodGet, path+"?lang=en", "", "Accept", browser).Body.String()
	wantContains(t, page, "Switch something on, or see your history", "Send a code to a***@orleu.example", "Send a code to my phone")
	for _, hidden := range []string{"What you could receive", "Your history</h2>", `value="agree"`, "34", "+7"} {
		if strings.Contains(strings.ReplaceAll(page, path, ""), hidden) {
			t.Errorf("the page without a proof has %q", hidden)
		}
	}
	// A code goes to the address in use. If the link went to another one, its holder is not told which that is, and not told a wrong one.
	c.to.Reach[0].ID = "adr_new"
	page = c.ask(t, http.MethodGet, path+"?lang=en", "", "Accept", browser).Body.String()
	wantContains(t, page, "Send a code to my email address")
	c.to.Reach[0].ID = addressID
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		for _, tail := range []string{"", "?do=send&channel=email", "?do=agree&proof=asked-" + string(addressID)} {
			if got := c.ask(t, method, path+"/proof"+tail, "", "Accept", browser, "Sec-Purpose", "prefetch"); got.Code >= 300 {
				t.Errorf("%s %s: status %d", method, tail, got.Code)
			}
		}
	}
	if len(c.sent) != 0 || len(c.agreed) != 0 || len(c.recorded) != 0 {
		t.Errorf("a look sent %v, agreed to %v, recorded %v", c.sent, c.agreed, c.recorded)
	}
	if got := c.ask(t, http.MethodPost, path+"/proof", "do=send&channel=email", "Content-Type", form, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); got.Code != http.StatusForbidden || len(c.sent) != 0 {
		t.Errorf("another site's press: status %d, sent %v", got.Code, c.sent)
	}
}

func TestACodeOpensThePage(t *testing.T) {
	c := newCounter(t)
	page := c.press(t, 200, "do", "send", "channel", "email")
	wantContains(t, page, "Enter the code", "a***@orleu.example", `autocomplete="one-time-code"`, `inputmode="numeric"`, "three codes in 24 hours")
	token := fieldOf(t, page, "proof")
	again := c.press(t, 200, "do", "code", "proof", token, "channel", "email") // in another language
	if diff := cmp.Diff(page, again); diff != "" {
		t.Errorf("the code's page again (-first +again):\n%s", diff)
	}
	wrong := c.press(t, 200, "do", "check", "proof", token, "channel", "email", "code", "000000")
	wantContains(t, wrong, "That code did not work", `role="alert"`, `aria-invalid="true"`, `aria-describedby="code-wrong code-sent"`)
	if diff := cmp.Diff([]vocab.AddressID{addressID}, c.sent); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	open := c.press(t, 200, "do", "check", "proof", token, "channel", "email", "code", "123456")
	wantContains(t, open, "Address confirmed: a***@orleu.example. This holds until 10:34.", "What you could receive", "Your history",
		"I agree to event.invite in en", "All about event.invite in en", "I agree: Maths", "To switch on SMS, confirm your phone number.", `name="proof" value="`+token+`"`)
	for _, no := range []string{"checked", "I agree to news.company in en", "I agree to offers.company", "Switch something on, or see"} {
		if strings.Contains(open, no) {
			t.Errorf("the page has %q", no)
		}
	}
	// Who reloads types nothing again, and another language is a press that carries the token in its body.
	reloaded := c.press(t, 200, "do", "check", "proof", token, "channel", "email", "code", "")
	if reloaded != open {
		t.Error("reloaded, the page is another one")
	}
	if strings.Contains(open, "?lang=ru&") || !strings.Contains(open, `/proof?lang=ru"><input type="hidden" name="do" value="open"`) || strings.Contains(open, `="`+token+`?`) {
		t.Error("the links to other languages do not carry the proof in a body")
	}
	// No log line has what a proof is carried by, and no address of a page has it.
	for _, secret := range []string{token, fullEmail, "123456"} {
		if strings.Contains(c.log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	if strings.Contains(open, "action=\"/p/"+token) {
		t.Error("a token of a proof stands in an address")
	}
}

func TestAPressAgreesToExactlyOneThing(t *testing.T) {
	c := newCounter(t)
	c.events = []vocab.ConsentEventID{eventID}
	page, token := c.proves(t)
	wishes := regexp.MustCompile(`name="wish" value="([^"]*)"`).FindAllStringSubmatch(page, -1)
	var offered []string
	for _, w := range wishes {
		offered = append(offered, html.UnescapeString(w[1]))
	}
	if diff := cmp.Diff([]string{"event.invite/email//event.invite-en", "event.invite/email/maths/event.invite-en", "survey.research/email//survey.research-en"}, offered); diff != "" {
		t.Fatalf("what is offered (-want +got):\n%s", diff)
	}
	agree := func(want int, wish, shown string) string {
		return c.press(t, want, "do", "agree", "proof", token, "shown", shown, "wish", wish)
	}
	done := agree(200, offered[1], "en")
	wantContains(t, done, "Switched on: Invitations to events · Maths, Email (24 November 2026 at 10:04).", "Address confirmed")
	want := []optin.Agreement{{
		Wish: optin.Wish{Purpose: "event.invite", Topic: "maths", TextHash: "event.invite-en"}, Token: token, Language: vocab.English,
		Evidence: optin.Evidence{IP: "192.0.2.1"},
	}}
	if diff := cmp.Diff(want, c.agreed); diff != "" {
		t.Errorf("what was agreed to (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"", "event.invite", "event.invite/email/", "event.invite/sms//event.invite-en"} {
		agree(400, wrong, "en")
	}
	agree(400, offered[0], "tlh")
	c.press(t, 400, "do", "everything", "proof", token)
	if len(c.agreed) != 1 {
		t.Errorf("agreed to %+v", c.agreed)
	}
	for outcome, says := range map[optin.GrantOutcome]string{
		optin.TextChanged: "changed while the page was open, so nothing was switched on", optin.Pointless: "so no consent was recorded",
		optin.GrantStands: "Switched on: ",
	} {
		c.outcome = outcome
		got := agree(200, offered[0], "en")
		wantContains(t, got, says)
		if outcome != optin.GrantStands && strings.Contains(got, "Switched on:") {
			t.Errorf("%s says that something was switched on", outcome)
		}
	}
	c.outcome = optin.NotProved
	wantContains(t, agree(403, offered[0], "en"), "The confirmation does not hold any more", "Switch something on")
}

func TestWhatIsNoProofOpensNothing(t *testing.T) {
	c := newCounter(t)
	_, token := c.proves(t)
	refused := func(name, token string) {
		t.Helper()
		for _, do := range []string{"open", "agree", "resume"} {
			page := c.press(t, 403, "do", do, "proof", token, "shown", "en", "wish", "event.invite/email//event.invite-en")
			if strings.Contains(page, "Your history</h2>") || strings.Contains(page, "What you could receive") {
				t.Errorf("%s, %s: the page is open", name, do)
			}
		}
	}
	refused("no token", "")
	refused("a token that nobody gave", "asked-adr_nobody")
	other := c.proofs[token]
	other.ContactID = "con_other"
	c.proofs["another's"] = other
	refused("another contact's", "another's")
	c.prove("old address", "adr_old") // one that nothing goes to any more
	refused("an address that is not in use", "old address")
	delete(c.proofs, token)
	refused("after half an hour", token)
	if len(c.agreed) != 0 || len(c.recorded) != 0 {
		t.Errorf("agreed %+v, recorded %+v", c.agreed, c.recorded)
	}
	c.press(t, 400, "do", "send", "channel", "fax")
	c.to.Erased = true
	c.press(t, 404, "do", "send", "channel", "email")
	if got := c.ask(t, http.MethodGet, c.path("p", vocab.Marketing), "", "Accept", browser); got.Code != 404 {
		t.Errorf("an erased contact's page: status %d", got.Code)
	}
}

// With the link alone no press whatever grants, resumes or shows a history.
func TestNoPressGrantsByTheLinkAlone(outer *testing.T) {
	c := newCounter(outer)
	c.proves(outer) // there is a proof; whoever has the link alone does not know its token
	path := c.path("p", vocab.Marketing)
	rapid.Check(outer, func(t *rapid.T) {
		values := url.Values{"do": {rapid.SampledFrom([]string{"agree", "open", "resume", "check", "send", "code"}).Draw(t, "do")}}
		for range rapid.IntRange(0, 8).Draw(t, "fields") {
			name := rapid.SampledFrom([]string{"proof", "wish", "shown", "code", "channel", "stop", "purpose", "topic", "grant", "state"}).Draw(t, "name")
			value := rapid.OneOf(
				rapid.SampledFrom([]string{
					"agree", "open", "resume", "check", "send", "code", "all", "one", "pause", "email", "sms", "en", "news.company", "event.invite",
					"event.invite/email//event.invite-en", "cnf_x", string(eventID), c.links.Token("p", c.message(vocab.Marketing).ID), "000000", "granted",
				}),
				rapid.String(),
			).Draw(t, "value")
			values.Add(name, value)
		}
		tail := rapid.SampledFrom([]string{"", "/proof"}).Draw(t, "tail")
		got := c.ask(outer, http.MethodPost, path+tail+"?lang=en", values.Encode(), "Content-Type", form, "Accept", browser)
		if strings.Contains(got.Body.String(), "Your history</h2>") || strings.Contains(got.Body.String(), `name="do" value="agree"`) {
			t.Errorf("%v opened the page", values)
		}
		for _, e := range c.recorded {
			if e.Kind != consent.KindPaused {
				t.Errorf("%v recorded %+v", values, e)
			}
		}
		if len(c.agreed) != 0 {
			t.Errorf("%v agreed to %+v", values, c.agreed)
		}
	})
}

func TestAPauseIsEndedByAProof(t *testing.T) {
	c := newCounter(t)
	c.to.PausedUntil = now.AddDate(0, 0, 9)
	page, token := c.proves(t)
	wantContains(t, page, "End the pause now")
	ended := c.press(t, 200, "do", "resume", "proof", token)
	wantContains(t, ended, "The pause has ended: mailings come again.", "No mailings for 30 days")
	want := []consent.Event{{
		Kind: consent.KindResumed, Scope: consent.ScopeAll, ContactID: contactID, AddressID: addressID, Source: consent.SourcePreferencePage,
		ActorKind: consent.ActorContact, ActorID: string(contactID), Language: vocab.English, Proof: consent.ProofOneTimeCode, ProofRef: "cnf_x", At: now,
	}}
	if diff := cmp.Diff(want, c.recorded); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

// What stops works as it did, and keeps the page open; a proof that is none does not keep anything from being stopped.
func TestStoppingKeepsTheProof(t *testing.T) {
	c := newCounter(t)
	_, token := c.proves(t)
	for _, x := range []struct {
		token string
		open  bool
	}{{token, true}, {"nonsense", false}, {"", false}} {
		got := c.ask(t, http.MethodPost, c.path("p", vocab.Marketing)+"?lang=en", "stop=one&purpose=news.company&channel=email&topic=&proof="+url.QueryEscape(x.token),
			"Content-Type", form, "Accept", browser)
		wantContains(t, got.Body.String(), "Stopped: Newsletters, Email")
		if open := strings.Contains(got.Body.String(), "Address confirmed"); got.Code != 200 || open != x.open {
			t.Errorf("token %q: status %d, open %t", x.token, got.Code, open)
		}
	}
	if len(c.withdrawals()) != 3 {
		t.Errorf("%d withdrawals, want 3", len(c.withdrawals()))
	}
}

func TestNothingIsHalfDoneWhileTheLedgerIsAway(t *testing.T) {
	c := newCounter(t)
	_, token := c.proves(t)
	c.noGrants = errAway
	page := c.press(t, 503, "do", "agree", "proof", token, "shown", "en", "wish", "event.invite/email//event.invite-en")
	wantContains(t, page, "Not available right now")
	c.noGrants, c.away = nil, errAway
	for _, do := range []string{"send", "check", "open", "agree", "resume"} {
		c.press(t, 503, "do", do, "proof", token, "channel", "email", "code", "123456", "shown", "en", "wish", "event.invite/email//event.invite-en")
	}
	if len(c.agreed) != 0 || len(c.sent) != 1 || len(c.recorded) != 0 {
		t.Errorf("agreed %v, sent %v, recorded %v", c.agreed, c.sent, c.recorded)
	}
	if fault.KindOf(c.away) != fault.Unavailable {
		t.Error("the ledger is not away")
	}
}

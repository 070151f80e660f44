package email

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
)

func TestSignatureSaysWhatItShould(t *testing.T) {
	keys := signingKeys(t)
	l, err := compose(marketing())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Truncate(time.Second)
	wire, signErr := newDKIM(t, keys.ed25519, keys.rsa).sign(bytes.Clone(l.wire))
	if signErr != nil {
		t.Fatal(signErr)
	}
	fields := signatureField.FindAllString(string(wire), -1)
	if len(fields) != 2 || strings.Join(fields, "")+string(l.wire) != string(wire) {
		t.Fatalf("%d signatures before the letter, want two and then the letter as it was", len(fields))
	}
	for i, selector := range []string{"e1", "r1"} {
		got := tags(fields[i])
		made := time.Unix(0, 0)
		var seconds int64
		if _, err := fmt.Sscan(got["t"], &seconds); err == nil {
			made = time.Unix(seconds, 0)
		}
		if made.Before(began) || made.After(time.Now()) {
			t.Errorf("signature %s is of %v", selector, made)
		}
		for name := range got {
			if len(name) > 0 && !strings.Contains(" v a b bh c d h s t ", " "+name+" ") {
				t.Errorf("signature %s has the tag %s, want neither l= nor x= nor anything else", selector, name)
			}
		}
		delete(got, "b")
		delete(got, "bh")
		delete(got, "t")
		delete(got, "")
		want := map[string]string{
			"v": "1", "a": map[string]string{"e1": "ed25519-sha256", "r1": "rsa-sha256"}[selector], "c": "relaxed/relaxed", "d": "example.kz",
			"s": selector,
			"h": "From:From:Reply-To:Reply-To:To:To:Cc:Subject:Subject:Date:Date:Message-ID:Message-ID:MIME-Version:MIME-Version:" +
				"Content-Type:Content-Type:Content-Transfer-Encoding:List-Unsubscribe:List-Unsubscribe:" +
				"List-Unsubscribe-Post:List-Unsubscribe-Post:List-Id:Feedback-ID:Auto-Submitted:Precedence",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("signature %s mismatch (-want +got):\n%s", selector, diff)
		}
		for line := range strings.SplitSeq(fields[i], "\r\n") {
			if len(line) > hardLine {
				t.Errorf("signature %s has a line of %d bytes", selector, len(line))
			}
		}
	}
}

// signatures are the ways to sign, by name, and how many signatures each makes.
func signatures(t testing.TB) map[string]*DKIM {
	t.Helper()
	keys := signingKeys(t)
	return map[string]*DKIM{
		"RSA": newDKIM(t, keys.rsa), "Ed25519": newDKIM(t, keys.ed25519), "both": newDKIM(t, keys.ed25519, keys.rsa),
	}
}

// received is what a go-smtp server hands on of each mail, in the order of the batch.
func received(t testing.TB, d *DKIM, batch []channels.Message) []string {
	t.Helper()
	b := &mailbox{}
	s := newSender(t, goSMTP(t, b, nil, false), func(o *Options) {
		o.MaxConnections, o.DKIM, o.DotReplyTimeout = 1, map[string]*DKIM{"news@example.kz": d}, 10*time.Second
	})
	for id, got := range sendAll(t, s, batch...) {
		if got.Outcome != channels.Accepted {
			t.Fatalf("%s: %s with %v", id, got.Outcome, got.Err)
		}
	}
	_ = s.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.mails) != len(batch) {
		t.Fatalf("%d mails of %d were received", len(b.mails), len(batch))
	}
	return b.mails
}

// harms are what may be done to a signed mail on its way, and whether the signature must still hold.
var harms = []struct {
	name  string
	valid bool
	do    func(string) string
}{
	{"nothing", true, func(m string) string { return m }},
	{"a relay's trace field", true, func(m string) string { return "Received: from a by b; Mon, 2 Mar 2026 04:00:00 +0000\r\n" + m }},
	{"a field folded anew", true, func(m string) string { return strings.Replace(m, "\r\nSubject: ", "\r\nSubject:\r\n\t ", 1) }},
	{"empty lines at the end", true, func(m string) string { return m + "\r\n\r\n" }},
	{"another body", false, func(m string) string {
		return strings.Replace(m, "quoted-printable\r\n", "quoted-printable\r\nX: y\r\n", 1)
	}},
	{"more body", false, func(m string) string { return m + "x\r\n" }},
	{"another subject", false, func(m string) string { return strings.Replace(m, "\r\nSubject: ", "\r\nSubject: Re: ", 1) }},
	{"another way out", false, func(m string) string { return strings.Replace(m, "elshi.example.kz/u/", "evil.example/u/", 1) }},
	{"a second From", false, func(m string) string { return "From: <evil@example.kz>\r\n" + m }},
	{"a second From below", false, func(m string) string {
		return strings.Replace(m, "\r\nMIME-Version", "\r\nFrom: <e@x.kz>\r\nMIME-Version", 1)
	}},
	{"a second Subject", false, func(m string) string { return "Subject: x\r\n" + m }},
	{"a second List-Unsubscribe", false, func(m string) string { return "List-Unsubscribe: <https://evil.example>\r\n" + m }},
	{"a second Content-Type", false, func(m string) string { return "Content-Type: text/html\r\n" + m }},
	{"a Cc", false, func(m string) string { return "Cc: <evil@example.kz>\r\n" + m }},
	{"no way out", false, func(m string) string {
		return strings.Replace(m, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "", 1)
	}},
}

// What goes over our own connections to a server is still signed, and what is changed after that is not.
func TestSignedMailArrivesValidAndChangedMailDoesNot(t *testing.T) {
	keys := signingKeys(t)
	for name, d := range signatures(t) {
		t.Run(name, func(t *testing.T) {
			mail := received(t, d, []channels.Message{marketing()})[0]
			for _, h := range harms {
				want := map[bool]string{true: "valid", false: "invalid"}[h.valid]
				if name == "both" {
					want += " " + want
				}
				harmed := h.do(mail)
				if harmed == mail && h.name != "nothing" {
					t.Errorf("%s: the mail has nothing to be changed", h.name)
				}
				if got := keys.verdicts(t, harmed); shorten(got) != want {
					t.Errorf("%s: %q, want %s", h.name, got, want)
				}
			}
		})
	}
}

// Doubled dots are for the wire; a signature is over what the other side makes of them.
func TestDoubledDotsAreNotSigned(t *testing.T) {
	keys := signingKeys(t)
	for _, body := range []string{"..\r\n", "a\r\n..\r\n....b\r\n..\r\n", ".. a\r\nb..\r\n", "a\r\n"} {
		wire := "From: <news@example.kz>\r\nSubject: dots\r\n\r\n" + body
		signed, err := newDKIM(t, keys.ed25519, keys.rsa).sign([]byte(wire))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(signed), "\r\n"+wire) {
			t.Errorf("the letter %q was changed", wire)
		}
		arrived := regexp.MustCompile(`(?m)^\.\.`).ReplaceAllString(string(signed), ".")
		if got := keys.verdicts(t, arrived); shorten(got) != "valid valid" {
			t.Errorf("%q arrives as %q", body, got)
		}
	}
}

// Whatever is in a letter, its signature holds.
func TestEverySignatureHolds(t *testing.T) {
	keys := signingKeys(t)
	d := newDKIM(t, keys.ed25519)
	rapid.Check(t, func(t *rapid.T) {
		m := sample(1)
		text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("..  \t\n=-")), rapid.Rune()))
		m.Email.Text = "." + text.Draw(t, "text")
		m.Email.HTML = text.Draw(t, "html")
		m.Email.Subject = strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(text.Draw(t, "subject"))
		if rapid.Bool().Draw(t, "list") {
			m.Email.Headers = marketing().Email.Headers
		}
		l, unfit := compose(m)
		if unfit != nil {
			t.Fatalf("compose: %v: %s", unfit, unfit.Detail)
		}
		wire, err := d.sign(l.wire)
		if err != nil {
			t.Fatal(err)
		}
		found, err := dkim.VerifyWithOptions(bytes.NewReader(unstuffed(wire)), &dkim.VerifyOptions{
			LookupTXT: func(name string) ([]string, error) { return []string{keys.records[name]}, nil },
		})
		if err != nil || len(found) != 1 || found[0].Err != nil {
			t.Fatalf("verify = %+v, %v", found, err)
		}
	})
}

// brokenKey is an RSA key whose secret half has gone.
type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the key is away")
}

func TestNothingIsSentUnsignedThatShouldBeSigned(t *testing.T) {
	key := signingKeys(t).rsa
	key.Key = brokenKey{key.Key}
	server := newScripted(t, nil)
	s := newSender(t, server.address, func(o *Options) { o.DKIM = map[string]*DKIM{"news@example.kz": newDKIM(t, key)} })
	got := sendOne(t, s, sample(1))
	if got.Outcome != channels.Refused || cause(got) != channels.Unrenderable || server.Begun() != 0 {
		t.Errorf("%s with cause %q after %d hand-overs, want refused with unrenderable after none", got.Outcome, cause(got), server.Begun())
	}
}

func TestMailOfOthersIsNotSigned(t *testing.T) {
	m := sample(1)
	m.Email.From.Address = "other@example.kz"
	mails := received(t, newDKIM(t, signingKeys(t).ed25519), []channels.Message{m, sample(2)})
	for i, want := range []bool{false, true} {
		if got := strings.HasPrefix(mails[i], "DKIM-Signature:"); got != want {
			t.Errorf("mail %d is signed: %v, want %v", i, got, want)
		}
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	keys := signingKeys(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*DKIMKey)) []DKIMKey {
		k := keys.rsa
		change(&k)
		return []DKIMKey{k}
	}
	for _, tc := range []struct {
		name string
		keys []DKIMKey
		want error
	}{
		{"none", nil, errNoKey},
		{"no key", with(func(k *DKIMKey) { k.Key = nil }), errNoKey},
		{"a small key", with(func(k *DKIMKey) { k.Key = small }), errKeySize},
		{"a key of another kind", with(func(k *DKIMKey) { k.Key = curve }), errKeyKind},
		{"no selector", with(func(k *DKIMKey) { k.Selector = "" }), errSelector},
		{"a selector that ends the tag", with(func(k *DKIMKey) { k.Selector = "a; l=0" }), errSelector},
		{"no domain", with(func(k *DKIMKey) { k.Domain = "" }), errSDID},
		{"a domain beyond ASCII", with(func(k *DKIMKey) { k.Domain = "почта.қаз" }), errSDID},
		{"a domain that breaks the line", with(func(k *DKIMKey) { k.Domain = "example.kz\r\nBcc: x" }), errSDID},
		{"a name that DNS does not take", with(func(k *DKIMKey) { k.Domain = strings.Repeat("a.", 120) + "kz" }), errSDID},
		{"two of a kind", append(with(func(k *DKIMKey) { k.Selector = "r2" }), keys.rsa), errKeyTwice},
		{"two of a selector", append(with(func(k *DKIMKey) { k.Selector = "e1" }), keys.ed25519), errKeyTwice},
	} {
		if _, err := NewDKIM(tc.keys...); !errors.Is(err, tc.want) {
			t.Errorf("%s: NewDKIM = %v, want %v", tc.name, err, tc.want)
		}
	}
	if _, err := New(Options{Address: "localhost:25", Now: time.Now, DKIM: map[string]*DKIM{"news@example.kz": nil}}); err == nil {
		t.Error("New with an address and no signature for it: no error")
	}
}

func TestPrintingASignatureShowsNoKey(t *testing.T) {
	d := newDKIM(t, signingKeys(t).ed25519)
	o := Options{Address: "localhost:25", DKIM: map[string]*DKIM{"news@example.kz": d}}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Any("dkim", d), slog.Any("options", o))
	secret := fmt.Sprint(signingKeys(t).ed25519.Key)[:30] // as fmt prints bytes
	for form, text := range map[string]string{
		"%v": fmt.Sprintf("%v %v", d, o), "%+v": fmt.Sprintf("%+v %+v", d, o), "%#v": fmt.Sprintf("%#v %#v", d, o), "slog": log.String(),
	} {
		if !strings.Contains(text, "e1._domainkey.example.kz") || strings.Contains(text, strings.Trim(secret, "[")) {
			t.Errorf("%s: %s, want the name of the record and no key", form, text)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	m := typical()
	l, err := compose(m)
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"RSA", "Ed25519", "both"} {
		d := signatures(b)[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			wire := make([]byte, 0, 2*len(l.wire))
			for b.Loop() {
				if _, err := d.sign(append(wire[:0], l.wire...)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

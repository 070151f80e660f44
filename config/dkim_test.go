package config

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pemOf writes a key as PEM of PKCS #8.
func pemOf(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSigningKey(t *testing.T) {
	long, short, small := rsaKey(t, 2048), edKey(t), rsaKey(t, 2047)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	oldForm := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(long)}))
	for _, tc := range []struct {
		name, text string
		want       any // with Equal
		err        error
	}{
		{"RSA", pemOf(t, long), long, nil},
		{"RSA as PKCS #1", oldForm, long, nil},
		{"Ed25519", pemOf(t, short), short, nil},
		{"without the last line end", strings.TrimSuffix(pemOf(t, short), "\n"), short, nil},
		{"nothing", "", nil, errNotPEM},
		{"no PEM", "secret", nil, errNotPEM},
		{"two keys", pemOf(t, short) + pemOf(t, long), nil, errNotPEM},
		{"a certificate", strings.ReplaceAll(pemOf(t, short), "PRIVATE KEY", "CERTIFICATE"), nil, errNotPEM},
		{"a key with a password", strings.ReplaceAll(pemOf(t, short), "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), nil, errNotPEM},
		{"half a key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("half")})), nil, errKeyDamaged},
		{"the other form's name", strings.ReplaceAll(oldForm, "RSA PRIVATE KEY", "PRIVATE KEY"), nil, errKeyDamaged},
		{"a bit too few", pemOf(t, small), nil, errKeyTooSmall},
		{"another kind", pemOf(t, curve), nil, errKeyKind},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Secret(tc.text).SigningKey()
			if diff := cmp.Diff(tc.err, err, cmp.Comparer(func(a, b error) bool { return a == b })); diff != "" { //nolint:errorlint // the very error
				t.Fatalf("error mismatch (-want +got):\n%s", diff)
			}
			if tc.want != nil && !cmp.Equal(tc.want, any(got)) {
				t.Errorf("SigningKey is another key")
			}
		})
	}
}

func TestDKIMSettings(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"rsa": pemOf(t, rsaKey(t, 2048)), "other": pemOf(t, rsaKey(t, 2048)), "ed": pemOf(t, edKey(t)), "small": pemOf(t, rsaKey(t, 1024))}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const head = "providers:\n  - {id: mail, channel: email, driver: inbox}\n  - {id: text, channel: sms, driver: inbox}\nsenders:\n" +
		"  - {id: a, channel: email, provider: mail, from: news@mail.example.kz, default: true, dkim: %s}\n"
	for _, tc := range []struct {
		name, dkim, more string
		want             []string
	}{
		{"both kinds", "[{selector: r1, key_file: DIR/rsa}, {selector: e1, key_file: DIR/ed}]", "", nil},
		{"the domain above", "[{selector: r1, domain: example.kz, key_file: DIR/rsa}]", "", nil},
		{"the domain beside", "[{selector: r1, domain: Other.Example.kz, key_file: DIR/rsa}]", "", nil},
		{
			"the same for the same from", "[{selector: e1, key_file: DIR/ed}]",
			"  - {id: b, channel: email, provider: mail, from: news@mail.example.kz, dkim: [{selector: e1, key_file: DIR/ed}]}\n", nil,
		},
		{
			"all at once", "[{selector: 'a b', domain: evil.kz, key_file: DIR/small}, {selector: e1, domain: kz, key: secret}, {selector: e1, domain: 'x;y'}]", "",
			[]string{
				"senders[0].dkim[0].selector: must be letters, digits and hyphens, with dots between, for example 2026a",
				"senders[0].dkim[0].domain: must be of one organisation with the domain of from, or DMARC counts the signature for nothing",
				"senders[0].dkim[0].key: " + errKeyTooSmall.Error(),
				"senders[0].dkim[1].domain: must be of one organisation with the domain of from, or DMARC counts the signature for nothing",
				"senders[0].dkim[1].key: " + errNotPEM.Error(),
				"senders[0].dkim[2].selector: stands twice; each key has a record of its own",
				"senders[0].dkim[2].domain: is not a domain; write for example example.org, or leave it out to take that of from",
				"senders[0].dkim[2].key: " + errNotPEM.Error(),
			},
		},
		{
			"two of a kind", "[{selector: r1, key_file: DIR/rsa}, {selector: r2, key_file: DIR/other}]", "",
			[]string{"senders[0].dkim[1].key: is the second of its kind; give one of RSA and one of Ed25519 at most"},
		},
		{
			"one from, two ways", "[{selector: e1, key_file: DIR/ed}]", "  - {id: b, channel: email, provider: mail, from: news@mail.example.kz}\n",
			[]string{"senders[1].dkim: differs from that of another sender with the same from; give both the same"},
		},
		{
			"a name too long", "[{selector: " + strings.Repeat("a.", 120) + "a, key_file: DIR/ed}]", "",
			[]string{"senders[0].dkim[0].domain: is too long together with the selector for a name in DNS"},
		},
		{
			"SMS", "[]", "  - {id: s, channel: sms, provider: text, from: ORLEU, default: true, dkim: [{selector: e1, key_file: DIR/ed}]}\n",
			[]string{"senders[1].dkim: is for email; an SMS has no signature"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Load(write(t, strings.ReplaceAll(fmt.Sprintf(head, tc.dkim)+tc.more, "DIR", dir)), nil)
			if tc.want != nil {
				if diff := cmp.Diff(tc.want, problemLines(t, err)); diff != "" {
					t.Errorf("problems mismatch (-want +got):\n%s", diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range got.Senders[0].DKIM {
				if _, err := key.Key.SigningKey(); err != nil {
					t.Errorf("key %s: %v", key.Selector, err)
				}
			}
		})
	}
}

func TestSigningDomain(t *testing.T) {
	for _, tc := range []struct{ from, domain, want string }{
		{"news@Example.KZ", "", "example.kz"},
		{"news@почта.қаз", "", "xn--80a1acny.xn--80ao21a"},
		{"news@mail.example.kz", "Example.kz", "example.kz"},
		{"news", "a b", ""},
	} {
		if got := (Sender{From: tc.from}).SigningDomain(DKIMKey{Domain: tc.domain}); got != tc.want {
			t.Errorf("SigningDomain of %q and %q = %q, want %q", tc.from, tc.domain, got, tc.want)
		}
	}
}

func FuzzSigningKey(f *testing.F) {
	f.Add(pemOf(f, edKey(f)))
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := Secret(text).SigningKey()
		if (key == nil) == (err == nil) {
			t.Fatalf("SigningKey = %v, %v, want one of the two", key, err)
		}
		if err != nil && len(text) > 12 && strings.Contains(err.Error(), text) {
			t.Errorf("the error %q repeats the key", err)
		}
	})
}

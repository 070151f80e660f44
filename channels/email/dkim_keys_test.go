package email

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// signing is a domain's keys and the DNS records that publish them.
type signing struct {
	rsa, ed25519 DKIMKey
	records      map[string]string
}

// keysOfTheDay are made once: an RSA key takes a while.
var keysOfTheDay = sync.OnceValues(func() (signing, error) {
	long, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		return signing{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(long.Public())
	if err != nil {
		return signing{}, err
	}
	short, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return signing{}, err
	}
	return signing{
		rsa:     DKIMKey{Domain: "example.kz", Selector: "r1", Key: long},
		ed25519: DKIMKey{Domain: "example.kz", Selector: "e1", Key: secret},
		records: map[string]string{
			"r1._domainkey.example.kz": "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public),
			"e1._domainkey.example.kz": "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(short),
		},
	}, nil
})

func signingKeys(t testing.TB) signing {
	t.Helper()
	keys, err := keysOfTheDay()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newDKIM(t testing.TB, keys ...DKIMKey) *DKIM {
	t.Helper()
	d, err := NewDKIM(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// verdicts is what go-msgauth's verifier says of each signature of a mail as it was received.
func (s signing) verdicts(t testing.TB, mail string) []string {
	t.Helper()
	found, err := dkim.VerifyWithOptions(strings.NewReader(mail), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		if text, known := s.records[name]; known {
			return []string{text}, nil
		}
		return nil, errors.New("no such record")
	}})
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	out := []string{}
	for _, v := range found {
		if v.Err == nil {
			out = append(out, "valid")
		} else {
			out = append(out, "invalid: "+v.Err.Error())
		}
	}
	return out
}

// shorten leaves valid or invalid of each verdict.
func shorten(all []string) string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i], _, _ = strings.Cut(v, ":")
	}
	return strings.Join(out, " ")
}

// signatureField is one DKIM-Signature, folded as it is.
var signatureField = regexp.MustCompile(`(?m)^DKIM-Signature:[^\n]*\r\n([ \t][^\n]*\r\n)*`)

func tags(field string) map[string]string {
	out := map[string]string{}
	_, value, _ := strings.Cut(field, ":")
	for tag := range strings.SplitSeq(value, ";") {
		name, text, _ := strings.Cut(tag, "=")
		out[strings.TrimSpace(name)] = strings.Join(strings.Fields(text), "")
	}
	return out
}

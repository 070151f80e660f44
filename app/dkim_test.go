package app_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/orleu/elshi/internal/testkit"
)

// A sender with a key in the settings is a sender whose mail arrives signed.
func TestMailIsSignedAsTheSettingsSay(t *testing.T) {
	public, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{KeepRaw: true})
	h := start(t, settings(t, fmt.Sprintf(`
providers:
  - {id: relay, channel: email, driver: smtp, smtp: {host: 127.0.0.1, port: %d, tls: none, auth: none}}
  - {id: text, channel: sms, driver: inbox}
senders:
  - {id: news, channel: email, provider: relay, from: news@mail.orleu.example, default: true, dkim: [{selector: s1, domain: orleu.example, key_file: %q}]}
  - {id: name, channel: sms, provider: text, from: ORLEU, default: true, registered: true}
`, sink.Port, file)))
	h.seed(t)
	h.becomes(t, h.send(t, code(`{"email": "aigul@demo.example"}`)).ID, "sent")
	mails := sink.Messages()
	if len(mails) != 1 {
		t.Fatalf("the relay has %d mails, want 1", len(mails))
	}
	asked := ""
	found, err := dkim.VerifyWithOptions(strings.NewReader(mails[0].Raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		asked = name
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
	}})
	if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Domain != "orleu.example" || asked != "s1._domainkey.orleu.example" {
		t.Errorf("verify = %+v, %v after asking for %q, want one valid signature of orleu.example by s1", found, err, asked)
	}
	if text := h.log.String(); strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, base64.StdEncoding.EncodeToString(der)[:20]) {
		t.Error("the log shows the key")
	}
}

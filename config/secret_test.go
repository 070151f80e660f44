package config

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

const hidden = "correct horse battery staple"

func TestSecretIsNeverPrinted(t *testing.T) {
	c := Default()
	c.Database.URL = hidden
	c.Providers[0].SMTP.Password = hidden
	c.Senders[0].DKIM = []DKIMKey{{Selector: "a", Key: hidden}}
	c.Providers[1].Gateway.Headers = map[string]Secret{"Authorization": hidden}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).LogAttrs(t.Context(), slog.LevelInfo, "settings",
		slog.Any("secret", c.Database.URL), slog.Any("config", c))
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string]string{
		"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c), "slice": fmt.Sprint([]Secret{c.Database.URL}),
		"%q": fmt.Sprintf("%q", c.Database.URL), "%x": fmt.Sprintf("%x", c.Database.URL),
		"json": string(asJSON), "yaml": string(asYAML), "slog": logged.String(),
	} {
		if strings.Contains(text, hidden) || strings.Contains(text, fmt.Sprintf("%x", hidden)) {
			t.Errorf("%s prints the secret: %s", form, text)
		}
		if form != "%x" && !strings.Contains(text, redacted) && !strings.Contains(text, `\u003credacted\u003e`) {
			t.Errorf("%s does not say that something is hidden: %s", form, text)
		}
	}
	if got := c.Database.URL.Reveal(); got != hidden {
		t.Errorf("Reveal() = %q, want the secret", got)
	}
}

func TestProblemsDoNotRepeatSecrets(t *testing.T) {
	file := write(t, "database: {url: '"+hidden+"'}\nsecrets: {link_key: '"+hidden+"'}\ninbox: {mode: always}\n")
	_, err := Load(file, []string{
		"ELSHI_REDIS_URL=" + hidden, "ELSHI_SECRETS_VERP_KEY=" + hidden, "ELSHI_PROVIDERS=[{password: " + hidden + ",",
	})
	if err == nil || strings.Contains(err.Error(), hidden) {
		t.Errorf("error = %v, want one without the secret", err)
	}
}

func TestSecretMayStandInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(testKey+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(write(t, "secrets: {link_key_file: "+path+"}"), []string{"ELSHI_SECRETS_VERP_KEY_FILE=" + path})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{testKey, testKey}, []string{got.Secrets.LinkKey.Reveal(), got.Secrets.VERPKey.Reveal()}); diff != "" {
		t.Errorf("secrets mismatch (-want +got):\n%s", diff)
	}
	_, err = Load(write(t, "secrets: {link_key_file: "+path+", link_key: x, payload_key_file: "+os.DevNull+"}\nserver_file: x"), []string{
		"ELSHI_SECRETS_VERP_KEY_FILE=" + path, "ELSHI_SECRETS_VERP_KEY=x", "ELSHI_SERVER_LISTEN_FILE=" + path,
		"ELSHI_SECRETS_COMMITMENT_KEY=" + redacted,
	})
	want := []string{
		"secrets.payload_key_file: the file " + os.DevNull + " is empty; put the secret into it",
		"secrets.link_key: is given here and as link_key_file; keep one",
		"server_file: is not a setting (line 2); docs/configuration.md lists all",
		"ELSHI_SECRETS_COMMITMENT_KEY: is the mask that hides a secret; give the secret itself",
		"ELSHI_SECRETS_VERP_KEY: is given here and as ELSHI_SECRETS_VERP_KEY_FILE; keep one",
		"ELSHI_SERVER_LISTEN_FILE: is not a setting; docs/configuration.md lists all",
	}
	lines := problemLines(t, err)
	if diff := cmp.Diff(want, lines[:min(len(want), len(lines))]); diff != "" {
		t.Errorf("problems mismatch (-want +got):\n%s", diff)
	}
}

func TestKey(t *testing.T) {
	raw := [KeySize]byte{}
	for i := range raw {
		raw[i] = byte(i) | 0xf0 // base64 of these uses + and /
	}
	url := "8PHy8_T19vf4-fr7_P3-__Dx8vP09fb3-Pn6-_z9_v8"
	for _, text := range []string{fmt.Sprintf("%x", raw), url, strings.NewReplacer("-", "+", "_", "/").Replace(url) + "="} {
		got, err := Secret(text).Key()
		if err != nil || got != raw {
			t.Errorf("Secret(%q).Key() = %x, %v, want %x", text, got, err, raw)
		}
	}
	for _, text := range []string{"", "short", strings.Repeat("0", 62), url + "AA"} {
		if _, err := Secret(text).Key(); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("Secret(%q).Key() error = %v, want one that does not repeat it", text, err)
		}
	}
}

func TestKeysAreGeneratedOnceAndKept(t *testing.T) {
	first := Default()
	first.DataDir = filepath.Join(t.TempDir(), "data")
	first.Secrets.VERPKey = testKey
	if err := first.EnsureKeys(rand.Reader); err != nil {
		t.Fatal(err)
	}
	for _, s := range first.Secrets.named() {
		if _, err := s.value.Key(); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
	if first.Secrets.LinkKey == first.Secrets.PayloadKey || first.Secrets.VERPKey != testKey {
		t.Errorf("keys are not each their own, or the given one was replaced")
	}
	second := Default()
	second.DataDir, second.Secrets.VERPKey = first.DataDir, testKey
	if err := second.EnsureKeys(iotest.ErrReader(os.ErrClosed)); err != nil { // needs no more randomness
		t.Fatal(err)
	}
	if second.Secrets != first.Secrets {
		t.Error("a second start has other keys than the first")
	}
	info, err := os.Stat(filepath.Join(first.DataDir, "keys", "link_key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("link_key has mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestKeysAreNotGeneratedWhereTheyMustBeShared(t *testing.T) {
	c := Default()
	c.DataDir = filepath.Join(t.TempDir(), "data")
	c.Database.URL = "postgres://127.0.0.1/elshi"
	if err := c.EnsureKeys(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if c.Secrets != (Secrets{}) {
		t.Error("keys were generated beside PostgreSQL, where each process would have its own")
	}
}

func TestDamagedKeyIsAnErrorAndStays(t *testing.T) {
	c := Default()
	c.DataDir = t.TempDir()
	path := filepath.Join(c.DataDir, "keys", "link_key")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.EnsureKeys(rand.Reader); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("EnsureKeys = %v, want an error that says the key is damaged", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "half" {
		t.Errorf("the damaged key is now %q, %v; it must stay for the operator", got, err)
	}
}

func TestHolidayDates(t *testing.T) {
	c := Consent{Holidays: []Date{
		{Month: time.March, Day: 21},
		{Month: time.February, Day: 29},
		{Year: 2031, Month: time.May, Day: 2},
	}}
	want := []string{"2027-03-21", "2028-03-21", "2028-02-29", "2031-05-02"}
	if diff := cmp.Diff(want, c.HolidayDates(2027, 2028)); diff != "" {
		t.Errorf("HolidayDates(2027, 2028) mismatch (-want +got):\n%s", diff)
	}
}

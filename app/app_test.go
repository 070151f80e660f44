package app_test

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
)

// state is what /readyz says.
type state struct {
	Status string `json:"status"`
	Checks []struct {
		Name   string `json:"name"`
		OK     bool   `json:"ok"`
		Detail string `json:"detail"`
	} `json:"checks"`
}

// failing names the checks that are not as they should be.
func (s state) failing() string {
	var names []string
	for _, c := range s.Checks {
		if !c.OK {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, " ")
}

func TestDemonstrationSurvivesARestart(t *testing.T) {
	cfg := settings(t)
	first := start(t, cfg)
	first.seed(t)
	key := first.key
	if first.seed(t); first.key != key {
		t.Error("a second seed made another key")
	}
	people, head := first.people(t), first.head(t)
	if people != 4 || head == 0 {
		t.Errorf("%d contacts and %d consent events, want 4 and some", people, head)
	}
	if !strings.Contains(first.Welcome(app.Demo{Key: key}), key) || !strings.Contains(first.Welcome(app.Demo{}), first.Addr()) {
		t.Error("the welcome does not say how to begin")
	}
	sent := first.send(t, code(`{"email": "aigul@demo.example"}`))
	first.becomes(t, sent.ID, "sent")
	first.close(t)

	second := start(t, cfg)
	second.seed(t)
	if second.key != key {
		t.Error("the key is another after a restart")
	}
	if p, h := second.people(t), second.head(t); p != people || h != head {
		t.Errorf("after a restart %d contacts and %d consent events, want %d and %d: two seeds are one", p, h, people, head)
	}
	if m := get[message](t, second, "/v1/messages/"+sent.ID, http.StatusOK); m.Status != "sent" {
		t.Errorf("after a restart the message is %s", m.Status)
	}
	second.becomes(t, second.send(t, code(`{"phone": "+77011234567"}`)).ID, "sent")
	for _, personal := range []string{"demo.example", "7701123", "482913", key} {
		if strings.Contains(first.log.String()+second.log.String(), personal) {
			t.Errorf("the log shows %q", personal)
		}
	}
}

// A key that was lost, or belongs to a database that is gone, is made anew.
func TestDemonstrationKeyIsMadeAnewWhenItIsNone(t *testing.T) {
	cfg := settings(t)
	h := open(t, cfg)
	h.seed(t)
	lost := h.key
	for name, kept := range map[string]string{"empty": "", "of another database": "elshi_live_0000000000000000000000000000"} {
		if err := os.WriteFile(cfg.DataDir+"/keys/demo_api_key", []byte(kept), 0o600); err != nil {
			t.Fatal(err)
		}
		if h.seed(t); h.key == lost || h.key == kept || h.key == "" {
			t.Errorf("%s: the key is the old one", name)
		}
	}
	h.run(t)
	if code, text := h.call(t, http.MethodGet, "/v1/contacts", ""); code != http.StatusOK {
		t.Errorf("the new key is answered %d %s", code, text)
	}
}

// list is a page.
type list struct {
	Data []struct {
		ID string `json:"id"`
	} `json:"data"`
}

func (h *house) people(t *testing.T) int {
	t.Helper()
	return len(get[list](t, h, "/v1/contacts?limit=100", http.StatusOK).Data)
}

// head is the number of the newest consent event.
func (h *house) head(t *testing.T) int {
	t.Helper()
	return get[struct {
		Seq    int  `json:"head_seq"`
		Intact bool `json:"intact"`
	}](t, h, "/v1/consent-ledger/verify", http.StatusOK).Seq
}

func TestAProcessThatIsNoDoorServesMachinesAlone(t *testing.T) {
	for _, role := range []config.Role{config.RoleWorker, config.RoleFeeder} {
		t.Run(string(role), func(t *testing.T) {
			cfg := settings(t)
			cfg.Roles = []config.Role{role} // Load refuses it over SQLite; which doors a role has does not depend on that
			h := open(t, cfg)
			h.seed(t)
			h.run(t)
			for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
				if code, text := h.call(t, http.MethodGet, path, ""); code != http.StatusOK {
					t.Errorf("GET %s: %d %s", path, code, text)
				}
			}
			for _, path := range []string{
				"/", "/v1/messages", "/v1/contacts", "/openapi.json", "/docs", "/inbox", "/u/x", "/p/x", "/w/x", "/policies/x",
				"/callbacks/x/y", "/healthz/", "/metrics/x", "/debug/pprof/",
			} {
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					if code, text := h.call(t, method, path, ""); code != http.StatusNotFound {
						t.Errorf("%s %s: %d %s, want 404", method, path, code, text)
					}
				}
			}
		})
	}
}

func TestMetricsMayHaveAnAddressOfTheirOwnOrNone(t *testing.T) {
	own := "127.0.0.1:" + strconv.Itoa(testkit.Free(t))
	for _, tc := range []struct {
		name, settings string
		here, there    int
	}{
		{"where HTTP is", ``, http.StatusOK, 0},
		{"an address of their own", `metrics: {listen: "` + own + `"}`, http.StatusNotFound, http.StatusOK},
		{"none", `metrics: {enabled: false, listen: "` + own + `"}`, http.StatusNotFound, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := start(t, settings(t, tc.settings))
			if code, _ := h.call(t, http.MethodGet, "/metrics", ""); code != tc.here {
				t.Errorf("GET /metrics: %d, want %d", code, tc.here)
			}
			answer, err := client.Get("http://" + own + "/metrics")
			if (err == nil) != (tc.there != 0) {
				t.Fatalf("GET %s/metrics: %v", own, err)
			}
			if err == nil {
				if err := answer.Body.Close(); err != nil || answer.StatusCode != tc.there {
					t.Errorf("GET %s/metrics: %d, %v, want %d", own, answer.StatusCode, err, tc.there)
				}
			}
		})
	}
}

func TestReadiness(t *testing.T) {
	t.Run("all is well", func(t *testing.T) {
		if s := get[state](t, start(t, settings(t)), "/readyz", http.StatusOK); s.Status != "ready" || s.failing() != "" {
			t.Errorf("readyz says %+v", s)
		}
	})
	t.Run("Redis is away", func(t *testing.T) {
		h := start(t, settings(t, `redis: {url: "redis://127.0.0.1:`+strconv.Itoa(testkit.Free(t))+`/0"}`))
		if s := get[state](t, h, "/readyz", http.StatusOK); s.Status != "degraded" || s.failing() != "queue" {
			t.Errorf("readyz says %+v, want degraded because of the queue", s)
		}
		h.seed(t)
		if m := h.send(t, code(`{"email": "aigul@demo.example"}`)); m.Status != "queued" {
			t.Errorf("the message is %s, want queued: it is taken in all the same", m.Status)
		}
	})
	t.Run("a provider is paused", func(t *testing.T) {
		h := start(t, settings(t))
		h.seed(t)
		if code, text := h.call(t, http.MethodPost, "/v1/providers/inbox-sms/pause", `{"reason": "contract ended"}`); code != http.StatusOK {
			t.Fatalf("pause: %d %s", code, text)
		}
		s := get[state](t, h, "/readyz", http.StatusOK)
		if s.Status != "degraded" || s.failing() != "providers" || !strings.Contains(s.Checks[len(s.Checks)-1].Detail, "inbox-sms") {
			t.Errorf("readyz says %+v, want degraded because of inbox-sms", s)
		}
		if code, text := h.call(t, http.MethodPost, "/v1/providers/inbox-sms/resume", ""); code >= 300 {
			t.Fatalf("resume: %d %s", code, text)
		}
		if s := get[state](t, h, "/readyz", http.StatusOK); s.Status != "ready" {
			t.Errorf("readyz says %+v after the pause", s)
		}
	})
}

func TestDatabaseThatIsNotMigratedIsRefused(t *testing.T) {
	database := testkit.Postgres(t).CreateDatabase(t)
	cfg := settings(t, keys(), `database: {url: "`+database.Service+`", owner_url: "`+database.Owner+`"}`, "ELSHI_INBOX_MODE=always")
	_, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "run elshi migrate") {
		t.Fatalf("New over an empty database: %v, want what to run", err)
	}
	if _, err := app.Offline(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "run elshi migrate") {
		t.Errorf("Offline over an empty database: %v, want what to run", err)
	}
	for range 2 {
		var out strings.Builder
		if err := app.Migrate(t.Context(), cfg, &out); err != nil || out.String() != "the database is up to date\n" {
			t.Fatalf("Migrate: %v, says %q", err, &out)
		}
	}
	h := start(t, cfg)
	if h.seed(t); h.key != "" {
		t.Error("seed made a live key in a database that others share")
	}
	if h.key, err = h.NewKey(t.Context(), "test", dispatcher.Live, nil); err != nil {
		t.Fatal(err)
	}
	if n := len(get[list](t, h, "/v1/api-keys", http.StatusOK).Data); n != 1 {
		t.Errorf("there are %d keys, want the one that was made after seed", n)
	}
	if n := h.people(t); n != 4 {
		t.Errorf("seed made %d contacts, want 4", n)
	}
	h.becomes(t, h.send(t, code(`{"phone": "+77011234567"}`)).ID, "sent")
}

// A one-time code is paid for by the segment; the organisation's whole name would cost a second one.
func TestDemonstrationsCodeIsOneSegmentInEveryLanguage(t *testing.T) {
	h := start(t, settings(t))
	h.seed(t)
	for phone, signature := range map[string]string{"+77011234567": " Өрлеу", "+77021234567": " Өрлеу", "+77051234567": " Orleu"} {
		h.becomes(t, h.send(t, code(`{"phone": "`+phone+`"}`)).ID, "sent")
		caught := get[struct {
			Data []struct {
				Text string `json:"text"`
			} `json:"data"`
		}](t, h, "/v1/inbox?recipient=%2B"+phone[1:], http.StatusOK).Data
		if len(caught) != 1 || !strings.HasSuffix(caught[0].Text, signature) {
			t.Fatalf("caught for %s: %+v, want a code signed %s", phone, caught, signature)
		}
		if s := sms.Count(caught[0].Text); s.Segments != 1 {
			t.Errorf("%q takes %d segments", caught[0].Text, s.Segments)
		}
	}
}

func TestGuestListKeyWritesToItsGuestsAlone(t *testing.T) {
	h := start(t, settings(t))
	h.seed(t)
	var err error
	if h.key, err = h.NewKey(t.Context(), "pilot", dispatcher.GuestList, []string{"Aigul@demo.example", "8 702 123 45 67"}); err != nil {
		t.Fatal(err)
	}
	h.becomes(t, h.send(t, code(`{"email": "aigul@demo.example"}`)).ID, "sent")
	h.becomes(t, h.send(t, code(`{"phone": "+77021234567"}`)).ID, "sent")
	for _, other := range []string{`{"email": "emily@demo.example"}`, `{"phone": "+77011234567"}`} {
		if m := h.send(t, code(other)); m.Status != "suppressed" {
			t.Errorf("to %s, who is no guest: %s", other, m.Status)
		}
	}
	_, err = h.NewKey(t.Context(), "pilot", dispatcher.GuestList, []string{"aigul@demo.example", "nobody@", "+7 7172 574600"})
	if err == nil || strings.Contains(err.Error(), "nobody@") || strings.Contains(err.Error(), "574600") ||
		!strings.Contains(err.Error(), "guest 2: ") || !strings.Contains(err.Error(), "guest 3: ") {
		t.Errorf("NewKey with two guests who cannot be reached: %v, want both by their place and neither address", err)
	}
}

func TestOneProcessServesAFolder(t *testing.T) {
	cfg := settings(t)
	first, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Server.Listen, cfg.Inbox.Listen, cfg.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0", ""
	if _, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another elshi serves from this data_dir") {
		t.Errorf("a second one: %v, want that the folder is taken", err)
	}
	offline, err := app.Offline(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("a command beside the one that serves: %v", err)
	}
	if _, err := offline.NewKey(t.Context(), "crm", dispatcher.Live, nil); err != nil {
		t.Errorf("a key beside the one that serves: %v", err)
	}
	if err := errors.Join(offline.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	second, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestNewThatFailsLeavesNothingBehind(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := busy.Addr().String()
	free := func() string { return "127.0.0.1:" + strconv.Itoa(testkit.Free(t)) }
	for _, tc := range []struct {
		name string
		harm func(*config.Config)
		want string
	}{
		{"the address of HTTP is in use", func(c *config.Config) { c.Server.Listen = taken }, "http: "},
		{"the address of the metrics is in use", func(c *config.Config) { c.Metrics.Listen = taken }, "metrics: "},
		{"the address of the catcher is in use", func(c *config.Config) { c.Inbox.Listen = taken }, "inbox: "},
		{"the address of inbound mail is in use", func(c *config.Config) { c.Inbound.Listen = taken }, "inbound"},
		{"a key that is none", func(c *config.Config) { c.Secrets.LinkKey = "x" }, "secrets.link_key"},
		{"a Redis that is none", func(c *config.Config) { c.Redis.URL = "http://user:swordfish@x" }, "redis.url"},
		{"a folder that is a file", func(c *config.Config) { c.DataDir = os.Args[0] }, "folder"},
		{"an inbox that keeps nothing", func(c *config.Config) { c.Inbox.Keep = 0 }, "inbox"},
		{"a public address that is none", func(c *config.Config) { c.Server.PublicURL = "::" }, "PublicURL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := settings(t)
			// Every listener has an address that can be looked at afterwards.
			cfg.Server.Listen, cfg.Inbox.Listen, cfg.Metrics.Listen = free(), free(), free()
			sound := cfg
			tc.harm(&cfg)
			before := runtime.NumGoroutine()
			_, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "swordfish") {
				t.Fatalf("New: %v, want an error that names %q and no password", err, tc.want)
			}
			testkit.Eventually(t, 10*time.Second, func() error {
				if n := runtime.NumGoroutine(); n > before {
					stacks := make([]byte, 1<<20)
					return errors.New("goroutines are left:\n" + string(stacks[:runtime.Stack(stacks, true)]))
				}
				return nil
			})
			a, err := app.New(t.Context(), sound, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatalf("New with sound settings and the same addresses: %v", err)
			}
			if err := a.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func TestVersionIsNeverEmpty(t *testing.T) {
	if v := app.Version(); v == "" || strings.ContainsAny(v, " \n") {
		t.Errorf("Version is %q", v)
	}
}

package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/vocab"
)

// What the cap holds must be able to go out after it.
func TestMarketingOutlivesTheCap(t *testing.T) {
	if d := Default(); d.Dispatch.NotAfter.Marketing <= d.Consent.Cap.Period {
		t.Errorf("marketing ends after %v, the cap holds it for %v", d.Dispatch.NotAfter.Marketing, d.Consent.Cap.Period)
	}
}

func TestDefaultIsAWorkingEmbeddedSystem(t *testing.T) {
	got, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("Load of nothing mismatch (-Default() +got):\n%s", diff)
	}
	if !got.Embedded() || !got.InboxOn() || !got.HasRole(RoleFeeder) {
		t.Errorf("embedded %v, inbox %v, feeder %v, want all true", got.Embedded(), got.InboxOn(), got.HasRole(RoleFeeder))
	}
}

func TestLaterPlaceWins(t *testing.T) {
	file := write(t, "server: {listen: 127.0.0.1:1, public_url: http://127.0.0.1:1}\ndispatch: {lease: 90s}\n")
	got, err := Load(file, []string{
		"HOME=/", "ELSHI_SERVER_LISTEN=127.0.0.1:2", "ELSHI_ROLES=api,worker, feeder", "ELSHI_SERVER_LISTEN=127.0.0.1:3",
		"ELSHI_CONSENT_HOLIDAYS=01-01,2026-05-27", "ELSHI_LOG_LEVEL=warn", "ELSHI_SERVER_MAX_BODY=1MiB",
		"ELSHI_PORT=tcp://10.0.0.1:80", "ELSHI_SERVICE_HOST=10.0.0.1", // set by Kubernetes
		`ELSHI_ORG_NAME={kk: А, ru: Б, en: "C, D"}`, "ELSHI_DEFAULT_REGION=UZ", "ELSHI_METRICS_ENABLED=false",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Server.Listen, want.Server.PublicURL, want.Server.MaxBody = "127.0.0.1:3", "http://127.0.0.1:1", 1<<20
	want.Dispatch.Lease = 90 * time.Second
	want.Consent.Holidays = []Date{{0, time.January, 1}, {2026, time.May, 27}}
	want.Log.Level = 4
	want.Org.Name = map[vocab.Language]string{"kk": "А", "ru": "Б", "en": "C, D"}
	want.Org.ShortName = nil // another organisation's
	want.DefaultRegion = "UZ"
	want.Metrics.Enabled = false
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Load mismatch (-want +got):\n%s", diff)
	}
}

func TestLinksLeadToWhereTheServerListens(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9090": "http://127.0.0.1:9090", "[::1]:9090": "http://[::1]:9090", "0.0.0.0:80": "http://127.0.0.1:80", ":9090": "http://127.0.0.1:9090",
		"10.0.0.7:8081": "http://127.0.0.1:8081", "127.0.0.1:0": "http://127.0.0.1:8080",
	} {
		got, err := Load("", []string{"ELSHI_SERVER_LISTEN=" + listen})
		if err != nil || got.Server.PublicURL != want {
			t.Errorf("listen %s: links begin with %q, %v, want %s", listen, got.Server.PublicURL, err, want)
		}
		got, err = Load("", []string{"ELSHI_SERVER_LISTEN=" + listen, "ELSHI_SERVER_PUBLIC_URL=https://elshi.example"})
		if err != nil || got.Server.PublicURL != "https://elshi.example" {
			t.Errorf("listen %s: links begin with %q, %v, want what is set", listen, got.Server.PublicURL, err)
		}
	}
}

func TestShortNameBelongsToTheNameBesideIt(t *testing.T) {
	const other = "org: {name: {kk: А, ru: Б, en: C}"
	for name, tc := range map[string]struct {
		file string
		want map[vocab.Language]string
	}{
		"neither is set":             {"{}", Default().Org.ShortName},
		"another name":               {other + "}", nil},
		"another name and its short": {other + ", short_name: {en: c}}", map[vocab.Language]string{"en": "c"}},
		"the default one, set":       {other + ", short_name: {kk: Өрлеу, ru: Өрлеу, en: Orleu}}", Default().Org.ShortName},
		"none is wanted":             {"org: {short_name: {}}", map[vocab.Language]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(write(t, tc.file), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Org.ShortName); diff != "" {
				t.Errorf("short_name mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPathMayComeFromTheEnvironment(t *testing.T) {
	got, err := Load("", []string{"ELSHI_CONFIG=" + write(t, "data_dir: /elsewhere")})
	if err != nil {
		t.Fatal(err)
	}
	if got.DataDir != "/elsewhere" {
		t.Errorf("DataDir = %q, want that of the file ELSHI_CONFIG names", got.DataDir)
	}
}

func TestEveryVariableSetsItsOwnSetting(t *testing.T) {
	c := Default()
	seen := make(map[string]string)
	for _, s := range settingsOf(reflect.ValueOf(&c).Elem(), "") {
		name := variableName(s.key)
		if other, twice := seen[name]; twice {
			t.Errorf("%s and %s are both %s", other, s.key, name)
		}
		seen[name] = s.key
		if fromKubernetes(name) {
			t.Errorf("%s is ignored as one of Kubernetes'", name)
		}
		if s.value.Type() == secretType {
			continue
		}
		// What is there, written as text and read back, must be taken and must change nothing.
		d := &decoder{}
		text := strings.Trim(inline(s.value, yamlText), `"`)
		if isScalarList(s.value.Type()) {
			text = strings.Trim(text, "[]")
		} else if s.value.Kind() == reflect.Slice {
			text = "[]"
		}
		before := inline(s.value, yamlText)
		d.environment(map[string]string{name: text}, &c)
		if len(d.problems) > 0 {
			t.Errorf("%s=%s: %v", name, text, d.problems)
		}
		if after := inline(s.value, yamlText); after != before && text != "[]" {
			t.Errorf("%s=%s changed %s to %s", name, text, before, after)
		}
	}
	if len(seen) < 70 {
		t.Errorf("only %d settings were seen; the walk has lost its way", len(seen))
	}
}

func TestProblemsNameKeyProblemAndRemedy(t *testing.T) {
	// Each line of want is one problem: all of them, and in this order.
	for name, tc := range map[string]struct {
		file    string
		environ []string
		want    []string
	}{
		"unknown keys": {
			file: "servr: {}\nserver: {lissten: x}\ndispatch: {lanes: {email: {hurry: 1}}}\nproviders: [{id: inbox-email, host: x}]\n" +
				"senders: []",
			want: []string{
				"servr: is not a setting (line 1); did you mean server?",
				"server.lissten: is not a setting (line 2); did you mean listen?",
				"dispatch.lanes.email.hurry: is not a setting (line 3); docs/configuration.md lists all",
				"providers[0].host: is not a setting (line 4); docs/configuration.md lists all",
				"providers[0].channel: must be email or sms",
				"providers[0].driver: must be inbox, smtp, http_sms, mobizon or kannel",
			},
		},
		"unknown variable": {
			environ: []string{"ELSHI_SERVERLISTEN=x"},
			want:    []string{"ELSHI_SERVERLISTEN: is not a setting; docs/configuration.md lists all"},
		},
		"wrong kinds of value": {
			file: "server: {shutdown_timeout: 30, max_body: 5MB, listen: [a]}\nroles: api\ndatabase: {max_connections: many}\n" +
				"metrics: {enabled: yes}\nlog: {level: loud}\nconsent: {holidays: [02-30], quiet_hours: {sms: {from: 9:00, working_days: mo}}}\n" +
				"redis: on\ndata_dir:\nproviders: [{rate_per_second: fast}]\nsenders: []",
			want: []string{
				`server.shutdown_timeout: "30" is not a duration; write a number and a unit such as 100ms, 30s, 5m or 168h`,
				`server.max_body: "5MB" is not a size; write 512KiB, 5MiB or a number of bytes`,
				`server.listen: has no single value; write one value, "" for an empty text, or leave the key out`,
				`roles: is not a list; write [a, b] or one - item a line`,
				`database.max_connections: "many" is not a whole number`,
				`metrics.enabled: "yes" is neither true nor false`,
				`log.level: slog: level string "loud": unknown name`,
				`consent.holidays[0]: "02-30" is not a day; write YYYY-MM-DD, or MM-DD for every year`,
				`consent.quiet_hours.sms.from: "9:00" is not a time of day; write HH:MM, 00:00 to 24:00`,
				`consent.quiet_hours.sms.working_days: "mo" is neither true nor false`,
				`redis: is not a group of keys; write key: value lines below it`,
				`data_dir: has no single value; write one value, "" for an empty text, or leave the key out`,
				`providers[0].rate_per_second: "fast" is not a number`,
				`providers[0].id: must be 1 to 40 of a-z, 0-9 and -`,
				`providers[0].channel: must be email or sms`,
				`providers[0].driver: must be inbox, smtp, http_sms, mobizon or kannel`,
			},
		},
		"a key twice": {
			file: "data_dir: a\ndata_dir: b\n",
			want: []string{"data_dir: stands twice (line 2); keep one"},
		},
		"two documents": {
			file: "data_dir: a\n---\ndata_dir: b\n",
			want: []string{"settings file: has more than one YAML document; write one"},
		},
		"roles that SQLite and the in-process Redis cannot split": {
			file: "roles: [api, worker, api, clerk]",
			want: []string{
				"roles: api stands twice; keep one",
				`roles: "clerk" is not a role; use api, worker, feeder`,
				"roles: SQLite is one process's: two would not see each other's locks; " +
					"run api, worker and feeder together, or set database.url to a postgres:// URL",
				"roles: the in-process Redis cannot be reached by another process; run api, worker and feeder together, or set redis.url",
			},
		},
		"PostgreSQL without keys, and the default providers need the inbox": {
			environ: []string{"ELSHI_DATABASE_URL=postgres://a:b@127.0.0.1/c"},
			want: []string{
				"secrets.link_key: " + keyMissing, "secrets.payload_key: " + keyMissing,
				"secrets.commitment_key: " + keyMissing, "secrets.verp_key: " + keyMissing, "secrets.signing_key: " + keyMissing,
				"providers[0].driver: inbox needs the inbox, which is off; set inbox.mode to always, or configure a provider that delivers",
				"providers[1].driver: inbox needs the inbox, which is off; set inbox.mode to always, or configure a provider that delivers",
			},
		},
		"plain http that leaves the machine": {
			file: "server: {public_url: http://elshi.example.org}\norg: {url: 'https://u:p@example.org/'}",
			want: []string{
				"server.public_url: must be https: only a loopback address may be plain http",
				"org.url: must have no user, query or fragment; credentials never go into a URL",
			},
		},
		"stores": {
			file: "database: {url: mysql://x/y, max_connections: 1}\nredis: {url: http://x, sentinel: {master: m}}\ninbox: {mode: always}\n" +
				"secrets: {link_key: short, payload_key: " + testKey + ", commitment_key: " + testKey + ", verp_key: " + testKey + ", signing_key: " + testKey + "}",
			want: []string{
				"database.url: is not a URL that begins with postgres:// or postgresql://",
				"database.max_connections: must be between 2 and 1000, not 1",
				"redis.url: is not a URL that begins with redis:// or rediss:// or unix://",
				"redis.sentinel: master and addresses belong together; set both or neither",
				"redis.sentinel: is set beside redis.url; keep one",
				"secrets.link_key: want 32 bytes as base64 or hex, for example from: openssl rand -base64 32",
			},
		},
		"organisation": {
			file: "languages: [kk, uz, russian, kk]\norg: {bin: '12'}\ntime_zone: Astana\ndefault_region: kz",
			want: []string{
				"org.name: has no name in uz; give one for each of languages",
				`languages: "russian" is not a BCP 47 tag; write for example kk`,
				"org.name: has no name in russian; give one for each of languages",
				"languages: kk stands twice; keep one",
				"org.bin: must be 12 digits",
				`time_zone: "Astana" is not in the IANA database; write for example Asia/Almaty`,
				"default_region: must be two capital letters (ISO 3166-1), for example KZ",
			},
		},
		"providers and senders": {
			file: `
providers:
  - {id: relay, channel: email, driver: smtp, smtp: {host: relay.example.org, tls: none, password: p, auth: plain, port: 0, data_timeout: 61s}}
  - {id: relay, channel: email, driver: kannel, gateway: {url: http://127.0.0.1:13013/cgi-bin/sendsms}}
  - {id: Sms, channel: sms, driver: mobizon, smtp: {host: x}, gateway: {callback_token: short}}
senders:
  - {id: a, channel: email, provider: nobody, from: "News <news@example.org>"}
  - {id: a, channel: sms, provider: relay, from: "Өрлеу", reply_to: a@example.org, default: true, classes: [urgent]}
`,
			want: []string{
				"providers[0].smtp.port: must be between 1 and 65535, not 0",
				"providers[0].smtp.tls: none would send the password in the clear; use starttls or implicit",
				"providers[0].smtp.username: is needed for auth: plain",
				"providers[0].smtp.username: is needed beside a password",
				"providers[0].smtp.data_timeout: must be longer than 0s and at most dispatch.socket_timeout",
				"providers[1].id: stands twice; each provider needs an id of its own",
				"providers[1].driver: kannel carries SMS; set channel to sms",
				"providers[1].gateway: the driver kannel needs username and password",
				"providers[2].id: must be 1 to 40 of a-z, 0-9 and -",
				"providers[2].gateway.api_key: is needed for the driver mobizon",
				"providers[2].gateway.callback_token: must have at least 20 characters, so that nobody guesses it",
				"providers[2].smtp: is for the driver smtp; take it out",
				"senders[0].provider: names no provider of this file; use the id of one",
				"senders[0].from: must be a bare email address such as news@example.org",
				"senders[1].id: stands twice; each sender needs an id of its own",
				"senders[1].provider: relay carries email, not sms; name a provider of the same channel",
				"senders[1].from: must be a name of 1 to 11 Latin letters, digits, space, - . or _, or a number such as +77001234567",
				"senders[1].reply_to: is for email; nobody can reply to an SMS sender name",
				`senders[1].classes: "urgent" is not a class`,
				"senders: 0 senders of channel email have default: true; exactly one must",
			},
		},
		"a street that could not move": {
			file: "dispatch: {lanes: {sms: {bulk: 0}}, claim_size: 600, lease_margin: 60s, ring_timeout: 500ms, retry_delays: [], " +
				"not_after: {security: 11m}, withdraw_wait: 6s, give_up: {legal: 0s}}",
			want: []string{
				"dispatch.lanes.sms.bulk: must be between 1 and 256, not 0",
				"dispatch.claim_size: must be between 1 and 500, not 600",
				"dispatch.lease_margin: must be longer than 0s and shorter than dispatch.lease, or no message could ever be sent",
				"dispatch.ring_timeout: must be at least dispatch.feeder_tick, or everything is rung for twice",
				"dispatch.settle_every: must be shorter than the lease less its margin",
				"dispatch.retry_delays: is empty; write at least one, for example [1m, 5m]",
				"dispatch.give_up.legal: must be longer than 0s, for example 5s",
				"dispatch.not_after.security: must be at most 10m",
				"dispatch.withdraw_wait: must be between 0s and 5s",
			},
		},
		"mail that could not come back": {
			file: "inbound: {listen: '25', hostname: mx}",
			want: []string{
				`inbound.listen: "25" is not host:port; write for example 127.0.0.1:8080`,
				"inbound.listen: is set, and bounce addresses would end in 127.0.0.1, which no mail comes to; set email.bounce_domain",
				`inbound.hostname: "mx" is not a domain; write for example bounces.example.org`,
			},
		},
		"hours of classes": {
			file: "consent: {quiet_hours: {own: [{class: breach, channel: email}, {class: legal, channel: fax, from: '09:00', until: '09:00'}, {class: legal, channel: fax}]}}",
			want: []string{
				"consent.quiet_hours.own[0].class: must be marketing, service, transactional or legal",
				"consent.quiet_hours.own[1]: from must be before until; a window may not cross midnight",
				"consent.quiet_hours.own[1].channel: must be email or sms",
				"consent.quiet_hours.own[2].channel: must be email or sms",
				"consent.quiet_hours.own[2]: has the class and channel of an earlier one",
			},
		},
		"hours that never open": {
			file: "consent: {quiet_hours: {sms: {from: '21:00', until: '09:00'}}, moved_working_days: [03-21], cap: {sms: -1}}",
			want: []string{
				"consent.cap.sms: must be between 1 and 1000, not -1",
				"consent.quiet_hours.sms: from must be before until; a window may not cross midnight",
				"consent.moved_working_days: 03-21 has no year; write YYYY-MM-DD",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := ""
			if tc.file != "" {
				path = write(t, tc.file)
			}
			_, err := Load(path, tc.environ)
			if diff := cmp.Diff(tc.want, problemLines(t, err)); diff != "" {
				t.Errorf("Load(%s, %v) problems mismatch (-want +got):\n%s", tc.file, tc.environ, diff)
			}
		})
	}
}

const (
	testKey    = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	keyMissing = "is empty, and only the embedded database generates it; " +
		"set it to 32 random bytes, the same for every process: openssl rand -base64 32"
)

func TestUnreadableFileIsAProblem(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil)
	got := problemLines(t, err)
	if len(got) != 1 || !strings.Contains(got[0], "no such file") {
		t.Errorf("problems = %q, want one that says the file does not exist", got)
	}
	if _, err := Load(write(t, ""), nil); err != nil {
		t.Errorf("an empty file: %v, want no error", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("server: {listen: ':0'}\nproviders: [{id: a}]\norg: {name: {kk: x}}\n"))
	f.Add([]byte("a: &a [*a]\nroles: *a"))
	f.Add([]byte("{? [a]: b, <<: {data_dir: x}}"))
	f.Add([]byte(relaySample))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := Default()
		d := &decoder{}
		d.file(data, &c)
		problems := append(d.problems, c.check()...)
		for _, p := range problems {
			if p.Key == "" || p.Detail == "" {
				t.Errorf("problem %+v does not say where or what", p)
			}
		}
	})
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "elshi.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func problemLines(t *testing.T, err error) []string {
	t.Helper()
	problems, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error = %v, want an *Error", err)
	}
	var out []string
	for _, p := range problems.Problems {
		out = append(out, p.Key+": "+p.Detail)
	}
	return out
}

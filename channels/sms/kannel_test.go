package sms_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

const callbackToken = "kannel-callback-token-1"

// TestThroughKannel sends through a real Kannel to an SMSC simulator behind it, and reads what comes back.
func TestThroughKannel(t *testing.T) {
	var gateway *sms.Gateway
	callbacks := &callbackLog{parse: func(r *http.Request) (sms.Callback, error) {
		return gateway.ParseCallback(r, path.Base(r.URL.Path))
	}}
	server := httptest.NewServer(callbacks)
	t.Cleanup(server.Close)
	callbackURL := server.URL + "/callbacks/kannel/" + callbackToken

	smsc := testkit.StartSMSC(t)
	base := testkit.StartKannel(t, smsc, callbackURL)
	settings := sms.Settings{
		BaseURL: base, CallbackURL: callbackURL, Verify: sms.Verify{Token: callbackToken},
		Secrets: map[string]sms.Secret{"username": testkit.KannelUser, "password": testkit.KannelPassword},
	}
	gateway, err := sms.NewGateway(sms.Kannel(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Close() })

	long := strings.Repeat("Құрметті әріптес, ғылыми кеңес өтеді. ", 5)
	for _, tc := range []struct {
		name, text string
		coding     int
	}{
		{"Kazakh goes as UCS-2", "Құрметті әріптес! Саясат өзгерді: https://o.kz/p/3 (ә ғ қ ң ө ұ ү һ і) 😀", 8},
		{"Latin goes as GSM-7", "Hello [100 €] @ Orleu!", 0},
		{"spaces and line breaks stay", " Orleu:\n code 123456 ", 0},
		{"braces and percent signs stay", "{to} %d %F 100% {secret.password}", 0},
		{"a long text is joined again", long, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
			receipt := send(t, gateway, id, "+77012345678", tc.text)
			if receipt.Outcome != channels.Accepted || receipt.ProviderRef != string(id) {
				t.Fatalf("receipt is %+v (%v), want accepted with our own id as reference", receipt, receipt.Err)
			}
			parts := texts(t, smsc, sms.Count(tc.text).Segments)
			got := ""
			for _, p := range parts {
				got += p.Text
				if p.From != "ORLEU" || p.To != "77012345678" || p.TON != 1 || p.Coding != tc.coding {
					t.Errorf("the SMSC got %+v, want ORLEU to international 77012345678 in coding %d", p, tc.coding)
				}
			}
			if diff := cmp.Diff(tc.text, got); diff != "" {
				t.Errorf("the SMSC's text mismatch (-want +got):\n%s", diff)
			}
			callbacks.waitFor(t, string(id), channels.ReportDelivered)
		})
	}

	t.Run("a failed receipt is undelivered", func(t *testing.T) {
		id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
		send(t, gateway, id, "+77012340000", "Сәлем")
		texts(t, smsc, 1)
		report := callbacks.waitFor(t, string(id), channels.ReportFailed)
		if report.Err == nil || report.Err.Cause != channels.Undelivered {
			t.Errorf("report has error %v, want undelivered", report.Err)
		}
	})

	for i, text := range []string{"Тоқтату!", "STOP @ é_"} {
		t.Run("a text that somebody sends arrives: "+text, func(t *testing.T) {
			smsc.Say(t, "77012345678", "1414", text)
			got := callbacks.waitForText(t, i)
			if from := strings.TrimPrefix(got.From.Reveal(), "+"); from != "77012345678" || got.To != "1414" || got.Text != text || got.EventID == "" {
				t.Errorf("text is from %q to %q: %q (%s), want 77012345678 to 1414: %q", from, got.To, got.Text, got.EventID, text)
			}
		})
	}

	t.Run("a wrong password is our account's fault", func(t *testing.T) {
		settings := settings
		settings.Secrets = map[string]sms.Secret{"username": "elshi", "password": "wrong-secret"}
		stranger, err := sms.NewGateway(sms.Kannel(), settings)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stranger.Close() })
		receipt := send(t, stranger, "msg_x", "+77012345678", "Hello")
		if receipt.Outcome != channels.Refused || receipt.Err.Cause != channels.ProviderRefusedUs {
			t.Errorf("receipt is %+v (%v), want refused with provider_refused_us", receipt, receipt.Err)
		}
	})
}

func send(t *testing.T, g *sms.Gateway, id vocab.MessageID, to vocab.Address, text string) channels.Receipt {
	t.Helper()
	var got channels.Receipt
	g.Send(t.Context(), []channels.Message{{
		ID: id, Attempt: 1, Until: time.Now().Add(time.Minute), To: to, SMS: &channels.SMS{From: "ORLEU", Text: text},
	}}, func(r channels.Receipt) { got = r })
	return got
}

// callbackLog is where Kannel calls back.
type callbackLog struct {
	parse func(*http.Request) (sms.Callback, error)

	mu  sync.Mutex
	all sms.Callback
	err error
}

func (c *callbackLog) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	got, err := c.parse(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.err = err
	}
	c.all.Reports = append(c.all.Reports, got.Reports...)
	c.all.Texts = append(c.all.Texts, got.Texts...)
}

func (c *callbackLog) waitFor(t *testing.T, ref string, status channels.ReportStatus) channels.Report {
	t.Helper()
	var found channels.Report
	testkit.Eventually(t, 20*time.Second, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, r := range c.all.Reports {
			if r.ProviderRef == ref && r.Status == status {
				found = r
				return nil
			}
		}
		return errors.Join(fmt.Errorf("no %s report for %s among %+v", status, ref, c.all.Reports), c.err)
	})
	return found
}

func (c *callbackLog) waitForText(t *testing.T, n int) sms.InboundText {
	t.Helper()
	var found sms.InboundText
	testkit.Eventually(t, 20*time.Second, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.all.Texts) <= n {
			return errors.Join(fmt.Errorf("%d texts, want %d", len(c.all.Texts), n+1), c.err)
		}
		found = c.all.Texts[n]
		return nil
	})
	return found
}

// texts returns the parts of the next text.
func texts(t *testing.T, smsc *testkit.SMSC, n int) []testkit.SMSCEvent {
	t.Helper()
	parts := make([]testkit.SMSCEvent, n)
	for i := range parts {
		parts[i] = smsc.Next(t, "text")
		if parts[i].Concatenated != (n > 1) {
			t.Errorf("part %d of %d: concatenated is %v", i+1, n, parts[i].Concatenated)
		}
	}
	return parts
}

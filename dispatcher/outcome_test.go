package dispatcher

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

func TestEveryCauseHasOneRule(t *testing.T) {
	rows := map[channels.Cause]int{}
	for _, r := range Rules() {
		rows[r.Cause]++
		if r.Why == "" {
			t.Errorf("the rule of %s has no reason", r.Cause)
		}
		if r.End.Waits() || r.End == Sending {
			t.Errorf("the rule of %s ends as %s, which is no end", r.Cause, r.End)
		}
		if _, known := retryWords[r.Retry]; !known {
			t.Errorf("the rule of %s is tried again %q, which the page has no words for", r.Cause, r.Retry)
		}
		if _, known := streamWords[r.Stream]; !known {
			t.Errorf("the rule of %s does %q to the stream, which the page has no words for", r.Cause, r.Stream)
		}
	}
	want := map[channels.Cause]int{}
	for _, cause := range channels.Causes() {
		want[cause] = 1
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows of the outcome table (-want +got):\n%s", diff)
	}
}

func TestAcceptedIsSent(t *testing.T) {
	schedule := defaultSchedule()
	p := situations[0].permit(vocab.Security, vocab.SMS, schedule)
	p.Message.ContentHash = "hash"
	got := schedule.settle(p, channels.Receipt{
		MessageID: p.Message.ID, Attempt: 1, Outcome: channels.Accepted, ProviderRef: "ref", Reply: "250 ok", At: noon,
	})
	want := Settlement{
		MessageID: p.Message.ID, AddressID: "adr_1", Channel: vocab.SMS, Attempt: 1, Provider: "relay", Next: Sent, At: noon,
		OpenedAt:    noon.Add(-time.Second),
		FinalizedAt: noon.Add(72 * time.Hour), Outcome: channels.Accepted, ProviderRef: "ref", ContentHash: "hash", Wipe: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settle mismatch (-want +got):\n%s", diff)
	}
}

// A channel that breaks its contract is not believed.
func TestWhatIsNotSaidIsDoubt(t *testing.T) {
	schedule := defaultSchedule()
	for name, receipt := range map[string]channels.Receipt{
		"no outcome":                  {Err: &channels.Error{Cause: channels.NoSuchMailbox}},
		"an outcome nobody knows":     {Outcome: "maybe", Err: &channels.Error{Cause: channels.Stopped}},
		"refused, without an error":   {Outcome: channels.Refused},
		"refused, of no known cause":  {Outcome: channels.Refused, Err: &channels.Error{Cause: "invented"}},
		"in doubt, of another cause":  {Outcome: channels.InDoubt, Err: &channels.Error{Cause: channels.PolicyRefused}},
		"not handed over, but silent": {Outcome: channels.NotHandedOver},
	} {
		t.Run(name, func(t *testing.T) {
			receipt.At = noon
			got := schedule.settle(situations[0].permit(vocab.Marketing, vocab.Email, schedule), receipt)
			if got.Next != Unknown || got.Suppress != SuppressNever || got.Pause != "" {
				t.Errorf("marketing: %s, address %q, pause %q; want unknown and nothing else", got.Next, got.Suppress, got.Pause)
			}
			got = schedule.settle(situations[0].permit(vocab.Legal, vocab.Email, schedule), receipt)
			if got.Next != Deferred || !got.PossibleDup {
				t.Errorf("legal: %s, possible duplicate %t; want deferred and marked", got.Next, got.PossibleDup)
			}
		})
	}
}

func TestProviderAsksForALongerWait(t *testing.T) {
	schedule := defaultSchedule()
	fails := func(class vocab.Class, asked time.Duration) Settlement {
		return schedule.settle(situations[0].permit(class, vocab.Email, schedule), channels.Receipt{
			Outcome: channels.Refused, At: noon, Err: &channels.Error{Cause: channels.RateLimited, Code: 450, RetryAfter: asked},
		})
	}
	if got := fails(vocab.Legal, 3*time.Hour); got.Next != Deferred || !got.DueAt.Equal(noon.Add(3*time.Hour)) {
		t.Errorf("asked for 3 h: %s at %v", got.Next, got.DueAt)
	}
	if got := fails(vocab.Legal, time.Second); !got.DueAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("asked for less than the schedule: due at %v", got.DueAt)
	}
	if got := fails(vocab.Security, 3*time.Hour); got.Next != Failed {
		t.Errorf("a one-time code that the provider wants in 3 h: %s, want failed", got.Next)
	}
}

// anyReceipt draws a message in any state of its attempts and any answer to its newest one.
func anyReceipt(t *rapid.T, schedule Schedule) (Permit, channels.Receipt) {
	class := rapid.SampledFrom(vocab.Classes()).Draw(t, "class")
	m := mail(class)
	m.Channel = rapid.SampledFrom(vocab.Channels()).Draw(t, "channel")
	m.Status = Sending
	m.Attempt = rapid.IntRange(1, 40).Draw(t, "attempt")
	m.Failures = rapid.IntRange(0, m.Attempt-1).Draw(t, "failures")
	m.PossibleDup = rapid.Bool().Draw(t, "possible dup before")
	m.FirstAttemptAt = noon.Add(-time.Duration(rapid.Int64Range(0, int64(2*schedule.GiveUp[class])).Draw(t, "since the first attempt")))
	m.ClaimedAt = m.FirstAttemptAt
	r := channels.Receipt{
		MessageID: m.ID, Attempt: m.Attempt, At: noon,
		Outcome: rapid.SampledFrom([]channels.Outcome{channels.Refused, channels.NotHandedOver, channels.InDoubt, ""}).Draw(t, "outcome"),
		Err: &channels.Error{
			Cause:      rapid.SampledFrom(channels.Causes()).Draw(t, "cause"),
			Code:       rapid.SampledFrom([]int{0, 421, 450, 503, 550}).Draw(t, "code"),
			RetryAfter: time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "asked")),
		},
	}
	return Permit{Message: m}, r
}

func inDoubt(r channels.Receipt) bool {
	return r.Err.Cause == channels.ConnectionLost || r.Outcome != channels.Refused && r.Outcome != channels.NotHandedOver
}

func TestOutcomeProperties(t *testing.T) {
	schedule := defaultSchedule()
	rapid.Check(t, func(t *rapid.T) {
		factor := rapid.Float64Range(0.8, 1.2).Draw(t, "jitter")
		schedule.Jitter = func(d time.Duration) time.Duration { return time.Duration(factor * float64(d)) }
		p, r := anyReceipt(t, schedule)
		m, s := p.Message, schedule.settle(p, r)
		free := r.Outcome == channels.NotHandedOver && (r.Err.Cause == channels.Stopped || r.Err.Cause == channels.LeaseExpired)

		if err := move(&Message{Status: Sending}, s.Next); err != nil {
			t.Fatalf("settled as %s: %v", s.Next, err)
		}
		if atMostOnce(m.Class) && inDoubt(r) && (s.Next.Waits() || s.Next == Sent) {
			t.Fatalf("in doubt, and at most once: %s, want an end", s.Next)
		}
		if !atMostOnce(m.Class) && inDoubt(r) && !s.PossibleDup {
			t.Fatal("in doubt, and at least once: not marked as a possible duplicate")
		}
		if m.PossibleDup && !s.PossibleDup {
			t.Fatal("an attempt took back that an earlier one may have arrived")
		}
		if free && (s.Failure || s.Next != Queued) {
			t.Fatalf("never started: %s, counted %t; want queued and not counted", s.Next, s.Failure)
		}
		if s.Next.Waits() == s.DueAt.IsZero() {
			t.Fatalf("%s, due at %v", s.Next, s.DueAt)
		}
		if s.Next.Waits() != s.FinalizedAt.IsZero() {
			t.Fatalf("%s, finalized at %v", s.Next, s.FinalizedAt)
		}
		if s.Next.Waits() && s.DueAt.Before(s.At) {
			t.Fatalf("the next attempt is due %v before this one ended", s.At.Sub(s.DueAt))
		}
		once := ruleOf(r.Err.Cause).Retry == RetryOnce && !inDoubt(r)
		if limit := m.FirstAttemptAt.Add(schedule.GiveUp[m.Class]); s.Failure && s.DueAt.After(limit) && !once {
			t.Fatalf("tried again at %v, after the class gave up at %v", s.DueAt, limit)
		}
		if once && m.Failures > 0 && s.Next.Waits() {
			t.Fatal("what is tried once more was tried a third time")
		}
		if s.Wipe != (m.Class == vocab.Security && !s.Next.Waits()) {
			t.Fatalf("%s of class %s: wiped %t", s.Next, m.Class, s.Wipe)
		}
		if s.Suppress != SuppressNever && inDoubt(r) {
			t.Fatalf("nobody knows whether it arrived, but the address is suppressed: %s", s.Suppress)
		}
	})
}

func TestDelaysNeverShrinkAndNeverRunOut(t *testing.T) {
	schedule := defaultSchedule()
	want := []time.Duration{
		time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 4 * time.Hour, 4 * time.Hour,
	}
	var got []time.Duration
	for failures := range want {
		got = append(got, schedule.delay(failures, 0))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("delays after failures (-domain +got):\n%s", diff)
	}
}

func TestLateReports(t *testing.T) {
	at := noon
	failed := func(cause channels.Cause) channels.Report {
		return channels.Report{ProviderRef: "ref", EventID: "e1", Status: channels.ReportFailed, At: at, Err: &channels.Error{Cause: cause, Code: 550, Enhanced: "5.1.1", Detail: "words"}}
	}
	tests := map[string]struct {
		channel vocab.Channel
		report  channels.Report
		want    LateReport
		changes bool
	}{
		"arrived": {
			vocab.SMS,
			channels.Report{ProviderRef: "ref", EventID: "e1", Status: channels.ReportDelivered, At: at},
			LateReport{Provider: "p", ProviderRef: "ref", EventID: "e1", Next: Delivered, At: at},
			true,
		},
		"an email that bounced": {
			vocab.Email, failed(channels.NoSuchMailbox), LateReport{
				Provider: "p", ProviderRef: "ref", EventID: "e1", Next: Bounced, At: at, Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1",
				Detail: "words", Suppress: SuppressNow,
			}, true,
		},
		"a text that met a full inbox": {
			vocab.SMS, failed(channels.MailboxFull), LateReport{
				Provider: "p", ProviderRef: "ref", EventID: "e1", Next: Undelivered, At: at, Cause: channels.MailboxFull, Code: 550, Enhanced: "5.1.1",
				Detail: "words", Suppress: SuppressSoft, Points: 1,
			}, true,
		},
		"a text that failed without a reason": {
			vocab.SMS,
			channels.Report{ProviderRef: "ref", Status: channels.ReportFailed, At: at},
			LateReport{Provider: "p", ProviderRef: "ref", Next: Undelivered, At: at, Cause: channels.Undelivered},
			true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, changes := Late(tc.channel, "p", tc.report)
			if diff := cmp.Diff(tc.want, got); diff != "" || changes != tc.changes {
				t.Errorf("Late: changes %t, want %t (-want +got):\n%s", changes, tc.changes, diff)
			}
		})
	}
	for _, status := range []channels.ReportStatus{channels.ReportPending, "", "invented"} {
		if _, changes := Late(vocab.Email, "p", channels.Report{Status: status}); changes {
			t.Errorf("a report of status %q changes something", status)
		}
	}
}

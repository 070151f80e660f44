package dispatcher

import (
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

func TestSuppressMet(t *testing.T) {
	const day = 24 * time.Hour
	// history returns bounces of one cause, each of a message of its own, at these ages before noon.
	history := func(cause channels.Cause, points int, ages ...time.Duration) []Bounce {
		var all []Bounce
		for i, age := range ages {
			all = append(all, Bounce{Message: vocab.MessageID("msg_" + string(rune('a'+i))), Cause: cause, Points: points, At: noon.Add(-age)})
		}
		return all
	}
	sameMessage := func(all []Bounce) []Bounce {
		for i := range all {
			all[i].Message = "msg_one"
		}
		return all
	}
	tests := map[string]struct {
		rule    Suppress
		cause   channels.Cause
		history []Bounce
		want    bool
	}{
		"never": {SuppressNever, channels.Temporary, history(channels.Temporary, 9, 0, day, day), false},
		"at once": {
			SuppressNow, channels.NoSuchMailbox, history(channels.NoSuchMailbox, 0, 0), true,
		},
		"four full mailboxes": {
			SuppressSoft, channels.MailboxFull, history(channels.MailboxFull, 1, 0, day, 2*day, 3*day), false,
		},
		"five full mailboxes in a fortnight": {
			SuppressSoft, channels.MailboxFull, history(channels.MailboxFull, 1, 0, day, 2*day, 3*day, 13*day), true,
		},
		"five full mailboxes, the first a fortnight ago": {
			SuppressSoft, channels.MailboxFull, history(channels.MailboxFull, 1, 0, day, 2*day, 3*day, 14*day), false,
		},
		"one message that meets a full mailbox on five attempts": {
			SuppressSoft, channels.MailboxFull, sameMessage(history(channels.MailboxFull, 1, 0, time.Hour, 2*time.Hour, 3*time.Hour, 4*time.Hour)), false,
		},
		"two refusals without a reason": {
			SuppressSoft, channels.Permanent, history(channels.Permanent, 2, 0, day), false,
		},
		"three refusals without a reason": {
			SuppressSoft, channels.Permanent, history(channels.Permanent, 2, 0, day, 13*day), true,
		},
		"two refusals and a full mailbox": {
			SuppressSoft, channels.MailboxFull, append(history(channels.MailboxFull, 1, 0),
				Bounce{"msg_x", channels.Permanent, 2, noon.Add(-day)}, Bounce{"msg_y", channels.Permanent, 2, noon.Add(-2 * day)}), true,
		},
		"a message that was full and then refused counts by the worse": {
			SuppressSoft, channels.Permanent, append(sameMessage(append(history(channels.MailboxFull, 1, time.Hour), history(channels.Permanent, 2, 0)...)),
				Bounce{"msg_x", channels.Permanent, 2, noon.Add(-day)}), false,
		},
		"no such domain, once": {
			SuppressTwice, channels.NoSuchDomain, history(channels.NoSuchDomain, 0, 0), false,
		},
		"no such domain, twice within a day": {
			SuppressTwice, channels.NoSuchDomain, history(channels.NoSuchDomain, 0, 0, day-time.Second), false,
		},
		"no such domain, twice a day apart": {
			SuppressTwice, channels.NoSuchDomain, history(channels.NoSuchDomain, 0, 0, day), true,
		},
		"no such domain now, something else yesterday": {
			SuppressTwice, channels.NoSuchDomain, append(history(channels.NoSuchDomain, 0, 0), history(channels.Temporary, 0, 2*day)...), false,
		},
		"disabled twice, 71 hours apart": {
			SuppressTwice3, channels.MailboxDisabled, history(channels.MailboxDisabled, 0, 0, 71*time.Hour), false,
		},
		"disabled twice, 72 hours apart": {
			SuppressTwice3, channels.MailboxDisabled, history(channels.MailboxDisabled, 0, 0, 72*time.Hour), true,
		},
		"a rule that does not exist": {"invented", channels.NoSuchMailbox, history(channels.NoSuchMailbox, 9, 0, 99*day), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.rule.Met(tc.cause, tc.history, noon); got != tc.want {
				t.Errorf("%q.Met(%s, %+v) = %t, want %t", tc.rule, tc.cause, tc.history, got, tc.want)
			}
		})
	}
}

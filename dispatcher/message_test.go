package dispatcher

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/vocab"
)

// life is the table of the domain: how a message may go on.
var life = map[Status][]Status{
	Scheduled:   {Sending, Held, Suppressed, Expired, Canceled},
	Queued:      {Sending, Held, Suppressed, Expired, Canceled},
	Held:        {Sending, Held, Suppressed, Expired, Canceled},
	Deferred:    {Sending, Held, Suppressed, Expired, Canceled},
	Sending:     {Sent, Bounced, Undelivered, Failed, Deferred, Queued, Unknown},
	Sent:        {Delivered, Bounced, Undelivered},
	Unknown:     {Sent, Delivered, Bounced, Undelivered, Queued},
	Delivered:   {Bounced, Undelivered},
	Bounced:     nil,
	Undelivered: nil,
	Failed:      nil,
	Suppressed:  nil,
	Expired:     nil,
	Canceled:    nil,
}

func TestTransitionsAreThoseOfTheDomain(t *testing.T) {
	if diff := cmp.Diff(life, transitions); diff != "" {
		t.Errorf("transitions mismatch (-domain +code):\n%s", diff)
	}
	if len(Statuses()) != len(transitions) {
		t.Errorf("Statuses() lists %d of %d statuses", len(Statuses()), len(transitions))
	}
	for _, s := range Statuses() {
		if _, known := transitions[s]; !known {
			t.Errorf("Statuses() lists %s, which has no transitions", s)
		}
	}
}

const stateMachinePage = "../docs/state-machine.md"

func TestStateMachinePageIsCurrent(t *testing.T) {
	page, err := os.ReadFile(stateMachinePage)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Transitions\n")
	if !found {
		t.Fatal("the page has no section Transitions")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	table, drawn := map[string][]string{}, map[string][]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([a-z()]+) \| ([a-z, –]+) \|$`).FindAllStringSubmatch(section, -1) {
		if row[1] == "from" {
			continue
		}
		table[row[1]] = nil
		for to := range strings.SplitSeq(row[2], ", ") {
			if to != "–" {
				table[row[1]] = append(table[row[1]], to)
			}
		}
	}
	for _, arrow := range regexp.MustCompile(`(?m)^ +(\S+) --> (\S+)$`).FindAllStringSubmatch(section, -1) {
		from := strings.Replace(arrow[1], "[*]", "(intake)", 1)
		drawn[from] = append(drawn[from], arrow[2])
	}
	want := map[string][]string{"(intake)": {"scheduled", "queued", "held", "suppressed"}}
	for from, next := range transitions {
		want[string(from)] = nil
		for _, to := range next {
			want[string(from)] = append(want[string(from)], string(to))
		}
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("table of %s mismatch (-code +page):\n%s", stateMachinePage, diff)
	}
	for from, next := range want {
		if len(next) == 0 {
			delete(want, from) // an end has no arrow
		}
	}
	if diff := cmp.Diff(want, drawn); diff != "" {
		t.Errorf("drawing of %s mismatch (-code +page):\n%s", stateMachinePage, diff)
	}
}

func TestBeforeIsNextReadBackwards(t *testing.T) {
	for _, from := range Statuses() {
		for _, to := range Statuses() {
			next, before := slices.Contains(from.Next(), to), slices.Contains(to.Before(), from)
			if next != before {
				t.Errorf("%s → %s: Next says %t, Before says %t", from, to, next, before)
			}
			m := Message{Status: from}
			err := move(&m, to)
			if (err == nil) != next {
				t.Errorf("move from %s to %s: %v, though Next says %t", from, to, err, next)
			}
			if want := map[bool]Status{true: to, false: from}[next]; m.Status != want {
				t.Errorf("move from %s to %s left the message %s", from, to, m.Status)
			}
		}
	}
	if got := Sending.Before(); !slices.Equal(got, Waiting()) {
		t.Errorf("messages become sending from %v, want those that wait: %v", got, Waiting())
	}
}

func TestNextIsTheCallersOwn(t *testing.T) {
	Queued.Next()[0] = Delivered
	if got := Queued.Next()[0]; got != Sending {
		t.Errorf("a caller changed what follows queued: %s", got)
	}
}

func TestWhoWaits(t *testing.T) {
	var waits []Status
	for _, s := range Statuses() {
		if s.Waits() {
			waits = append(waits, s)
		}
	}
	if diff := cmp.Diff(Waiting(), waits); diff != "" {
		t.Errorf("Waiting() and Waits() differ:\n%s", diff)
	}
}

func TestGroups(t *testing.T) {
	want := map[Status][2]Group{ // while reports may come, and after
		Scheduled: {GroupPending, GroupPending}, Queued: {GroupPending, GroupPending}, Held: {GroupPending, GroupPending},
		Deferred: {GroupPending, GroupPending}, Sending: {GroupPending, GroupPending}, Sent: {GroupPending, GroupUnconfirmed},
		Delivered: {GroupDelivered, GroupDelivered}, Unknown: {GroupUnconfirmed, GroupUnconfirmed},
		Bounced: {GroupNotDelivered, GroupNotDelivered}, Undelivered: {GroupNotDelivered, GroupNotDelivered},
		Failed: {GroupNotDelivered, GroupNotDelivered}, Expired: {GroupNotDelivered, GroupNotDelivered},
		Suppressed: {GroupNotSent, GroupNotSent}, Canceled: {GroupNotSent, GroupNotSent},
	}
	got := map[Status][2]Group{}
	for _, s := range Statuses() {
		got[s] = [2]Group{s.Group(false), s.Group(true)}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Group mismatch (-want +got):\n%s", diff)
	}
}

func TestGuaranteeAndLaneOfEachClass(t *testing.T) {
	type row struct {
		Once         bool
		Alone, Large vocab.Lane
	}
	want := map[vocab.Class]row{
		vocab.Security:      {false, vocab.Urgent, vocab.Urgent},
		vocab.Breach:        {false, vocab.Urgent, vocab.Urgent},
		vocab.Transactional: {false, vocab.Normal, vocab.Normal},
		vocab.Service:       {false, vocab.Normal, vocab.Normal},
		vocab.Legal:         {false, vocab.Normal, vocab.Bulk},
		vocab.Marketing:     {true, vocab.Bulk, vocab.Bulk},
		"invented":          {true, vocab.Bulk, vocab.Bulk},
	}
	got := map[vocab.Class]row{}
	for _, class := range append(vocab.Classes(), "invented") {
		got[class] = row{atMostOnce(class), laneOf(class, 1), laneOf(class, 100)}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	if lane := laneOf(vocab.Legal, 99); lane != vocab.Normal {
		t.Errorf("99 legal notices travel in %s", lane)
	}
}

package dispatcher

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// This file writes testdata/outcomes.golden and docs/outcomes.md out of the rules.

// outcomeOf is what a channel calls a hand-over that failed for the cause.
func outcomeOf(c channels.Cause) channels.Outcome {
	switch c {
	case channels.ConnectionLost:
		return channels.InDoubt
	case channels.Unreachable, channels.LeaseExpired, channels.Stopped, channels.Unrenderable:
		return channels.NotHandedOver
	case channels.MailboxFull, channels.RateLimited, channels.OurAuthentication, channels.NoSuchMailbox, channels.NoSuchDomain,
		channels.BadSyntax, channels.MailboxDisabled, channels.ContentRefused, channels.PolicyRefused, channels.Temporary,
		channels.Permanent, channels.ProviderRefusedUs, channels.Undelivered:
		return channels.Refused
	}
	return ""
}

// situation is a point in the life of a message at which an attempt fails.
type situation struct {
	name string
	late bool // earlier failures, and so late that another try would come after the class gives up
	code int
}

var situations = []situation{{"first 4xx", false, 450}, {"first 5xx", false, 550}, {"late 4xx", true, 450}, {"late 5xx", true, 550}}

// permit is an open attempt of a message of the class in the situation; the attempt ends at noon.
func (s situation) permit(class vocab.Class, channel vocab.Channel, schedule Schedule) Permit {
	m := mail(class)
	m.Channel, m.Status, m.Attempt, m.ClaimedAt, m.FirstAttemptAt = channel, Sending, 1, noon.Add(-time.Second), noon.Add(-time.Second)
	if s.late {
		m.Attempt, m.Failures, m.FirstAttemptAt = 9, 8, noon.Add(-schedule.GiveUp[class])
	}
	return Permit{Message: m}
}

// settled is what becomes of an attempt that fails for the cause.
func settled(s situation, cause channels.Cause, class vocab.Class, channel vocab.Channel) Settlement {
	schedule := defaultSchedule()
	p := s.permit(class, channel, schedule)
	return schedule.settle(p, channels.Receipt{
		MessageID: p.Message.ID, Attempt: p.Message.Attempt, Outcome: outcomeOf(cause), Err: &channels.Error{Cause: cause, Code: s.code}, At: noon,
	})
}

// brief is a settlement in a few words.
func brief(s Settlement) string {
	text := string(s.Next)
	if s.Next.Waits() {
		text += " in " + short(s.DueAt.Sub(s.At))
		if s.Failure {
			text += ", counted"
		}
	}
	if s.PossibleDup {
		text += ", possible duplicate"
	}
	return text
}

func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func TestOutcomesAreAsTheyWere(t *testing.T) {
	var b strings.Builder
	b.WriteString("# cause · class · situation → status and delay · what it does to the address · pause of the provider\n")
	for _, cause := range channels.Causes() {
		for _, class := range vocab.Classes() {
			for _, s := range situations {
				x := settled(s, cause, class, vocab.Email)
				suppress := "keep"
				if x.Suppress != SuppressNever {
					suppress = string(x.Suppress)
				}
				if x.Points > 0 {
					suppress += fmt.Sprintf(" +%d", x.Points)
				}
				pause := "run"
				if x.Pause != "" {
					pause = "pause"
				}
				fmt.Fprintf(&b, "%-20s %-14s %-10s %-46s %-8s %s\n", cause, class, s.name, brief(x), suppress, pause)
			}
		}
	}
	golden(t, "testdata/outcomes.golden", b.String())
}

// By SMS everything is the same, but for the word for a message that did not arrive.
func TestSMSDiffersByOneWord(t *testing.T) {
	for _, cause := range channels.Causes() {
		for _, class := range vocab.Classes() {
			for _, s := range situations {
				want, got := settled(s, cause, class, vocab.Email), settled(s, cause, class, vocab.SMS)
				if want.Next == Bounced {
					want.Next = Undelivered
				}
				want.MessageID, want.Channel = got.MessageID, vocab.SMS
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s, %s: SMS differs from email (-email +sms):\n%s", cause, class, s.name, diff)
				}
			}
		}
	}
}

func TestOutcomesPageIsCurrent(t *testing.T) {
	golden(t, "../docs/outcomes.md", outcomesPage(causeComments(t)))
}

func outcomesPage(said map[channels.Cause]string) string {
	var b strings.Builder
	b.WriteString(`# What a failure means

Written by a test out of ` + "`dispatcher/outcome.go`" + `; do not edit it here, change the rules and run ` + "`go test ./dispatcher -update`" + `.

A channel says what happened to a message (its outcome and a cause). What that means for the message, its address and its provider is decided by cause
and class in one table. The times are those of the default settings, without the ±20 % by which retries are spread.

## Causes

| cause | what happened | tried again | else | the address | the provider | why |
|---|---|---|---|---|---|---|
`)
	for _, cause := range channels.Causes() {
		r := ruleOf(cause)
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` | %s | %s | %s |\n", cause, said[cause], retryWords[r.Retry], r.End, addressWords(r), streamWords[r.Stream], r.Why)
	}
	b.WriteString(`
` + "`bounced` is the word for email; an SMS is `undelivered`." + ` An answer in doubt is treated as ` + "`connection_lost`" + ` whatever its cause.

Soft-bounce points count for ` + short(SoftWindow) + ` (14 days), and an address is suppressed at ` + fmt.Sprint(SoftThreshold) + `; a message counts once, by its worst attempt.

## Classes

| class | guarantee | gives up after its first attempt |
|---|---|---|
`)
	schedule := defaultSchedule()
	for _, class := range vocab.Classes() {
		guarantee := "at least once"
		if atMostOnce(class) {
			guarantee = "at most once"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", class, guarantee, short(schedule.GiveUp[class]))
	}
	b.WriteString("\nThe waits between counted failures: ")
	for _, d := range schedule.Delays {
		b.WriteString(short(d) + ", ")
	}
	b.WriteString(`then always the last. A provider that asks for a longer one gets it.

## Cause by class

"First" is the first attempt; "late" is one after which the next would come later than the class is willing to try.

| cause | class | first, 4xx or no code | first, 5xx | late, 4xx or no code | late, 5xx |
|---|---|---|---|---|---|
`)
	for _, cause := range channels.Causes() {
		for _, group := range alike(cause) {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cause, strings.Join(group.classes, ", "), strings.Join(group.cells, " | "))
		}
	}
	return b.String()
}

type likeClasses struct {
	classes, cells []string
}

// alike groups the classes for which a cause means the same.
func alike(cause channels.Cause) []likeClasses {
	var groups []likeClasses
next:
	for _, class := range vocab.Classes() {
		var cells []string
		for _, s := range situations {
			cells = append(cells, brief(settled(s, cause, class, vocab.Email)))
		}
		for i := range groups {
			if cmp.Equal(groups[i].cells, cells) {
				groups[i].classes = append(groups[i].classes, string(class))
				continue next
			}
		}
		groups = append(groups, likeClasses{[]string{string(class)}, cells})
	}
	return groups
}

var retryWords = map[Retry]string{
	RetryNo:       "no",
	RetrySchedule: "by the schedule, counted",
	RetrySoft:     "by the schedule, counted; after a 5xx no",
	RetryOnce:     "once, a day later",
	RetryPause:    "when the provider is resumed, not counted",
	RetryFree:     "at once, not counted",
	RetryDoubt:    "by the class's guarantee",
}

func addressWords(r Rule) string {
	switch r.Suppress {
	case SuppressNever:
		return "stays"
	case SuppressNow:
		return "suppressed at once"
	case SuppressSoft:
		return fmt.Sprintf("soft +%d", r.Points)
	case SuppressTwice, SuppressTwice3:
		return "suppressed on the second, at least " + short(r.Suppress.Apart()) + " apart"
	}
	return ""
}

var streamWords = map[Stream]string{
	StreamKeep:    "goes on",
	StreamBackOff: "rests, when nothing of a claim could be handed over: " + short(firstRest) + ", doubled up to " + short(lastRest),
	StreamHalve:   "goes on at half its rate for a while",
	StreamStop:    "is paused until an operator resumes it",
}

// causeComments reads what each cause stands for where it is declared.
func causeComments(t *testing.T) map[channels.Cause]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../channels/error.go", nil, parser.ParseComments)
	if err != nil {
		if os.IsNotExist(err) {
			t.Fatal("channels/error.go, where causes are declared, is gone")
		}
		t.Fatal(err)
	}
	said := map[channels.Cause]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || spec.Doc == nil {
			return true
		}
		if text, ok := spec.Values[0].(*ast.BasicLit); ok {
			_, about, _ := strings.Cut(strings.Join(strings.Fields(spec.Doc.Text()), " "), ": ")
			said[channels.Cause(strings.Trim(text.Value, `"`))] = strings.TrimSuffix(about, ".")
		}
		return true
	})
	for _, cause := range channels.Causes() {
		if said[cause] == "" {
			t.Errorf("the constant of cause %s has no comment of the form \"Name: what happened.\"", cause)
		}
	}
	return said
}

package evidence

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

func TestEveryTextIsThereInThreeLanguages(t *testing.T) {
	check := func(where string, x text) {
		t.Helper()
		for _, lang := range vocab.Languages() {
			if strings.TrimSpace(x.in(lang)) == "" {
				t.Errorf("%s has no text in %s", where, lang)
			}
		}
	}
	for key, x := range labels {
		check(key, x)
	}
	for key, x := range values {
		check(key, x)
	}
	for key, x := range verdicts {
		check(key, x)
	}
	for key, x := range notes {
		check(key, x)
	}
	for key, x := range hows {
		check(string(key), x)
	}
	for _, s := range dispatcher.Statuses() {
		check(string(s), outcomes[s])
	}
}

func TestEveryValueThatIsShownHasAWord(t *testing.T) {
	var all []string
	add := func(list ...string) { all = append(all, list...) }
	for _, x := range consent.EventKinds() {
		if x != consent.KindPaused && x != consent.KindResumed { // these change no grant
			add(string(x))
		}
	}
	for _, x := range consent.Sources() {
		add(string(x))
	}
	for _, x := range consent.ProofKinds() {
		if x != consent.ProofNone {
			add(string(x))
		}
	}
	for _, x := range vocab.Classes() {
		add(string(x))
	}
	for _, x := range dispatcher.Statuses() {
		add(string(x))
	}
	for _, x := range contacts.SuppressionReasons() {
		add(string(x))
	}
	add(string(consent.Allow), string(consent.Hold), string(consent.Deny), string(consent.BasisGrant), string(consent.BasisRequest),
		string(consent.BasisService), string(consent.BasisObligation), string(consent.None), string(consent.Pending), string(consent.Granted),
		string(consent.Withdrawn), string(consent.Expired), string(consent.Stale), string(consent.Refusal), string(consent.Lapsed),
		string(channels.Accepted), string(channels.Refused), string(channels.NotHandedOver), string(channels.InDoubt),
		string(dispatcher.Live), string(dispatcher.GuestList), string(dispatcher.Test), string(RoleRequest), string(RoleEarlier), string(RoleGround),
		string(RoleLater), string(consent.ActorContact), string(consent.ActorMember), string(consent.ActorAPIKey), string(consent.ActorSystem),
		string(vocab.Email), string(vocab.SMS))
	for _, x := range all {
		if _, known := values[x]; !known {
			t.Errorf("%q has no word", x)
		}
	}
}

// A key that is asked for and is not there would end the program; one that nobody asks for is dead.
func TestEveryLabelIsAskedForAndThere(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	call := regexp.MustCompile(`(?:\bt\(|say\([^,]+, |add\()"([a-z_]+)"`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "sentence.go" {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(source), -1) {
			asked[m[1]] = true
			if _, known := labels[m[1]]; !known {
				t.Errorf("%s asks for %q, which is no text", name, m[1])
			}
		}
	}
	for key := range labels {
		if !asked[key] {
			t.Errorf("nobody asks for %q", key)
		}
	}
	if !slices.Contains(vocab.Languages(), vocab.Kazakh) || len(asked) < 50 {
		t.Errorf("only %d texts are asked for", len(asked))
	}
}

// A one-time code comes by SMS or by email, and evidence must not name the wrong one.
func TestACodeIsNotSaidToHaveComeBySMS(t *testing.T) {
	for _, lang := range vocab.Languages() {
		for _, said := range []string{hows[consent.ProofOneTimeCode].in(lang), wordFor(lang, consent.ProofOneTimeCode)} {
			if said == "" || strings.Contains(said, "SMS") {
				t.Errorf("in %s: %q", lang, said)
			}
		}
	}
}

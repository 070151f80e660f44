package dispatcher

import (
	"strings"
	"testing"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var linkKinds = []LinkKind{LinkUnsubscribe, LinkPreferences, LinkWhy, LinkBounce}

func TestLinks(t *testing.T) {
	l, id := newLinks(), newMessageID()
	token := l.Token(LinkUnsubscribe, id)
	if want := "https://elshi.example/u/" + token; l.URL(LinkUnsubscribe, id) != want {
		t.Errorf("URL = %s, want %s", l.URL(LinkUnsubscribe, id), want)
	}
	if len(token) != 38 || token != l.Token(LinkUnsubscribe, id) {
		t.Errorf("token %q: want 38 characters, the same each time", token)
	}
	if got, err := l.Parse(LinkUnsubscribe, token); got != id || err != nil {
		t.Errorf("Parse = %s, %v, want %s", got, err, id)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	l, id := newLinks(), newMessageID()
	token := l.Token(LinkUnsubscribe, id)
	other := NewLinks("https://elshi.example", []byte("another key here"), []byte("another key there"))
	for _, made := range linkKinds {
		for _, read := range linkKinds {
			if _, err := l.Parse(read, l.Token(made, id)); (err == nil) != (made == read) {
				t.Errorf("a token of kind %s read as %s: %v", made, read, err)
			}
		}
	}
	for name, bad := range map[string]string{
		"empty": "", "cut": token[:37], "longer": token + "A", "padded": token + "=", "a line end inside": token[:10] + "\n" + token[10:],
		"not base 64": strings.Repeat("*", 38), "of another key": other.Token(LinkUnsubscribe, id), "of no message": l.Token(LinkUnsubscribe, "con_1"),
		"all zero": strings.Repeat("A", 38),
	} {
		got, err := l.Parse(LinkUnsubscribe, bad)
		if fault.KindOf(err) != fault.NotFound || got != "" {
			t.Errorf("%s: %q, %v, want not found", name, got, err)
		}
		if err != nil && bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%s: the error repeats what a stranger typed: %v", name, err)
		}
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range token { // every other character; the last one has other spellings of the same bits
		for _, c := range letters {
			changed := token[:i] + string(c) + token[i+1:]
			if _, err := l.Parse(LinkUnsubscribe, changed); changed != token && err == nil {
				t.Errorf("with %c at %d it is still a token", c, i)
			}
		}
	}
}

// The bounce address has a key of its own: whoever learns a token from an envelope cannot unsubscribe anybody.
func TestBounceAddressesHaveTheirOwnKey(t *testing.T) {
	id := newMessageID()
	same := NewLinks("https://elshi.example", []byte("0123456789abcdef"), []byte("changed changed!"))
	if _, err := same.Parse(LinkUnsubscribe, newLinks().Token(LinkUnsubscribe, id)); err != nil {
		t.Errorf("changing the VERP key ended a link: %v", err)
	}
	if _, err := same.Parse(LinkBounce, newLinks().Token(LinkBounce, id)); err == nil {
		t.Error("changing the VERP key ended no bounce address")
	}
}

func FuzzLinkToken(f *testing.F) {
	l := newLinks()
	f.Add("u", l.Token(LinkUnsubscribe, "msg_06gywnjy01xbs0938nkrkaydxw"))
	f.Add("b", l.Token(LinkBounce, "msg_06gywnjy01xbs0938nkrkaydxw"))
	f.Add("", "\n\r=")
	f.Fuzz(func(t *testing.T, kind, token string) {
		id, err := l.Parse(LinkKind(kind), token)
		if err != nil {
			if id != "" {
				t.Fatalf("%q: an error and a message: %s", token, id)
			}
			return
		}
		if _, err := vocab.ParseID(vocab.MessagePrefix, string(id)); err != nil {
			t.Fatalf("%q names %s, which is no message", token, id)
		}
		if again := l.Token(LinkKind(kind), id); again != token {
			t.Fatalf("%q and %q are tokens of one message", token, again)
		}
	})
}

// A token is good for its own kind alone, so no two kinds may be called the same.
func TestLinkKindsAreDistinct(t *testing.T) {
	seen := map[LinkKind]bool{}
	for _, kind := range []LinkKind{
		LinkUnsubscribe, LinkPreferences, LinkWhy, LinkKeep, LinkBounce, LinkReceipt, LinkConfirm, LinkCode, LinkForm, LinkProof,
	} {
		if seen[kind] {
			t.Errorf("two kinds of links are called %q", kind)
		}
		seen[kind] = true
	}
}

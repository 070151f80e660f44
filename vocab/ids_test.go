package vocab_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

var prefixes = []string{
	vocab.MessagePrefix, vocab.ContactPrefix, vocab.AddressPrefix, vocab.ConsentEventPrefix, vocab.TemplateVersionPrefix,
	vocab.SuppressionPrefix, vocab.APIKeyPrefix, vocab.AttachmentPrefix,
	vocab.ConfirmationPrefix, vocab.FormPrefix,
}

// raw draws the 16 bytes of a UUIDv7 that was made at some millisecond (RFC 9562 section 5.7).
func raw(t *rapid.T, name string) ([16]byte, int64) {
	at := rapid.Int64Range(0, 1<<48-1).Draw(t, name+" made at")
	var id [16]byte
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name+" is"))
	for i := range 6 {
		id[i] = byte(at >> (8 * (5 - i)))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id, at
}

func TestIDsSortByTimeAsBytesAndAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.SampledFrom(prefixes).Draw(t, "prefix")
		a, madeA := raw(t, "a")
		b, madeB := raw(t, "b")
		byBytes := bytes.Compare(a[:], b[:])
		if byText := strings.Compare(vocab.FormatID(prefix, a), vocab.FormatID(prefix, b)); byText != byBytes {
			t.Errorf("%x and %x compare %d as bytes and %d as text", a, b, byBytes, byText)
		}
		if madeA < madeB && byBytes >= 0 {
			t.Errorf("%x was made before %x and does not sort before it", a, b)
		}
	})
}

func TestParseIDUndoesFormatID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prefix := rapid.SampledFrom(prefixes).Draw(t, "prefix")
		want := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		id := vocab.FormatID(prefix, want)
		if got, err := vocab.ParseID(prefix, id); err != nil || got != want {
			t.Errorf("ParseID(%q) = %x, %v, want %x", id, got, err, want)
		}
		for _, other := range prefixes {
			if _, err := vocab.ParseID(other, id); (err == nil) != (other == prefix) {
				t.Errorf("ParseID(%q, %q): %v", other, id, err)
			}
		}
	})
}

func TestNewIDsOfOneProcessAscendAndAreUUIDv7(t *testing.T) {
	const makers, each = 8, 500
	made := make([][]string, makers)
	var all sync.WaitGroup
	before := time.Now().UnixMilli()
	for i := range makers {
		all.Go(func() {
			for range each {
				made[i] = append(made[i], vocab.NewID(vocab.MessagePrefix))
			}
		})
	}
	all.Wait()
	after := time.Now().UnixMilli()

	seen := map[string]bool{}
	for _, ids := range made {
		if !slices.IsSorted(ids) {
			t.Error("the ids of one goroutine do not ascend")
		}
		for _, id := range ids {
			if seen[id] {
				t.Errorf("%s was made twice", id)
			}
			seen[id] = true
			b, err := vocab.ParseID(vocab.MessagePrefix, id)
			if err != nil {
				t.Fatal(err)
			}
			u := uuid.UUID(b)
			seconds, nanos := u.Time().UnixTime()
			// The library moves the time of ids forward that are asked for faster than its clock ticks.
			if ms := seconds*1000 + nanos/1e6; u.Version() != 7 || u.Variant() != uuid.RFC4122 || ms < before || ms > after+1000 {
				t.Errorf("%s is %s of version %d, made at %d, want version 7 between %d and %d", id, u, u.Version(), ms, before, after)
			}
		}
	}
}

func TestParseIDRefuses(t *testing.T) {
	const good = "msg_06gywnjy01xbs0938nkrkaydxw"
	if _, err := vocab.ParseID(vocab.MessagePrefix, good); err != nil {
		t.Fatalf("ParseID(%q): %v", good, err)
	}
	for name, id := range map[string]string{
		"nothing":                           "",
		"the prefix alone":                  "msg_",
		"no prefix":                         good[4:],
		"another prefix":                    "con_" + good[4:],
		"a longer prefix":                   "x" + good,
		"one character short":               good[:29],
		"one too many":                      good + "0",
		"capitals":                          strings.ToUpper(good),
		"a letter that is not in it":        good[:29] + "u",
		"a line end inside":                 good[:20] + "\n" + good[21:],
		"a line end behind":                 good + "\n",
		"padding":                           good[:29] + "=",
		"characters of two bytes":           "msg_" + strings.Repeat("ә", 13),
		"what somebody typed on purpose":    "msg_'; DROP TABLE messages; --",
		"an id with a path behind it":       good + "/../contacts",
		"a NUL":                             good[:29] + "\x00",
		"the same bytes, written as a UUID": "019a7b2c-0000-7000-8000-000000000000",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := vocab.ParseID(vocab.MessagePrefix, id)
			if !errors.Is(err, vocab.ErrBadID) {
				t.Fatalf("ParseID(%q): %v, want ErrBadID", id, err)
			}
			if len(id) > 4 && strings.Contains(err.Error(), id) {
				t.Errorf("error %q repeats what was typed", err)
			}
		})
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("msg", "msg_06gywnjy01xbs0938nkrkaydxw")
	f.Add("con", "msg_06gywnjy01xbs0938nkrkaydxw")
	f.Add("", "_zzzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Add("msg", "msg_\r\n")
	f.Fuzz(func(t *testing.T, prefix, id string) {
		raw, err := vocab.ParseID(prefix, id)
		if err != nil {
			if !errors.Is(err, vocab.ErrBadID) || raw != [16]byte{} {
				t.Errorf("ParseID(%q, %q) = %x, %v, want no bytes and ErrBadID", prefix, id, raw, err)
			}
			return
		}
		again := vocab.FormatID(prefix, raw)
		// All but the last character's two spare bits come back.
		if len(again) != len(id) || again[:len(id)-1] != id[:len(id)-1] || again[len(id)-1] > id[len(id)-1] {
			t.Errorf("ParseID took %q, which is written %q", id, again)
		}
	})
}

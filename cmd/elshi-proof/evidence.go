package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// The forms of a message's evidence that this command knows; docs/evidence.md describes them.
const (
	evidenceFormat = "elshi-message-evidence/1"
	evidenceSeal   = "elshi message evidence v1"
)

// maxEvidence bounds a document in bytes: one has some 20,000.
const maxEvidence = 1 << 20

// sealed is the evidence of a message as it is given out.
type sealed struct {
	Evidence json.RawMessage `json:"evidence"`
	Seal     string          `json:"seal"`
}

// evidenceOf is what of the evidence can be checked; the seal is over all of it.
type evidenceOf struct {
	Format  string `json:"format"`
	Message struct {
		ID      vocab.MessageID `json:"id"`
		Purpose vocab.Purpose   `json:"purpose"`
		Channel vocab.Channel   `json:"channel"`
		Topic   vocab.Topic     `json:"topic"`
	} `json:"message"`
	Decision struct {
		Verdict consent.Verdict      `json:"verdict"`
		Basis   consent.BasisKind    `json:"basis"`
		Event   vocab.ConsentEventID `json:"consent_event_id"`
	} `json:"decision"`
	Summary struct {
		Verdict string `json:"verdict"`
		Outcome string `json:"outcome"`
	} `json:"summary"`
	Entries []evidenceEntry `json:"entries"`
	Words   *evidenceWords  `json:"words"`
}

type evidenceEntry struct {
	Role   string              `json:"role"`
	Entry  consent.Entry       `json:"entry"`
	Beside *consent.Beside     `json:"beside"`
	Proof  *consent.EntryProof `json:"proof"`
}

type evidenceWords struct {
	State    string               `json:"state"`
	Event    vocab.ConsentEventID `json:"consent_event_id"`
	Hash     string               `json:"hash"`
	Purpose  vocab.Purpose        `json:"purpose"`
	Channel  vocab.Channel        `json:"channel"`
	Language vocab.Language       `json:"language"`
	BIN      string               `json:"bin"`
	Text     *consent.TextVariant `json:"text"`
}

// isEvidence says whether a document is the evidence of a message, sound or not, and no proof of an entry.
func isEvidence(document []byte) bool {
	var s sealed
	return json.Unmarshal(document, &s) == nil && (s.Evidence != nil || s.Seal != "")
}

// parseEvidence reads the evidence of a message. A second member of the same name is an error, because readers would not agree on which counts.
func parseEvidence(document []byte) (sealed, evidenceOf, error) {
	var s sealed
	var e evidenceOf
	if len(document) > maxEvidence {
		return s, e, errors.New("this is too long for the evidence of a message")
	}
	if err := onceEach(document); err != nil {
		return s, e, err
	}
	var members map[string]json.RawMessage // encoding/json would take "Evidence" for the same
	if err := json.Unmarshal(document, &members); err != nil {
		return s, e, fmt.Errorf("this is no evidence of a message: %w", err)
	}
	if members["evidence"] == nil || members["seal"] == nil || len(members) != 2 {
		return s, e, errors.New("this is no evidence of a message: want the members evidence and seal, and no other")
	}
	s.Evidence = members["evidence"]
	if err := json.Unmarshal(members["seal"], &s.Seal); err != nil {
		return s, e, fmt.Errorf("this is no evidence of a message: %w", err)
	}
	if err := json.Unmarshal(s.Evidence, &e); err != nil {
		return s, e, fmt.Errorf("this is no evidence of a message: %w", err)
	}
	if e.Format != evidenceFormat {
		return s, e, fmt.Errorf("the format is %q, want %q", e.Format, evidenceFormat)
	}
	return s, e, nil
}

// onceEach says by a nil error that no object has two members of one name.
func onceEach(document []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	type level struct {
		names map[string]bool // nil: a list
		value bool            // the next token is the value of a member
	}
	var open []level
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("this is no JSON: %w", err)
		}
		if n := len(open); n > 0 && open[n-1].names != nil {
			at := &open[n-1]
			if name, is := token.(string); is && !at.value {
				if at.names[name] {
					return fmt.Errorf("%q stands twice in one object", name)
				}
				at.names[name], at.value = true, true
				continue
			}
			at.value = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// check says by a nil error that the evidence is what was given out, and that everything in it that can be proved is. It tells out what it found.
func (s sealed) check(e evidenceOf, key *tlog.Verifier, out io.Writer) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, s.Evidence); err != nil {
		return err
	}
	seal, by, err := key.OpenStatement(evidenceSeal, s.Seal)
	switch {
	case err != nil:
		return err
	case seal.Subject != string(e.Message.ID):
		return fmt.Errorf("the seal is about %q and the evidence about %q", seal.Subject, e.Message.ID)
	case seal.Digest != sha256.Sum256(compact.Bytes()):
		return errors.New("the evidence is not what was sealed: something in it was changed")
	}
	say(out, "%s\n%s\n", e.Summary.Verdict, e.Summary.Outcome)
	say(out, "this evidence of %s is what %s gave out at %s\n", e.Message.ID, by, seal.At.Format(time.RFC3339))
	if err := e.checkEntries(key, out); err != nil {
		return err
	}
	return e.checkWords(out)
}

func (e evidenceOf) checkEntries(key *tlog.Verifier, out io.Writer) error {
	grounded := false
	for _, x := range e.Entries {
		if x.Beside != nil {
			if err := x.Beside.Check(x.Entry.Commitment); err != nil {
				return fmt.Errorf("entry %d: %w", x.Entry.Seq, err)
			}
		}
		if x.Proof == nil {
			continue
		}
		if !reflect.DeepEqual(x.Entry, x.Proof.Entry) {
			return fmt.Errorf("entry %d: the proof is about another entry", x.Entry.Seq)
		}
		head, err := x.Proof.Check(key)
		if err != nil {
			return fmt.Errorf("entry %d: %w", x.Entry.Seq, err)
		}
		say(out, "%s\nthis entry stood in the ledger of %d entries signed at %s by %s\n", told(x.Entry), head.Size, head.At.Format(time.RFC3339), head.Origin)
		grounded = grounded || x.Entry.ID == e.Decision.Event && x.Entry.Purpose == e.Message.Purpose && x.Entry.Channel == e.Message.Channel &&
			x.Entry.Topic == e.Message.Topic
	}
	switch {
	case e.Decision.Verdict != consent.Allow || e.Decision.Basis != consent.BasisGrant:
		if len(e.Entries) == 0 {
			say(out, "it rests on no entry of the consent ledger\n")
		}
		return nil
	case !grounded:
		return errors.New("it says that it rests on a consent, and proves no entry of the ledger about that purpose and channel")
	}
	return nil
}

func (e evidenceOf) checkWords(out io.Writer) error {
	w := e.Words
	if w == nil || w.Text == nil {
		return nil
	}
	text := consent.Text{Purpose: w.Purpose, Channel: w.Channel, BIN: w.BIN, Variants: map[vocab.Language]consent.TextVariant{w.Language: *w.Text}}
	for _, x := range e.Entries {
		if x.Entry.ID == w.Event && x.Entry.TextHash == w.Hash && text.Hash(w.Language) == w.Hash {
			say(out, "the words in it are those that entry %d names\n", x.Entry.Seq)
			return nil
		}
	}
	return errors.New("the words are not those that the entry names")
}

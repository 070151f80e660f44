package tlog

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Statement is what the signer of a log says about a document: that it gave it out as it is. It is no head of the log and cannot be taken for
// one, because a kind has a space and the name of a log has none.
type Statement struct {
	Kind    string    // what the document is, for example "elshi message evidence v1"; it has a space
	Subject string    // what the document is about, an id; one line
	Digest  Hash      // SHA-256 of the document
	At      time.Time // when it was said; UTC, whole seconds
}

func (s Statement) check() error {
	if !strings.Contains(s.Kind, " ") || strings.ContainsAny(s.Kind+s.Subject, "\n\r") {
		return errors.New("the kind of a statement has a space, and kind and subject are one line each")
	}
	return nil
}

// text is the body of the note: kind, subject, digest, and the time.
func (s Statement) text() string {
	return s.Kind + "\n" + s.Subject + "\n" + s.Digest.String() + "\n" + timeLine + s.At.UTC().Format(time.RFC3339) + "\n"
}

// SignStatement returns the signed note (C2SP signed-note) of a statement.
func (s *Signer) SignStatement(x Statement) (string, error) {
	if err := x.check(); err != nil {
		return "", err
	}
	signed, err := note.Sign(&note.Note{Text: x.text()}, noteSigner{s})
	if err != nil {
		return "", fmt.Errorf("sign the statement about %s: %w", x.Subject, err)
	}
	return string(signed), nil
}

// OpenStatement reads a signed note, checks that the key signed it and that it is a statement of the kind, and returns it with the name it was
// signed under. The error says what is wrong; nothing of the note may be believed then.
func (v *Verifier) OpenStatement(kind, signed string) (x Statement, by string, err error) {
	if len(signed) > maxNote {
		return x, "", errors.New("this is too long for a seal")
	}
	n, err := note.Open([]byte(signed), v)
	if err != nil {
		if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
			return x, "", errors.New("the seal is not of this key")
		}
		if _, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
			return x, "", errors.New("the seal's signature does not fit: it was changed, or made by somebody else")
		}
		return x, "", errors.New("this is no seal")
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 5 || lines[0] != kind || !strings.Contains(kind, " ") {
		return x, "", fmt.Errorf("this is signed and is no seal of the kind %q", kind)
	}
	x = Statement{Kind: lines[0], Subject: lines[1]}
	if err := x.Digest.UnmarshalText([]byte(lines[2])); err != nil {
		return x, "", fmt.Errorf("the seal's hash: %w", err)
	}
	at, timed := strings.CutPrefix(lines[3], timeLine)
	if x.At, err = time.Parse(time.RFC3339, at); err != nil || !timed {
		return x, "", errors.New("the seal's time is not one of RFC 3339")
	}
	return x, n.Sigs[0].Name, nil
}

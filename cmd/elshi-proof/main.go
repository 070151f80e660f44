// Command elshi-proof checks, with nothing but a public key, that an entry stood in a consent ledger, or that the evidence of a message is what
// was given out and what it rests on stood there: it reads the documents that GET /v1/consent-ledger/entries/{id}/proof and
// GET /v1/messages/{id}/evidence answer. It needs no database, no settings and no network.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/tlog"
)

// The exit codes.
const (
	proved  = 0 // everything is as the document says
	refuted = 1 // something in the document is not what was written and signed
	unread  = 2 // the command line or a file cannot be read
)

const usage = `Usage: elshi-proof --public-key KEY [FILE]

Checks that the entry in FILE (or on standard input) stood in the consent ledger whose head KEY signed; or, if FILE is the evidence of a
message, that nothing in it was changed, that the entries it rests on stood there, and that the words in it are those they name. KEY is
NAME+HASH+KEY, as whoever runs the ledger published it: take it from them once, and never from the document's sender.

Exit codes: 0 it is so, 1 it is not or the document was changed, 2 nothing could be checked.
`

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in io.Reader, out, complaints io.Writer) int {
	flags := flag.NewFlagSet("elshi-proof", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	publicKey := flags.String("public-key", "", "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		say(out, usage)
		return proved
	} else if err != nil || flags.NArg() > 1 || *publicKey == "" {
		say(complaints, usage)
		return unread
	}
	key, err := tlog.NewVerifier(*publicKey)
	if err != nil {
		say(complaints, "elshi-proof: --public-key: %v\n", err)
		return unread
	}
	document, err := read(flags.Arg(0), in)
	if err != nil {
		say(complaints, "elshi-proof: %v\n", err)
		return unread
	}
	if isEvidence(document) {
		return runEvidence(document, key, out, complaints)
	}
	p, err := consent.ParseEntryProof(document)
	if err != nil {
		say(complaints, "elshi-proof: %v\n", err)
		return unread
	}
	head, err := p.Check(key)
	if err != nil {
		say(complaints, "elshi-proof: not proved: %v\n", err)
		return refuted
	}
	say(out, "%s\n", told(p.Entry))
	say(out, "this entry stood in the ledger of %d entries signed at %s by %s\n", head.Size, head.At.Format(time.RFC3339), head.Origin)
	return proved
}

// runEvidence checks the evidence of a message. What it found is told only if nothing contradicts it.
func runEvidence(document []byte, key *tlog.Verifier, out, complaints io.Writer) int {
	s, e, err := parseEvidence(document)
	if err != nil {
		say(complaints, "elshi-proof: %v\n", err)
		return unread
	}
	var found strings.Builder
	if err := s.check(e, key, &found); err != nil {
		say(complaints, "elshi-proof: not proved: %v\n", err)
		return refuted
	}
	say(out, "%s", found.String())
	return proved
}

// maxDocument is a little more than any document has, in bytes.
const maxDocument = 2 << 20

// read reads the file, or what is handed in where none is named.
func read(path string, in io.Reader) (document []byte, err error) {
	if path != "" && path != "-" {
		file, err := os.Open(path) //nolint:gosec // whoever runs the command names the file
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	return io.ReadAll(io.LimitReader(in, maxDocument))
}

// told is the entry in one line.
func told(e consent.Entry) string {
	var text strings.Builder
	say(&text, "entry %d (%s): %s", e.Seq, e.ID, e.Kind)
	for _, part := range []struct{ name, value string }{
		{"purpose", string(e.Purpose)},
		{"channel", string(e.Channel)},
		{"topic", string(e.Topic)},
		{"contact", string(e.ContactID)},
		{"source", string(e.Source)},
		{"proof", string(e.Proof)},
	} {
		if part.value != "" {
			say(&text, ", %s %q", part.name, part.value)
		}
	}
	return text.String() + ", at " + e.At.UTC().Format(time.RFC3339Nano)
}

// say writes to a terminal or a file; whoever cannot be told cannot be told that either.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

package email

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/orleu/elshi/channels"
)

// minRSABits is the least a signing key may have, in bits: what RFC 8301 section 3.2 says a signer should use. 1024 is allowed there, and no
// reason is left to make one so short.
const minRSABits = 2048

// sealed are the fields that a signature names once more than they occur, so that nobody can add one: readers show the first of two From,
// some the last (RFC 6376 section 8.15). With List-Unsubscribe and its Post they hold what RFC 8058 section 4 demands of a signature.
var sealed = []string{
	"From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	"List-Unsubscribe", "List-Unsubscribe-Post",
}

// covered are the fields that a signature names as often as they occur: a list or a provider behind us may add its own. What is in
// neither list is left alone, because providers take out what was meant for them.
var covered = []string{"List-Id", "Feedback-ID", "Auto-Submitted", "Precedence"}

// The ways in which mail cannot be signed.
var (
	errSelector = errors.New("is not a selector of letters, digits, hyphens and dots")
	errSDID     = errors.New("is not a domain in small ASCII letters")
	errKeyKind  = errors.New("is neither RSA nor Ed25519")
	errKeySize  = fmt.Errorf("has fewer than %d bits", minRSABits)
	errKeyTwice = errors.New("is the second of its kind or of its selector")
	errNoKey    = errors.New("there is no key")
	errUnsigned = errors.New("the message could not be signed")
)

// DKIMKey is a key whose public half is published in DNS at selector._domainkey.domain (RFC 6376 section 3.6.2).
type DKIMKey struct {
	// Domain is the SDID (d=), in small letters and ASCII. It should align with the domain of From, or DMARC does not count it; that is
	// the caller's to see to. Required.
	Domain string
	// Selector names the key below the domain (s=). Required.
	Selector string
	// Key is an *rsa.PrivateKey of at least 2048 bits or an ed25519.PrivateKey (RFC 8463). Required.
	Key crypto.Signer
}

// DKIM signs the mail of one From address. It is safe for use by several goroutines; printing it shows no key.
type DKIM struct {
	options []dkim.SignOptions
	name    string
}

// NewDKIM returns what signs with each of the keys, in their order: one, or one of RSA and one of Ed25519, for receivers that do not know
// the newer kind. Its error names the selector at fault.
func NewDKIM(keys ...DKIMKey) (*DKIM, error) {
	d := &DKIM{name: "dkim"}
	var kinds, selectors []string
	for _, k := range keys {
		kind, err := k.check()
		if err == nil && (slices.Contains(kinds, kind) || slices.Contains(selectors, k.Selector)) {
			err = errKeyTwice
		}
		if err != nil {
			return nil, fmt.Errorf("DKIM key %q: %w", k.Selector, err)
		}
		kinds, selectors = append(kinds, kind), append(selectors, k.Selector)
		d.name += " " + k.Selector + "._domainkey." + k.Domain
		d.options = append(d.options, dkim.SignOptions{
			Domain: k.Domain, Selector: k.Selector, Signer: k.Key, Hash: crypto.SHA256,
			// Relaxed, because relays fold headers anew and drop spaces at the ends of lines (RFC 6376 section 3.4).
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
	}
	if len(keys) == 0 {
		return nil, errNoKey
	}
	return d, nil
}

// dnsName is one or more labels; a selector is as well (RFC 6376 section 3.1).
var dnsName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

// check returns the kind of the key.
func (k DKIMKey) check() (kind string, err error) {
	if !dnsName.MatchString(k.Selector) {
		return "", errSelector
	}
	if !dnsName.MatchString(k.Domain) || k.Domain != strings.ToLower(k.Domain) || len(k.Selector)+len("._domainkey.")+len(k.Domain) > 253 {
		return "", errSDID
	}
	if k.Key == nil {
		return "", errNoKey
	}
	switch public := k.Key.Public().(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSABits {
			return "", errKeySize
		}
		return "rsa", nil
	case ed25519.PublicKey:
		return "ed25519", nil
	}
	return "", errKeyKind
}

// String names where the public keys are published.
func (d *DKIM) String() string { return d.name }

// GoString names where the public keys are published.
func (d *DKIM) GoString() string { return "*email.DKIM{" + d.name + "}" }

// compose makes a letter, and signs it if its From has a signature. A letter that should be signed and cannot be is none: receivers that
// follow the domain's DMARC policy would refuse it, and readers would learn to trust mail without it.
func (s *Sender) compose(m channels.Message) (*letter, *channels.Error) {
	l, unfit := compose(m)
	if unfit != nil {
		return nil, unfit
	}
	signer := s.o.DKIM[m.Email.From.Address]
	if signer == nil {
		return l, nil
	}
	var err error
	if l.wire, err = signer.sign(l.wire); err != nil {
		l.free()
		return nil, &channels.Error{Cause: channels.Unrenderable, Detail: err.Error()}
	}
	return l, nil
}

// sign puts a signature for each key in front of a letter's wire. No signature covers another, so that each stands if a relay takes the
// other away.
func (d *DKIM) sign(wire []byte) ([]byte, error) {
	text := unstuffed(wire) // what the receiving side of SMTP makes of it
	names := signedFields(text)
	var signatures []byte
	for _, o := range d.options {
		o.HeaderKeys = names
		signature, err := signature(&o, text)
		if err != nil {
			return wire, fmt.Errorf("%w: %w", errUnsigned, err)
		}
		signatures = append(signatures, signature...)
	}
	return slices.Insert(wire, 0, signatures...), nil
}

func signature(o *dkim.SignOptions, text []byte) (string, error) {
	signer, err := dkim.NewSigner(o)
	if err != nil {
		return "", err
	}
	_, err = signer.Write(text)
	// Close ends the library's goroutine, and knows why Write failed.
	if closeErr := signer.Close(); closeErr != nil {
		err = closeErr
	}
	if err != nil {
		return "", err
	}
	return signer.Signature(), nil
}

// signedFields returns the names for h=: what is sealed once more than it occurs, what is covered as often as it does.
func signedFields(text []byte) []string {
	count := map[string]int{}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if name, _, found := bytes.Cut(line, []byte(":")); found && line[0] != ' ' && line[0] != '\t' {
			count[strings.ToLower(string(name))]++
		}
	}
	var names []string
	for _, name := range sealed {
		names = append(names, slices.Repeat([]string{name}, count[strings.ToLower(name)]+1)...)
	}
	for _, name := range covered {
		names = append(names, slices.Repeat([]string{name}, count[strings.ToLower(name)])...)
	}
	return names
}

// unstuffed takes off the dots that were doubled for the wire (RFC 5321 section 4.5.2). The encoder seldom leaves any to be doubled, so
// that nothing is copied. A header's line never begins with one.
func unstuffed(wire []byte) []byte {
	doubled := []byte("\r\n..")
	if !bytes.Contains(wire, doubled) {
		return wire
	}
	return bytes.ReplaceAll(wire, doubled, []byte("\r\n."))
}

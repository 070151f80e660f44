package config

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// minRSABits is the least a signing key may have, in bits (RFC 8301 section 3.2).
const minRSABits = 2048

// The ways in which a signing key is wrong. None repeats it.
var (
	errNotPEM      = errors.New("is not one PEM block of a private key that has no password; docs/providers.md shows how to make one")
	errKeyDamaged  = errors.New("is damaged: what stands in the PEM block is not a private key of the kind that it says")
	errKeyTooSmall = fmt.Errorf("has fewer than the %d bits that an RSA key should have; make a new one", minRSABits)
	errKeyKind     = errors.New("is neither RSA nor Ed25519, and DKIM knows no other kind")
)

// SigningKey decodes a private key: an *rsa.PrivateKey of at least 2048 bits from PEM as PKCS #1 or PKCS #8, or an ed25519.PrivateKey from
// PKCS #8. The error does not repeat it.
func (s Secret) SigningKey() (crypto.Signer, error) {
	block, rest := pem.Decode([]byte(s))
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return nil, errNotPEM
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return nil, errKeyKind
	default:
		return nil, errNotPEM
	}
	if err != nil {
		return nil, errKeyDamaged // not err's own words: they may quote what was read
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key.N.BitLen() < minRSABits {
			return nil, errKeyTooSmall
		}
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errKeyKind
}

// SigningDomain returns what signs with a key of the sender, in small letters and ASCII: the key's domain or that of from. It is empty if
// that is no domain.
func (s Sender) SigningDomain(key DKIMKey) string {
	domain := key.Domain
	if domain == "" {
		domain = domainOf(s.From)
	}
	return asciiDomain(domain)
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// asciiDomain returns a domain as DNS has it, or nothing.
func asciiDomain(domain string) string {
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !dnsName.MatchString(ascii) {
		return ""
	}
	return ascii
}

// dnsName is one or more labels; a selector is as well (RFC 6376 section 3.1).
var dnsName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

// dkim wants keys that can sign and that receivers count for From.
func (k *checker) dkim(key string, s Sender) {
	kinds, selectors := map[reflect.Type]bool{}, map[string]bool{}
	for i, d := range s.DKIM {
		name := fmt.Sprintf("%s[%d]", key, i)
		k.want(dnsName.MatchString(d.Selector), name+".selector", "must be letters, digits and hyphens, with dots between, for example 2026a")
		k.want(!selectors[d.Selector], name+".selector", "stands twice; each key has a record of its own")
		selectors[d.Selector] = true
		k.signingDomain(name+".domain", s, d)
		signer, err := d.Key.SigningKey()
		if err != nil {
			k.fail(name+".key", err.Error())
			continue
		}
		kind := reflect.TypeOf(signer)
		k.want(!kinds[kind], name+".key", "is the second of its kind; give one of RSA and one of Ed25519 at most")
		kinds[kind] = true
	}
}

// signingDomain wants a domain that aligns with that of From, at least in DMARC's relaxed way (RFC 7489 section 3.1.1): both below one
// name that somebody can register. Signed by another domain, mail is as good as unsigned.
func (k *checker) signingDomain(key string, s Sender, d DKIMKey) {
	domain, from := s.SigningDomain(d), asciiDomain(domainOf(s.From))
	if domain == "" {
		k.fail(key, "is not a domain; write for example example.org, or leave it out to take that of from")
		return
	}
	k.want(len(d.Selector)+len("._domainkey.")+len(domain) <= 253, key, "is too long together with the selector for a name in DNS")
	k.want(domain == from || organisation(domain) != "" && organisation(domain) == organisation(from), key,
		"must be of one organisation with the domain of from, or DMARC counts the signature for nothing")
}

// organisation is the shortest part of a domain that somebody can register: example.org of mail.example.org, nothing of org.
func organisation(domain string) string {
	name, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return ""
	}
	return name
}

package sms

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
)

// Verify says how a callback proves where it comes from. Everything that is set must hold; if nothing is, nothing passes.
type Verify struct {
	// Token is what the last part of the callback's path must be.
	Token Secret
	// Header is a header field that must have the value HeaderSecret, for example "Authorization".
	Header       string
	HeaderSecret Secret
	// HMACHeader is a header field that must have the HMAC-SHA-256 of the body under HMACKey, in hexadecimal or base64,
	// with or without "sha256=" before it. A request without a body signs its query as it was sent.
	HMACHeader string
	HMACKey    Secret
}

// minSecret is the least length of a shared secret, in bytes: callbacks are open to the world, and guessing must be hopeless.
const minSecret = 16

func (v Verify) check() error {
	var problems []error
	for name, secret := range map[string]Secret{"token": v.Token, "header_secret": v.HeaderSecret, "hmac_key": v.HMACKey} {
		if secret != "" && len(secret) < minSecret {
			problems = append(problems, errors.New(name+": want at least 16 bytes"))
		}
	}
	if (v.Header == "") != (v.HeaderSecret == "") {
		problems = append(problems, errors.New("header and header_secret go together"))
	}
	if (v.HMACHeader == "") != (v.HMACKey == "") {
		problems = append(problems, errors.New("hmac_header and hmac_key go together"))
	}
	return errors.Join(problems...)
}

// knows says whether a call has the shared secrets that can be checked before its body is read. It compares in constant time.
func (v Verify) knows(header http.Header, token string) bool {
	if v.Token == "" && v.HeaderSecret == "" && v.HMACKey == "" {
		return false
	}
	if v.Token != "" && !same(token, string(v.Token)) {
		return false
	}
	return v.HeaderSecret == "" || same(header.Get(v.Header), string(v.HeaderSecret))
}

// needsBody says whether the proof covers the body.
func (v Verify) needsBody() bool { return v.HMACKey != "" }

// signed says whether the body, or the query of a call without one, is signed as it must be. It compares in constant time.
func (v Verify) signed(header http.Header, rawQuery string, body []byte) bool {
	if v.HMACKey == "" {
		return true
	}
	mac := hmac.New(sha256.New, []byte(v.HMACKey))
	if len(body) == 0 {
		body = []byte(rawQuery)
	}
	mac.Write(body)
	return hmac.Equal(decodeMAC(header.Get(v.HMACHeader)), mac.Sum(nil))
}

// same hides also the length of the secret, by comparing digests.
func same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// decodeMAC returns nil for what is neither hexadecimal nor base64.
func decodeMAC(text string) []byte {
	text = strings.TrimPrefix(strings.TrimSpace(text), "sha256=")
	if mac, err := hex.DecodeString(text); err == nil {
		return mac
	}
	if mac, err := base64.StdEncoding.DecodeString(text); err == nil {
		return mac
	}
	return nil
}

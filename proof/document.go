package proof

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Document returns what a JWS in the compact serialisation is about (RFC 7515 section 3.1). It does not check the signature: whoever needs that
// has the public key and any JWS library.
func Document(jws string) ([]byte, error) {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return nil, errors.New("not a JWS in the compact serialisation")
	}
	document, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("the document of a JWS is not base64url")
	}
	return document, nil
}

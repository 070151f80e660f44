package consent

import (
	"encoding/hex"
	"errors"
)

// Beside is a personal value that is kept beside the ledger, with the salt of the commitment to it.
type Beside struct {
	Salt  string `json:"salt" doc:"The salt of the commitment, in hexadecimal."`
	Value string `json:"value" doc:"The value: what an operator noted, where a form was sent from."`
}

// Check says by a nil error that the commitment of an entry is to this value.
func (b Beside) Check(commitment string) error {
	salt, err := hex.DecodeString(b.Salt)
	if err != nil || commitment == "" || Commit(salt, b.Value) != commitment {
		return errors.New("the value is not the one that the entry commits to")
	}
	return nil
}

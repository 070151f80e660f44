package vocab

import (
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// The kinds of id. Each is a prefix, an underscore and 26 characters of Crockford base 32 over a UUIDv7 (RFC 9562),
// so ids sort by the time they were made, also as text in "C" collation.
type (
	// MessageID names one message: one recipient, one channel, one content ("msg_…").
	MessageID string
	// ContactID names one contact ("con_…").
	ContactID string
	// AddressID names one email address or phone number ("adr_…").
	AddressID string
	// ConsentEventID names one entry of the consent ledger ("cev_…").
	ConsentEventID string
	// TemplateVersionID names one immutable version of a template ("tpv_…").
	TemplateVersionID string
	// SuppressionID names one suppression ("sup_…").
	SuppressionID string
	// APIKeyID names one API key, never its secret ("key_…").
	APIKeyID string
	// ConsentTextID names one consent text, a draft or a version that is published ("txt_…").
	ConsentTextID string
	// ConfirmationID names one request to confirm, by a link or a code ("cnf_…").
	ConfirmationID string
	// FormID names one sign-up form ("frm_…").
	FormID string
	// AttachmentID names one stored attachment ("att_…").
	AttachmentID string
	// MemberID names somebody who works here ("mem_…").
	MemberID string
	// MemberTokenID names a member's personal token, never its secret ("mtk_…").
	MemberTokenID string
	// AuditEventID names one entry of the audit log ("aud_…").
	AuditEventID string
	// DisclosureID names one entry of the register of disclosures ("dis_…").
	DisclosureID string
	// ClaimID names one claim of a contact ("clm_…").
	ClaimID string
	// ProviderID is the name an operator gave to an account that carries messages, for example "relay".
	ProviderID string
	// SenderID is the name an operator gave to an identity that messages come from, for example "news".
	SenderID string
)

// The prefixes of ids.
const (
	MessagePrefix         = "msg"
	ContactPrefix         = "con"
	AddressPrefix         = "adr"
	ConsentEventPrefix    = "cev"
	ConsentTextPrefix     = "txt"
	TemplateVersionPrefix = "tpv"
	SuppressionPrefix     = "sup"
	APIKeyPrefix          = "key"
	AttachmentPrefix      = "att"
	ClaimPrefix           = "clm"
	ConfirmationPrefix    = "cnf"
	FormPrefix            = "frm"
	MemberPrefix          = "mem"
	MemberTokenPrefix     = "mtk"
	AuditEventPrefix      = "aud"
	DisclosurePrefix      = "dis"
)

// crockford is base 32 in ascending ASCII order, so that encoded ids sort like the bytes they stand for.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ErrBadID says that a text is not an id of the kind that was asked for.
var ErrBadID = errors.New("not a valid id")

// NewID returns a fresh id with the prefix. Ids made by one process ascend.
func NewID(prefix string) string {
	return FormatID(prefix, [16]byte(uuid.Must(uuid.NewV7())))
}

// FormatID writes 16 bytes as an id with the prefix.
func FormatID(prefix string, raw [16]byte) string {
	return prefix + "_" + crockford.EncodeToString(raw[:])
}

// ParseID returns the 16 bytes of an id that must have the prefix. Its error wraps ErrBadID and does not repeat the text,
// which may be anything a stranger typed. It ignores the two bits of the last character that stand for no byte: four texts
// have the same bytes, so compare ids as texts, as the ledger does, and never by what they decode to.
func ParseID(prefix, id string) ([16]byte, error) {
	encoded, found := strings.CutPrefix(id, prefix+"_")
	if !found || len(encoded) != 26 {
		return [16]byte{}, fmt.Errorf("want %s_ and 26 characters: %w", prefix, ErrBadID)
	}
	raw, err := crockford.DecodeString(encoded)
	if err != nil || len(raw) != 16 {
		return [16]byte{}, fmt.Errorf("want %s_ and 26 characters of base 32: %w", prefix, ErrBadID)
	}
	return [16]byte(raw), nil
}

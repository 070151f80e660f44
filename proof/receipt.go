package proof

import (
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// SchemaVersion names the shape of a receipt; another shape gets another number, and receipts that were given out stay what they are.
const SchemaVersion = "elshi-consent-receipt/1 (ISO/IEC TS 27560:2023)"

// ReceiptType is the typ of a receipt's signature.
const ReceiptType = "elshi-consent-receipt+json"

// Receipt is what a contact keeps of one entry of the consent ledger. Its fields are called as in ISO/IEC TS 27560:2023; those that the
// standard does not know begin with elshi_. It names the contact by a pseudonym and holds no address. docs/consent-texts.md says from which
// part of the standard each field comes and what of it is not verified.
type Receipt struct {
	SchemaVersion  string       `json:"schema_version" doc:"The shape of this document."`
	ReceiptID      string       `json:"receipt_id" doc:"The receipt: the id of the entry it is about."`
	RecordID       string       `json:"record_id" doc:"The life of one consent: the id of the entry it began with."`
	PIIPrincipalID string       `json:"pii_principal_id" doc:"The contact, by a pseudonym."`
	Processing     Processing   `json:"pii_processing" doc:"What the consent is about."`
	Parties        []Party      `json:"party_identification" nullable:"false" doc:"Who is meant by the ids in pii_controllers."`
	Events         []EventEntry `json:"event" nullable:"false" doc:"What happened, the oldest first; the last one is what the receipt is for."`
}

// Processing is what a consent is about.
type Processing struct {
	PrivacyNotice string         `json:"privacy_notice,omitempty" doc:"The version of the privacy policy."`
	Language      vocab.Language `json:"language,omitempty" doc:"In which language it was said."`
	Scope         consent.Scope  `json:"elshi_scope" doc:"How far a withdrawal reaches."`
	Purposes      []PurposeEntry `json:"purposes" nullable:"false" doc:"Each purpose that is concerned, on its channel."`
}

// PurposeEntry is one purpose of a receipt.
type PurposeEntry struct {
	ID               vocab.Purpose `json:"elshi_purpose_id" doc:"The purpose's id."`
	Name             string        `json:"elshi_name" doc:"The purpose's name."`
	Channel          vocab.Channel `json:"elshi_channel,omitempty" doc:"By what channel; a use of data has none."`
	Topic            vocab.Topic   `json:"elshi_topic,omitempty" doc:"The topic, if any."`
	Purpose          string        `json:"purpose" doc:"What for, in words."`
	LawfulBasis      string        `json:"lawful_basis" doc:"Always consent."`
	PIIInformation   []PIIEntry    `json:"pii_information,omitempty" nullable:"false" doc:"What data."`
	PIIControllers   []string      `json:"pii_controllers" nullable:"false" doc:"Ids in party_identification."`
	ProcessingMethod []string      `json:"processing_method,omitempty" nullable:"false" doc:"What is done with the data."`
	RetentionPeriod  string        `json:"retention_period,omitempty" doc:"For how long."`
	ProcessingPlaces string        `json:"processing_locations,omitempty" doc:"Whether the data leave the country, in words."`
	Countries        []string      `json:"elshi_countries,omitempty" nullable:"false" doc:"Where to (ISO 3166-1 alpha-2)."`
	Jurisdiction     string        `json:"jurisdiction" doc:"Whose law it is under (ISO 3166-1 alpha-2)."`
	RecipientThirds  string        `json:"recipient_third_parties,omitempty" doc:"To whom the data are given, in words."`
	WithdrawalMethod string        `json:"withdrawal_method,omitempty" doc:"How the consent is taken back."`
	OpenSources      string        `json:"elshi_open_sources,omitempty" doc:"Whether the data are published, in words."`
	Text             *TextEntry    `json:"elshi_text,omitempty" doc:"The words that were shown; absent if none are published here for what was agreed to."`
	AgreedTextHash   string        `json:"elshi_text_hash,omitempty" doc:"Of the words that were shown, if they are not published here."`
	ValidUntil       time.Time     `json:"elshi_valid_until,omitzero" doc:"When the grant ends (exclusive)."`
	StateAfter       consent.State `json:"elshi_state" doc:"What the consent is after the last event."`
}

// PIIEntry is one kind of data.
type PIIEntry struct {
	Type string `json:"pii_type" doc:"In words."`
}

// TextEntry is the consent text as it was shown.
type TextEntry struct {
	Version   int            `json:"version" doc:"Of its purpose and channel."`
	Hash      string         `json:"hash" doc:"Of the words in this language."`
	Language  vocab.Language `json:"language" doc:"In which it was shown."`
	Title     string         `json:"title" doc:"Its title."`
	Statement string         `json:"statement" doc:"What was agreed to."`
}

// Party is somebody whom a receipt names.
type Party struct {
	ID      string `json:"party_id" doc:"The id by which the receipt names them."`
	Name    string `json:"party_name" doc:"Their name."`
	Role    string `json:"party_role" doc:"What they are in it."`
	Address string `json:"party_address,omitempty" doc:"Their postal address."`
	URL     string `json:"party_url,omitempty" doc:"Their site."`
	BIN     string `json:"elshi_bin,omitempty" doc:"Their business identification number."`
}

// EventEntry is one entry of the ledger.
type EventEntry struct {
	Time        time.Time            `json:"event_time" doc:"When it happened."`
	Type        consent.EventKind    `json:"event_type" doc:"What happened."`
	State       consent.State        `json:"event_state" doc:"What the consent was after it."`
	EntityID    string               `json:"entity_id" doc:"Who acted: the contact's pseudonym, a member's or key's id, or system."`
	Validity    string               `json:"validity_duration,omitempty" doc:"From when to when a grant is good (ISO 8601 interval, the end exclusive)."`
	Collection  consent.Source       `json:"elshi_source" doc:"The way it came in."`
	ID          vocab.ConsentEventID `json:"elshi_event_id" doc:"The entry of the ledger."`
	Seq         int64                `json:"elshi_seq" doc:"Its number in the ledger."`
	Hash        string               `json:"elshi_hash" doc:"Its link in the ledger's chain."`
	TextVersion int                  `json:"elshi_text_version,omitempty" doc:"Which version of the consent text was shown."`
	TextHash    string               `json:"elshi_text_hash,omitempty" doc:"Of the words that were shown."`
	Proof       consent.ProofKind    `json:"elshi_proof,omitempty" doc:"What shows it."`
	ProofRef    string               `json:"elshi_proof_ref,omitempty" doc:"The id or hash that elshi_proof speaks of."`
	RecordedAt  time.Time            `json:"elshi_recorded_at,omitzero" doc:"When it was written down."`
}

package evidence

import (
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Format names the form of the document; another form gets another number.
const Format = "elshi-message-evidence/1"

// SealKind is what a seal of this form says it is about; see Sealed.
const SealKind = "elshi message evidence v1"

// Document is the evidence of one message. Its fields are in docs/evidence.md. Times are in UTC.
type Document struct {
	Format       string         `json:"format" enum:"elshi-message-evidence/1" doc:"The form of this document."`
	GeneratedAt  time.Time      `json:"generated_at" doc:"When it was put together."`
	Language     vocab.Language `json:"language" enum:"kk,ru,en" doc:"Of the sentences."`
	Summary      Summary        `json:"summary" doc:"The answer in sentences."`
	Operator     Operator       `json:"operator" doc:"Who wrote, or wanted to."`
	Recipient    Recipient      `json:"recipient" doc:"Whom the message is for."`
	Message      Message        `json:"message" doc:"The message."`
	Decision     Decision       `json:"decision" doc:"The newest decision about it."`
	Grant        *Grant         `json:"grant,omitempty" doc:"What the contact had granted; absent if the message needs no grant."`
	Entries      []Entry        `json:"entries" nullable:"false" doc:"The entries of the consent ledger about that grant, the oldest first; empty if the message rests on none."`
	Words        *Words         `json:"words,omitempty" doc:"The words that the contact was shown; absent if the message needs no grant."`
	Content      Content        `json:"content" doc:"What the message says."`
	Suppressions []Suppression  `json:"suppressions" nullable:"false" doc:"Those of the address that were in force when it was decided, if the decision names one."`
	Attempts     []Attempt      `json:"attempts" nullable:"false" doc:"Every call to a provider, with its own answer."`
	Timeline     []Step         `json:"timeline" nullable:"false" doc:"What happened to it, in order."`
	PublicKey    string         `json:"public_key" doc:"The key that checks the seal and the proofs, as this system says. Take it from the organisation once, another way, and compare."`
}

// Summary is the answer in sentences.
type Summary struct {
	Verdict string   `json:"verdict" example:"Allowed on 3 March 2026 at 10:04 (Asia/Almaty), because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back." doc:"Whether it was allowed, when and why."`
	Outcome string   `json:"outcome" example:"The provider took it on 3 March 2026 at 10:05." doc:"What became of it."`
	Notes   []string `json:"notes" nullable:"false" doc:"What a reader must know besides: what is not kept any more, what came later."`
}

// Operator is the organisation.
type Operator struct {
	Name string `json:"name" doc:"Its name."`
	BIN  string `json:"bin,omitempty" doc:"Its business identification number."`
}

// Recipient is whom a message is for.
type Recipient struct {
	ContactID  vocab.ContactID `json:"contact_id" doc:"The contact."`
	Name       string          `json:"name,omitempty" doc:"Its name now; absent if the reader may not see it, or there is none."`
	AddressID  vocab.AddressID `json:"address_id,omitempty" doc:"The address."`
	Address    string          `json:"address,omitempty" doc:"Where it went or would have gone; absent once it is erased, or if there was none."`
	Masked     bool            `json:"masked" doc:"The reader may not see who it is: address masked; name, subject, notes and values left out."`
	ErasedAt   time.Time       `json:"erased_at,omitzero" doc:"When the contact's data were erased."`
	MergedInto vocab.ContactID `json:"merged_into,omitempty" doc:"The contact that this one has become."`
}

// Message is what is known of the message besides its decision.
type Message struct {
	ID              vocab.MessageID         `json:"id" example:"msg_06gywnjy01xbs0938nkrkaydxw" doc:"The message."`
	Status          dispatcher.Status       `json:"status" enum:"scheduled,queued,held,deferred,sending,sent,delivered,bounced,undelivered,failed,suppressed,expired,canceled,unknown" doc:"Where it is in its life."`
	Channel         vocab.Channel           `json:"channel" enum:"email,sms" doc:"How it goes."`
	Class           vocab.Class             `json:"class" enum:"security,transactional,service,legal,breach,marketing" doc:"The rules it lives under."`
	Purpose         vocab.Purpose           `json:"purpose" doc:"Why it goes."`
	PurposeName     string                  `json:"purpose_name" doc:"The same in words."`
	Topic           vocab.Topic             `json:"topic,omitempty" doc:"The topic, if any."`
	Clause          string                  `json:"policy_clause,omitempty" doc:"The clause of the privacy policy that the purpose is from."`
	Language        vocab.Language          `json:"language" doc:"The language asked for."`
	TemplateVersion vocab.TemplateVersionID `json:"template_version_id" doc:"The text it is made from."`
	Template        string                  `json:"template,omitempty" doc:"The template's name; absent if the version is not kept any more."`
	TemplateNumber  int                     `json:"template_number,omitempty" doc:"The version's number."`
	TemplateHash    string                  `json:"template_hash,omitempty" doc:"SHA-256 of the version's texts."`
	Sender          vocab.SenderID          `json:"sender" doc:"Who it comes from."`
	Provider        vocab.ProviderID        `json:"provider" doc:"Who carries it."`
	Mode            dispatcher.Mode         `json:"mode" enum:"live,guest_list,test" doc:"The mode of the key it came with."`
	APIKeyID        vocab.APIKeyID          `json:"api_key_id,omitempty" doc:"Who asked for it: a key, or a member."`
	Reference       string                  `json:"reference,omitempty" doc:"The caller's own id."`
	TriggerID       string                  `json:"trigger_id,omitempty" doc:"What it answers."`
	TriggerAt       time.Time               `json:"trigger_at,omitzero" doc:"When that happened."`
	PossibleDup     bool                    `json:"possible_duplicate" doc:"An earlier attempt may have arrived too."`
	CreatedAt       time.Time               `json:"created_at" doc:"When it was taken in."`
	SentAt          time.Time               `json:"sent_at,omitzero" doc:"When the provider took it."`
}

// Reason is a reason with its sentence.
type Reason struct {
	Code     consent.Reason `json:"code" doc:"The reason, of a closed list."`
	Sentence string         `json:"sentence" doc:"The same for people."`
}

// Decision is the newest decision about a message.
type Decision struct {
	Verdict        consent.Verdict      `json:"verdict" enum:"allow,hold,deny" doc:"allow, hold (not now) or deny."`
	Reason         Reason               `json:"reason" doc:"The primary reason; ok if allowed."`
	Reasons        []Reason             `json:"reasons" nullable:"false" doc:"Every reason against it, in a fixed order; empty if allowed."`
	DecidedAt      time.Time            `json:"decided_at" doc:"The clock it was made by."`
	Basis          consent.BasisKind    `json:"basis,omitempty" enum:"consent,contact_request,service,legal_obligation" doc:"The legal ground; absent if denied."`
	ConsentEventID vocab.ConsentEventID `json:"consent_event_id,omitempty" doc:"The entry of the consent ledger that it rests on, or that led to the refusal."`
	PolicyVersion  string               `json:"policy_version,omitempty" doc:"The privacy policy in force."`
	Earlier        []vocab.MessageID    `json:"earlier_message_ids,omitempty" nullable:"false" doc:"The messages that fill the frequency cap, if that is a reason."`
}

// Grant is what a contact had granted, for exactly what the message is about.
type Grant struct {
	Purpose        vocab.Purpose `json:"purpose" doc:"What for."`
	Channel        vocab.Channel `json:"channel" doc:"How."`
	Topic          vocab.Topic   `json:"topic,omitempty" doc:"The topic, if any."`
	StateThen      consent.State `json:"state_then" enum:"none,pending,granted,refused,withdrawn,expired,stale,lapsed" doc:"What the entries amounted to up to the one that the decision names."`
	AgreedAt       time.Time     `json:"agreed_at,omitzero" doc:"When it was last agreed to before the decision."`
	ValidUntilThen time.Time     `json:"valid_until_then,omitzero" doc:"When the grant was to end (exclusive)."`
	StateNow       consent.State `json:"state_now" enum:"none,pending,granted,refused,withdrawn,expired,stale,lapsed" doc:"What they amount to when this document is made."`
	SinceNow       time.Time     `json:"since_now,omitzero" doc:"Since when."`
}

// Role is what an entry is in the evidence.
type Role string

// The roles of entries.
const (
	RoleRequest Role = "request" // it was asked for; the first half of a double opt-in
	RoleEarlier Role = "earlier" // it led there
	RoleGround  Role = "ground"  // the decision names it
	RoleLater   Role = "later"   // it came after
)

// Entry is an entry of the consent ledger.
type Entry struct {
	Role       Role                `json:"role" enum:"request,earlier,ground,later" doc:"What it is here: the request that was confirmed, what led there, what the decision names, what came after."`
	Entry      consent.Entry       `json:"entry" doc:"The entry with every field that is under its hash."`
	StateAfter consent.State       `json:"state_after" doc:"What the grant was after it."`
	Beside     *consent.Beside     `json:"beside,omitempty" doc:"The personal value that is kept beside the ledger and that the entry commits to; absent if there is none, it was erased, or the reader may not see it."`
	Proof      *consent.EntryProof `json:"proof,omitempty" doc:"That it stood in the ledger: of the request and the ground."`
	Unproved   string              `json:"unproved,omitempty" doc:"Why there is no proof of it."`
}

// WordsState is what is known of the words that were shown.
type WordsState string

// What is known of the words.
const (
	WordsKept      WordsState = "kept"      // they are published here, and their hash is the entry's
	WordsElsewhere WordsState = "elsewhere" // the entry has the hash of words that are not published here
	WordsUnknown   WordsState = "unknown"   // no entry says which words were shown
)

// Words are the words that a contact was shown beside the box.
type Words struct {
	State         WordsState           `json:"state" enum:"kept,elsewhere,unknown" doc:"kept: below. elsewhere: shown by somebody else, only their hash is in the ledger. unknown: nobody recorded them."`
	EventID       vocab.ConsentEventID `json:"consent_event_id,omitempty" doc:"The entry that names them."`
	Hash          string               `json:"hash,omitempty" doc:"Of the words, as the entry has it."`
	Version       int                  `json:"version,omitempty" doc:"Of the consent text of this purpose and channel."`
	Purpose       vocab.Purpose        `json:"purpose,omitempty" doc:"Of the text."`
	Channel       vocab.Channel        `json:"channel,omitempty" doc:"Of the text."`
	Language      vocab.Language       `json:"language,omitempty" doc:"In which they were shown."`
	BIN           string               `json:"bin,omitempty" doc:"Of the operator, as the text has it."`
	PolicyVersion string               `json:"policy_version,omitempty" doc:"The privacy policy that the text goes with."`
	PublishedAt   time.Time            `json:"published_at,omitzero" doc:"When they were published."`
	Text          *consent.TextVariant `json:"text,omitempty" doc:"The words."`
}

// ContentState is what is known of what a message says.
type ContentState string

// What is known of the content.
const (
	ContentKept      ContentState = "kept"       // it can be rendered again
	ContentHidden    ContentState = "hidden"     // a one-time code is never shown
	ContentWithheld  ContentState = "withheld"   // not for this reader
	ContentGone      ContentState = "gone"       // it was erased with the contact, or by retention
	ContentUnmade    ContentState = "unmade"     // its data are there and make no text any more
	ContentUntouched ContentState = "never_made" // it was never rendered for sending
)

// Content is what a message says, without its text: GET /v1/messages/{id}/content shows that.
type Content struct {
	State   ContentState `json:"state" enum:"kept,hidden,withheld,gone,unmade,never_made" doc:"kept; hidden (a one-time code); withheld (not for this reader); gone (erased, or past its retention); unmade (its data make no text any more); never_made (refused before it was rendered, and its data are gone)."`
	Hash    string       `json:"hash,omitempty" doc:"SHA-256 of what was rendered, set by the first attempt."`
	Subject string       `json:"subject,omitempty" doc:"Of an email."`
	Fits    *bool        `json:"hash_fits,omitempty" doc:"Whether the message, rendered again now, has this hash; absent if it cannot be said."`
}

// Suppression is one of the address, as it was when the message was decided.
type Suppression struct {
	ID        vocab.SuppressionID        `json:"id" doc:"The suppression."`
	Reason    contacts.SuppressionReason `json:"reason" doc:"Why nothing is sent to the address."`
	Origin    string                     `json:"origin" doc:"The id of a member or key, or what made it."`
	Kind      contacts.OriginKind        `json:"origin_kind" doc:"What kind of origin that is."`
	Classes   []vocab.Class              `json:"classes,omitempty" nullable:"false" doc:"Only these classes are stopped; absent: all that its reason stops."`
	CreatedAt time.Time                  `json:"created_at" doc:"Since when."`
	LiftedAt  time.Time                  `json:"lifted_at,omitzero" doc:"When it ended, after the decision."`
}

// Attempt is one call to a provider.
type Attempt struct {
	Number      int              `json:"number" doc:"1, 2, 3 …"`
	OpenedAt    time.Time        `json:"opened_at" doc:"When it was claimed."`
	ClosedAt    time.Time        `json:"closed_at,omitzero" doc:"When its outcome was written down; absent while it is open."`
	Provider    vocab.ProviderID `json:"provider" doc:"Who was called."`
	Outcome     channels.Outcome `json:"outcome,omitempty" enum:"accepted,refused,not_handed_over,in_doubt" doc:"What it came to; absent while it is open."`
	Cause       channels.Cause   `json:"cause,omitempty" doc:"Why it failed."`
	Code        int              `json:"code,omitempty" doc:"The provider's code."`
	Enhanced    string           `json:"enhanced_code,omitempty" doc:"The enhanced status code (RFC 3463)."`
	Detail      string           `json:"detail,omitempty" doc:"The provider's own words; forgotten with the contact."`
	ProviderRef string           `json:"provider_reference,omitempty" doc:"The provider's id of the message."`
}

// Step is one change of a message.
type Step struct {
	Type    string    `json:"type" example:"message.sent" doc:"message. and the status it came to, or what was reported."`
	At      time.Time `json:"at" doc:"When."`
	Attempt int       `json:"attempt,omitempty" doc:"The newest attempt at that time."`
	Reason  string    `json:"reason,omitempty" doc:"A decision's reason, a cause, or an order."`
	Actor   string    `json:"actor,omitempty" doc:"The id of whoever ordered it."`
}

package consent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// Entry is an entry of the ledger as documents hold it: every field that is under its hash, and the hash.
type Entry struct {
	Seq           int64                `json:"seq" doc:"Its number in the ledger."`
	ID            vocab.ConsentEventID `json:"id" doc:"The entry."`
	Kind          EventKind            `json:"kind" doc:"What happened."`
	ContactID     vocab.ContactID      `json:"contact_id" doc:"Whose consent it is."`
	AddressID     vocab.AddressID      `json:"address_id,omitempty" doc:"The address it is about, if any."`
	Scope         Scope                `json:"scope,omitempty" doc:"How far a withdrawal reaches."`
	Purpose       vocab.Purpose        `json:"purpose,omitempty" doc:"What for."`
	Channel       vocab.Channel        `json:"channel,omitempty" doc:"How."`
	Topic         vocab.Topic          `json:"topic,omitempty" doc:"The topic, if any."`
	Source        Source               `json:"source,omitempty" doc:"The way it came in."`
	ActorKind     ActorKind            `json:"actor_kind,omitempty" doc:"What kind of somebody acted."`
	ActorID       string               `json:"actor_id,omitempty" doc:"Their id."`
	Language      vocab.Language       `json:"language,omitempty" doc:"The language of the text that was shown."`
	TextVersion   int                  `json:"text_version,omitempty" doc:"Which version of the consent text was shown."`
	TextHash      string               `json:"text_hash,omitempty" doc:"Of the consent text as it was shown."`
	PolicyVersion string               `json:"policy_version,omitempty" doc:"The privacy policy in force."`
	Proof         ProofKind            `json:"proof,omitempty" doc:"What shows it."`
	ProofRef      string               `json:"proof_ref,omitempty" doc:"The id or hash that proof speaks of."`
	At            time.Time            `json:"at" doc:"When it happened, to the microsecond."`
	RecordedAt    time.Time            `json:"recorded_at,omitzero" doc:"When it was written down."`
	ValidUntil    time.Time            `json:"valid_until,omitzero" doc:"When a grant ends (exclusive)."`
	Commitment    string               `json:"commitment,omitempty" doc:"Ties the personal evidence to the entry."`
	PrevHash      string               `json:"prev_hash" doc:"Of the entry before; empty for the first."`
	Hash          string               `json:"hash" doc:"The entry's link in the chain."`
}

// EntryOf returns an event as documents hold it.
func EntryOf(e Event) Entry {
	e.At, e.RecordedAt, e.ValidUntil = e.At.UTC(), e.RecordedAt.UTC(), e.ValidUntil.UTC()
	return Entry(e)
}

// Event is the other way.
func (e Entry) Event() Event { return Event(e) }

// EntryProofFormat names the format of an EntryProof; another one has another name.
const EntryProofFormat = "elshi-entry-proof/1"

// EntryProof shows to somebody who has nothing but a public key that an entry stood in the ledger when its head was signed.
type EntryProof struct {
	Format     string      `json:"format" enum:"elshi-entry-proof/1" doc:"The format of this document."`
	Entry      Entry       `json:"entry" doc:"The entry with every field that is under its hash."`
	LeafIndex  int64       `json:"leaf_index" doc:"Its place in the Merkle tree, from 0."`
	TreeSize   int64       `json:"tree_size" doc:"How many entries the tree has."`
	Hashes     []tlog.Hash `json:"hashes" nullable:"false" doc:"The hashes from the leaf to the root (RFC 9162 section 2.1.3.1), in base64."`
	Checkpoint string      `json:"checkpoint" doc:"The signed head of the tree (C2SP tlog-checkpoint)."`
}

// maxEntryProof bounds a document in bytes: one has some 4,000.
const maxEntryProof = 1 << 20

// ParseEntryProof reads a document. A field that it does not know is an error: nothing would vouch for it.
func ParseEntryProof(data []byte) (EntryProof, error) {
	if len(data) > maxEntryProof {
		return EntryProof{}, errors.New("this is too long for a proof")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var p EntryProof
	if err := decoder.Decode(&p); err != nil {
		return EntryProof{}, fmt.Errorf("this is no proof: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return EntryProof{}, errors.New("something follows the proof")
	}
	if p.Format != EntryProofFormat {
		return EntryProof{}, fmt.Errorf("the format is %q, want %q", p.Format, EntryProofFormat)
	}
	return p, nil
}

// Check says by a nil error that the entry is what was hashed and stood in the ledger whose head the key signed, and returns that head.
func (p EntryProof) Check(key *tlog.Verifier) (tlog.Checkpoint, error) {
	e := p.Entry.Event()
	if !sound(e) {
		return tlog.Checkpoint{}, errors.New("the entry is not the one that was written: its fields do not give its hash")
	}
	if p.LeafIndex != e.Seq-1 {
		return tlog.Checkpoint{}, fmt.Errorf("entry %d cannot stand at leaf %d", e.Seq, p.LeafIndex)
	}
	head, err := key.Open(p.Checkpoint)
	if err != nil {
		return tlog.Checkpoint{}, err
	}
	if head.Size != p.TreeSize {
		return tlog.Checkpoint{}, fmt.Errorf("the signed head has %d entries and the proof is for %d", head.Size, p.TreeSize)
	}
	leaf, err := Leaf(e.Hash)
	if err != nil {
		return tlog.Checkpoint{}, err
	}
	if err := tlog.Included(leaf, p.LeafIndex, p.TreeSize, p.Hashes, head.Root); err != nil {
		return tlog.Checkpoint{}, errors.New("the hashes do not lead from the entry to the signed head: it did not stand there")
	}
	return head, nil
}

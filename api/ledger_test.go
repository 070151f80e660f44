package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/tlog"
)

func TestWhatAnAuditFoundIsAnswered(t *testing.T) {
	d := newDoor(t)
	signed := tlog.Checkpoint{Origin: "log", Size: 2000, At: monday}
	whole := notary.Audit{Head: consent.Head{Seq: 2500, Hash: "v2:ab"}, Root: tlog.Hash{1}, Signed: 3, Outside: 2, Newest: signed}
	for name, tc := range map[string]struct {
		found consent.Break
		want  *breakView
	}{
		"intact": {},
		"an entry": {
			consent.Break{Why: consent.Changed, Seq: 7, ID: "cev_7"},
			&breakView{Why: consent.Changed, Seq: 7, EventID: "cev_7", Detail: "event 7 (cev_7): changed"},
		},
		"the chain": {
			consent.Break{Why: consent.Rebuilt, Seq: 1001, Until: 2000, Head: signed},
			&breakView{
				Why: consent.Rebuilt, Seq: 1001, Until: 2000,
				Detail: "event 1001 or a later one up to 2000: rebuilt: the chain was written anew: the head of 2000 entries that was signed at 2026-11-23T05:00:00Z shows it",
			},
		},
		"a contact": {
			consent.Break{Why: consent.Projection, Contact: aContact, Detail: "the grant x is y"},
			&breakView{Why: consent.Projection, ContactID: aContact, Detail: "contact " + string(aContact) + ": projection: the grant x is y"},
		},
	} {
		d.notary.audit = whole
		d.notary.audit.Break = tc.found
		var got verifyView
		d.call(t, "GET", "/v1/consent-ledger/verify", "").ok(200).into(&got)
		want := verifyView{tc.want == nil, 2500, "v2:ab", tlog.Hash{1}, 3, 2, tc.want}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSignedHeadsAreListedTheNewestFirst(t *testing.T) {
	d := newDoor(t)
	for n := int64(5); n > 0; n-- {
		d.notary.heads = append(d.notary.heads, tlog.Signed{Checkpoint: tlog.Checkpoint{Size: 10 * n, At: monday}, Number: n, Note: "note"})
	}
	var sizes []int64
	cursor := ""
	for range 3 {
		var p page[checkpointView]
		d.call(t, "GET", "/v1/consent-ledger/checkpoints?limit=2&cursor="+cursor, "").ok(200).into(&p)
		for _, c := range p.Data {
			sizes = append(sizes, c.Size)
		}
		if cursor = p.NextCursor; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff([]int64{50, 40, 30, 20, 10}, sizes); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	d.call(t, "GET", "/v1/consent-ledger/checkpoints?cursor=x", "").problem(422, "invalid_request")
}

func TestAnEntryIsProvedByADocument(t *testing.T) {
	d := newDoor(t)
	const id = "cev_06gywnjy01xbs0938nkrkaydxw"
	e, _ := consent.Chain(consent.Head{}, consent.Event{ID: id, Kind: consent.KindGranted, ContactID: aContact, At: monday})
	d.notary.proof = consent.EntryProof{
		Format: consent.EntryProofFormat, Entry: consent.EntryOf(e), TreeSize: 1, Hashes: []tlog.Hash{}, Checkpoint: "note",
	}
	r := d.call(t, "GET", "/v1/consent-ledger/entries/"+id+"/proof", "").ok(200)
	got, err := consent.ParseEntryProof(r.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.notary.proof, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	for _, other := range []string{"cev_06gywnjy01xbs0938nkrkaydx0", "cev_x", "x"} {
		d.call(t, "GET", "/v1/consent-ledger/entries/"+other+"/proof", "").problem(404, "consent_event_not_found")
	}
	var key ledgerKeyView
	d.call(t, "GET", "/v1/consent-ledger/public-key", "").ok(200).into(&key)
	if key.PublicKey != d.notary.PublicKey() {
		t.Errorf("public key %q", key.PublicKey)
	}
}

package bench

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

var entries = flag.Int("entries", 100_000, "entries of the consent ledger that BenchmarkVerify checks")

// ledger is a consent ledger with its notary.
type ledger struct {
	consents *store.Consents
	notary   *notary.Notary
}

func newLedger(b *testing.B, e *engine) ledger {
	b.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		b.Fatal(err)
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signer, err := tlog.NewSigner("elshi.example/consent-ledger", key)
	if err != nil {
		b.Fatal(err)
	}
	consents := store.NewConsents(e.db, registry)
	return ledger{consents, notary.New(consents, signer, "", time.Now)}
}

// BenchmarkVerify checks a ledger whose entries are scattered over their contacts, five for each, one in ten with a value beside it: chain, tree,
// a signed head for every 10,000 entries that the file and the table hold, values and projection. It also makes the projection anew from
// nothing, signs the whole ledger for the first time, and proves single entries.
//
//	go test ./bench -run '^$' -bench Verify -benchtime 1x -timeout 0 -entries 1000000
func BenchmarkVerify(b *testing.B) {
	onEach(b, func(b *testing.B, e *engine) {
		b.Helper()
		l := newLedger(b, e)
		ids := e.fillLedger(b, *entries)
		figures := map[string]float64{}
		began := time.Now()
		if _, err := l.notary.Seal(b.Context()); err != nil {
			b.Fatal(err)
		}
		figures["first-seal-entries/s"] = float64(*entries) / time.Since(began).Seconds()
		began = time.Now()
		done, err := l.notary.Rebuild(b.Context(), notary.Outside{Key: l.notary.Verifier()})
		if err != nil || done.Mended == 0 {
			b.Fatalf("%+v, %v", done, err)
		}
		figures["rebuild-entries/s"] = float64(*entries) / time.Since(began).Seconds()
		began = time.Now()
		for i := range 100 {
			if _, err := l.notary.Inclusion(b.Context(), ids[i*len(ids)/100]); err != nil {
				b.Fatal(err)
			}
		}
		figures["inclusion-ms"] = time.Since(began).Seconds() * 10
		heads, err := l.notary.Heads(b.Context(), 0, 100)
		if err != nil {
			b.Fatal(err)
		}
		outside := notary.Outside{Key: l.notary.Verifier()}
		for _, s := range heads {
			outside.Notes = append(outside.Notes, s.Note)
		}
		b.ResetTimer()
		for range b.N {
			found, err := l.notary.Audit(b.Context(), outside)
			if err != nil || !found.Intact() || found.Head.Seq != int64(*entries) {
				b.Fatalf("%+v, %v", found, err)
			}
		}
		b.ReportMetric(float64(*entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		for unit, figure := range figures { // ResetTimer would have taken them away
			b.ReportMetric(figure, unit)
		}
		b.ReportMetric(0, "ns/op")
	})
}

// fillLedger appends n entries past the program, in statements of 5,000, and returns their ids.
func (e *engine) fillLedger(b *testing.B, n int) []vocab.ConsentEventID {
	b.Helper()
	people := e.populate(b, max(n/5, 1))
	db := e.sql(b)
	defer db.Close()
	source := "json_each($1) AS j"
	if e.name == "postgres" {
		source = "jsonb_array_elements(CAST($1 AS text)::jsonb) AS j(value)"
	}
	const insert = `INSERT INTO consent_events (seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source, actor_kind, actor_id,
			language, text_version, text_hash, policy_version, proof, proof_ref, at, recorded_at, valid_until, commitment, prev_hash, hash)
		SELECT CAST(j.value ->> 0 AS BIGINT), j.value ->> 1, 'granted', j.value ->> 2, '', 'purpose', j.value ->> 3, 'email', '', 'sign_up_form', 'contact', j.value ->> 2,
			'kk', 3, 'f00d', '2026-01', 'double_opt_in', j.value ->> 1, CAST(j.value ->> 4 AS BIGINT), CAST(j.value ->> 4 AS BIGINT),
			CAST(j.value ->> 5 AS BIGINT), j.value ->> 6, j.value ->> 7, j.value ->> 8 FROM `
	run := func(query string, args ...any) {
		if _, err := db.ExecContext(b.Context(), query, args...); err != nil {
			b.Fatal(err)
		}
	}
	purposes := []vocab.Purpose{"news.company", "event.invite", "offers.company", "survey.research", "ads.campaign"}
	var ids []vocab.ConsentEventID
	var head consent.Head
	at := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)
	for len(ids) < n {
		var rows, values [][]any
		for range min(5000, n-len(ids)) {
			i := len(ids)
			id := vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix))
			who := people[i%len(people)].contact
			x := consent.Event{
				ID: id, Kind: consent.KindGranted, ContactID: who, Scope: consent.ScopePurpose, Purpose: purposes[i/len(people)%len(purposes)], Channel: vocab.Email,
				Source: consent.SourceSignUpForm, ActorKind: consent.ActorContact, ActorID: string(who), Language: vocab.Kazakh, TextVersion: 3, TextHash: "f00d",
				PolicyVersion: "2026-01", Proof: consent.ProofDoubleOptIn, ProofRef: string(id), At: at.Add(time.Duration(i) * time.Millisecond), ValidUntil: at.AddDate(2, 0, 0),
			}
			if i%10 == 0 {
				salt := []byte(fmt.Sprintf("%016d", i))
				x.Commitment = consent.Commit(salt, "192.0.2.7")
				values = append(values, []any{id, hex.EncodeToString(salt), "192.0.2.7"})
			}
			x, head = consent.Chain(head, x)
			rows = append(rows, []any{x.Seq, id, who, x.Purpose, x.At.UnixMicro(), x.ValidUntil.UnixMicro(), x.Commitment, x.PrevHash, x.Hash})
			ids = append(ids, id)
		}
		for query, list := range map[string][][]any{
			insert + source: rows,
			`INSERT INTO consent_values (event_id, salt, value) SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2 FROM ` + source: values,
		} {
			arg, err := json.Marshal(list)
			if err != nil {
				b.Fatal(err)
			}
			run(query, string(arg))
		}
	}
	run(`UPDATE consent_head SET seq = $1, hash = $2`, head.Seq, head.Hash)
	run(`ANALYZE`)
	return ids
}

// BenchmarkAppend records grants: one after the other, and sixteen at a time.
func BenchmarkAppend(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			onEach(b, func(b *testing.B, e *engine) {
				b.Helper()
				l, people := newLedger(b, e), e.populate(b, 1000)
				var next atomic.Int64
				b.SetParallelism(max(clients/2, 1)) // of two cores
				record := func() error {
					i := int(next.Add(1))
					_, _, err := l.consents.Record(b.Context(), consent.Event{
						Kind: consent.KindGranted, ContactID: people[i%len(people)].contact, Scope: consent.ScopePurpose, Purpose: "event.invite", Channel: vocab.Email,
						Source: consent.SourceAPI, ActorKind: consent.ActorAPIKey, At: time.Now(),
					}, "192.0.2.7", false)
					return err
				}
				b.ResetTimer()
				if clients == 1 {
					for range b.N {
						if err := record(); err != nil {
							b.Fatal(err)
						}
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							if err := record(); err != nil {
								b.Error(err)
							}
						}
					})
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			})
		})
	}
}

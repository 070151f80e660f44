package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/vocab"
)

func TestAnErasureAnswersItsCertificate(t *testing.T) {
	d := newDoor(t)
	at := "/v1/contacts/" + string(aContact) + "/erasure-certificate"
	d.call(t, "GET", at, "").problem(404, "certificate_not_found")
	var erased erasedView
	d.call(t, "DELETE", "/v1/contacts/"+string(aContact), "").ok(200).into(&erased)
	var certificate contacts.Certificate
	if err := json.Unmarshal(erased.Certificate.Certificate, &certificate); err != nil {
		t.Fatal(err)
	}
	if certificate.ErasedBy != string(liveKey.ID) || certificate.ContactID != aContact || !certificate.ErasedAt.Equal(monday) {
		t.Errorf("certificate %+v", certificate)
	}
	for name, a := range map[string]answered{
		"json by default": d.call(t, "GET", at, ""),
		"json by accept":  d.call(t, "GET", at, "", "Accept: application/json, text/html"),
		"json by format":  d.call(t, "GET", at+"?format=json", "", "Accept: text/html"),
	} {
		var again certificateView
		a.ok(200).into(&again)
		if again.JWS != erased.Certificate.JWS || again.JWS == "" || string(again.Keys) != `{"keys":[]}` || a.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %+v", name, a.Header().Get("Content-Type"), again)
		}
	}
}

func TestACertificateIsPrintedInThreeLanguages(t *testing.T) {
	d := newDoor(t)
	d.call(t, "DELETE", "/v1/contacts/"+string(aContact), "").ok(200)
	at := "/v1/contacts/" + string(aContact) + "/erasure-certificate"
	for _, lang := range vocab.Languages() {
		for name, a := range map[string]answered{
			"by format": d.call(t, "GET", at+"?format=html&lang="+string(lang), ""),
			"by accept": d.call(t, "GET", at, "", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language: "+string(lang)),
		} {
			page := a.ok(200).Body.String()
			if a.Header().Get("Content-Type") != "text/html; charset=utf-8" || a.Header().Get("Content-Security-Policy") != printedPolicy ||
				a.Header().Get("Content-Language") != string(lang) {
				t.Errorf("%s %s: headers %v", lang, name, a.Header())
			}
			for _, want := range []string{
				`<html lang="` + string(lang) + `">`, certificateWords["title"][lang], "era_06gywnjy01xbs0938nkrkaydxw", string(liveKey.ID), string(aMessage), "c2ln",
			} {
				if !strings.Contains(page, want) {
					t.Errorf("%s %s: the page has no %q", lang, name, want)
				}
			}
			for _, other := range vocab.Languages() {
				if other != lang && strings.Contains(page, certificateWords["remains"][other]) {
					t.Errorf("%s %s: the page speaks %s", lang, name, other)
				}
			}
		}
	}
}

func TestEveryWordOfACertificateIsThereInThreeLanguages(t *testing.T) {
	for key, texts := range certificateWords {
		for _, lang := range vocab.Languages() {
			if texts[lang] == "" {
				t.Errorf("%s has no text in %s", key, lang)
			}
		}
	}
	var c contacts.Certificate
	c.Describe(nil, nil)
	for _, lang := range vocab.Languages() {
		for _, x := range c.Deleted {
			if x.What[lang] == "" {
				t.Errorf("%s has no text in %s", x.Kind, lang)
			}
		}
		for _, x := range c.Remains {
			if x.What[lang] == "" || x.Why[lang] == "" || x.Ground[lang] == "" {
				t.Errorf("%s has no text in %s", x.Kind, lang)
			}
		}
	}
	if len(c.Deleted) != len(contacts.ErasedKinds()) || len(c.Remains) != len(contacts.RemainingKinds()) {
		t.Errorf("%d and %d kinds", len(c.Deleted), len(c.Remains))
	}
}

func TestAnExportIsADownload(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = contacts.Profile{Contact: contacts.Contact{ID: aContact}}
	at := "/v1/contacts/" + string(aContact) + "/export"
	for query, want := range map[string][3]string{
		"":             {"application/json", `attachment; filename="` + string(aContact) + `-2026-11-23.json"`, `{"contact_id":"` + string(aContact) + `","exported_at":"2026-11-23T05:00:00Z"}`},
		"?format=json": {"application/json", `attachment; filename="` + string(aContact) + `-2026-11-23.json"`, `{"contact_id":"` + string(aContact) + `","exported_at":"2026-11-23T05:00:00Z"}`},
		"?format=zip":  {"application/zip", `attachment; filename="` + string(aContact) + `-2026-11-23.zip"`, "PK"},
	} {
		a := d.call(t, "GET", at+query, "").ok(200)
		got := [3]string{a.Header().Get("Content-Type"), a.Header().Get("Content-Disposition"), a.Body.String()}
		if diff := cmp.Diff(want, got); diff != "" || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
	d.call(t, "GET", "/v1/contacts/con_06gywnjy01xbs0938nkrkaydxg/export", "").problem(404, "contact_not_found")
	d.call(t, "GET", at+"?format=pdf", "").problem(422, "invalid_request")
	d.call(t, "GET", at, "", "Authorization: Bearer "+testSecret).problem(403, "key_mode_forbidden")

	d.exporter.breaks = errors.New("gone in the middle")
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // the value itself
			t.Errorf("got %v: an export that is not whole must not look so", v)
		}
		if !strings.Contains(d.log.String(), "gone in the middle") {
			t.Error("nobody is told")
		}
	}()
	d.call(t, "GET", at, "")
}

func TestRetentionRunsAreListedByPage(t *testing.T) {
	d := newDoor(t)
	var first, second page[retentionRunView]
	d.call(t, "GET", "/v1/retention-runs?limit=1", "").ok(200).into(&first)
	d.call(t, "GET", "/v1/retention-runs?limit=1&cursor="+first.NextCursor, "").ok(200).into(&second)
	if len(first.Data) != 1 || len(second.Data) != 1 || first.Data[0].ID == second.Data[0].ID || second.NextCursor != "" {
		t.Fatalf("pages %+v, %+v", first, second)
	}
	want := []retentionCountView{{Kind: "content", Class: vocab.Legal, Before: monday.AddDate(-3, 0, 0), Payloads: 7}}
	if diff := cmp.Diff(want, first.Data[0].Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	d.call(t, "GET", "/v1/retention-runs?cursor=x", "").problem(422, "invalid_request")
}

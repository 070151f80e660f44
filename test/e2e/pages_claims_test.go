package e2e_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/orleu/elshi/dispatcher"
)

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// claimPages are where contacts report a message and object to the use of their data.
func (v *visit) claimPages(t *testing.T) []page {
	t.Helper()
	of := func(name, claim string) string { return v.at(dispatcher.LinkWhy, v.invited(t, name)) + "/" + claim }
	asked := v.invited(t, "asked")
	return []page{
		{Name: "report", URL: v.at(dispatcher.LinkWhy, asked) + "/report"},
		{Name: "reported", URL: of("reported", "report"), Fields: press{"text": "I never agreed."}},
		{Name: "report, what may not be kept", URL: of("numbered", "report"), Fields: press{"text": "900101300017"}, Status: http.StatusUnprocessableEntity},
		{Name: "object", URL: v.at(dispatcher.LinkWhy, asked) + "/object"},
		{Name: "objected", URL: of("objected", "object"), Fields: press{}},
	}
}

// provenPages are what a proof of the address opens on the preferences page.
func (v *visit) provenPages(t *testing.T) []page {
	t.Helper()
	address, proof := v.proven(t, "prover")
	return []page{
		{Name: "prove", URL: address, Fields: press{"do": "send", "channel": "email"}},
		{Name: "prove, a wrong code", URL: address, Fields: press{"do": "check", "proof": "x", "channel": "email", "code": "1"}},
		{Name: "prove, ended", URL: address, Fields: press{"do": "open", "proof": "old"}, Status: http.StatusForbidden},
		{Name: "proved", URL: address, Fields: press{"do": "open", "proof": proof}},
	}
}

// proven makes a contact who has proved their address; it returns the path of the page and the proof.
func (v *visit) proven(t *testing.T, name string) (path, proof string) {
	t.Helper()
	path = v.at(dispatcher.LinkPreferences, v.invited(t, name)) + "/proof"
	v.arrives(t, mailOf(name), 1) // so that the code is the second
	post := func(fields ...string) answer {
		values := url.Values{}
		for i := 0; i+1 < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		return v.with("").post(t, v.base+path, values.Encode(), asForm, browser).want(t, http.StatusOK)
	}
	proof = field(t, post("do", "send", "channel", "email"), `name="proof" value="([^"]+)"`)
	code := sixDigits.FindString(v.arrives(t, mailOf(name), 2)[1].Text)
	post("do", "check", "proof", proof, "channel", "email", "code", code)
	return path, proof
}

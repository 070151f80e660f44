package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func FuzzMessageBody(f *testing.F) {
	f.Add([]byte(goodMessage))
	f.Add([]byte(`{"to":{"contact_id":"x"},"purpose":null,"template":"","attachments":[{"name":"","content":"QQ=="}],"data":{"n":12345678901234567890}}`))
	f.Add([]byte(`{"TO":{},"to":{},"purpose":"","template":"","send_at":"0000-01-01T00:00:00+23:59"}`))
	d := newDoor(f, func(o *Options) { o.RatePerSecond, o.RateBurst = 1e9, 1e9 })
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 {
			t.Skip("no body has a refusal of its own")
		}
		d.submitter.calls = nil
		d.log.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/messages", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+liveSecret)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusAccepted:
			if len(d.submitter.calls) != 1 || len(d.submitter.calls[0].requests) != 1 {
				t.Errorf("%q was taken and the street not asked once", body)
			}
		case http.StatusBadRequest, http.StatusUnprocessableEntity:
			answered{w, t}.problem(w.Code, map[int]string{400: "invalid_json", 422: "invalid_request"}[w.Code])
		default:
			t.Errorf("%q is answered %d: %s", body, w.Code, w.Body)
		}
		if strings.Contains(d.log.String(), "ERROR") {
			t.Errorf("%q made an error of ours: %s", body, d.log)
		}
	})
}

func FuzzIdempotencyKey(f *testing.F) {
	f.Add("4711", []byte(goodMessage))
	f.Add("", []byte{})
	f.Add(strings.Repeat("k", 256), []byte("{}"))
	f.Add("\x7f", []byte("{}"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		key, err := idempotencyKey(header, messagesRoute, liveKey.ID, body)
		printable := len(header) <= 255 && strings.Trim(header, printableASCII) == ""
		switch {
		case header == "":
			if key != nil || err != nil {
				t.Errorf("no header gives %v, %v", key, err)
			}
		case !printable:
			if key != nil || problemOf(err).Errors[0].Code != "idempotency_key_invalid" {
				t.Errorf("%q gives %v, %v", header, key, err)
			}
		default:
			if err != nil || key.Token != header || key.APIKey != liveKey.ID || len(key.BodyHash) != 64 {
				t.Fatalf("%q gives %+v, %v", header, key, err)
			}
			other, _ := idempotencyKey(header, messagesRoute, liveKey.ID, append(bytes.Clone(body), ' '))
			if other.BodyHash == key.BodyHash {
				t.Error("another body has the same hash")
			}
		}
	})
}

const printableASCII = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

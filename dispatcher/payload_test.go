package dispatcher

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

// byTheBook reads a payload with encoding/json alone.
func byTheBook(payload []byte) (o opened, err error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if err := decoder.Decode(&o); err != nil {
		return opened{}, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return opened{}, io.ErrUnexpectedEOF
	}
	return o, nil
}

var payloads = []string{
	`{}`, ` { } `, newsletterPayload, `{"name":"A"}`, `{"data":{}}`, `{"data":null}`, `{"name":null}`, `{"name":1}`, `{"data":[1]}`, `null`, `[]`, ``, `{`, `{"`,
	`{"data":{"a":"\u0026 \ud83d\ude00 \\ \" \n","b":"\ud800","c":"` + "\x01" + `","d":"\x"}}`, `{"data":{"a\u0062":1,"ab":2}}`, `{"data":{"a":{"x":1},"a":{"y":2}}}`,
	`{"data":{"x":1},"data":{"y":2}}`, `{"Name":"A","DATA":{"a":1}}`, `{"name":"A","other":1}`, `{"data":{"a":"` + "\xff" + `"}}`, `{"data":{"` + "\xff" + `":1}}`,
	`{"data":{"a":[1,-2,3.50,1e3,-0,0,00,01,1.,-,.5,12345678901234567890]}}`, `{"data":{"a":[1,-2,3.50,-0,0,12345678901234567890]}}`, `{"data":{"a":1e3}}`,
	`{"data":{"a":[ ],"b":[[[]]],"c":[1,],"d":{}}}`, `{"data":{"a":true,"b":false,"c":null}}`, `{"data":{"a":tru}}`, `{"data":{"a":1}} x`, "\n{\"data\" :\t{ \"a\" : [ 1 , \"b\" ] } }\r\n",
	`{"data":{"a":` + strings.Repeat("[", plainDepth+5) + strings.Repeat("]", plainDepth+5) + `}}`, `{"data":{"a":1,}}`, `{"data":{"a" 1}}`, `{"data":{a:1}}`, `{"data":{"a":"b}}`, `{"data":{"a":"\`,
}

// The quick reader reads what encoding/json reads, or leaves it to it.
func TestPayloadsAreReadByTheBook(t *testing.T) {
	for _, payload := range payloads {
		samePayload(t, []byte(payload))
	}
	for _, payload := range []string{newsletterPayload, `{"data":{"a":"1 \u0026 2","b":[true,null,{"c":-1.50}]}}`} {
		if _, plain := readPlain(payload); !plain {
			t.Errorf("%s takes the long way", payload)
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, payload := range payloads {
		f.Add([]byte(payload))
	}
	f.Fuzz(samePayload)
}

func samePayload(t *testing.T, payload []byte) {
	t.Helper()
	want, refused := byTheBook(payload)
	got, err := readPayload(payload)
	if (err == nil) != (refused == nil) {
		t.Fatalf("%q: %v, by the book %v", payload, err, refused)
	}
	if !reflect.DeepEqual(got, want) { // cmp takes a time that doubles with every bracket
		t.Fatalf("%q is %+v, by the book %+v", payload, got, want)
	}
}

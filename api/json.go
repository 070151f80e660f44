package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// jsonFormat reads and writes bodies. An error of it never repeats the body.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		if json.Unmarshal(data, v) != nil {
			return errNotJSON
		}
		return nil
	},
}

var errNotJSON = errors.New("not JSON of this shape")

// object is a JSON object that is passed on as it came, so that no number in it loses a digit.
type object json.RawMessage

// Schema implements huma.SchemaProvider.
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// UnmarshalJSON keeps the bytes; null is no object.
func (o *object) UnmarshalJSON(b []byte) error {
	if !bytes.Equal(b, []byte("null")) {
		*o = append((*o)[:0], b...)
	}
	return nil
}

// MarshalJSON writes the bytes.
func (o object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("{}"), nil
	}
	return o, nil
}

// moment is a time of a request. The street takes the zero time for none, so a caller's year 1 becomes the instant after it: then it is
// looked at like any other time.
type moment struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler; null is none.
func (m *moment) UnmarshalJSON(b []byte) error {
	if err := m.Time.UnmarshalJSON(b); err != nil {
		return err
	}
	if m.IsZero() && !bytes.Equal(b, []byte("null")) {
		m.Time = m.Add(1)
	}
	return nil
}

// Schema implements huma.SchemaProvider.
func (moment) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[time.Time](), false, "")
}

// change is a member of a merge patch (RFC 7396): absent, null or a value.
type change[T any] struct {
	Sent  bool
	Value T // zero for null
}

// UnmarshalJSON implements json.Unmarshaler; it is called for members that were sent.
func (c *change[T]) UnmarshalJSON(b []byte) error {
	c.Sent = true
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	return json.Unmarshal(b, &c.Value)
}

// Schema implements huma.SchemaProvider: a member may be whatever the field may be, or null.
func (change[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), false, "")
	if s.Type != huma.TypeObject {
		s.Nullable = true
	}
	return &s
}

// apply makes the change to a field.
func (c change[T]) apply(field *T) {
	if c.Sent {
		*field = c.Value
	}
}

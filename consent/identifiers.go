package consent

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/orleu/elshi/fault"
)

// Identifier is a kind of identifier that policy clause 2.2 keeps out of every message.
type Identifier string

// The forbidden identifiers.
const (
	IdentifierIIN         Identifier = "iin"             // Kazakhstan's individual identification number
	IdentifierDocument    Identifier = "document_number" // of an identity card or a passport
	IdentifierHomeAddress Identifier = "home_address"
)

// Finding is one forbidden identifier. It says where and what, never the value.
type Finding struct {
	Pointer string // RFC 6901; where a name inside it is itself an identifier, the object around that name
	Kind    Identifier
}

// FindForbidden looks for forbidden identifiers in data as encoding/json makes it (maps, slices, strings, json.Number,
// numbers) and in Go values of the same shapes: in values, in the names of fields, and in the merge fields of template
// texts. A field whose name asks for an identifier is found whatever its value. Pointer is the RFC 6901 pointer of v, ""
// for a whole document. The findings come in the order of the document, fields by name, each once, at most 100.
//
// An IIN is recognised by its birth date, century digit and check digit, so about two in a thousand arbitrary numbers of
// twelve digits are taken for one, in a row or in groups; digits of other scripts, full-width forms and characters without
// width do not hide it. A number after a plus is a phone number. A document number is recognised by the words
// before it or its field's name; a home address by its field's name alone. Below 10,000 levels it does not look; neither
// does encoding/json.
func FindForbidden(pointer string, v any) (found []Finding) {
	f := finder{base: pointer}
	f.walk(reflect.ValueOf(v))
	return f.found
}

// RefuseForbidden is what a door answers to FindForbidden's findings: a field each, with the code forbidden_identifier and
// never the value (policy clause 2.2). None means that v may be stored. Every door asks it, so that what one refuses no
// other lets in.
func RefuseForbidden(pointer string, v any) (fields []fault.Field) {
	for _, f := range FindForbidden(pointer, v) {
		fields = append(fields, refusalAt(f.Pointer))
	}
	return fields
}

// RefuseForbiddenEmail does the same for an email address, and looks for a whole IIN before the @ alone: no other number
// and no word makes an honest address be refused.
func RefuseForbiddenEmail(pointer, address string) []fault.Field {
	local := address[:max(strings.LastIndexByte(address, '@'), 0)]
	if !inLocalPart(local) {
		return nil
	}
	return []fault.Field{refusalAt(pointer)}
}

func refusalAt(pointer string) fault.Field {
	return fault.Field{
		Pointer: pointer, Code: string(ForbiddenIdentifier),
		Detail: "identity numbers, document numbers and home addresses are never sent or stored (policy clause 2.2)",
	}
}

// maxFindings is how many findings are told: one is enough to refuse, and hostile data must not make us write a book.
const maxFindings = 100

// deepest is how many steps down it goes: encoding/json reads 10,000 levels, and each is two steps, the interface and the
// value in it. A Go value that holds itself ends here too.
const deepest = 20_002

type finder struct {
	base  string
	path  []string // the steps from base; written out only where something is found
	depth int
	found []Finding
}

func (f *finder) add(kinds ...Identifier) {
	if len(kinds) == 0 || len(f.found) >= maxFindings {
		return
	}
	var pointer strings.Builder
	pointer.WriteString(f.base)
	for _, step := range f.path {
		pointer.WriteString("/" + escape.Replace(step))
	}
	for _, kind := range kinds {
		if one := (Finding{Pointer: pointer.String(), Kind: kind}); !slices.Contains(f.found, one) {
			f.found = append(f.found, one)
		}
	}
}

// escape writes a step of a pointer (RFC 6901 section 3).
var escape = strings.NewReplacer("~", "~0", "/", "~1")

func (f *finder) walk(v reflect.Value) {
	if f.depth++; f.depth > deepest || len(f.found) >= maxFindings {
		f.depth--
		return
	}
	defer func() { f.depth-- }()
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		f.walk(v.Elem())
	case reflect.Map:
		f.fields(v)
	case reflect.Slice, reflect.Array:
		if raw, ok := readBytes(v); ok {
			f.walk(reflect.ValueOf(raw))
			return
		}
		for i := range v.Len() {
			f.step(strconv.Itoa(i), v.Index(i))
		}
	case reflect.Struct:
		// As JSON shows it: those are the names the pointer speaks of.
		if raw, err := json.Marshal(v.Interface()); err == nil {
			f.walk(reflect.ValueOf(decode(raw)))
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[json.Number]() {
			f.add(inNumber(v.String())...)
		} else {
			f.add(inText(v.String())...)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f.add(inNumber(strconv.FormatInt(v.Int(), 10))...)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		f.add(inNumber(strconv.FormatUint(v.Uint(), 10))...)
	case reflect.Float32, reflect.Float64:
		f.add(inNumber(strconv.FormatFloat(v.Float(), 'f', -1, 64))...)
	case reflect.Invalid, reflect.Bool, reflect.Complex64, reflect.Complex128, reflect.Chan, reflect.Func,
		reflect.UnsafePointer: // nothing that could hold one
	}
}

// fields walks a map in the order of its names, so that the same data give the same findings.
func (f *finder) fields(m reflect.Value) {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(nameOf(a), nameOf(b)) })
	for _, key := range keys {
		name := nameOf(key)
		if kinds := inText(name); len(kinds) > 0 {
			f.add(kinds...)
			f.walk(m.MapIndex(key)) // without a step: the name is a value that must not be repeated
			continue
		}
		f.step(name, m.MapIndex(key))
	}
}

func (f *finder) step(name string, v reflect.Value) {
	f.path = append(f.path, name)
	if kind, forbidden := nameAsks(name); forbidden {
		f.add(kind)
	}
	f.walk(v)
	f.path = f.path[:len(f.path)-1]
}

func nameOf(key reflect.Value) string {
	for key.Kind() == reflect.Interface {
		key = key.Elem()
	}
	switch {
	case key.Kind() == reflect.String:
		return key.String()
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10)
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10)
	}
	return ""
}

// readBytes reads a json.RawMessage, or any bytes that hold JSON; other bytes count as the text they are.
func readBytes(v reflect.Value) (any, bool) {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Uint8 {
		return nil, false
	}
	if json.Valid(v.Bytes()) {
		return decode(v.Bytes()), true
	}
	return string(v.Bytes()), true
}

// decode reads valid JSON and leaves the numbers as they were written.
func decode(valid []byte) (read any) {
	decoder := json.NewDecoder(bytes.NewReader(valid))
	decoder.UseNumber()
	if err := decoder.Decode(&read); err != nil {
		return string(valid) // nested too deep to be read: then it is looked at as a text
	}
	return read
}

// inNumber looks at a number as text. A number has lost its leading zero, which is how the IINs of those born from 2001 to
// 2009 begin; of those born in 2000 it has lost more, and is like any order number: only a field's name gives it away.
func inNumber(s string) []Identifier {
	if strings.ContainsAny(s, ".eE") {
		value, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Abs(value) >= 1e15 {
			return inText(s)
		}
		s = strconv.FormatFloat(value, 'f', -1, 64)
	}
	return inText(strings.TrimPrefix(s, "-"))
}

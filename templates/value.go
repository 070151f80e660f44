package templates

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/osteele/liquid/values"
)

// safeHTML is text that the safe_html or newline_to_br filter made safe to stand in HTML as it is.
type safeHTML string

// scoped is a variable as liquid's evaluator sees it: a value that knows its own path, so that a missing one can be named.
// It answers for maps and lists of plain data only: no method of a Go value can be called from a template.
type scoped struct {
	run    *run
	parent *scoped
	key    string
	index  int // place in the list named key; -1: not in a list
	value  any // nil: missing
}

func (s *scoped) path() string {
	name := s.key
	if s.index >= 0 {
		name += "[" + strconv.Itoa(s.index) + "]"
	}
	if s.parent == nil {
		return name
	}
	if strings.HasPrefix(name, "[") {
		return s.parent.path() + name
	}
	return s.parent.path() + "." + name
}

// Interface hands the value to a filter, a comparison or an output. A missing one becomes a *MissingVariable that whoever
// uses it must look at, except in conditions, where it is nil.
func (s *scoped) Interface() any {
	v := plain(s.value)
	if v == nil {
		if s.run.lenient {
			return nil
		}
		return &MissingVariable{Name: s.path()}
	}
	s.run.charge(v)
	return v
}

// Int is what a range such as (1..data.seats) asks for.
func (s *scoped) Int() int {
	switch v := plain(s.value).(type) {
	case int:
		return v
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
	}
	panic(values.TypeError(s.path() + " is not a whole number"))
}

// Equal compares as liquid does; a missing variable equals nil and nothing else.
func (s *scoped) Equal(other values.Value) bool {
	right := other.Interface()
	if _, missing := right.(*MissingVariable); missing {
		right = nil
	}
	return values.Equal(plain(s.value), right)
}

// Less compares as liquid does; nothing is less than a missing variable.
func (s *scoped) Less(other values.Value) bool {
	return values.Less(plain(s.value), other.Interface())
}

// Contains asks a text for a part, a list for an element and a map for a key.
func (s *scoped) Contains(other values.Value) bool {
	wanted := other.Interface()
	switch v := plain(s.value).(type) {
	case string:
		part, ok := wanted.(string)
		return ok && strings.Contains(v, part)
	case nil:
		return false
	default:
		for _, item := range list(v) {
			if values.Equal(plain(item), wanted) {
				return true
			}
		}
		key, ok := wanted.(string)
		return ok && list(v) == nil && child(v, key) != nil
	}
}

// IndexValue is x[i]: a place in a list, from the end if negative, or a key of a map.
func (s *scoped) IndexValue(index values.Value) values.Value {
	switch i := plain(index.Interface()).(type) {
	case string:
		return s.at(i)
	case float64:
		return s.element(int(i))
	case int:
		return s.element(i)
	default:
		return &scoped{run: s.run, parent: s, key: "[]", index: -1}
	}
}

func (s *scoped) element(i int) values.Value {
	items := list(s.value)
	if i < 0 {
		i += len(items)
	}
	if i < 0 || i >= len(items) {
		return &scoped{run: s.run, parent: s, index: max(i, 0)}
	}
	return &scoped{run: s.run, parent: s, index: i, value: items[i]}
}

// PropertyValue is x.name.
func (s *scoped) PropertyValue(name values.Value) values.Value {
	key, _ := name.Interface().(string)
	return s.at(key)
}

func (s *scoped) at(key string) values.Value {
	return &scoped{run: s.run, parent: s, key: key, index: -1, value: child(s.value, key)}
}

// Test says whether a condition on the variable holds.
func (s *scoped) Test() bool { return truthy(s.value) }

// child returns the entry of a map, or size, first and last of a list; nil if there is none.
func child(v any, key string) any {
	if m, ok := v.(map[string]any); ok {
		if item, ok := m[key]; ok || key != "size" {
			return item
		}
		return len(m)
	}
	if text, ok := v.(string); ok {
		if key == "size" {
			return len([]rune(text))
		}
		return nil
	}
	if items := list(v); items != nil {
		switch {
		case key == "size":
			return len(items)
		case len(items) == 0:
			return nil
		case key == "first":
			return items[0]
		case key == "last":
			return items[len(items)-1]
		}
		return nil
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Map && rv.Type().Key().Kind() == reflect.String {
		if item := rv.MapIndex(reflect.ValueOf(key).Convert(rv.Type().Key())); item.IsValid() {
			return item.Interface()
		}
	}
	return nil
}

// list returns the elements of a list, nil for anything else. An empty list is not nil.
func list(v any) []any {
	if items, ok := v.([]any); ok && items != nil {
		return items
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Slice && rv.Kind() != reflect.Array {
		return nil
	}
	items := make([]any, rv.Len())
	for i := range items {
		items[i] = rv.Index(i).Interface()
	}
	return items
}

// truthy is liquid's rule with one addition: an empty text or list is false, because a message asks "is there something to
// print?".
func truthy(v any) bool {
	switch v := plain(v).(type) {
	case nil, *MissingVariable:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case safeHTML:
		return v != ""
	case map[string]any:
		return len(v) > 0
	default:
		items := list(v)
		return items == nil || len(items) > 0
	}
}

// plain reduces named and sized Go types to those that JSON could have brought, so that the rest need not know more kinds.
func plain(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int, float64, map[string]any, []any, time.Time, safeHTML, values.Range, *MissingVariable:
		return v
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		if !strings.ContainsAny(v.String(), ".eE") {
			return v.String() // a float64 would print other digits than the sender wrote
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.String:
		return rv.String()
	case reflect.Bool:
		return rv.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(rv.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int(rv.Uint()) //nolint:gosec // at most 32 bits
	case reflect.Float32:
		return rv.Float()
	case reflect.Pointer, reflect.Interface:
		if rv.IsNil() {
			return nil
		}
	case reflect.Map, reflect.Slice:
		if rv.IsNil() {
			return nil
		}
	}
	return v
}

// text returns how a value is printed. Lists and maps are not: whoever prints one meant something else.
func text(v any) (string, error) {
	switch v := plain(v).(type) {
	case string:
		return v, nil
	case safeHTML:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Time:
		return "", badValue("a time is printed with the date filter")
	case *MissingVariable:
		return "", v
	default:
		return "", badValue("a list or an object cannot be printed; name one of its parts")
	}
}

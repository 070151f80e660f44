package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// decoder writes YAML into the settings and collects what is wrong instead of stopping at it. yaml.v3's own decoder would
// name Go types and lines; an operator needs keys, and secrets need their _file twins.
type decoder struct {
	problems []Problem
}

func (d *decoder) problemf(key, format string, args ...any) {
	d.problems = append(d.problems, Problem{Key: key, Detail: fmt.Sprintf(format, args...)})
}

// file overlays one YAML document.
func (d *decoder) file(data []byte, c *Config) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) { // an empty file changes nothing
			d.problemf("settings file", "%v; write YAML", err)
		}
		return
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		d.problemf("settings file", "has more than one YAML document; write one")
	}
	if len(doc.Content) == 1 {
		d.value(doc.Content[0], reflect.ValueOf(c).Elem(), "")
	}
}

var durationType = reflect.TypeFor[time.Duration]()

// value decodes one node into v, which is addressable. key is "" for the whole document.
func (d *decoder) value(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if target, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		if text, ok := d.scalar(n, key); ok {
			if err := target.UnmarshalText([]byte(text)); err != nil {
				d.problemf(key, "%v", err)
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.group(n, v, key)
	case reflect.Map:
		d.table(n, v, key)
	case reflect.Slice:
		d.list(n, v, key)
	default:
		if text, ok := d.scalar(n, key); ok {
			if err := setScalar(v, text); err != nil {
				d.problemf(key, "%v", err)
			}
		}
	}
}

func (d *decoder) scalar(n *yaml.Node, key string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.problemf(key, "has no single value; write one value, \"\" for an empty text, or leave the key out")
		return "", false
	}
	return n.Value, true
}

func setScalar(v reflect.Value, text string) error {
	switch {
	case v.Type() == durationType:
		duration, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration; write a number and a unit such as 100ms, 30s, 5m or 168h", text)
		}
		v.SetInt(int64(duration))
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(text == "true")
	case v.CanInt():
		number, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(number)
	case v.CanFloat():
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(number)
	default:
		return fmt.Errorf("cannot be set: no way to read a %s", v.Type())
	}
	return nil
}

// pairs returns the keys and values of a mapping; a key that stands twice is a problem.
func (d *decoder) pairs(n *yaml.Node, key string) [][2]*yaml.Node {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil // a group whose keys are all commented out
	}
	if n.Kind != yaml.MappingNode {
		d.problemf(orDocument(key), "is not a group of keys; write key: value lines below it")
		return nil
	}
	seen := make(map[string]bool)
	var out [][2]*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if n.Content[i].Kind != yaml.ScalarNode || name == "" {
			d.problemf(orDocument(key), "has a key that is not a name (line %d); write name: value", n.Content[i].Line)
			continue
		}
		if seen[name] {
			d.problemf(join(key, name), "stands twice (line %d); keep one", n.Content[i].Line)
			continue
		}
		seen[name] = true
		out = append(out, [2]*yaml.Node{n.Content[i], n.Content[i+1]})
	}
	return out
}

func (d *decoder) group(n *yaml.Node, v reflect.Value, key string) {
	fields := fieldsOf(v)
	given := make(map[string]bool)
	for _, pair := range d.pairs(n, key) {
		name := pair[0].Value
		given[name] = true
		if field, ok := fields[name]; ok {
			d.value(pair[1], field, join(key, name))
			continue
		}
		if plain, ok := secretTwin(fields, name); ok {
			if path, ok := d.scalar(pair[1], join(key, name)); ok {
				d.secretFile(path, fields[plain], join(key, name))
			}
			continue
		}
		d.problemf(join(key, name), "is not a setting (line %d)%s", pair[0].Line, suggestion(name, fields))
	}
	for name := range given {
		if plain, ok := secretTwin(fields, name); ok && given[plain] {
			d.problemf(join(key, plain), "is given here and as %s; keep one", name)
		}
	}
}

func (d *decoder) table(n *yaml.Node, v reflect.Value, key string) {
	out := reflect.MakeMap(v.Type())
	for _, pair := range d.pairs(n, key) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(pair[1], element, join(key, pair[0].Value))
		out.SetMapIndex(reflect.ValueOf(pair[0].Value).Convert(v.Type().Key()), element)
	}
	v.Set(out)
}

// list replaces a list whole: merging lists by position would surprise.
func (d *decoder) list(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind != yaml.SequenceNode {
		d.problemf(key, "is not a list; write [a, b] or one - item a line")
		return
	}
	v.SetZero()
	if len(n.Content) == 0 {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		element := out.Index(i)
		if target, ok := reflect.TypeAssert[interface{ setDefaults() }](element.Addr()); ok {
			target.setDefaults()
		}
		d.value(item, element, key+"["+strconv.Itoa(i)+"]")
	}
	v.Set(out)
}

var secretType = reflect.TypeFor[Secret]()

// secretTwin returns the secret that a name such as password_file stands for.
func secretTwin(fields map[string]reflect.Value, name string) (string, bool) {
	plain, isFile := strings.CutSuffix(name, "_file")
	field, ok := fields[plain]
	return plain, isFile && ok && field.Type() == secretType
}

func (d *decoder) secretFile(path string, v reflect.Value, key string) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		d.problemf(key, "%v; give the path of a readable file that holds the secret alone", err)
		return
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" {
		d.problemf(key, "the file %s is empty; put the secret into it", path)
		return
	}
	v.SetString(text)
}

// fieldsOf returns a group's settings by their names in the file.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	out := make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		out[v.Type().Field(i).Tag.Get("yaml")] = v.Field(i)
	}
	return out
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func orDocument(key string) string {
	if key == "" {
		return "settings file"
	}
	return key
}

// suggestion names the settings that are there when a key is not.
func suggestion(name string, fields map[string]reflect.Value) string {
	best, distance := "", 3
	for have := range fields {
		if d := editDistance(name, have); d < distance || d == distance && have < best {
			best, distance = have, d
		}
	}
	if best == "" {
		return "; docs/configuration.md lists all"
	}
	return "; did you mean " + best + "?"
}

// editDistance is the number of single letters to insert, delete or change between a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

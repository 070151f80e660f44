package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// prefix begins the name of every environment variable of ours.
const prefix = "ELSHI_"

// elshiVariables picks our variables from an environment; of a name that stands twice the last wins.
func elshiVariables(environ []string) map[string]string {
	out := make(map[string]string)
	for _, entry := range environ {
		name, value, found := strings.Cut(entry, "=")
		if found && strings.HasPrefix(name, prefix) && !fromKubernetes(name) {
			out[name] = value
		}
	}
	return out
}

// fromKubernetes says whether the name is one that Kubernetes sets in every pod beside a Service called "elshi". They are
// not settings, and nobody can take them away; no setting of ours may begin like this (a test says so).
func fromKubernetes(name string) bool {
	return name == prefix+"PORT" || strings.HasPrefix(name, prefix+"PORT_") || strings.HasPrefix(name, prefix+"SERVICE_")
}

// variableName is the environment variable of a setting: server.public_url is ELSHI_SERVER_PUBLIC_URL.
func variableName(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// environment overlays our variables. A list of plain values is written with commas, other lists and tables as YAML.
func (d *decoder) environment(vars map[string]string, c *Config) {
	settings := make(map[string]setting)
	for _, s := range settingsOf(reflect.ValueOf(c).Elem(), "") {
		settings[variableName(s.key)] = s
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		text := vars[name]
		if s, ok := settings[name]; ok {
			d.variable(name, text, s)
			continue
		}
		plain, isFile := strings.CutSuffix(name, "_FILE")
		if s, ok := settings[plain]; ok && isFile && s.value.Type() == secretType {
			if _, twice := vars[plain]; twice {
				d.problemf(plain, "is given here and as %s; keep one", name)
				continue
			}
			d.secretFile(text, s.value, name)
			continue
		}
		d.problemf(name, "is not a setting; docs/configuration.md lists all")
	}
}

func (d *decoder) variable(name, text string, s setting) {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	switch {
	case isScalarList(s.value.Type()):
		node = &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.TrimSpace(item)})
		}
	case s.value.Kind() == reflect.Slice || s.value.Kind() == reflect.Map:
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) != 1 {
			// yaml's error may quote the text, and the text may hold a secret.
			d.problemf(name, "is not YAML; write it as in the settings file, for example [{id: relay, …}]")
			return
		}
		node = doc.Content[0]
	}
	before := len(d.problems)
	d.value(node, s.value, s.key)
	for i := before; i < len(d.problems); i++ {
		d.problems[i].Key = name + strings.TrimPrefix(d.problems[i].Key, s.key)
	}
}

// setting is one thing that can be set: anything but a group.
type setting struct {
	key   string
	value reflect.Value
}

// settingsOf walks a group in the order of its fields.
func settingsOf(v reflect.Value, key string) []setting {
	var out []setting
	for i := range v.NumField() {
		name := join(key, v.Type().Field(i).Tag.Get("yaml"))
		if field := v.Field(i); isGroup(field.Type()) {
			out = append(out, settingsOf(field, name)...)
		} else {
			out = append(out, setting{name, field})
		}
	}
	return out
}

var textType = reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()

// isGroup says whether a type is a struct with settings of its own, not a value with a text form.
func isGroup(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(textType)
}

func isScalarList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && !isGroup(t.Elem())
}

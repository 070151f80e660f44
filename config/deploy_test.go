package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

type composeFile struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
}

type composeService struct {
	Build       string            `yaml:"build"`
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Ports       []string          `yaml:"ports"`
	DependsOn   map[string]any    `yaml:"depends_on"`
}

// No container engine is needed to see that the files agree with the settings.
func TestComposeFileSetsWhatExists(t *testing.T) {
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose composeFile
	if err := yaml.Unmarshal([]byte(interpolate(string(text))), &compose); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for name, service := range compose.Services {
		_, tag, tagged := strings.Cut(service.Image, ":")
		if !tagged || tag == "latest" {
			t.Errorf("%s: image %q has no fixed version", name, service.Image)
		}
		for other := range service.DependsOn {
			if _, ok := compose.Services[other]; !ok {
				t.Errorf("%s depends on %s, which is not there", name, other)
			}
		}
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if _, ok := compose.Volumes[source]; !ok {
				t.Errorf("%s: volume %s is not declared", name, source)
			}
		}
		for _, port := range service.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to the network", name, port)
			}
		}
		if service.Build == "" {
			continue
		}
		ours++
		if _, err := Load("", append(environ(service.Environment), imageEnvironment(t)...)); err != nil {
			t.Errorf("%s would not start: %v", name, err)
		}
	}
	if ours == 0 {
		t.Error("no service is built from this repository")
	}
	if _, told := compose.Services["elshi"].Environment["ELSHI_DATABASE_OWNER_URL"]; told {
		t.Error("the running service is told the owner's password; only migrate needs it")
	}
	for _, words := range [][]string{
		{"--appendonly", "yes"},
		{"--appendfsync", "everysec"},
		{"--maxmemory-policy", "noeviction"},
	} {
		command := compose.Services["redis"].Command
		if at := slices.Index(command, words[0]); at < 0 || at+1 == len(command) || command[at+1] != words[1] {
			t.Errorf("redis runs %v, want %v in it", command, words)
		}
	}
}

func TestDockerfileNamesWhatExists(t *testing.T) {
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	sources := regexp.MustCompile(`(?m)^COPY (.+) \S+$`).FindAllStringSubmatch(string(text), -1)
	sources = append(sources, regexp.MustCompile(`(\./cmd/\S+)`).FindAllStringSubmatch(string(text), -1)...)
	if len(sources) < 3 {
		t.Errorf("found only %v to copy and build", sources)
	}
	for _, match := range sources {
		if strings.HasPrefix(match[1], "--from=") {
			continue
		}
		for source := range strings.FieldsSeq(match[1]) {
			if _, err := os.Stat(filepath.Join("..", source)); err != nil {
				t.Errorf("Dockerfile needs %s: %v", source, err)
			}
		}
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))
	if version == nil || !strings.Contains(string(text), "FROM golang:"+version[1]) {
		t.Errorf("Dockerfile builds with another Go than go.mod's %v", version)
	}
	for _, want := range []string{`(?m)^USER [1-9]\d*$`, `(?m)^HEALTHCHECK `, `CGO_ENABLED=0`} {
		if !regexp.MustCompile(want).Match(text) {
			t.Errorf("Dockerfile has no %s", want)
		}
	}
	if _, err := Load("", imageEnvironment(t)); err != nil {
		t.Errorf("the image would not start: %v", err)
	}
}

// imageEnvironment is what the Dockerfile sets.
func imageEnvironment(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	out := regexp.MustCompile(`ELSHI_\w+=\S+`).FindAllString(string(text), -1)
	if len(out) == 0 {
		t.Error("the Dockerfile sets nothing")
	}
	return out
}

func environ(vars map[string]string) []string {
	var out []string
	for name, value := range vars {
		out = append(out, name+"="+value)
	}
	return out
}

// interpolate fills in variables as compose does; one that must be set gets something that is a password and a key.
func interpolate(text string) string {
	variable := regexp.MustCompile(`\$\{\w+:([?-])([^}]*)\}`)
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		match := variable.FindStringSubmatch(found)
		if match[1] == "-" {
			return match[2]
		}
		return strings.Repeat("0a", KeySize)
	})
}

// What other files of the repository name as our variables must be ones that are read.
func TestVariablesInTheRepositoryExist(t *testing.T) {
	c := Default()
	known := map[string]bool{PathVariable: true}
	for _, s := range settingsOf(reflect.ValueOf(&c).Elem(), "") {
		known[variableName(s.key)] = true
		if s.value.Type() == secretType {
			known[variableName(s.key)+"_FILE"] = true
		}
	}
	for _, file := range []string{"../compose.yaml", "../Dockerfile", "../Makefile", "../.ci/run", "../README.md", "../SECURITY.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			if os.IsNotExist(err) && file == "../README.md" {
				continue // a checkout without documents still builds
			}
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bELSHI_[A-Z_]*[A-Z]\b`).FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which is not a setting", filepath.Base(file), name)
			}
		}
	}
}

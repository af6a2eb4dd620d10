package hcl

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	hcl2 "github.com/hashicorp/hcl/v2"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// quoted are the words in backticks.
var quoted = regexp.MustCompile("`([^`]+)`")

// section is the text under a heading, up to the next.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("the README has no heading %q", heading)
	}
	text, _, _ = strings.Cut(rest, "\n#")
	return text
}

// attributesByBlock are the attributes of every schema, as "run.cmd".
func attributesByBlock() []string {
	schemas := map[string]*hcl2.BodySchema{
		"config": configSchema, "identity": identitySchema, "sweep": sweepSchema, "sample": sampleSchema, "skip": skipSchema,
		"objective": objectiveSchema, "on_finish": onFinishSchema, "variable": variableSchema, "validation": validationSchema,
	}
	for path, schema := range settingSchemas {
		schemas[path[strings.LastIndexByte(path, '.')+1:]] = schema
	}
	var all []string
	for block, schema := range schemas {
		attributes, _ := schemaNames(schema)
		for _, a := range attributes {
			all = append(all, block+"."+a)
		}
	}
	return all
}

func TestReadmeHasEveryAttributeOnce(t *testing.T) {
	var told []string
	for line := range strings.Lines(section(t, readme(t), "### Every attribute")) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.Contains(cells[1], "`") {
			continue
		}
		block, _, _ := strings.Cut(quoted.FindStringSubmatch(cells[1])[1], " ")
		for _, name := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if !strings.Contains(name[1], "{") { // a block
				told = append(told, block+"."+name[1])
			}
		}
	}
	known := attributesByBlock()
	for _, name := range known {
		if n := len(slices.DeleteFunc(slices.Clone(told), func(s string) bool { return s != name })); n != 1 {
			t.Errorf("the table has %s %d times", name, n)
		}
	}
	for _, name := range told {
		if !slices.Contains(known, name) {
			t.Errorf("the table has %s, which there is not", name)
		}
	}
	if len(known) < 60 {
		t.Errorf("only %d attributes: a schema is missing here", len(known))
	}
}

func TestReadmeHasEveryFunction(t *testing.T) {
	text := readme(t)
	told := map[string]bool{}
	for _, words := range quoted.FindAllStringSubmatch(section(t, text, "### Functions"), -1) {
		for name := range strings.FieldsSeq(words[1]) {
			name, _, _ = strings.Cut(name, "(")
			told[name] = true
		}
	}
	f := functions("", nil)
	for name := range f.samples {
		if !strings.Contains(text, "`"+name+"(") {
			t.Errorf("the README does not name the distribution %s", name)
		}
	}
	known := slices.Concat(slices.Collect(maps.Keys(f.everywhere)), slices.Collect(maps.Keys(f.fileScope)), []string{"env"})
	for _, name := range known {
		if !told[name] {
			t.Errorf("the README does not name the function %s", name)
		}
	}
}

func TestReadmeExamplesLoad(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(readme(t), -1)
	for _, b := range blocks {
		m, diags := Load([]string{write(t, "grid.hcl", b[1])}, Options{})
		if !strings.Contains(b[1], "sweep \"") { // a part of one
			if strings.Count(diags.Error(), "error: ") != 1 || !strings.Contains(diags.Error(), "No sweep") {
				t.Errorf("%s\n%s", b[1], diags.Text())
			}
			continue
		}
		if diags.HasErrors() {
			t.Errorf("%s\n%s", b[1], diags.Text())
			continue
		}
		for _, s := range m.Sweeps {
			if all, _ := expand(t, s); len(all) == 0 {
				t.Errorf("sweep %q makes nothing", s.Name)
			}
		}
	}
	if len(blocks) < 3 {
		t.Errorf("the README has %d examples; are they still read right?", len(blocks))
	}
}

package hcl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const tiny = "config \"c\" {\n  run {\n    cmd = <<-EOT\n      one\n      two\n    EOT\n  }\n}\nsweep \"s\" { config = config.c }\n"

// An editor of another system writes a byte order mark and its own line ends;
// neither may reach the shell.
func TestMarksAndLineEnds(t *testing.T) {
	e := one(t, "\xef\xbb\xbf"+strings.ReplaceAll(tiny, "\n", "\r\n"), Options{})
	if want := "one\ntwo"; e.Command.Shell != want {
		t.Errorf("got %q, want %q", e.Command.Shell, want)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	large := write(t, "large.hcl", "")
	if err := os.Truncate(large, 9<<20); err != nil { // sparse: it is refused unread
		t.Fatal(err)
	}
	grid := write(t, "grid.hcl", tiny)
	for path, want := range map[string]string{
		large: "Files over 8 MiB are refused unread",
		filepath.Join(filepath.Dir(grid), "gird.hcl"): "Did you mean " + grid,
		t.TempDir():                              "holds no .hcl files",
		write(t, "bytes.hcl", "a = \"\xff\""):    "Byte 5 (0xff) is not UTF-8 text",
		write(t, "zero.hcl", "a = \"\x00\""):     "",
		write(t, "empty.hcl", ""):                "declare no sweep",
		write(t, "open.hcl", "config \"a\" {\n"): "open.hcl",
		write(t, "deep.hcl", "locals {\n a = "+strings.Repeat("[", 1000)+"\n"):                     "More than 200 brackets",
		write(t, "long.hcl", "locals {\n a = "+strings.Repeat("1 + ", 5000)+"1\n}\n"):              "More than 2000 operators",
		write(t, "ternary.hcl", "locals {\n a = ("+strings.Repeat("true ?\n1 : ", 9000)+"1)\n}\n"): "More than 2000 operators",
		write(t, "unary.hcl", "locals {\n a = "+strings.Repeat("!", 100000)+"true\n}\n"):           "More than 2000 operators",
		write(t, "ifs.hcl", "locals {\n a = \""+strings.Repeat("%{if true}", 9000)+"\"\n}\n"):      "template directives",
		write(t, "index.hcl", "locals {\n a = "+"b"+strings.Repeat("[c]", 100000)+"\n}\n"):         "More than 2000 operators",
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m, diags := Load([]string{path}, Options{})
			if m == nil || !diags.HasErrors() || !strings.Contains(diags.Text(), want) {
				t.Errorf("not said: %s\n%.2000s", want, diags.Text())
			}
		})
	}
}

// Long files are not deep ones.
func TestLongFilesAreNotTooDeep(t *testing.T) {
	var b strings.Builder
	b.WriteString(tiny + "locals {\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "  a%d = [true ? 1 + 2 : 3, { x = \"${1 + 1} ${2}?!-\" }] # ---- what? (\n", i)
	}
	b.WriteString("  big = \"" + strings.Repeat("${local.a1[0] + 1} ", 3000) + "\"\n}\n# " + strings.Repeat("-", 5000) + "\n")
	one(t, b.String(), Options{})
}

// A few locals that double each other would fill any memory.
func TestValuesAreBounded(t *testing.T) {
	for name, doubling := range map[string]string{"texts": `"${local.a%[2]d}${local.a%[2]d}"`, "lists": "[local.a%[2]d, local.a%[2]d]", "objects": "{ a = local.a%[2]d, b = local.a%[2]d }"} {
		var b strings.Builder
		b.WriteString(tiny + "locals {\n  a0 = \"ha\"\n")
		for i := range 60 {
			fmt.Fprintf(&b, "  a%[1]d = "+doubling+"\n", i+1, i)
		}
		b.WriteString("}\n")
		t.Run(name, func(t *testing.T) { says(t, b.String(), Options{}, "Too large a value") })
	}
}

func TestExpressionsAreBounded(t *testing.T) {
	const list = "range(100000)"
	for _, expr := range []string{
		"[for a in " + list + " : [for b in " + list + " : [for c in " + list + " : 1]]]",
		"[for a in " + list + " : a if length([for b in " + list + " : 1 if false]) > 0]",
		"{ for a in " + list + " : a => [for b in " + list + " : a] }",
		"\"%{ for a in " + list + " }%{ for b in " + list + " }x%{ endfor }%{ endfor }\"",
		"setproduct(" + list + ", " + list + ", " + list + ")",
		"format(\"%1000000000d\", 1)",
		"formatlist(\"%10000s\", " + list + ")",
		"replace(format(\"%1000000s\", \"\"), \" \", format(\"%1000000s\", \"\"))",
		"regexreplace(format(\"%1000000s\", \"\"), \" \", format(\"%1000000s\", \"\"))",
		"join(format(\"%1000000s\", \"\"), [for a in " + list + " : \"\"])",
		"indent(100000000, \"a\\nb\\nc\")",
		"distinct(" + list + ")",
		"range(1e12)",
		"linspace(0, 1, 1e12)",
		"logspace(1, 2, 1e12)",
	} {
		t.Run(expr, func(t *testing.T) {
			start := time.Now()
			_, diags := Load([]string{write(t, "grid.hcl", tiny+"locals {\n  a = "+expr+"\n}\n")}, Options{})
			if !diags.HasErrors() {
				t.Error("it is accepted")
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
	e := one(t, "locals { a = [for a in range(300) : [for b in range(30) : a + b if b > 28]] }\n"+strings.Replace(tiny, "one", "${local.a[299][0]}", 1), Options{})
	if want := "328\ntwo"; e.Command.Shell != want {
		t.Errorf("got %q, want %q", e.Command.Shell, want)
	}
}

func TestReadFileTakesThePlaceOfTheFileSystem(t *testing.T) {
	files := map[string]string{"/nowhere/grid.hcl": tiny}
	m, diags := Load([]string{"/nowhere/grid.hcl"}, Options{ReadFile: func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, errors.New("not kept")
	}})
	if diags.Len() > 0 || len(m.Sweeps) != 1 || m.Dir != "/nowhere" || string(m.Files[0].Bytes) != tiny {
		t.Errorf("%+v, %s", m, diags.Text())
	}
}

// What a plan saves is enough to make it again.
func TestFilesAreEnoughToLoadAgain(t *testing.T) {
	path := write(t, "grid.hcl", `
variable "x" { type = string }
locals { lrs = jsondecode(file("lrs.json")) }
config "c" {
  hp { lr = 0 }
  run { cmd = "train ${hp.lr} ${var.x}" }
}
sweep "s" {
  config = config.c
  grid { lr = local.lrs }
}
`)
	dir := filepath.Dir(path)
	for name, text := range map[string]string{"lrs.json": "[1, 2]", "vars": "x = \"a\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opts := Options{VarFiles: []string{filepath.Join(dir, "vars")}}
	m, diags := Load([]string{path}, opts)
	if diags.HasErrors() {
		t.Fatal(diags.Text())
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	opts.ReadFile = func(path string) ([]byte, error) {
		for _, f := range m.Files {
			if f.Path == path {
				return f.Bytes, nil
			}
		}
		return nil, errors.New("not kept: " + path)
	}
	again, diags := Load([]string{path}, opts)
	if diags.HasErrors() {
		t.Fatal(diags.Text())
	}
	if all, _ := expand(t, again.Sweeps[0]); len(all) != 2 || all[1].Command.Shell != "train 2 a" {
		t.Errorf("%d experiments", len(all))
	}
}

func TestDiagnosticsAreSortedAndGivenOnce(t *testing.T) {
	path := write(t, "grid.hcl", "locals {\n  b = lengthh(var.x)\n  a = var.y\n}\n")
	_, diags := Load([]string{path, path}, Options{})
	want := []string{":1: error: No sweep", `:2: error: Unknown function`, `:2: error: Undeclared variable`, `:3: error: Undeclared variable`}
	lines := strings.Split(diags.Error(), "\n")
	for i, w := range want {
		if i >= len(lines) || !strings.Contains(lines[i], w) {
			t.Errorf("line %d is not %s:\n%s", i, w, diags.Error())
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d lines:\n%s", len(lines), diags.Error())
	}
}

package hcl

import (
	"fmt"
	"os"
	"strings"
	"testing"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// resolveText resolves the variables of a text. Variable files come from files,
// the environment from env.
func resolveText(t *testing.T, src string, opts Options, files, env map[string]string) (inputValues, string) {
	t.Helper()
	parsed, diags := hclsyntax.ParseConfig([]byte(src), "grid.hcl", hcl2.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body := parsed.Body.(*hclsyntax.Body)
	instrument(body)
	opts.Environ = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	opts.ReadFile = func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}
	values, diags := resolveInputs(inputs{blocks: body.Blocks, opts: opts})
	return values, newDiagnostics(diags, nil).Error()
}

const someVariables = `
variable "tag" {
  type        = string
  description = "Image tag."
  default     = "v1"
}
variable "depths" {
  type    = list(number)
  default = [2, 4]
}
variable "lr" { default = 0.1 }
variable "data" { default = env("DATA") }
variable "token" {
  sensitive = true
  default   = "s3cret"
}
variable "opt" {
  type    = object({ name = string, wd = optional(number, 0.01) })
  default = { name = "adamw" }
}
variable "free" { default = null }
`

func TestVariablesComeFromTheNearestSource(t *testing.T) {
	got, problems := resolveText(t, someVariables, Options{
		VarFiles: []string{"a.tfvars", "b.tfvars"},
		Vars:     []string{"lr=1e-5", "lr=0.00002", "free=[1"},
	}, map[string]string{
		"a.tfvars": "tag = \"v2\"\ndepths = [8]\n",
		"b.tfvars": "tag = \"v3\"\n",
	}, map[string]string{"DATA": "/data", "LXSWEEP_VAR_tag": "v9", "LXSWEEP_VAR_opt": `{ name = "lion" }`, "LXSWEEP_VAR_other": "x"})
	if problems != "" {
		t.Fatal(problems)
	}
	var shown []string
	for _, v := range got.shown {
		shown = append(shown, fmt.Sprintf("%s=%s (%s)", v.Name, v.Text, v.Source))
	}
	want := strings.Join([]string{
		`data=/data (default)`,
		`depths=[8] (--var-file a.tfvars)`,
		`free=[1 (--var)`,
		`lr=2e-05 (--var)`,
		`opt={"name":"lion","wd":0.01} (LXSWEEP_VAR_opt)`,
		`tag=v3 (--var-file b.tfvars)`,
		`token=(sensitive) (default)`,
	}, "\n")
	if all := strings.Join(shown, "\n"); all != want {
		t.Errorf("shown:\n%s\nwant\n%s", all, want)
	}
	if !got.values["token"].HasMark(sensitive) {
		t.Error("the token is not marked")
	}
	if len(got.files) != 2 || got.files[0].Path != "a.tfvars" {
		t.Errorf("files: %v", got.files)
	}
}

func TestVariableTextsReadBack(t *testing.T) {
	const src = `
variable "m" {
  type    = map(string)
  default = { a = "$${x} %%{ y", b = "\"quoted\"\n" }
}
variable "l" {
  type    = set(number)
  default = [3, 0.00001]
}
variable "n" {
  type    = number
  default = null
}`
	got, problems := resolveText(t, src, Options{}, nil, nil)
	if problems != "" {
		t.Fatal(problems)
	}
	var again Options
	for _, v := range got.shown {
		again.Vars = append(again.Vars, v.Name+"="+v.Text)
	}
	back, problems := resolveText(t, src, again, nil, nil)
	if problems != "" {
		t.Fatal(problems)
	}
	for name, v := range got.values {
		if !back.values[name].RawEquals(v) {
			t.Errorf("%s came back as %#v", name, back.values[name])
		}
	}
}

func TestVariableErrors(t *testing.T) {
	const secret = `variable "token" {
  type      = number
  sensitive = true
}`
	for _, c := range []struct {
		name, src string
		opts      Options
		want      string
	}{
		{"missing", `variable "tag" {}`, Options{}, `grid.hcl:1: error: No value for a variable; Variable "tag" has no default. Give it with --var tag=VALUE, with a --var-file, or in the environment as LXSWEEP_VAR_tag.`},
		{"unknown", `variable "tag" { default = "" }`, Options{Vars: []string{"tga=1"}}, `error: Unknown variable; --var tga=1: the files declare no variable "tga". Did you mean "tag"?`},
		{"none", ``, Options{Vars: []string{"tag=1"}}, `error: Unknown variable; --var tag=1: the files declare no variable "tag". They declare none at all.`},
		{"no value", `variable "tag" { default = "" }`, Options{Vars: []string{"tag"}}, `error: Incomplete --var; --var tag gives no value: write --var tag=VALUE.`},
		{"wrong", `variable "n" { default = 1 }`, Options{Vars: []string{"n=one"}}, `grid.hcl:1: error: Wrong value for a variable; --var gives variable "n" as one: it is not a number, such as 0.1.`},
		{"deep", `variable "n" { default = 1 }`, Options{Vars: []string{"n=" + strings.Repeat("(", 300)}}, `it is not a number, such as 0.1.`},
		{"no file", ``, Options{VarFiles: []string{"none.tfvars"}}, `error: No such file: none.tfvars; --var-file names a file of lines such as tag = "v13"; its path is relative to the current folder.`},
		{"unknown in file", `variable "tag" { default = "" }`, Options{VarFiles: []string{"tga"}}, `tga:1: error: Unknown variable; The files declare no variable "tga". Did you mean "tag"?`},
		{"name in file", `variable "tag" { default = "" }`, Options{VarFiles: []string{"name"}}, `name:1: error: Not a plain value; A variable file holds plain values, without names and functions: compute in locals.`},
		{"block in file", ``, Options{VarFiles: []string{"block"}}, `block:1: error: Block in a variable file; A variable file holds lines such as tag = "v13" only. Blocks belong in .hcl files, which are named without --var-file.`},
		{"wrong in file", `variable "n" { default = 1 }`, Options{VarFiles: []string{"wrong"}}, `wrong:1: error: Wrong value for a variable; --var-file wrong gives variable "n" a list, and it is a number.`},
		{"secret", secret, Options{Vars: []string{"token=s3cret"}}, `grid.hcl:1: error: Wrong value for a variable; --var gives variable "token": it is not a number, such as 0.1.`},
		{"secret in file", secret, Options{VarFiles: []string{"secret"}}, `grid.hcl:1: error: Wrong value for a variable; --var-file secret gives variable "token" a string, and it is a number.`},
		{"default of wrong type", `variable "n" {
  type    = number
  default = "x"
}`, Options{}, `grid.hcl:3: error: Wrong type; The default of variable "n" is not a number.`},
		{"default with a name", `variable "n" { default = var.m }`, Options{}, `grid.hcl:1: error: Name out of scope; var is not available here. A default can only call functions, env() among them: what depends on other names belongs in locals.`},
		{"twice", "variable \"n\" { default = 1 }\nvariable \"n\" { default = 2 }", Options{}, `grid.hcl:2: error: Variable declared twice; There is a variable "n" at grid.hcl:1 already.`},
		{"bad name", `variable "a b" { default = 1 }`, Options{}, `grid.hcl:1: error: Impossible name; "a b" cannot be written as var.NAME: use letters, digits and underscores.`},
		{"typo", "variable \"n\" {\n  defualt = 1\n}", Options{Vars: []string{"n=1"}}, `grid.hcl:2: error: Unknown attribute; There is no defualt in variable "n". Did you mean "default"?`},
		{"sensitive", "variable \"n\" {\n  default = 1\n  sensitive = \"yes\"\n}", Options{}, `grid.hcl:3: error: Wrong type; sensitive is true or false, not "yes".`},
		{"unknown type", "variable \"n\" {\n  default = 1\n  type = strin\n}", Options{}, `grid.hcl:3: error: Invalid type specification`},
	} {
		_, got := resolveText(t, c.src, c.opts, map[string]string{
			"tga": `tga = 1`, "name": `tag = upper("x")`, "block": `variable "tag" {}`, "wrong": `n = [1]`, "secret": `token = "s3cret"`,
		}, nil)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
		if strings.Contains(got, "s3cret") {
			t.Errorf("%s shows the secret: %s", c.name, got)
		}
	}
}

func TestValidation(t *testing.T) {
	const src = `variable "depth" {
  default = 4
  validation {
    condition     = var.depth > 0 && var.depth < var.most
    error_message = "depth is ${var.depth}, and must lie between 0 and ${var.most}."
  }
}
variable "most" { default = 16 }
`
	if _, problems := resolveText(t, src, Options{}, nil, nil); problems != "" {
		t.Error(problems)
	}
	_, problems := resolveText(t, src, Options{Vars: []string{"depth=32"}}, nil, nil)
	if want := `grid.hcl:4: error: Invalid value for a variable; Depth is 32, and must lie between 0 and 16. The value of variable "depth" is from --var.`; problems != want {
		t.Error(problems)
	}
	for rule, want := range map[string]string{
		"condition = var.deth > 0\nerror_message = \"\"": `The files declare no variable "deth". Did you mean "depth"?`,
		"condition = hp.depth > 0\nerror_message = \"\"": `hp is not available here. A validation sees variables only, as var.NAME.`,
		"condition = var.depth\nerror_message = \"\"":    `A condition is true or false, not 4.`,
		"condition = true": `error_message`,
		"condition = var.token == \"\"\nerror_message = var.token": `The condition does not hold; the message would show a sensitive value. The value of variable "depth" is the default.`,
		"condition = false\nerror_message = 3 > 2":                 `error_message is a string.`,
	} {
		src := "variable \"depth\" {\ndefault = 4\nvalidation {\n" + rule + "\n}\n}\nvariable \"token\" {\ndefault = \"s3cret\"\nsensitive = true\n}\n"
		_, problems := resolveText(t, src, Options{}, nil, nil)
		if !strings.Contains(problems, want) || strings.Contains(problems, "s3cret") {
			t.Errorf("%s: %s\nwant %s", rule, problems, want)
		}
	}
}

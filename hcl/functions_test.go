package hcl

import (
	"io/fs"
	"maps"
	"strings"
	"testing"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lxsweep/lxsweep/sweep"
)

// evaluate computes an expression over a few hyperparameters with every
// function there is. An error is hcl2.Diagnostics.
func evaluate(src string) (cty.Value, error) {
	files := map[string]string{"/sweep/seeds.json": "[1, 2]", "/sweep/a.csv": "n,s\n1,x\n", "/sweep/bad": "\xff"}
	set := functions("/sweep", func(path string) ([]byte, error) {
		if text, ok := files[path]; ok {
			return []byte(text), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
	all := maps.Clone(set.everywhere)
	maps.Copy(all, set.fileScope)
	maps.Copy(all, set.samples)
	all[textCall] = textFunction
	ctx := &hcl2.EvalContext{Functions: all, Variables: map[string]cty.Value{
		"hp": cty.ObjectVal(map[string]cty.Value{
			"lr": cty.MustParseNumberVal("1e-05"), "wd": toCty(sweep.Value{}), "amp": cty.True, "name": cty.StringVal("a b"),
		}),
		"secret": cty.StringVal("s3cret").Mark(sensitive),
	}}
	expr, diags := hclsyntax.ParseExpression([]byte(src), "x.hcl", hcl2.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	return v, nil
}

// results are expressions and the JSON of what they give.
var results = map[string]string{
	// Numbers as text read as an hp does, wherever they are taken as text.
	`tostring(hp.lr)`:                        `"1e-05"`,
	`tostring(1/3)`:                          `"0.3333333333333333"`,
	`join(",", [hp.lr, 1, "x"])`:             `"1e-05,1,x"`,
	`join(",", [])`:                          `""`,
	`format("%s %v %q", hp.lr, hp.lr, 0.5)`:  `"1e-05 1e-05 \"0.5\""`,
	`format("%.3f %d %5s|", hp.lr, 7, 2.5)`:  `"0.000 7   2.5|"`,
	`format("%[2]s %[1]s%%", 0.1, 0.2)`:      `"0.2 0.1%"`,
	`format("%v", [1, 0.00001])`:             `"[1,0.00001]"`,
	`formatlist("lr-%s", [hp.lr, 0.1])`:      `["lr-1e-05","lr-0.1"]`,
	`replace(hp.lr, "-", "m")`:               `"1em05"`,
	`upper(hp.lr)`:                           `"1E-05"`,
	`jsonencode({ b = hp.lr, a = [1, ""] })`: `"{\"a\":[1,\"\"],\"b\":1e-05}"`,
	`shellquote(0.00001)`:                    `"1e-05"`,
	// Decimals, not binary fractions.
	`pow(10, -1) == 0.1`: `true`,
	`pow(2, 62)`:         `4611686018427387904`,
	`pow(-2, 3)`:         `-8`,
	`sqrt(2)`:            `1.4142135623730951`,
	`exp(0)`:             `1`,
	`log(8, 2)`:          `3`,
	`log(10)`:            `2.302585092994`,
	`sum([0.1, 0.2])`:    `0.3`,
	`max(1, 2.5)`:        `2.5`,
	`ceil(1.2) + floor(1.8) + abs(-1) + signum(-3)`: `3`,
	// Lists of numbers.
	`linspace(0, 1, 5)`:          `[0,0.25,0.5,0.75,1]`,
	`logspace(1e-4, 1e-2, 3)`:    `[0.0001,0.001,0.01]`,
	`range(3)`:                   `[0,1,2]`,
	`range(1, 4)`:                `[1,2,3]`,
	`range(0, 1, 0.25)`:          `[0,0.25,0.5,0.75]`,
	`range(3, 0)`:                `[3,2,1]`,
	`range(0)`:                   `[]`,
	`[for i in range(2) : i*10]`: `[0,10]`,
	// As Terraform has them.
	`length("hé")`:                             `2`,
	`length([1, 2])`:                           `2`,
	`length({ a = 1 })`:                        `1`,
	`index(["a", "b"], "b")`:                   `1`,
	`alltrue([true, false])`:                   `false`,
	`anytrue([true, false])`:                   `true`,
	`alltrue([])`:                              `true`,
	`startswith(hp.lr, "1e")`:                  `true`,
	`merge({ a = 1 }, { b = 2 })`:              `{"a":1,"b":2}`,
	`setproduct([1, 2], ["a"])`:                `[[1,"a"],[2,"a"]]`,
	`zipmap(["a"], [1])`:                       `{"a":1}`,
	`try(hp.nothing, 7)`:                       `7`,
	`can(hp.nothing)`:                          `false`,
	`tonumber("0.1") == 0.1 && tobool("true")`: `true`,
	`tolist([1, 2])`:                           `[1,2]`,
	`sort(["b", "a"])`:                         `["a","b"]`,
	`lookup({ a = 1 }, "b", 0)`:                `0`,
	`element([1, 2, 3], 4)`:                    `2`,
	// What diagnostics advise.
	`coalesce(hp.wd, "none")`:             `"none"`,
	`hp.wd == null ? false : hp.wd > 1`:   `false`,
	`join(" ", [64, 64])`:                 `"64 64"`,
	`hp.wd == null ? 0 : 1 / hp.wd`:       `0`,
	`[for s in ["1", "2"] : tonumber(s)]`: `[1,2]`,
	// Files.
	`jsondecode(file("seeds.json"))`:   `[1,2]`,
	`csvdecode(file("a.csv"))[0].s`:    `"x"`,
	`flags(hp)`:                        `"--amp --lr 1e-05 --name 'a b'"`,
	`args(hp, { bool = "no-prefix" })`: `["--amp","--lr","1e-05","--name","a b"]`,
	`args({})`:                         `[]`,
}

func TestFunctions(t *testing.T) {
	for src, want := range results {
		v, err := evaluate(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, err := fromCty(v); err != nil || got.String() != want {
			t.Errorf("%s is %s (%v), want %s", src, got, err, want)
		}
	}
}

func TestFunctionErrors(t *testing.T) {
	for src, want := range map[string]string{
		`log(-1)`:                          `there is no logarithm of -1: it must be above zero`,
		`log(8, 1)`:                        `there is no logarithm to the base 1`,
		`sqrt(-1)`:                         `the result is NaN: not a finite number`,
		`pow(10, 400)`:                     `the result is +Inf: not a finite number`,
		`exp(1/0)`:                         `is not a finite number`,
		`sum("x")`:                         `it adds up a list of numbers, not a string`,
		`sum([1, "x"])`:                    `"x" is not a number`,
		`tonumber("x")`:                    `"x" cannot become a number`,
		`tobool(hp)`:                       `an object cannot become a bool`,
		`index([1], 2)`:                    `the list does not hold 2`,
		`length(1)`:                        `a number has no length`,
		`linspace(0, 1, 2.5)`:              `2.5 is not a whole number`,
		`linspace(0, 1, 0)`:                `linspace makes from 1 to 1000000 numbers; asked for 0`,
		`logspace(0, 1, 3)`:                `logspace needs finite numbers above 0; got 0 and 1`,
		`range(0, 1, -1)`:                  `a step of -1 never gets from 0 to 1`,
		`range(0, 1, 0)`:                   `range needs a step that is not 0`,
		`range(1, 2, 3, 4)`:                `it takes 3 numbers at most`,
		`loguniform(0, 1)`:                 `loguniform needs bounds above 0; got 0 and 1`,
		`uniform(1, 0)`:                    `uniform needs its lower bound first; got 1 and 0`,
		`uniform(0, 1, 0)`:                 `the step must be above 0`,
		`normal(0, 0)`:                     `normal needs a standard deviation above 0; got 0`,
		`choice(3)`:                        `it chooses from a list such as [16, 32], not from a number`,
		`choice([])`:                       `the list is empty: there is nothing to choose`,
		`choice([1, 2], [1])`:              `there are 1 weights for 2 values`,
		`choice([1, 2], [1, -1])`:          `weight 2 is -1: a weight is a finite number from 0`,
		`choice([1, 2], [0, 0])`:           `every weight is 0: nothing could be chosen`,
		`file("none")`:                     `there is no file /sweep/none; paths are relative`,
		`file("bad")`:                      `/sweep/bad is not UTF-8 text`,
		`flags(1)`:                         `hyperparameters are an object such as hp or hp.optimizer, not a number`,
		`flags(hp, { styl = "equals" })`:   `there is no option "styl": the options are "style", "bool", "list" and "case". Did you mean "style"?`,
		`flags(hp, { bool = "switches" })`: `bool is "switch", "value" or "no-prefix", not "switches". Did you mean "switch"?`,
		`flags(hp, { style = true })`:      `style is "space" or "equals", not true.`,
		`flags(hp, "equals")`:              `options are an object such as { style = "equals", bool = "value" }, not a string`,
		`flags(hp, {}, {})`:                `it takes hyperparameters and at most one object of options`,
		`flags({ lr = uniform(0, 1) })`:    `lr: uniform(0, 1) is a distribution: it has no value until a sample draws one`,
		`logspce(1, 2, 3)`:                 `Did you mean "logspace"?`,
		`join(",", { a = 1 })`:             `list of string required`,
	} {
		v, err := evaluate(src)
		if err == nil {
			t.Errorf("%s is %#v, want an error", src, v)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", src, err, want)
		}
	}
}

func TestSecretsKeepTheirMark(t *testing.T) {
	for _, src := range []string{
		`upper(secret)`, `join("-", ["a", secret])`, `format("%s", secret)`, `"x${secret}"`, `jsonencode([secret])`,
		`flags({ token = secret })`, `shellquote(secret)`, `length(secret)`, `choice([secret])`,
	} {
		v, err := evaluate(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
		} else if !v.HasMark(sensitive) {
			t.Errorf("%s lost its mark: %#v", src, v)
		}
	}
}

func TestDistributions(t *testing.T) {
	for src, want := range map[string]string{
		`uniform(0, 1)`:             "uniform(0, 1)",
		`uniform(0, 1, 0.1)`:        "uniform(0, 1, 0.1)",
		`loguniform(0.00001, 0.01)`: "loguniform(1e-05, 0.01)",
		`normal(0, 1)`:              "normal(0, 1)",
		`lognormal(0, 1)`:           "lognormal(0, 1)",
	} {
		v, err := evaluate(src)
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := asDistribution(v); !ok || d.String() != want {
			t.Errorf("%s is %v", src, d)
		}
		if _, _, ok := asChoice(v); ok {
			t.Errorf("%s passes for a choice", src)
		}
	}
	v, err := evaluate(`choice(["a", 1], [3, 1])`)
	if err != nil {
		t.Fatal(err)
	}
	values, weights, ok := asChoice(v)
	if !ok || len(values) != 2 || weights[0] != 3 || weights[1] != 1 {
		t.Errorf("choice is %v, %v", values, weights)
	}
	if _, ok := asDistribution(cty.True); ok {
		t.Error("true passes for a distribution")
	}
}

func TestAnyDefault(t *testing.T) {
	parse := func(src string) hcl2.Expression {
		expr, diags := hclsyntax.ParseExpression([]byte(src), "x.hcl", hcl2.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		return expr
	}
	inner, ok := anyDefault(parse(`any([1])`))
	if v, _ := inner.Value(nil); !ok || v.LengthInt() != 1 {
		t.Errorf("any([1]): %v %v", inner, ok)
	}
	for _, src := range []string{`1`, `any()`, `any(1, 2)`, `all(1)`, `[any(1)]`} {
		if _, ok := anyDefault(parse(src)); ok {
			t.Errorf("%s passes for any(default)", src)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"lr", "batch_size", "optimizer", "cmd"}
	for wrong, want := range map[string]string{
		"l": "lr", "lrr": "lr", "batchsize": "batch_size", "batch-size": "batch_size", "BATCH_SIZE": "batch_size",
		"optimiser": "optimizer", "comand": "cmd", "command": "cmd", "learning_rate": "lr", "bs": "batch_size", "rl": "lr",
		"opt": "optimizer", "x": "", "zzz": "", "": "", "momentum": "", "weight_decay": "",
	} {
		if got := nearest(wrong, known); got != want {
			t.Errorf("%q: %q, want %q", wrong, got, want)
		}
	}
	if got := listed([]string{"a", "b", "c"}, "or"); got != `"a", "b" or "c"` {
		t.Error(got)
	}
}

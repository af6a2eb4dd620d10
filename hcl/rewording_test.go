package hcl

import (
	"strings"
	"testing"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestRewording(t *testing.T) {
	for src, want := range map[string]string{
		"optimizer.wd = [0, 0.1]":    `Dotted name; A name has no dots here: write optimizer { wd = ... }`,
		`"optimizer.wd" = [0, 0.1]`:  `Dotted name; A name has no dots here: write optimizer { wd = ... }`,
		"hp.lr = [0.1]":              `Dotted name; A name has no dots here: write lr = ...`,
		"lr: 0.1":                    `Colon for an equals sign; An attribute is written with an equals sign: lr = ...`,
		`"lr" = 0.1`:                 `Quoted name; A name has no quotes here: write lr = ...`,
		"config:\n  base:\n    hp:":  `Not HCL; This looks like YAML. In HCL a block is written config { ... } and an attribute name = value.`,
		`{"config": {}}`:             `Not HCL; This looks like JSON. In HCL a block is written config "base" { ... } and an attribute name = value.`,
		"cmd = python train.py":      `Text without quotes; A text stands in double quotes: write cmd = "python train.py".`,
		"cmd = \"python train.py\nx": `Unclosed quote; A text that begins in this line has no closing quote in it. For a text of several lines write <<-END and close it with a line END.`,
		"cmd = 'python'":             `Invalid character; Single quotes are not valid. Use double quotes (") to enclose strings.`,
		"a { b { c = 1 } }":          `Too much for one line; A block on one line holds a single attribute and no block: write its content on lines of its own.`,
	} {
		data := []byte(src + "\n")
		_, diags := hclsyntax.ParseConfig(data, "x.hcl", hcl2.InitialPos)
		got := reworded(diags, map[string]*hcl2.File{"x.hcl": {Bytes: data}})
		if len(got) != 1 || !strings.HasSuffix(oneLine(got[0]), want) {
			t.Errorf("%s: %s\nwant one: %s", src, newDiagnostics(got, nil).Error(), want)
		}
	}
}

func TestRewordingOfEvaluation(t *testing.T) {
	for src, want := range map[string]string{
		`"x ${hp.wd}"`:       `Null in a text; The value is null, which has no text. flags(hp) leaves null out; coalesce(hp.x, "none") puts something in its place.`,
		`"x ${[1]}"`:         `List in a text; A list has no text of its own: write join(" ", hp.x), jsonencode(hp.x), or leave it to flags(hp).`,
		`"x ${hp}"`:          `Object in a text; An object has no text of its own: name one of its attributes, write jsonencode(hp.x), or leave it to flags(hp).`,
		`uniform(1, 0)`:      `Error in function call; uniform needs its lower bound first; got 1 and 0.`,
		`jsondecode("[1, ")`: `Error in function call; jsondecode(): the text ends too early.`,
		`choice([1], [])`:    `Invalid function argument; choice(): there are 0 weights for 1 values.`,
		`hp.wd > 1`:          `Null in an operation; One side is null, which cannot be computed with: ask for it first, as in hp.x == null ? false : hp.x > 1.`,
		`0 / 0`:              `Zero divided by zero; The result is not a number. Ask for zero first, as in hp.x == 0 ? 0 : 1 / hp.x.`,
		`hp.nothing`:         `Unsupported attribute; This object does not have an attribute named "nothing".`,
	} {
		_, err := evaluate(src)
		diags, ok := err.(hcl2.Diagnostics)
		if !ok {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got := reworded(diags, nil)
		if len(got) != 1 || !strings.HasSuffix(oneLine(got[0]), want) {
			t.Errorf("%s: %s\nwant one: %s", src, newDiagnostics(got, nil).Error(), want)
		}
	}
}

package hcl

import (
	"testing"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestForeignBraces(t *testing.T) {
	for src, want := range map[string]int{
		`"train --lr {{hp.lr}} --out {{ run.output_dir }}"`: 2,
		`["train", "{{hp.optimizer.name}}", "${hp.lr}"]`:    1,
		`"docker ps --format '{{.Names}}' {{ user }}"`:      0,
		`"train ${flags(hp)} hp.lr"`:                        0,
		`null`:                                              0,
	} {
		expr, diags := hclsyntax.ParseExpression([]byte(src), "x.hcl", hcl2.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if got := foreignBraces(expr); len(got) != want {
			t.Errorf("%s: %v", src, got)
		}
	}
}

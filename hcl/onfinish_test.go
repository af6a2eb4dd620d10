package hcl

import (
	"slices"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestOnFinish(t *testing.T) {
	const secret = "https://hooks.example.com/T00/s3cret"
	for block, want := range map[string]*sweep.OnFinish{
		"webhook = var.hook":                           {Webhook: secret},
		`webhook = "${var.hook}?x=1"`:                  {Webhook: secret + "?x=1"},
		"command = [\"notify\", \"--title\", local.n]": {Command: []string{"notify", "--title", "night"}},
		`command = "notify ${local.n}"`:                {Command: []string{"/bin/sh", "-ec", "notify night"}},
		"webhook = null":                               nil,
		"webhook = var.hook\ncommand = [\"notify\"]":   {Webhook: secret, Command: []string{"notify"}},
	} {
		text := strings.Replace(spaceText, "SPACE", "on_finish {\n"+block+"\n}", 1) + `
variable "hook" {
  sensitive = true
  default   = env("HOOK")
}
locals { n = "night" }
`
		o := Options{Environ: func(name string) (string, bool) { return secret, name == "HOOK" }}
		m := load(t, text, o)
		got := m.Sweeps[0].OnFinish
		if (got == nil) != (want == nil) || got != nil && (got.Webhook != want.Webhook || !slices.Equal(got.Command, want.Command)) {
			t.Errorf("%s: %+v", block, got)
		}
		if m.Variables[0].Text != "(sensitive)" {
			t.Errorf("%+v", m.Variables)
		}
	}
}

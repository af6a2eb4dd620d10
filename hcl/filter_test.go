package hcl

import (
	"math"
	"strings"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

func subject8(t *testing.T) Subject {
	t.Helper()
	hp, err := sweep.ParseJSON([]byte(`{"lr": 0.1, "depth": 8, "warmup": null, "widths": [64], "optimizer": {"name": "adamw", "wd": 0.01}}`))
	if err != nil {
		t.Fatal(err)
	}
	object, _ := hp.AsObject()
	return Subject{
		HP: object, RunName: "ex-8", Sweep: "nightly", Config: "wide", Round: "", State: sweep.OOM,
		Number: 8, Attempts: 2, Metrics: map[string]float64{"val_loss": 0.25, "val/acc": 0.9, "bad": math.NaN()}, Sign: "!",
	}
}

func TestFilterMatch(t *testing.T) {
	s := subject8(t)
	for src, want := range map[string]bool{
		`hp.depth == 8 && state == "oom"`:            true,
		`hp.lr == 0.1`:                               true,
		`hp.lr < 0.1`:                                false,
		`hp.optimizer.name == "adamw"`:               true,
		`hp.widths[0] == 64`:                         true,
		`contains(hp.widths, 64)`:                    true,
		`number >= 8 && attempts > 1`:                true,
		`run_name == "ex-8" && "x${number}" == "x8"`: true,
		`sweep == "nightly" && config == "wide"`:     true,
		`round == ""`:                                true,
		`sign == "!"`:                                true,
		`metric.val_loss < 0.3`:                      true,
		`metrics["val/acc"] > 0.8`:                   true,
		`startswith(run_name, "ex-")`:                true,
		`contains(["oom", "failed"], state)`:         true,
		`true`:                                       true,
		// What is not there matches neither way.
		`hp.width == 8`:                  false,
		`hp.width != 8`:                  false,
		`!(hp.width == 8)`:               false,
		`hp.width == 8 || hp.depth == 8`: true,
		`hp.optimizer.beta > 0`:          false,
		`hp.optimizer.beta > 0 || hp.optimizer.wd > 0 && hp.lr > 0`: true,
		`hp.lr.x == 1`:                    false,
		`metric.nothing < 1`:              false,
		`metric.bad < 1`:                  false,
		`metric.bad >= 1`:                 false,
		`hp.warmup > 10`:                  false,
		`hp.warmup == null`:               true,
		`hp.warmup > 10 || hp.depth == 8`: true,
	} {
		f, diags := ParseFilter(src)
		if diags.HasErrors() {
			t.Errorf("%s: %s", src, diags.Error())
			continue
		}
		if got, err := f.Match(s); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", src, got, err, want)
		}
	}
	f, _ := ParseFilter(`hp.lr == 1 || metric.x == 1 || state == "oom"`)
	if got, err := f.Match(Subject{State: sweep.OOM}); err != nil || !got {
		t.Errorf("a subject without anything: %v, %v", got, err)
	}
}

func TestFilterErrors(t *testing.T) {
	for src, want := range map[string]string{
		``:                       `Empty filter`,
		`hp.depth ==`:            `Missing expression`,
		`depth == 8`:             `A filter knows no depth. A hyperparameter is hp.depth, a metric metric.depth, a text "depth".`,
		`stat == "oom"`:          `A filter knows no stat. Did you mean "state"?`,
		`state == "omo"`:         `No experiment has the state "omo". Did you mean "oom"?`,
		`"dead" == state`:        `No experiment has the state "dead". There are "pending",`,
		`sign == "a"`:            `No experiment has the sign "a".`,
		`containz(["a"], state)`: `There is no function "containz". Did you mean "contains"?`,
		`file("x") == ""`:        `There is no function "file".`,
		"hp.x == \"\xff\"":       `Not UTF-8`,
		strings.Repeat("(", 500): `Too deeply nested`,
	} {
		f, diags := ParseFilter(src)
		if f != nil || !diags.HasErrors() || !strings.Contains(diags.Error(), want) {
			t.Errorf("%s: %s\nwant %s", src, diags.Error(), want)
		}
	}
}

func TestFilterMatchErrors(t *testing.T) {
	s := subject8(t)
	for src, want := range map[string]string{
		`hp.depth`:              `A filter is true or false, and this one is 8 for ex-8.`,
		`hp.optimizer.name > 1`: `a number is required`,
		`null`:                  `A filter is true or false, and this one is null for ex-8.`,
	} {
		f, diags := ParseFilter(src)
		if diags.HasErrors() {
			t.Errorf("%s: %s", src, diags.Error())
			continue
		}
		if _, err := f.Match(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}

func TestFilterSaysWhatItReads(t *testing.T) {
	f, diags := ParseFilter(`hp.depth == 8 && hp["optimizer"].wd > 0`)
	if diags.HasErrors() {
		t.Fatal(diags.Error())
	}
	if got := strings.Join(f.HP(), " "); got != "depth optimizer.wd" {
		t.Errorf("it reads %s", got)
	}
}

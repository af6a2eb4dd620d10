package hcl

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

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
		if got, err := f.evaluate(s); err != nil || got != want {
			t.Errorf("%s is %v (%v) by cty, want %v", src, got, err, want)
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

// TestSimpleFiltersAnswerAsCty holds the compiled filters against cty.
func TestSimpleFiltersAnswerAsCty(t *testing.T) {
	names := rapid.SampledFrom([]string{"hp.a", "hp.b", "hp.none", "hp.g.c", "hp.n", "number", "state", "metric.m", "metric.none", "hp.l"})
	constants := rapid.SampledFrom([]string{"0.1", "1", "-2", "1e-05", "true", "\"oom\"", "null", "9007199254740993", "1e300", "\"1\""})
	comparison := rapid.Custom(func(t *rapid.T) string {
		op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "op")
		right := rapid.OneOf(names, constants).Draw(t, "right")
		return rapid.OneOf(names, constants).Draw(t, "left") + " " + op + " " + right
	})
	clause := rapid.OneOf(comparison, names, rapid.Map(comparison, func(s string) string { return "!(" + s + ")" }))
	number := rapid.OneOf(rapid.SampledFrom([]float64{0.1, 1, -2, 1e-5, 9007199254740992, 1e300, math.NaN()}), rapid.Float64())
	rapid.Check(t, func(t *rapid.T) {
		src := clause.Draw(t, "first")
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			src += rapid.SampledFrom([]string{" && ", " || "}).Draw(t, "joint") + clause.Draw(t, "next")
		}
		f, diags := ParseFilter(src)
		if diags.HasErrors() {
			return // a state that there is not
		}
		hp := sweep.NewObject(map[string]sweep.Value{
			"a": anyValue().Draw(t, "a"), "b": anyValue().Draw(t, "b"), "n": {},
			"l": sweep.List([]sweep.Value{sweep.Int(1)}),
			"g": sweep.Obj(sweep.NewObject(map[string]sweep.Value{"c": anyValue().Draw(t, "c")})),
		})
		s := Subject{HP: hp, Number: 1, State: sweep.OOM, Metrics: map[string]float64{"m": number.Draw(t, "m")}}
		got, err := f.Match(s)
		want, wantErr := f.evaluate(s)
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("%s for %s: %v (%v), by cty %v (%v)", src, hp, got, err, want, wantErr)
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	f, diags := ParseFilter(`hp.lr <= 0.04 && state == "oom"`)
	if diags.HasErrors() {
		b.Fatal(diags.Error())
	}
	lr, _ := sweep.Number(0.03)
	s := Subject{HP: sweep.NewObject(map[string]sweep.Value{"lr": lr, "depth": sweep.Int(8)}), State: sweep.OOM}
	for b.Loop() {
		if ok, err := f.Match(s); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

package sweep_test

import (
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

// These vectors never change: a ledger of last year is read by them. They were
// checked against sha256sum over the texts that the package comment defines.
func TestGoldenIdentities(t *testing.T) {
	hp := object(
		"lr", num(1e-05), "batch_size", num(64.0), "big", num(1e20), "frac", num(0.1),
		"name", sweep.String("a\"b\\c\n é"), "on", sweep.Bool(true), "none", sweep.Value{},
		"layers", sweep.List(ints(64, 64)), "optimizer", sweep.Obj(object("wd", num(0.01), "name", sweep.String("lion"))),
	)
	const canonical = `{"batch_size":64,"big":1e+20,"frac":0.1,"layers":[64,64],"lr":1e-05,` +
		`"name":"a\"b\\c\u000a é","none":null,"on":true,"optimizer":{"name":"lion","wd":0.01}}`
	if got := hp.String(); got != canonical {
		t.Fatalf("canonical text is\n%s\nwant\n%s", got, canonical)
	}
	point := sweep.PointOf("ex", hp)
	check := func(what string, got sweep.Hash, want string) {
		t.Helper()
		if got.String() != want {
			t.Errorf("%s is %s, want %s", what, got, want)
		}
	}
	check("point", point, "d882553e6df9203dd71089b44c4b30afe9b97f4d557a8b27dd9d7ca9aa4a7f5f")
	check("key", sweep.KeyOf(point, ""), "a54c7eb3dd27385d53d04d0f8f49003b78f2e64a43a24bee25e785593312cabb")
	check("key in a round", sweep.KeyOf(point, "2026-11-23"), "4a00a01a4e96098a95e3646c73b371490d2b5d7139b97e267cc34273ba2c2965")
	inputs := []sweep.Digest{{Path: "train.py", Sum: point}}
	check("work of a string", sweep.WorkOf(sweep.Command{Shell: "python train.py <x>"}, nil), "aea472edf2921549fa89ac87f5e962568f1bed62de7c0d67d6148eb782fa82d3")
	check("work of a list", sweep.WorkOf(sweep.Command{
		Args: []string{"python", "a b"}, Image: "img:v1",
		Env:       []sweep.Var{{Name: "A", Value: "1"}, {Name: "B", Value: "é"}},
		SecretEnv: []sweep.Var{{Name: "K", Value: "wandb/api-key"}},
	}, inputs), "fe353b1a005e38244e826983b30ebd812d3a21be587f3a79872e7e619787fba4")
}

func TestWorkDependsOnWhatItDoesOnly(t *testing.T) {
	a := sweep.Command{Shell: "x"}
	b := a
	b.Resources, b.Retries, b.OutputDir = sweep.Resources{MilliCPU: 1}, 3, "/elsewhere"
	if sweep.WorkOf(a, nil) != sweep.WorkOf(b, nil) {
		t.Error("resources, retries or directories changed the work")
	}
	b.Args = []string{"/bin/sh", "-ec", "x"}
	if sweep.WorkOf(a, nil) != sweep.WorkOf(b, nil) {
		t.Error("the same argument vector is other work")
	}
}

func TestIdentityRules(t *testing.T) {
	old := object("lr", sweep.Int(1))
	now := object("lr", sweep.Int(1), "dropout", sweep.Int(0), "loader", sweep.Obj(object("workers", sweep.Int(8))))
	rules := sweep.IdentityRules{Assume: map[string]sweep.Value{"dropout": sweep.Int(0)}, Ignore: []string{"loader.workers"}}
	if got := rules.Apply(now); !got.Equal(old) {
		t.Errorf("identity of %s is %s, want %s", now, got, old)
	}
	if got := rules.Apply(now.With("dropout", num(0.5))); got.Equal(old) {
		t.Error("an assumed hp at another value was left out")
	}
}

func TestParseHash(t *testing.T) {
	h := sweep.PointOf("ex", nil)
	back, err := sweep.ParseHash(h.String())
	if err != nil || back != h {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "zz", h.String()[1:], "g" + h.String()[1:]} {
		if _, err := sweep.ParseHash(bad); err == nil {
			t.Errorf("%q was read as a hash", bad)
		}
	}
}

func TestScript(t *testing.T) {
	env := []sweep.Var{{Name: "A", Value: "x y"}}
	for want, c := range map[string]sweep.Command{
		"python train.py":                             {Shell: "python train.py"},
		"cd '/a b' && env 'A=x y' python 'it is'":     {Args: []string{"python", "it is"}, Env: env, WorkingDir: "/a b"},
		"cd /a && /bin/sh -ec 'sleep 1; echo $A'":     {Shell: "sleep 1; echo $A", WorkingDir: "/a"},
		`/bin/sh -ec 'B=1 run'`:                       {Shell: "B=1 run"},
		"cd /a && env 'A=x y' python t.py --s 'a\"b'": {Shell: `python t.py --s 'a"b'`, Env: env, WorkingDir: "/a"},
	} {
		if got := c.Script(); got != want {
			t.Errorf("script is %s, want %s", got, want)
		}
	}
}

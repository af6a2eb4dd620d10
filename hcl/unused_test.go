package hcl

import (
	"strings"
	"testing"
)

func TestSweptHyperparametersThatIdentityIgnores(t *testing.T) {
	says(t, `
config "a" {
  hp {
    lr = 0.1
    io { workers = 2 }
  }
  identity { ignore = [hp.io] }
  run { cmd = "train ${flags(hp)}" }
}
sweep "s" {
  config = config.a
  grid {
    lr = [1, 2]
    io { workers = [1, 2] }
  }
}
`, Options{}, "hp.io.workers is left out of what tells the experiments of config.a apart")
}

func TestSweptHyperparametersWithoutEffect(t *testing.T) {
	const text = `
config "a" {
  hp {
    lr   = 0.1
    half = hp.lr / 2
    lost = 1
  }
  run {
    cmd = "train ${run.env.LR}"
    env = { LR = hp.half }
    READS
  }
}
sweep "s" {
  config = config.a
  grid {
    lr   = [1, 2]
    lost = [3, 4]
  }
}
`
	path := write(t, "grid.hcl", strings.Replace(text, "READS", "", 1))
	_, diags := Load([]string{path}, Options{})
	if diags.Len() != 1 || !strings.Contains(diags.Error(), "hp.lost reaches no command") {
		t.Errorf("said: %s", diags.Error())
	}
	path = write(t, "grid.hcl", strings.Replace(text, "READS", "reads_hp = true", 1))
	if _, diags := Load([]string{path}, Options{}); diags.Len() != 0 {
		t.Errorf("said: %s", diags.Error())
	}
}

package hcl

import "testing"

func TestAnEmptyGroupDeclaresNothing(t *testing.T) {
	const text = `
config "base" {
  hp {
    lr = 0.1
    optimizer {
      schedule {
      }
    }
  }
  run { cmd = "train ${flags(hp)}" }
}
sweep "s" {
  config = config.base
  grid { `
	if e := one(t, text+"lr = [1] }\n}\n", Options{}); e.HP.String() != `{"lr":1}` {
		t.Errorf("hp is %s", e.HP)
	}
	says(t, text+"optimizer = [1] }\n}\n", Options{}, `There is no hyperparameter "optimizer" in config.base`)
}

func TestSetOfAGroupIsReportedOnce(t *testing.T) {
	path := write(t, "grid.hcl", `
config "base" {
  hp {
    optimizer { wd = 1 }
  }
  run { cmd = "train ${flags(hp)}" }
}
sweep "s" { config = config.base }
`)
	_, diags := Load([]string{path}, Options{Sets: []string{"hp.optimizer=3"}})
	if diags.Len() != 1 {
		t.Errorf("it is reported %d times:\n%s", diags.Len(), diags.Text())
	}
}

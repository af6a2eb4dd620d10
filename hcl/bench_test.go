package hcl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lxsweep/lxsweep/sweep"
)

const benchmarkFile = `
config "base" {
  hp {
    lr         = 3e-4
    batch_size = 64
    warmup     = 10 * hp.batch_size
    depth      = 4
    width      = 512
    seed       = 1
    optimizer {
      name = "adamw"
      wd   = 0.01
    }
  }
  run {
    cmd     = "python train.py ${flags(hp)} --data ${run.data_dir} --out ${run.output_dir}"
    max_cpu = "4"
    timeout = "4h"
    env     = { OMP_NUM_THREADS = "4" }
  }
}
sweep "big" {
  config          = config.base
  max_experiments = 100000000
  grid {
    lr         = linspace(0.001, 0.1, 100)
    batch_size = range(1, 101)
    depth      = range(1, 11)
    seed       = range(1, 11)
    optimizer { wd = linspace(0, 0.5, 10) }
  }
}
`

// BenchmarkExperiments is one point of a large grid: evaluated, named, hashed.
func BenchmarkExperiments(b *testing.B) {
	path := filepath.Join(b.TempDir(), "big.hcl")
	if err := os.WriteFile(path, []byte(benchmarkFile), 0o600); err != nil {
		b.Fatal(err)
	}
	m, diags := Load([]string{path}, Options{})
	if diags.HasErrors() {
		b.Fatal(diags.Text())
	}
	b.ReportAllocs()
	b.ResetTimer()
	var st sweep.Stages
	n := 0
	for _, err := range m.Sweeps[0].Expand(&st) {
		if err != nil {
			b.Fatal(err)
		}
		if n++; n >= b.N {
			return
		}
	}
}

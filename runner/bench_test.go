package runner_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

// noop is a Runner whose attempts end at once.
type noop struct{ shell }

func (noop) Run(_ context.Context, _ runner.Attempt, changed func(runner.Change)) (sweep.Outcome, error) {
	changed(runner.Change{State: sweep.Running})
	return sweep.Outcome{State: sweep.Succeeded}, nil
}

// What the dispatcher itself costs for one task.
func BenchmarkDispatch(b *testing.B) {
	for _, parallel := range []int{1, 2, 16, 256} {
		b.Run(fmt.Sprintf("parallel=%d", parallel), func(b *testing.B) {
			d := runner.Dispatcher{
				Runner:   noop{},
				Recorder: &notebook{made: map[int64]int{}},
				Parallel: parallel,
				Events:   func(runner.Event) {},
			}
			one := task("a", 0, sweep.Command{})
			b.ReportAllocs()
			b.ResetTimer()
			sum, err := d.Run(b.Context(), func(yield func(runner.Task, error) bool) {
				for n := range b.N {
					t := one
					t.Number, t.RecordID = n, int64(n)
					if !yield(t, nil) {
						return
					}
				}
			})
			if err != nil || sum.Succeeded != b.N {
				b.Fatalf("%+v, %v", sum, err)
			}
		})
	}
}

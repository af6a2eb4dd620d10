package metrics_test

import (
	"fmt"

	"github.com/lxsweep/lxsweep/runner/metrics"
)

func ExampleScanner() {
	s := metrics.NewScanner(nil)
	fmt.Fprintln(s, "epoch=1 loss=0.5 acc: 0.8")
	fmt.Fprintln(s, "epoch=2 loss=0.4 acc: 0.9")
	found, _ := s.Metrics()
	for _, m := range found {
		fmt.Println(m.Name, m.Last, "from", m.Min, "to", m.Max, "at", m.Step)
	}
	// Output:
	// acc 0.9 from 0.8 to 0.9 at 2
	// loss 0.4 from 0.4 to 0.5 at 2
}

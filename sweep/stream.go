package sweep

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// stream is the random numbers of one axis of a sample: a function from an
// index to 64 bits, so that any draw can be had without those before it.
//
// Version 1, which never changes (another generator would get another number):
// the key is the first 8 bytes, big-endian, of the SHA-256 sum of the text
//
//	"lxsweep random 1\n" <seed> "\n" <ordinal> "\n" <label>
//
// with the sample's seed and ordinal in decimal and the axis' label as it is.
// Word i is SplitMix64's output function of key + (i+1)·0x9e3779b97f4a7c15
// modulo 2^64. That is the SplitMix64 generator begun at key: G. L. Steele,
// D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
// OOPSLA 2014, with the variant 13 of its mixing function by D. Stafford.
type stream uint64

func newStream(seed int64, ordinal int, label string) stream {
	sum := sha256.Sum256(fmt.Appendf(nil, "lxsweep random 1\n%d\n%d\n%s", seed, ordinal, label))
	return stream(binary.BigEndian.Uint64(sum[:]))
}

// word is the stream's word i.
func (s stream) word(i uint64) uint64 {
	z := uint64(s) + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// uniform is word i as a number in [0, 1): its top 53 bits.
func (s stream) uniform(i uint64) float64 { return unit(s.word(i)) }

// unit is the top 53 bits of word as a fraction in [0, 1); it is exact.
func unit(word uint64) float64 { return float64(word>>11) / (1 << 53) }

// scramble is Owen's nested uniform scrambling of the 32 binary digits of x,
// most significant first, followed by 21 digits that are purely random, as a
// number in [0, 1).
//
// Digit l is flipped or not by a coin that belongs to the l digits before it,
// that is to a node of the binary tree of prefixes: the top bit of word n, where
// n is the node's number in heap order (the root is 1, below n are 2n and 2n+1).
// The 21 digits are the top bits of the word of x's own leaf, 2^32 + x. So every
// elementary interval keeps its share of points, whatever the coins. A. B. Owen,
// "Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995; coins by hash, and
// the bitwise form of it: S. Laine, T. Karras, "Stratified sampling for
// stochastic transparency", 2011; B. Burley, "Practical hash-based Owen
// scrambling", 2020.
func (s stream) scramble(x uint32) float64 {
	node, y := uint64(1), uint64(0)
	for l := 31; l >= 0; l-- {
		digit := uint64(x>>l) & 1
		y = y<<1 | digit ^ s.word(node)>>63
		node = node<<1 | digit
	}
	return unit(y<<32 | s.word(node)>>32)
}

package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Hash is a SHA-256 sum: a point, a key or a work. The package comment defines
// what is summed; these texts never change.
type Hash [sha256.Size]byte

// String is the hash in lower-case hexadecimal, 64 bytes.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is the first 12 hexadecimal digits, for people.
func (h Hash) Short() string { return hex.EncodeToString(h[:6]) }

// IsZero reports whether h is unset.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads what String wrote.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("a hash has %d hexadecimal digits, this has %d", hex.EncodedLen(len(h)), len(s))
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err
}

// PointOf is the identity of hp under an experiment_name, whatever the round.
// hp is what IdentityRules.Apply left of the hyperparameters.
func PointOf(experimentName string, hp *Object) Hash {
	b := make([]byte, 0, 256)
	b = append(b, "lxsweep point 1\n"...)
	b = append(b, experimentName...)
	b = append(b, '\n')
	return sha256.Sum256(hp.AppendJSON(b))
}

// KeyOf is the identity of an experiment: a point in a round.
func KeyOf(point Hash, round string) Hash {
	b := make([]byte, 0, 128)
	b = append(b, "lxsweep key 1\n"...)
	b = hex.AppendEncode(b, point[:])
	b = append(b, '\n')
	return sha256.Sum256(append(b, round...))
}

// Digest is the content of one input file.
type Digest struct {
	Path string // as matched, relative to the folder of the .hcl file, with slashes
	Sum  Hash   // SHA-256 of the bytes
}

// WorkOf is the identity of what a command does. c must have been resolved with
// the zero Place; inputs must be sorted by path.
func WorkOf(c Command, inputs []Digest) Hash {
	args := c.Args
	if args == nil {
		args = []string{"/bin/sh", "-ec", c.Shell}
	}
	command := make([]Value, len(args))
	for i, a := range args {
		command[i] = String(a)
	}
	digests := make([]Var, len(inputs))
	for i, d := range inputs {
		digests[i] = Var{d.Path, d.Sum.String()}
	}
	text := List([]Value{List(command), String(c.Image), pairs(c.Env), pairs(c.SecretEnv), pairs(digests)})
	return sha256.Sum256(text.AppendJSON([]byte("lxsweep work 1\n")))
}

// pairs is a list of [name, value] lists.
func pairs(vars []Var) Value {
	list := make([]Value, len(vars))
	for i, v := range vars {
		list[i] = List([]Value{String(v.Name), String(v.Value)})
	}
	return List(list)
}

// IdentityRules leave hyperparameters out of an experiment's identity.
type IdentityRules struct {
	// Assume maps a path to the value that it had before it existed: at that
	// value it is left out.
	Assume map[string]Value
	// Ignore lists paths that do not matter.
	Ignore []string
}

// Ignores reports whether Ignore leaves path out, by itself or as part of a group.
func (r IdentityRules) Ignores(path string) bool {
	return slices.ContainsFunc(r.Ignore, func(ignored string) bool {
		return path == ignored || strings.HasPrefix(path, ignored+".")
	})
}

// Apply returns hp without what the rules leave out.
func (r IdentityRules) Apply(hp *Object) *Object {
	for path, was := range r.Assume {
		if v, ok := hp.Get(path); ok && v.Equal(was) {
			hp = hp.Without(path)
		}
	}
	for _, path := range r.Ignore {
		hp = hp.Without(path)
	}
	return hp
}

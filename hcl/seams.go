package hcl

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// inputs is where variables and functions meet the files: what variables.go is
// given, and what it gives back.
type inputs struct {
	blocks []*hclsyntax.Block // every variable block, in source order
	opts   Options
	dir    string // absolute; file() and --var-file paths are relative to it
}

// inputValues are the variables of a module.
type inputValues struct {
	// values holds every declared variable, sensitive ones marked. A variable
	// that could not be evaluated is cty.DynamicVal: its problem is reported.
	values map[string]cty.Value
	shown  []Variable
	// files are the variable files that were read, for Module.Files and for
	// the snippets of diagnostics.
	files []File
}

// functionSet says which functions may be called where. Names are unique over
// all of them.
type functionSet struct {
	everywhere map[string]function.Function // pure ones
	fileScope  map[string]function.Function // file, csvdecode, jsondecode: once, at load
	samples    map[string]function.Function // distributions: in the hp of a sample
}

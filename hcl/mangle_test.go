package hcl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"pgregory.net/rapid"
)

// corpus is the texts of testdata/bad and of the examples, without the huge
// ones.
func corpus(t *testing.T) []string {
	t.Helper()
	var texts []string
	for _, pattern := range []string{"testdata/bad/*.hcl", "testdata/*.hcl", "../examples/*/*.hcl"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(data))
		}
	}
	return texts
}

// tokensOf splits a text where HCL does.
func tokensOf(text string) []string {
	tokens, _ := hclsyntax.LexConfig([]byte(text), "", hcl2.InitialPos) // what cannot be read is a token too
	list := make([]string, 0, len(tokens))
	end := 0
	for _, token := range tokens {
		if token.Range.Start.Byte > end {
			list = append(list, text[end:token.Range.Start.Byte])
		}
		list = append(list, string(token.Bytes))
		end = token.Range.End.Byte
	}
	return list
}

// TestMangledFiles loads files whose tokens were dropped, repeated, swapped or
// replaced: whatever comes out is a diagnostic or a module, soon, and no panic.
func TestMangledFiles(t *testing.T) {
	texts := corpus(t)
	var words []string
	for _, text := range texts {
		words = append(words, tokensOf(text)...)
	}
	slices.Sort(words)
	words = slices.DeleteFunc(slices.Compact(words), func(w string) bool { return len(w) > 40 })
	rapid.Check(t, func(r *rapid.T) {
		tokens := tokensOf(rapid.SampledFrom(texts).Draw(r, "text"))
		for range rapid.IntRange(1, 4).Draw(r, "times") {
			if len(tokens) == 0 {
				return
			}
			i := rapid.IntRange(0, len(tokens)-1).Draw(r, "at")
			word := rapid.SampledFrom(words).Draw(r, "word")
			switch rapid.SampledFrom([]string{"drop", "replace", "insert", "repeat", "swap"}).Draw(r, "how") {
			case "drop":
				tokens = slices.Delete(tokens, i, i+1)
			case "replace":
				tokens[i] = word
			case "insert":
				tokens = slices.Insert(tokens, i, word)
			case "repeat":
				tokens = slices.Insert(tokens, i, tokens[i])
			case "swap":
				j := rapid.IntRange(0, len(tokens)-1).Draw(r, "with")
				tokens[i], tokens[j] = tokens[j], tokens[i]
			}
		}
		text := strings.Join(tokens, "")
		begun := time.Now()
		opts := Options{ReadFile: func(path string) ([]byte, error) {
			if path == "grid.hcl" {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		}}
		diagnose(t, opts, "grid.hcl")
		if took := time.Since(begun); took > 20*time.Second {
			r.Fatalf("it took %s", took)
		}
	})
}

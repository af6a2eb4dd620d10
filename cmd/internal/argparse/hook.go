package argparse

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

// Hook is a program for `python -c`, which takes the name of a script, or -m and
// that of a module, and arguments of which --help should be the last. It runs
// the script as far as --help would: where the parser would read the arguments,
// it prints the parser for Decode and exits. What is not argparse's takes
// --help as ever.
//
//go:embed hook.py
var Hook string

// mark begins the line that Hook prints.
const mark = "\x1elxsweep "

// Decode finds what Hook printed in an output; ok is false if there is nothing.
func Decode(output string) (h Help, ok bool, err error) {
	for line := range strings.Lines(output) {
		text, found := strings.CutPrefix(line, mark)
		if !found {
			continue
		}
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			return Help{}, false, fmt.Errorf("what the parser says of itself: %w", err)
		}
		return h, true, nil
	}
	return Help{}, false, nil
}

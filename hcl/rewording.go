package hcl

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// rewording says of one kind of HCL's own diagnostics, in this language's words
// and with a way out, what HCL says for any language.
type rewording struct {
	was *regexp.Regexp // the detail that it is for; nil for any
	// say returns a summary and a detail; empty ones leave those there were.
	say func(said) (summary, detail string)
}

// said is what HCL said.
type said struct {
	*hcl2.Diagnostic
	match []string // of the detail
	line  string   // of the source where the subject begins
}

// rewordings are by HCL's summaries.
var rewordings = map[string]rewording{
	"Argument or block definition required": {say: sayDefinition},
	"Invalid argument name":                 {say: sayDefinition},
	"Missing newline after argument":        {say: sayUnquoted},
	"Invalid multi-line string":             {say: sayUnclosedQuote},
	"Argument definition required":          {regexp.MustCompile(`^A single-line block`), sayOneLine},
	"Missing required argument":             {regexp.MustCompile(`^The argument "([^"]+)" is required`), sayMissing},
	"Invalid template interpolation value":  {say: sayNoText},
	"Error in function call":                {regexp.MustCompile(`^Call to function "([^"]+)" failed: (.*?)\.?$`), sayFailedCall},
	"Invalid function argument":             {regexp.MustCompile(`^Invalid value for "[^"]+" parameter: (.*?)\.?$`), sayWrongArgument},
	"Operation failed":                      {regexp.MustCompile(`^Error during operation: (.*)\.$`), sayFailedOperation},
}

// missingName is the beginning of the summary of a block without its label.
var missingName = regexp.MustCompile(`^Missing name for (\S+)$`)

// reworded returns the diagnostics in this language's words. Those given are
// left as they are.
func reworded(list hcl2.Diagnostics, files map[string]*hcl2.File) hcl2.Diagnostics {
	out := make(hcl2.Diagnostics, 0, len(list))
	for _, d := range list {
		out = append(out, rewordedOne(d, files))
	}
	return withoutEchoes(out)
}

// otherPoints is what a detail ends with that holds for several experiments.
var otherPoints = regexp.MustCompile(` \(and \d+ more \w+\)$`)

func rewordedOne(d *hcl2.Diagnostic, files map[string]*hcl2.File) *hcl2.Diagnostic {
	others := otherPoints.FindString(d.Detail)
	detail := strings.TrimSuffix(d.Detail, others)
	s := said{Diagnostic: d, line: lineOf(d.Subject, files)}
	rule, ok := rewordings[d.Summary]
	if s.match = missingName.FindStringSubmatch(d.Summary); s.match != nil {
		rule, ok = rewording{say: sayLabel}, true
	}
	if rule.was != nil {
		if s.match = rule.was.FindStringSubmatch(detail); s.match == nil {
			return d
		}
	}
	if !ok {
		return d
	}
	changed := *d
	if summary, words := rule.say(s); words != "" {
		changed.Summary, changed.Detail = summary, words+others
	}
	return &changed
}

func lineOf(r *hcl2.Range, files map[string]*hcl2.File) string {
	if r == nil || files[r.Filename] == nil || r.Start.Byte > len(files[r.Filename].Bytes) {
		return ""
	}
	text := files[r.Filename].Bytes
	start := bytes.LastIndexByte(text[:r.Start.Byte], '\n') + 1
	line, _, _ := bytes.Cut(text[start:], []byte("\n"))
	return string(line)
}

// cascade are mistakes of which one makes many: the first of a file is told.
var cascade = map[string]bool{
	"Unclosed quote": true, "Unterminated template string": true, "Colon for an equals sign": true,
	"Not HCL": true, "Invalid expression": true,
}

// consequence is what follows from other mistakes.
type consequence struct {
	of []string
	// nearby says that only those of the same line are meant, else those of the
	// same file.
	nearby bool
}

var consequences = map[string]consequence{
	"Unterminated template string": {of: []string{"Unclosed quote"}},
	"Colon for an equals sign":     {of: []string{"Not HCL"}},
	"Invalid expression":           {of: []string{"Invalid character"}},
	"Config without a command":     {of: []string{"Unknown attribute", "Unknown block", "Undeclared config", "Not a config", "Cycle", "Block written as an attribute"}},
	"Objective without a metric":   {of: []string{"Unknown attribute"}},
	"Unusable sample":              {of: []string{"Unknown attribute"}},
	"Undeclared hyperparameter":    {of: []string{"Incomplete reference"}, nearby: true},
	"Wrong type":                   {of: []string{"Two types for one hyperparameter"}, nearby: true},
}

// withoutEchoes leaves out what repeats another of the same line, or follows
// from another mistake.
func withoutEchoes(list hcl2.Diagnostics) hcl2.Diagnostics {
	in, seen := map[string]bool{}, map[string]bool{}
	for _, d := range list {
		in[inFile(d, d.Summary)], in[onLine(d, d.Summary)] = true, true
	}
	return slices.DeleteFunc(list, func(d *hcl2.Diagnostic) bool {
		id := onLine(d, d.Summary+d.Detail)
		if cascade[d.Summary] {
			id = inFile(d, d.Summary)
		}
		again := seen[id]
		seen[id] = true
		where := inFile
		if consequences[d.Summary].nearby {
			where = onLine
		}
		return again || slices.ContainsFunc(consequences[d.Summary].of, func(cause string) bool { return in[where(d, cause)] })
	})
}

func inFile(d *hcl2.Diagnostic, what string) string { return subject(d).Filename + ": " + what }

func onLine(d *hcl2.Diagnostic, what string) string {
	return fmt.Sprintf("%s:%d: %s", subject(d).Filename, subject(d).Start.Line, what)
}

var (
	dottedName = regexp.MustCompile(`^\s*"?([\w-]+(?:\.[\w-]+)+)"?\s*=`)
	colonName  = regexp.MustCompile(`^\s*"?([\w-]+)"?\s*:\s*(\S?)`)
	quotedName = regexp.MustCompile(`^\s*"([\w-]+)"\s*=`)
)

// sayDefinition is for what is no attribute and no block: most often a dotted
// name, JSON or YAML.
func sayDefinition(s said) (summary, detail string) {
	if m := dottedName.FindStringSubmatch(s.line); m != nil {
		return "Dotted name", fmt.Sprintf("A name has no dots here: write %s", withoutDots(m[1]))
	}
	if m := quotedName.FindStringSubmatch(s.line); m != nil {
		return "Quoted name", fmt.Sprintf("A name has no quotes here: write %s = ...", m[1])
	}
	if m := colonName.FindStringSubmatch(s.line); m != nil {
		if m[2] == "" {
			return "Not HCL", fmt.Sprintf("This looks like YAML. In HCL a block is written %s { ... } and an attribute name = value.", m[1])
		}
		return "Colon for an equals sign", fmt.Sprintf("An attribute is written with an equals sign: %s = ...", m[1])
	}
	if strings.HasPrefix(strings.TrimSpace(s.line), "{") {
		return "Not HCL", `This looks like JSON. In HCL a block is written config "base" { ... } and an attribute name = value.`
	}
	return "", ""
}

// withoutDots writes a dotted name as the blocks that it stands for. hp. is not
// written where hyperparameters are named.
func withoutDots(path string) string {
	names := strings.Split(strings.TrimPrefix(path, "hp."), ".")
	text := names[len(names)-1] + " = ..."
	for i := len(names) - 2; i >= 0; i-- {
		text = names[i] + " { " + text + " }"
	}
	return text
}

var unquotedText = regexp.MustCompile(`^\s*([\w-]+)\s*=\s*([A-Za-z_./][^"]*?)\s*$`)

func sayUnquoted(s said) (summary, detail string) {
	m := unquotedText.FindStringSubmatch(s.line)
	if m == nil {
		return "", ""
	}
	return "Text without quotes", fmt.Sprintf("A text stands in double quotes: write %s = %q.", m[1], m[2])
}

func sayUnclosedQuote(said) (summary, detail string) {
	return "Unclosed quote", "A text that begins in this line has no closing quote in it. For a text of several lines write <<-END and close it with a line END."
}

func sayOneLine(said) (summary, detail string) {
	return "Too much for one line", "A block on one line holds a single attribute and no block: write its content on lines of its own."
}

// examples show how attributes that must be there are written.
var examples = map[string]string{
	"config":        "config = config.NAME",
	"count":         "count = 64",
	"when":          "when = hp.lr > 0.1",
	"condition":     "condition = var.NAME > 0",
	"error_message": `error_message = "It must be above 0."`,
}

func sayMissing(s said) (summary, detail string) {
	name := s.match[1]
	example := examples[name]
	if example == "" {
		example = name + " = ..."
	}
	return "Missing attribute", fmt.Sprintf("%s is missing from this block: write %s.", name, example)
}

func sayLabel(s said) (summary, detail string) {
	if s.match[1] == "sample" {
		return s.Summary, `The label of a sample is its method: write sample "random" { ... } or sample "sobol" { ... }.`
	}
	return s.Summary, fmt.Sprintf("The label is its name: write %s \"NAME\" { ... }.", s.match[1])
}

// sayNoText is for what cannot be put into a template.
func sayNoText(s said) (summary, detail string) {
	switch {
	case strings.Contains(s.Detail, "is null"):
		return "Null in a text", `The value is null, which has no text. flags(hp) leaves null out; coalesce(hp.x, "none") puts something in its place.`
	case strings.Contains(s.Detail, "have tuple"), strings.Contains(s.Detail, "have list"):
		return "List in a text", `A list has no text of its own: write join(" ", hp.x), jsonencode(hp.x), or leave it to flags(hp).`
	case strings.Contains(s.Detail, "have object"), strings.Contains(s.Detail, "have map"):
		return "Object in a text", "An object has no text of its own: name one of its attributes, write jsonencode(hp.x), or leave it to flags(hp)."
	}
	return "", ""
}

func sayFailedCall(s said) (summary, detail string) {
	name, problem := s.match[1], s.match[2]
	if name == textCall {
		return "Unusable value", sentence(problem)
	}
	if problem == "EOF" || problem == "unexpected EOF" {
		problem = "the text ends too early"
	}
	if !strings.HasPrefix(problem, name) {
		problem = name + "(): " + problem
	}
	return s.Summary, punctuated(problem)
}

func sayWrongArgument(s said) (summary, detail string) {
	problem := s.match[1]
	if call, ok := hcl2.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](s.Diagnostic); ok {
		problem = call.CalledFunctionName() + "(): " + problem
	}
	return s.Summary, punctuated(problem)
}

func sayFailedOperation(s said) (summary, detail string) {
	switch {
	case s.match[1] == "argument must not be null":
		return "Null in an operation", "One side is null, which cannot be computed with: ask for it first, as in hp.x == null ? false : hp.x > 1."
	case strings.HasPrefix(s.match[1], "can't divide zero by zero"):
		return "Zero divided by zero", "The result is not a number. Ask for zero first, as in hp.x == 0 ? 0 : 1 / hp.x."
	}
	return "", ""
}

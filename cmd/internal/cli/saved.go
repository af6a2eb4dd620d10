package cli

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lxsweep/lxsweep/hcl"
	"github.com/lxsweep/lxsweep/sweep"
)

// A saved plan is a gzipped file of JSON lines: first a savedPlan, then a
// savedRow for each start, in order. It holds no value of a sensitive variable.

// savedPlan is everything that a plan was derived from, but for the ledger.
type savedPlan struct {
	Magic   string `json:"lxsweep_plan"` // the version, as text
	Lxsweep string `json:"lxsweep"`
	// Files are absolute paths in the order in which they were named; Kept
	// holds the bytes of those and of variable files.
	Files    []string          `json:"files"`
	Kept     map[string][]byte `json:"kept"`
	VarFiles []string          `json:"var_files,omitempty"`
	Vars     []string          `json:"vars,omitempty"`
	// Environ holds LXSWEEP_VAR_ variables that were used.
	Environ map[string]string `json:"environ,omitempty"`
	// Sensitive names the variables whose values must be given again.
	Sensitive []string `json:"sensitive,omitempty"`
	Sets      []string `json:"sets,omitempty"`
	Configs   []string `json:"configs,omitempty"`
	Round     string   `json:"round,omitempty"`
	Runner    string   `json:"runner,omitempty"`
	Rerun     []string `json:"rerun,omitempty"`
	Accept    bool     `json:"accept_changed,omitempty"`
	Filter    string   `json:"filter,omitempty"`
	State     string   `json:"state"` // absolute
	LedgerID  string   `json:"ledger_id"`
	// Cluster is what the command line said, Place what that was: empty for this
	// machine.
	Cluster ClusterOptions `json:"cluster"`
	Place   string         `json:"place"`
	Digest  string         `json:"digest"` // of the starts
	Starts  int            `json:"starts"`
}

// savedRow is one start. Key and Work are the hashes' first 128 bits.
type savedRow struct {
	Run  string `json:"run"`
	Sign string `json:"sign"`
	Key  string `json:"key"`
	Work string `json:"work"`
}

const savedMagic = "1"

// savedRows collects the starts of a plan.
type savedRows struct {
	wanted bool
	rows   []savedRow
}

func newSavedRows(wanted bool) *savedRows { return &savedRows{wanted: wanted} }

func (s *savedRows) row(a *sweep.Action) {
	if s.wanted && a.Start {
		s.rows = append(s.rows, rowOf(a))
	}
}

func rowOf(a *sweep.Action) savedRow {
	return savedRow{a.RunName(), a.Sign.String(), a.Experiment.Key.String()[:32], a.Experiment.WorkHash.String()[:32]}
}

// save writes the plan beside its name and renames it into place.
func (o *PlanOptions) save(p *project, plan *sweep.Plan, rows *savedRows) error {
	saved, err := o.saved(p, plan)
	if err != nil {
		return err
	}
	path := o.abs(o.SaveTo)
	tmp, err := os.CreateTemp(filepath.Dir(path), ".lxplan-*")
	if err != nil {
		return fmt.Errorf("saving the plan: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already if all went well
	if err := writeSaved(tmp, saved, rows.rows); err != nil {
		return fmt.Errorf("saving the plan: %w", errors.Join(err, tmp.Close()))
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("saving the plan: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("saving the plan: %w", err)
	}
	fmt.Fprintf(o.Err, "saved; this applies exactly it: lxsweep apply %s\n", sweep.ShellQuote(o.SaveTo))
	return nil
}

func (o *PlanOptions) saved(p *project, plan *sweep.Plan) (*savedPlan, error) {
	cluster := o.ClusterOptions
	cluster.Kubeconfig = o.abs(cluster.Kubeconfig)
	s := &savedPlan{
		Magic: savedMagic, Lxsweep: o.version(),
		Kept: map[string][]byte{}, Environ: map[string]string{},
		VarFiles: o.absAll(o.VarFiles), Sets: o.Sets, Configs: o.Configs, Round: o.Round, Runner: o.Runner,
		Rerun: o.Rerun, Accept: o.AcceptChanged, Filter: o.Filter,
		State: p.ledger.Path(), LedgerID: p.ledger.ID(), Cluster: cluster, Place: p.place(), Digest: plan.Digest(), Starts: plan.Starts,
	}
	for _, file := range p.module.Files {
		s.Kept[o.abs(file.Path)] = file.Bytes
	}
	s.Files = o.sources(o.Files, p.module)
	return s, s.variables(o, p.module.Variables)
}

// sources are the module's files in the order in which they were named; those
// of a folder by name.
func (f *Factory) sources(named []string, m *hcl.Module) []string {
	found := f.fileNames(m)
	var files []string
	for _, named := range f.absAll(named) {
		for _, path := range found {
			if path == filepath.Clean(named) || filepath.Dir(path) == filepath.Clean(named) {
				files = append(files, path)
			}
		}
	}
	return files
}

// variables keeps what is not sensitive, and refuses what it could not keep
// apart.
func (s *savedPlan) variables(o *PlanOptions, variables []hcl.Variable) error {
	sensitive := map[string]bool{}
	for _, v := range variables {
		if v.Sensitive {
			sensitive[v.Name] = true
			s.Sensitive = append(s.Sensitive, v.Name)
			if path := s.varFileWith(v.Name); path != "" {
				return errorf("give it by the environment instead: LXSWEEP_VAR_"+v.Name,
					"a saved plan keeps its variable files, and %s holds the sensitive variable %q", o.short(path), v.Name)
			}
			continue
		}
		name := "LXSWEEP_VAR_" + v.Name
		if value, ok := o.Environ(name); ok {
			s.Environ[name] = value
		}
	}
	for _, given := range o.Vars {
		name, _, _ := strings.Cut(given, "=")
		if !sensitive[strings.TrimSpace(name)] {
			s.Vars = append(s.Vars, given)
		}
	}
	return nil
}

// varFileWith returns the variable file that gives a variable, also where
// something else overrides it; empty for none.
func (s *savedPlan) varFileWith(name string) string {
	gives := regexp.MustCompile(`(?m)^[ \t]*` + regexp.QuoteMeta(name) + `[ \t]*=`)
	for _, path := range s.VarFiles {
		if gives.Match(s.Kept[path]) {
			return path
		}
	}
	return ""
}

func writeSaved(w io.Writer, s *savedPlan, rows []savedRow) error {
	b := bufio.NewWriterSize(w, 1<<16)
	z := gzip.NewWriter(b)
	e := json.NewEncoder(z)
	if err := e.Encode(s); err != nil {
		return err
	}
	for i := range rows {
		if err := e.Encode(&rows[i]); err != nil {
			return err
		}
	}
	return errors.Join(z.Close(), b.Flush())
}

// readSaved reads a saved plan; nil without an error if the file is none.
func readSaved(path string) (*savedPlan, []savedRow, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, nil // whoever reads it next says so
	}
	defer file.Close()
	b := bufio.NewReader(file)
	if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return nil, nil, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, nil, damaged(path, err)
	}
	d := json.NewDecoder(z)
	s := &savedPlan{}
	if err := d.Decode(s); err != nil {
		return nil, nil, damaged(path, err)
	}
	if s.Magic != savedMagic {
		return nil, nil, errorf("make it again with this lxsweep: lxsweep plan --out "+sweep.ShellQuote(path)+" grid.hcl",
			"%s is a plan of version %q, this lxsweep reads version %s", path, s.Magic, savedMagic)
	}
	rows := make([]savedRow, s.Starts)
	for i := range rows {
		if err := d.Decode(&rows[i]); err != nil {
			return nil, nil, damaged(path, err)
		}
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // only the end has the checksum
		return nil, nil, damaged(path, err)
	}
	return s, rows, nil
}

func damaged(path string, err error) error {
	return errorf("make it again: lxsweep plan --out "+sweep.ShellQuote(path)+" grid.hcl", "the saved plan %s is damaged: %w", path, err)
}

// environ is the environment that the plan was made in, as far as variables
// go; sensitive ones come from the present one.
func (s *savedPlan) environ(now func(string) (string, bool)) func(string) (string, bool) {
	present := map[string]bool{}
	for _, name := range s.Sensitive {
		present["LXSWEEP_VAR_"+name] = true
	}
	return func(name string) (string, bool) {
		if !strings.HasPrefix(name, "LXSWEEP_VAR_") || present[name] {
			return now(name)
		}
		value, ok := s.Environ[name]
		return value, ok
	}
}

// readFile gives the bytes that were kept, and files that the language reads
// otherwise as they are.
func (s *savedPlan) readFile(path string) ([]byte, error) {
	if data, ok := s.Kept[path]; ok {
		return data, nil
	}
	return os.ReadFile(path)
}

// difference is how the starts of a plan made now differ from the saved ones.
type difference struct {
	missing []savedRow // would start then, not now
	added   []savedRow // would start now, not then
}

func diffStarts(saved, now []savedRow) difference {
	type identity struct{ key, work string }
	then := make(map[identity]bool, len(saved))
	for _, r := range saved {
		then[identity{r.Key, r.Work}] = true
	}
	var d difference
	for _, r := range now {
		id := identity{r.Key, r.Work}
		if !then[id] {
			d.added = append(d.added, r)
		}
		delete(then, id)
	}
	for _, r := range saved {
		if then[identity{r.Key, r.Work}] {
			d.missing = append(d.missing, r)
		}
	}
	return d
}

func (d difference) empty() bool { return len(d.missing)+len(d.added) == 0 }

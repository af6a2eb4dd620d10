package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lxsweep/lxsweep/runner"
	"github.com/lxsweep/lxsweep/sweep"
)

var _ runner.Runner = (*Runner)(nil)

// Options say where a Runner keeps its files and what it may use. Zero values
// are the defaults, but for the folders.
type Options struct {
	// SlotsDir holds the slots' journals, LogsDir the logs and results of
	// attempts. They are made when the first attempt starts.
	SlotsDir, LogsDir string
	// Owner is the id of the ledger that gives attempts their ids. Journals of
	// another owner are left alone.
	Owner string
	// Capacity is what may be set aside for programs at once; what is 0 is what
	// the machine has. Its GPUs is not used: see GPUs.
	Capacity sweep.Resources
	// GPUs are the devices that may be handed out, as CUDA_VISIBLE_DEVICES
	// calls them; nil for what Devices(nil) finds, empty for none.
	GPUs []string
	// GPULocks is the folder of the devices' locks, the same for every user and
	// process of the machine; os.TempDir() by default.
	GPULocks string
	// Grace is how long a program has between TERM and KILL; 10 s by default.
	Grace time.Duration
	// Poll is the time between looks at what cannot be waited for: adopted
	// programs, programs being ended, gpus that others hold; 50 ms by default.
	Poll time.Duration
	// Now tells the time; time.Now by default.
	Now func() time.Time
}

// Runner runs attempts on this machine. It is safe for concurrent use.
type Runner struct {
	options   Options
	place     place
	admission admission
	gpus      gpus
	ooms      oomWatch

	tidied sync.Once

	mu     sync.Mutex
	idle   []*slot          // without an attempt
	open   map[string]bool  // the journals, by path, whose slots are ours and live
	where  map[int64]string // the journals, by path, of attempts not yet released
	closed bool
}

// New returns a Runner. It writes nothing and starts nothing.
func New(o Options) (*Runner, error) {
	var err error
	for _, dir := range []*string{&o.SlotsDir, &o.LogsDir} {
		if *dir == "" {
			return nil, errors.New("local runner: it needs a folder for slots and one for logs")
		}
		if *dir, err = filepath.Abs(*dir); err != nil {
			return nil, fmt.Errorf("local runner: %w", err)
		}
	}
	o.setDefaults()
	r := &Runner{
		options: o,
		place:   place{dir: o.SlotsDir, owner: o.Owner, host: hostName(), boot: bootID()},
		gpus:    gpus{dir: o.GPULocks, devices: devices(o.GPUs, installed())},
		open:    map[string]bool{},
		where:   map[int64]string{},
	}
	r.admission.capacity = o.Capacity
	r.admission.capacity.GPUs = len(r.gpus.devices)
	return r, nil
}

func (o *Options) setDefaults() {
	has := machine()
	if o.Capacity.MilliCPU == 0 {
		o.Capacity.MilliCPU = has.MilliCPU
	}
	if o.Capacity.Memory == 0 {
		o.Capacity.Memory = has.Memory
	}
	if o.GPUs == nil {
		o.GPUs = Devices(nil)
	}
	if o.GPULocks == "" {
		o.GPULocks = os.TempDir()
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 50 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Name is "local".
func (r *Runner) Name() string { return "local" }

// Host is this machine and its present boot.
func (r *Runner) Host() (host, boot string) { return r.place.host, r.place.boot }

// Capacity is what may be set aside at once.
func (r *Runner) Capacity() sweep.Resources { return r.admission.capacity }

// Fits says why a request could never be admitted.
func (r *Runner) Fits(request sweep.Resources) error { return r.admission.fits(request) }

// Check says why a command can never be started here, whatever runs beside it:
// its text, its secrets, its folder.
func (r *Runner) Check(c sweep.Command) error {
	if err := checkCommand(&c); err != nil {
		return err
	}
	for _, v := range c.SecretEnv {
		if _, set := os.LookupEnv(v.Name); !set {
			return fmt.Errorf("secret_env %s (%s): on the local runner a secret comes from lxsweep's own environment, "+
				"where %s is not set; export it before you run lxsweep", v.Name, v.Value, v.Name)
		}
	}
	if c.WorkingDir == "" {
		return nil
	}
	info, err := os.Stat(c.WorkingDir)
	switch {
	case err != nil:
		return fmt.Errorf("working_dir: %w; make it, or set resources.host.working_dir", err)
	case !info.IsDir():
		return fmt.Errorf("working_dir: %s is not a folder", c.WorkingDir)
	}
	return nil
}

// LogPath is where an attempt's output is, standard output and standard error
// in the order in which they were written.
func (r *Runner) LogPath(runName string, attempt int) string {
	return filepath.Join(r.options.LogsDir, fmt.Sprintf("%s.%d.log", runName, attempt))
}

// ResultPath is the file that LXSWEEP_RESULT names in an attempt.
func (r *Runner) ResultPath(runName string, attempt int) string {
	return filepath.Join(r.options.LogsDir, fmt.Sprintf("%s.%d.result.json", runName, attempt))
}

// takeSlot returns an idle slot, or a new one.
func (r *Runner) takeSlot() (*slot, error) {
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		s := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return s, nil
	}
	r.mu.Unlock()
	return r.newSlot(nil, nil)
}

// newSlot returns a slot that inherits extra and has env beside ours.
func (r *Runner) newSlot(extra []*os.File, env []string) (*slot, error) {
	now := r.options.Now()
	r.tidied.Do(func() { tidy(r.place.dir, now) })
	s, err := openSlot(r.place, now, extra, env)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[s.journal.path] = true
	return s, nil
}

// giveBack keeps a slot for the next attempt.
func (r *Runner) giveBack(s *slot) {
	r.mu.Lock()
	closed := r.closed
	if !closed {
		r.idle = append(r.idle, s)
	}
	r.mu.Unlock()
	if closed {
		r.retire(s)
	}
}

// retire closes a slot that has no attempt, and removes its journal if nobody
// needs it. It names the processes that go on without their slot.
func (r *Runner) retire(s *slot) string {
	path := s.journal.path
	s.close()
	r.forgetSlot(s)
	// A journal that cannot be removed now can be later.
	_ = removeIfDone(path)
	return holders(path)
}

// leave lets a slot finish what it has without us.
func (r *Runner) leave(s *slot) {
	s.leave()
	r.forgetSlot(s)
}

func (r *Runner) forgetSlot(s *slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, s.journal.path)
}

// Close ends the slots, which have no attempt any more once every Run has
// returned. It names the processes that attempts left running.
func (r *Runner) Close() (left []string) {
	r.mu.Lock()
	idle := r.idle
	r.idle, r.closed = nil, true
	r.mu.Unlock()
	for _, s := range slices.Backward(idle) {
		if names := r.retire(s); names != "" {
			left = append(left, names)
		}
	}
	return left
}

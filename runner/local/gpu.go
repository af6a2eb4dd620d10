package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// device is one gpu.
type device struct {
	visible string // what CUDA_VISIBLE_DEVICES calls it: a number or a UUID
	lock    string // the name of its lock, the same for every process of the machine
}

// Devices returns the gpus that programs may be given, by the names that
// CUDA_VISIBLE_DEVICES has for them: those asked for, else those that lxsweep
// itself was given in its environment, else all of the machine's.
func Devices(asked []string) []string {
	if asked != nil {
		return asked
	}
	if visible, ok := os.LookupEnv("CUDA_VISIBLE_DEVICES"); ok {
		return visibleDevices(visible)
	}
	var numbers []string
	for i := range installed() {
		numbers = append(numbers, fmt.Sprint(i))
	}
	return numbers
}

// visibleDevices splits the variable's value as CUDA does: the first name that
// can be no device ends the list.
func visibleDevices(value string) []string {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if !deviceName.MatchString(name) {
			break
		}
		names = append(names, name)
	}
	return names
}

var deviceName = regexp.MustCompile(`^(\d+|(GPU|MIG)-[0-9A-Za-z/-]+)$`)

// installed returns the UUIDs of the machine's gpus by their number, which is
// their order on the PCI bus.
func installed() []string {
	infos, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	if len(infos) == 0 {
		return listedBySMI()
	}
	slices.Sort(infos)
	uuids := make([]string, len(infos))
	for i, path := range infos {
		text, _ := os.ReadFile(path)
		uuids[i] = uuid(string(text))
	}
	return uuids
}

func listedBySMI() []string {
	out, err := exec.Command("nvidia-smi", "-L").Output()
	if err != nil {
		return nil
	}
	var uuids []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "GPU ") {
			uuids = append(uuids, uuid(line))
		}
	}
	return uuids
}

var uuidForm = regexp.MustCompile(`GPU-[0-9a-f-]{36}`)

func uuid(text string) string { return uuidForm.FindString(text) }

// devices gives each name its lock, the same for a number and a UUID of one
// gpu, which is there once.
func devices(names, uuids []string) []device {
	var ds []device
	for _, name := range names {
		d := device{visible: name, lock: name}
		if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(uuids) && uuids[n] != "" {
			d.lock = uuids[n]
		}
		if !slices.ContainsFunc(ds, func(o device) bool { return o.lock == d.lock }) {
			ds = append(ds, d)
		}
	}
	return ds
}

// gpus hands out devices machine-wide: whoever holds a device's lock has it. A
// slot inherits the locks of its devices, so they are held as long as a process
// of the slot lives, whatever becomes of lxsweep.
type gpus struct {
	dir     string // of the lock files
	devices []device
	mu      sync.Mutex // one takes at a time, lest two miss what both have locked half of
}

// take locks n devices, or none and ok false if others hold too many now. The
// caller closes the locks.
func (g *gpus) take(n int) (locks []*os.File, visible string, ok bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for _, d := range g.devices {
		if len(locks) == n {
			break
		}
		f, err := openLock(filepath.Join(g.dir, "lxsweep-gpu-"+strings.ReplaceAll(d.lock, "/", "-")+".lock"))
		if err != nil {
			closeAll(locks)
			return nil, "", false, err
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			f.Close()
			continue
		}
		locks, names = append(locks, f), append(names, d.visible)
	}
	if len(locks) < n {
		closeAll(locks)
		return nil, "", false, nil
	}
	return locks, strings.Join(names, ","), true, nil
}

// openLock opens a lock file that every user of the machine may lock. It is
// created apart from being opened: in a folder like /tmp the kernel refuses to
// open another user's file with O_CREAT.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, lockError(err)
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o666)
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	}
	if err == nil {
		f.Chmod(0o666) // whatever the umask; another user's file is that already
	}
	return f, lockError(err)
}

func lockError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("opening a gpu's lock: %w; every user of the machine needs to read it", err)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

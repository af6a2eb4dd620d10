package local

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lxsweep/lxsweep/sweep"
)

// unknown stands for a boot id or host that cannot be read.
const unknown = "unknown"

func hostName() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return unknown
}

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if text := strings.TrimSpace(string(id)); err == nil && text != "" {
		return text
	}
	return unknown
}

// machine is what this machine, or the control group that we are in, has.
func machine() sweep.Resources {
	r := sweep.Resources{MilliCPU: int64(runtime.NumCPU()) * 1000}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		r.Memory = int64(uint64(info.Totalram) * uint64(info.Unit))
	}
	if limit, ok := firstNumber("/sys/fs/cgroup/memory.max"); ok && limit < r.Memory {
		r.Memory = limit
	}
	return r
}

func firstNumber(path string) (int64, bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// oomKills returns how many processes the kernel has ended for want of memory
// since it booted, -1 if it does not tell.
func oomKills() int64 {
	stat, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(stat)) {
		if count, ok := strings.CutPrefix(line, "oom_kill "); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

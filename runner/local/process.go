package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process is one that belongs to a slot.
type process struct {
	pid     int
	name    string
	group   int
	session int
	zombie  bool
}

func (p process) String() string { return fmt.Sprintf("%s (pid %d)", p.name, p.pid) }

// inode identifies a file whatever its name.
type inode struct {
	dev, ino uint64
}

func inodeOf(f *os.File) (inode, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return inode{}, fmt.Errorf("looking at %s: %w", f.Name(), err)
	}
	return inode{st.Dev, st.Ino}, nil
}

// leads reports whether pid is the living leader of the slot of that journal.
func leads(pid int, journal inode) bool {
	return pid > 1 && isSlots(pid, strconv.Itoa(journalFD), journal)
}

// members returns the living processes of a slot, its leader among them: those
// that hold the journal, and those of the leader's session if the leader is
// known to lead it still.
func members(leader int, journal inode) ([]process, error) {
	ours := leads(leader, journal)
	var found []process
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("looking for a slot's processes: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, ok := readProcess(pid)
		if ok && !p.zombie && (ours && p.session == leader || holds(pid, journal)) {
			found = append(found, p)
		}
	}
	return found, nil
}

// holders names the processes that hold the journal at path, in words.
func holders(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if held, err := locked(f); err != nil || !held {
		return ""
	}
	id, err := inodeOf(f)
	if err != nil {
		return ""
	}
	found, _ := members(0, id)
	return list(found)
}

// readProcess reads /proc/PID/stat: "PID (NAME) STATE PARENT GROUP SESSION ...",
// where NAME may hold anything.
func readProcess(pid int) (process, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if err != nil || open < 0 || shut < open {
		return process{}, false
	}
	fields := strings.Fields(string(stat[shut+1:]))
	if len(fields) < 4 {
		return process{}, false
	}
	p := process{pid: pid, name: string(stat[open+1 : shut])}
	p.zombie = fields[0] == "Z" || fields[0] == "X"
	p.group, _ = strconv.Atoi(fields[2])
	p.session, _ = strconv.Atoi(fields[3])
	return p, true
}

// holds reports whether pid has the journal open the way slots have it. Other
// users' processes cannot be looked into, and could not be signalled.
func holds(pid int, journal inode) bool {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return false
	}
	for _, e := range entries {
		if isSlots(pid, e.Name(), journal) {
			return true
		}
	}
	return false
}

// isSlots reports whether a descriptor of pid is the journal, inherited from a
// slot. Slots alone have it open for reading and writing: those who read or
// append to a journal are not of the slot.
func isSlots(pid int, fd string, journal inode) bool {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	var st unix.Stat_t
	if unix.Stat(filepath.Join(dir, "fd", fd), &st) != nil || st.Dev != journal.dev || st.Ino != journal.ino {
		return false
	}
	info, err := os.ReadFile(filepath.Join(dir, "fdinfo", fd))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(info)) {
		if octal, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseUint(strings.TrimSpace(octal), 8, 64)
			return err == nil && flags&unix.O_ACCMODE == unix.O_RDWR
		}
	}
	return false
}

// signalMember signals one process of a slot, if it is that still: the process
// is held by a descriptor while it is looked at again.
func signalMember(p process, leader int, journal inode, sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return // gone
	}
	defer unix.Close(fd)
	again, ok := readProcess(p.pid)
	if ok && (again.session == leader && leads(leader, journal) || holds(p.pid, journal)) {
		unix.PidfdSendSignal(fd, sig, nil, 0)
	}
}

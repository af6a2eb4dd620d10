//go:build !linux

package ledger

import (
	"slices"

	"golang.org/x/sys/unix"
)

// networkFileSystem names the network file system that folder is on, "" for
// none or where it cannot be told.
func networkFileSystem(folder string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return ""
	}
	name := unix.ByteSliceToString(s.Fstypename[:])
	if slices.Contains([]string{"nfs", "smbfs", "afpfs", "webdav", "macfuse", "osxfuse", "fusefs"}, name) {
		return name
	}
	return ""
}

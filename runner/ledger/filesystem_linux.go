package ledger

import "golang.org/x/sys/unix"

// networkFileSystems by their magic number in statfs(2).
var networkFileSystems = map[uint32]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.FUSE_SUPER_MAGIC: "FUSE",
	unix.V9FS_MAGIC:       "9P",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.NCP_SUPER_MAGIC:  "NCP",
	0x0bd00bd0:            "Lustre",
	0x47504653:            "GPFS",
	0x19830326:            "BeeGFS",
	0x013111a8:            "IBRIX",
	0x01161970:            "GFS2",
	0x7461636f:            "OCFS2",
	0xaad7aaea:            "PanFS",
}

// networkFileSystem names the network file system that folder is on, "" for
// none or where it cannot be told.
func networkFileSystem(folder string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return ""
	}
	return networkFileSystems[uint32(s.Type)]
}

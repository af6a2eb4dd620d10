package pgtest

import "syscall"

// dieWithParent has the kernel end the process when its parent is gone.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }

//go:build !linux

package ledger

import "syscall"

func setUserTimeout(string, string, syscall.RawConn) error { return nil }

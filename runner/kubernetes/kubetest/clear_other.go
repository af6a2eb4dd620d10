//go:build !linux

package kubetest

import "errors"

func makeControlGroups(string) error { return errors.New("a real node needs Linux") }

func clearNode(string) error { return nil }

//go:build !linux

package kubetest

import (
	"context"
	"errors"
)

type gateway struct{}

func startGateway(context.Context, string, string) (*gateway, error) {
	return nil, errors.New("a real node needs Linux")
}

func (*gateway) stop() {}

package kubetest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// versions are stamped into the programs, as a release's are. kubectl fails
// without.
const (
	gitVersion = "v1.37.2"
	stamps     = "gitVersion=" + gitVersion + " gitMajor=1 gitMinor=37 gitTreeState=clean"
)

// binaries is where the control plane's programs are.
type binaries struct {
	dir    string
	assets string // KUBEBUILDER_ASSETS, first where it has the program
}

func (b binaries) path(program string) string {
	if b.assets != "" {
		path := filepath.Join(b.assets, program)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return filepath.Join(b.dir, program)
}

// Build makes sure that the programs are built, and tells progress of it. It is
// what [Start] does first.
func Build(ctx context.Context, progress io.Writer) error {
	_, err := build(ctx, progress)
	return err
}

func build(ctx context.Context, progress io.Writer) (binaries, error) {
	b := binaries{assets: os.Getenv("KUBEBUILDER_ASSETS")}
	tools, err := toolsDir()
	if err != nil {
		return b, err
	}
	if b.dir, err = cacheDir(tools); err != nil {
		return b, err
	}
	if err := os.MkdirAll(filepath.Dir(b.dir), 0o755); err != nil {
		return b, err
	}
	unlock, err := lockedfile.MutexAt(b.dir + ".lock").Lock()
	if err != nil {
		return b, fmt.Errorf("waiting for another build of the test cluster: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(b.dir); err == nil {
		return b, nil
	}
	partial := b.dir + ".partial"
	if err := compile(ctx, tools, partial, progress); err != nil {
		return b, fmt.Errorf("building the test cluster's programs: %w", err)
	}
	if err := os.Rename(filepath.Join(partial, "server"), filepath.Join(partial, "etcd")); err != nil {
		return b, err
	}
	return b, os.Rename(partial, b.dir)
}

// toolsDir is the folder of the module that names the programs.
func toolsDir() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	dir := filepath.Join(filepath.Dir(file), "tools")
	if _, err := os.Stat(filepath.Join(dir, "go.sum")); err != nil {
		return "", fmt.Errorf("the test cluster is built from its source folder, without -trimpath: %w", err)
	}
	return dir, nil
}

func cacheDir(tools string) (string, error) {
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(tools, name))
		if err != nil {
			return "", err
		}
		sum.Write(content)
	}
	fmt.Fprint(sum, runtime.Version(), runtime.GOOS, runtime.GOARCH, stamps)
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "lxsweep-kubetest", hex.EncodeToString(sum.Sum(nil))[:16]), err
}

// compile builds every tool of the module into out, at the lowest priority.
func compile(ctx context.Context, tools, out string, progress io.Writer) error {
	start := time.Now()
	fmt.Fprintln(progress, "kubetest: building Kubernetes, about five minutes and 300 MB of downloads the first time")
	flags := "-s -w"
	for _, stamp := range strings.Fields(stamps) {
		flags += " -X k8s.io/component-base/version." + stamp + " -X k8s.io/client-go/pkg/version." + stamp
	}
	cmd := exec.CommandContext(ctx, "nice", "go", "build", "-v", "-trimpath", "-buildvcs=false",
		"-ldflags", flags, "-o", out+string(filepath.Separator), "tool")
	cmd.Dir = tools
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	output, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	last := tellBuilt(output, progress)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, strings.Join(last, "\n"))
	}
	fmt.Fprintf(progress, "kubetest: built in %s\n", time.Since(start).Round(time.Second))
	return nil
}

// tellBuilt counts what go build says it compiles, a package a line, and
// returns the last lines of it.
func tellBuilt(output io.Reader, progress io.Writer) []string {
	const each, kept = 500, 20
	var last []string
	lines := bufio.NewScanner(output)
	for n := 1; lines.Scan(); n++ {
		last = append(last, lines.Text())
		last = last[max(0, len(last)-kept):]
		if n%each == 0 {
			fmt.Fprintf(progress, "kubetest: %d of at most 3000 packages are built\n", n)
		}
	}
	return last
}

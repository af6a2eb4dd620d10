// Command image builds a container image of lxsweep: an OCI image layout in one
// tar that is a docker archive, too, with the static program, roots of trust and
// a user that is not root, for several platforms. It needs Go, and neither Docker
// nor a base image; git, where there is one, says the commit and its time.
//
//	go run ./cmd/internal/image -name ghcr.io/acme/lxsweep:v1 -o lxsweep-image.tar
//
// The same commit, the same Go and the same flags make the same bytes.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// options are what an image is to be.
type options struct {
	Name      name.Tag
	Version   string // what `lxsweep version` says
	Revision  string // the commit, empty if nobody knows
	Created   time.Time
	Platforms []*v1.Platform
	Out       string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o, err := fromFlags(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lxsweep-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	programs := make([]string, len(o.Platforms))
	for i, p := range o.Platforms {
		programs[i] = filepath.Join(dir, p.Architecture, "lxsweep")
		if err := compile(ctx, programs[i], p, o.Version); err != nil {
			return err
		}
	}
	images, err := o.images(programs)
	if err != nil {
		return err
	}
	if err := o.write(filepath.Join(dir, "layout"), images); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %s for %s\n", o.Out, o.Name, join(o.Platforms))
	return nil
}

func fromFlags(ctx context.Context) (o options, err error) {
	flag.StringVar(&o.Version, "version", "unknown", "what lxsweep version is to say")
	flag.StringVar(&o.Out, "o", "bin/lxsweep-image.tar", "the archive to write")
	tag := flag.String("name", "lxsweep:latest", "the image's name, with its tag")
	platforms := flag.String("platforms", "linux/amd64,linux/arm64", "what it runs on; the first is what an old Docker loads")
	flag.Parse()
	if o.Name, err = name.NewTag(*tag); err != nil {
		return o, err
	}
	for word := range strings.SplitSeq(*platforms, ",") {
		p, err := v1.ParsePlatform(word)
		if err != nil {
			return o, err
		}
		if p.OS != "linux" || p.Architecture == "" {
			return o, fmt.Errorf("-platforms takes linux/amd64 and the like, and %q was given", word)
		}
		o.Platforms = append(o.Platforms, p)
	}
	o.Revision = git(ctx, "rev-parse", "HEAD")
	o.Created, err = created(ctx)
	return o, err
}

// created is SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch),
// else the commit's time, else 1970: never the time of the build.
func created(ctx context.Context) (time.Time, error) {
	text := cmp.Or(os.Getenv("SOURCE_DATE_EPOCH"), git(ctx, "log", "-1", "--format=%ct"), "0")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH takes seconds since 1970, and %q was given", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// git is what git prints, empty where it knows nothing.
func git(ctx context.Context, args ...string) string {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// compile builds the program so that nothing of this machine is in it.
func compile(ctx context.Context, program string, p *v1.Platform, version string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+version, "-o", program, "github.com/lxsweep/lxsweep/cmd/lxsweep")
	cmd.Env = append(os.Environ(), "GOOS="+p.OS, "GOARCH="+p.Architecture,
		"CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building lxsweep for %s: %w\n%s", p, err, out)
	}
	return nil
}

func join(platforms []*v1.Platform) string {
	var words []string
	for _, p := range platforms {
		words = append(words, p.String())
	}
	return strings.Join(words, ", ")
}

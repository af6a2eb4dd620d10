package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// written is an archive for two platforms, whose programs are a few bytes.
func written(t *testing.T) options {
	t.Helper()
	dir := t.TempDir()
	tag, err := name.NewTag("ghcr.io/acme/lxsweep:v1")
	if err != nil {
		t.Fatal(err)
	}
	o := options{
		Name: tag, Version: "v1", Revision: "abc", Created: time.Unix(1e9, 0).UTC(), Out: filepath.Join(dir, "bin/image.tar"),
		Platforms: []*v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}},
	}
	var programs []string
	for _, p := range o.Platforms {
		program := filepath.Join(dir, p.Architecture)
		if err := os.WriteFile(program, []byte("for "+p.Architecture), 0o700); err != nil {
			t.Fatal(err)
		}
		programs = append(programs, program)
	}
	images, err := o.images(programs)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.write(filepath.Join(dir, "layout"), images); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestLayout reads the archive as an OCI image layout: both images, each with
// its program and every digest as it should be, under one name.
func TestLayout(t *testing.T) {
	o, dir := written(t), t.TempDir()
	if out, err := exec.Command("tar", "-C", dir, "-xf", o.Out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(top); err != nil {
		t.Fatal(err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Annotations["io.containerd.image.name"] != "ghcr.io/acme/lxsweep:v1" {
		t.Fatalf("it holds %+v", manifest.Manifests)
	}
	index, err := top.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err = index.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range manifest.Manifests {
		image, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Platform.String()+" "+string(contents(t, image)["lxsweep"]))
	}
	if want := []string{"linux/amd64 for amd64", "linux/arm64 for arm64"}; !slices.Equal(got, want) {
		t.Errorf("its images are %q, want %q", got, want)
	}
}

// TestDockerArchive reads the archive as a docker load that knows no OCI would.
func TestDockerArchive(t *testing.T) {
	o := written(t)
	image, err := tarball.ImageFromPath(o.Out, &o.Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := v1.Config{
		Entrypoint: []string{"/lxsweep"}, User: "65532:65532", WorkingDir: "/sweep",
		Labels: map[string]string{
			"org.opencontainers.image.title": "lxsweep", "org.opencontainers.image.version": "v1", "org.opencontainers.image.revision": "abc",
		},
	}
	if diff := cmp.Diff(want, config.Config); diff != "" {
		t.Error(diff)
	}
	if config.Architecture != "amd64" || !config.Created.Equal(o.Created) {
		t.Errorf("it is for %s, of %s", config.Architecture, config.Created)
	}
	files := contents(t, image)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(files["etc/ssl/certs/ca-certificates.crt"]) || bytes.Count(files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN")) < 100 {
		t.Errorf("its roots of trust are %.1000q", files["etc/ssl/certs/ca-certificates.crt"])
	}
}

// contents are the files of an image.
func contents(t *testing.T, image v1.Image) map[string][]byte {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, l := range layers {
		packed, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		r := tar.NewReader(packed)
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if files[h.Name], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	return files
}

// TestSameBytes builds an image in two folders, one after the other.
func TestSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds lxsweep")
	}
	elsewhere := t.TempDir()
	const here = "../../.."
	for _, folder := range []string{"cmd", "hcl", "runner", "sweep"} {
		if err := os.CopyFS(filepath.Join(elsewhere, folder), os.DirFS(filepath.Join(here, folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(here, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(elsewhere, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first, second := made(t, here), made(t, elsewhere)
	if !bytes.Equal(first, second) {
		t.Errorf("two builds make %d and %d bytes that differ", len(first), len(second))
	}
}

// made is the archive that is built in a folder, where git knows nothing.
func made(t *testing.T, dir string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image.tar")
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/internal/image", "-version", "v1", "-platforms", "linux/amd64", "-o", out)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SOURCE_DATE_EPOCH=1000000000", "GIT_DIR="+os.DevNull)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	archive, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

// TestCreated is about the time that an image says where there is no commit: it
// is never the clock's.
func TestCreated(t *testing.T) {
	t.Setenv("GIT_DIR", os.DevNull)
	for _, c := range []struct{ epoch, want string }{
		{"1000000000", "2001-09-09T01:46:40Z"},
		{"", "1970-01-01T00:00:00Z"},
		{"noon", `SOURCE_DATE_EPOCH takes seconds since 1970, and "noon" was given`},
	} {
		t.Setenv("SOURCE_DATE_EPOCH", c.epoch)
		at, err := created(t.Context())
		got := at.Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("of %q it makes %s, want %s", c.epoch, got, c.want)
		}
	}
}

package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"encoding/pem"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is the user, under the name and number that distroless images made
// known; home is where a project is mounted.
const (
	nonroot = 65532
	home    = "/sweep"
)

// images makes the image of each platform, which share all layers but the
// program's.
func (o options) images(programs []string) ([]v1.Image, error) {
	system, err := layer(systemFiles())
	if err != nil {
		return nil, err
	}
	images := make([]v1.Image, len(programs))
	for i, program := range programs {
		content, err := os.ReadFile(program)
		if err != nil {
			return nil, err
		}
		own, err := layer([]file{{"lxsweep", 0o755, 0, content}})
		if err != nil {
			return nil, err
		}
		if images[i], err = o.image(o.Platforms[i], system, own); err != nil {
			return nil, err
		}
	}
	return images, nil
}

func (o options) image(p *v1.Platform, layers ...v1.Layer) (v1.Image, error) {
	image, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), &v1.ConfigFile{
		OS: p.OS, Architecture: p.Architecture, Variant: p.Variant,
		Created: v1.Time{Time: o.Created},
		Config: v1.Config{
			Entrypoint: []string{"/lxsweep"},
			User:       "65532:65532",
			WorkingDir: home,
			Labels:     o.labels(),
		},
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		image, err = mutate.Append(image, mutate.Addendum{
			Layer: l, History: v1.History{Created: v1.Time{Time: o.Created}, CreatedBy: "make image"},
		})
		if err != nil {
			return nil, err
		}
	}
	return image, nil
}

// labels are of those that https://specs.opencontainers.org/image-spec/annotations names.
func (o options) labels() map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":   "lxsweep",
		"org.opencontainers.image.version": o.Version,
	}
	if o.Revision != "" {
		labels["org.opencontainers.image.revision"] = o.Revision
	}
	return labels
}

// file is one of a layer, a folder if its path ends in a slash.
type file struct {
	path    string
	mode    int64
	owner   int // user and group
	content []byte
}

func systemFiles() []file {
	return []file{
		{"etc/", 0o755, 0, nil},
		{"etc/group", 0o644, 0, []byte("root:x:0:\nnonroot:x:65532:\n")},
		{"etc/passwd", 0o644, 0, []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:" + home + ":/sbin/nologin\n")},
		{"etc/ssl/", 0o755, 0, nil},
		{"etc/ssl/certs/", 0o755, 0, nil},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, 0, roots()},
		{"sweep/", 0o755, nonroot, nil},
		{"tmp/", 0o1777, 0, nil},
	}
}

// roots are Mozilla's, but for those that it trusts within limits: a file of
// certificates cannot say them.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes all
		}
	}
	return out.Bytes()
}

// layer packs files as of 1970, so that the same files are the same layer.
func layer(files []file) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range files {
		err := w.WriteHeader(&tar.Header{
			Name: f.path, Mode: f.mode, Size: int64(len(f.content)), Uid: f.owner, Gid: f.owner, ModTime: time.Unix(0, 0),
		})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	l, bad := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
	return l, cmp.Or(err, bad)
}

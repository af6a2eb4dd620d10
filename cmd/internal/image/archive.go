package main

import (
	"archive/tar"
	"cmp"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// write packs the images into one archive, by way of a folder, that can be read
// in two ways which share all blobs: as an OCI image layout (containerd, kind,
// Docker since 25, skopeo, podman), and as a docker archive of the first image
// (older Dockers, crane).
func (o options) write(dir string, images []v1.Image) error {
	var adds []mutate.IndexAddendum
	for i, image := range images {
		adds = append(adds, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: o.Platforms[i]}})
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	// The first annotation is containerd's and Docker's, the second the specification's.
	err = path.AppendIndex(mutate.AppendManifests(empty.Index, adds...), layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          strings.Replace(o.Name.Name(), "index.docker.io/", "docker.io/", 1),
		"org.opencontainers.image.ref.name": o.Name.TagStr(),
	}))
	if err != nil {
		return err
	}
	docker, err := o.dockerManifest(images[0])
	if err != nil {
		return err
	}
	if err := path.WriteFile("manifest.json", docker, 0o644); err != nil {
		return err
	}
	return pack(o.Out, dir)
}

// dockerManifest is manifest.json of a docker archive: https://github.com/moby/docker-image-spec,
// version 1.2, "Combined Image JSON + Filesystem Changeset Format".
func (o options) dockerManifest(image v1.Image) ([]byte, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	var layers []string
	for _, l := range manifest.Layers {
		layers = append(layers, blob(l.Digest))
	}
	return json.Marshal([]map[string]any{{
		"Config": blob(manifest.Config.Digest), "RepoTags": []string{o.Name.String()}, "Layers": layers,
	}})
}

// blob is where a layout keeps what has that digest.
func blob(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// pack writes a folder as a tar, which appears whole or not at all.
func pack(out, dir string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	partial, err := os.Create(out + ".partial")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	w := tar.NewWriter(partial)
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		return add(w, dir, name)
	})
	if err := cmp.Or(err, w.Close(), partial.Close()); err != nil {
		return err
	}
	return os.Rename(partial.Name(), out)
}

func add(w *tar.Writer, dir, name string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size(), ModTime: time.Unix(0, 0)})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

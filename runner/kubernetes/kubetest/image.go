package kubetest

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Images that every cluster with a real node has.
const (
	BusyboxImage = "kubetest.local/busybox:1" // a shell and its tools
	pauseImage   = "kubetest.local/pause:1"
)

// Image is an image to be made.
type Image struct {
	Name   string   // with its tag, and a host that is no registry, such as kubetest.local/train:1
	Layers []string // folders of this machine; each is laid over the ones before
	Env    []string
	Cmd    []string
}

// LoadImage makes an image, of any user's files as root's, and gives it to the
// real node.
func (c *Cluster) LoadImage(ctx context.Context, image Image) error {
	archive, err := os.CreateTemp(c.dir, "image-*.tar")
	if err != nil {
		return err
	}
	defer os.Remove(archive.Name())
	defer archive.Close()
	if err := image.write(archive); err != nil {
		return fmt.Errorf("making image %s: %w", image.Name, err)
	}
	_, err = c.ctr(ctx, "images", "import", archive.Name())
	return err
}

// LoadArchive gives the real node an image that is there as a file, for all the
// platforms that it is for, as `kind load image-archive` does.
func (c *Cluster) LoadArchive(ctx context.Context, path string) error {
	_, err := c.ctr(ctx, "images", "import", "--all-platforms", "--digests", path)
	return err
}

// write makes a docker archive: https://github.com/moby/docker-image-spec,
// version 1.2, "Combined Image JSON + Filesystem Changeset Format".
func (i Image) write(w io.Writer) error {
	archive := tar.NewWriter(w)
	var layers, digests []string
	for n, folder := range i.Layers {
		name := fmt.Sprintf("layer-%d.tar", n)
		digest, err := addLayer(archive, name, folder)
		if err != nil {
			return err
		}
		layers, digests = append(layers, name), append(digests, "sha256:"+digest)
	}
	config := map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Env": append([]string{"PATH=/usr/bin:/bin"}, i.Env...), "Cmd": i.Cmd},
		"rootfs": map[string]any{"type": "layers", "diff_ids": digests},
	}
	if err := addJSON(archive, "config.json", config); err != nil {
		return err
	}
	if err := addJSON(archive, "manifest.json", []any{map[string]any{
		"Config": "config.json", "RepoTags": []string{i.Name}, "Layers": layers,
	}}); err != nil {
		return err
	}
	return archive.Close()
}

// addLayer adds a folder as a tar of its own and returns the digest of that.
func addLayer(archive *tar.Writer, name, folder string) (string, error) {
	layer, err := os.CreateTemp("", "layer-*.tar")
	if err != nil {
		return "", err
	}
	defer os.Remove(layer.Name())
	defer layer.Close()
	digest := sha256.New()
	if err := writeFolder(io.MultiWriter(layer, digest), folder); err != nil {
		return "", err
	}
	size, err := layer.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size}); err != nil {
		return "", err
	}
	_, err = io.Copy(archive, io.NewSectionReader(layer, 0, size))
	return hex.EncodeToString(digest.Sum(nil)), err
}

func writeFolder(w io.Writer, folder string) error {
	layer := tar.NewWriter(w)
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := layer.AddFS(root.FS()); err != nil {
		return err
	}
	return layer.Close()
}

func addJSON(archive *tar.Writer, name string, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err = archive.Write(content)
	return err
}

// loadBusybox makes the images that are there from the start.
func (c *Cluster) loadBusybox(ctx context.Context) error {
	layer, err := c.Busybox()
	if err != nil {
		return err
	}
	if err := c.LoadImage(ctx, Image{Name: BusyboxImage, Layers: []string{layer}, Cmd: []string{"sh"}}); err != nil {
		return err
	}
	return c.LoadImage(ctx, Image{Name: pauseImage, Layers: []string{layer}, Cmd: []string{"tail", "-f", "/dev/null"}})
}

// Busybox is a folder with this machine's busybox, for [Image].Layers.
func (c *Cluster) Busybox() (string, error) {
	c.layers.Lock()
	defer c.layers.Unlock()
	dir := c.file("busybox")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return "", err
	}
	for _, sub := range []string{"bin", "etc", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return "", err
		}
	}
	if err := copyFile(busybox, filepath.Join(dir, "bin/busybox")); err != nil {
		return "", err
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return "", err
	}
	for _, applet := range strings.Fields(string(applets)) {
		if applet == "busybox" {
			continue
		}
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", applet)); err != nil {
			return "", err
		}
	}
	return dir, os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0::/:/bin/sh\n"), 0o644)
}

// Python is a folder with this machine's python3, its standard library and the
// shared libraries that those need, for [Image].Layers: some 50 MB.
func (c *Cluster) Python() (string, error) {
	c.layers.Lock()
	defer c.layers.Unlock()
	dir := c.file("python")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	const ask = `import sys, sysconfig; print(sys.executable); print(sysconfig.get_path("stdlib"))`
	out, err := exec.Command("/usr/bin/python3", "-c", ask).Output()
	if err != nil {
		return "", fmt.Errorf("asking python3 where it is: %w", err)
	}
	where := strings.Fields(string(out))
	python, err := filepath.EvalSymlinks(where[0])
	if err != nil {
		return "", err
	}
	if err := copyFile(python, filepath.Join(dir, "usr/bin/python3")); err != nil {
		return "", err
	}
	if err := os.CopyFS(filepath.Join(dir, where[1]), os.DirFS(where[1])); err != nil {
		return "", err
	}
	extensions, err := filepath.Glob(filepath.Join(where[1], "lib-dynload/*.so"))
	if err != nil {
		return "", err
	}
	libraries, err := librariesOf(append(extensions, python)...)
	if err != nil {
		return "", err
	}
	for _, library := range libraries {
		if err := copyFile(library, filepath.Join(dir, library)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// librariesOf are the shared libraries that the files load, by ldd.
func librariesOf(files ...string) ([]string, error) {
	out, err := exec.Command("ldd", files...).Output()
	if err != nil {
		return nil, fmt.Errorf("ldd: %w", err)
	}
	var libraries []string
	for line := range strings.Lines(string(out)) {
		for _, word := range strings.Fields(line) {
			if strings.HasPrefix(word, "/") && !strings.HasSuffix(word, ":") {
				libraries = append(libraries, word)
			}
		}
	}
	slices.Sort(libraries)
	return slices.Compact(libraries), nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, info.Mode())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return cmp.Or(err, out.Close())
}

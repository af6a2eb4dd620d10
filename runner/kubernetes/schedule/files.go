package schedule

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
)

// File is one of the project's.
type File struct {
	Path  string // below the common folder of all, with slashes
	Size  int64
	Bytes []byte // nil if they are too many in any case
}

// ReadFile reads a file, unless it is too large by itself.
func ReadFile(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	if info.Size() > maxFiles {
		return File{Size: info.Size()}, nil
	}
	data, err := os.ReadFile(path)
	return File{Size: int64(len(data)), Bytes: data}, err
}

// maxFiles is what a ConfigMap holds, in bytes.
const maxFiles = 1 << 20

// TooLargeError says that the files do not fit into a ConfigMap.
type TooLargeError struct {
	Bytes   int64
	Largest []File // first
}

func (e *TooLargeError) Error() string {
	var list []string
	for _, f := range e.Largest {
		list = append(list, fmt.Sprintf("%s (%s)", f.Path, kib(f.Size)))
	}
	return fmt.Sprintf("the project's files are %s, and the cluster's ConfigMap for them holds %s; the largest: %s", kib(e.Bytes), kib(maxFiles), strings.Join(list, ", "))
}

func kib(n int64) string { return fmt.Sprintf("%d KiB", (n+1023)>>10) }

// checkFiles refuses what does not fit, or has no place in a pod.
func checkFiles(files []File) error {
	total := int64(0)
	for _, f := range files {
		total += f.Size
		if strings.Contains(f.Path, ":") {
			return fmt.Errorf("the file %s cannot be mounted in a pod: give it a name without a colon", f.Path)
		}
	}
	if total <= maxFiles {
		return nil
	}
	largest := slices.Clone(files)
	slices.SortStableFunc(largest, func(a, b File) int { return cmp.Compare(b.Size, a.Size) })
	return &TooLargeError{total, largest[:min(3, len(largest))]}
}

var notInKeys = regexp.MustCompile(`[^-._a-zA-Z0-9]+`)

// keys are the ConfigMap's names for the files, in their order.
func keys(files []File) []string {
	list := make([]string, len(files))
	for i, f := range files {
		key := notInKeys.ReplaceAllString(f.Path, "_")
		if strings.HasPrefix(key, "..") || key == "." || slices.Contains(list[:i], key) {
			key = fmt.Sprintf("file-%d%s", i, key)
		}
		list[i] = key
	}
	return list
}

// fill puts the files into a ConfigMap, as text where they are.
func fill(m *corev1.ConfigMap, files []File) {
	for i, key := range keys(files) {
		if utf8.Valid(files[i].Bytes) {
			if m.Data == nil {
				m.Data = map[string]string{}
			}
			m.Data[key] = string(files[i].Bytes)
			continue
		}
		if m.BinaryData == nil {
			m.BinaryData = map[string][]byte{}
		}
		m.BinaryData[key] = files[i].Bytes
	}
}

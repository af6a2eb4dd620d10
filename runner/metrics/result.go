package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/lxsweep/lxsweep/sweep"
)

// MaxResult is how long a result may be, in bytes: what Kubernetes keeps of a
// termination message.
const MaxResult = 4096

// ParseResult reads a result: one JSON object. Its numbers are metrics; those
// in objects within it are named by their path, with dots. Strings, booleans,
// null and lists are left alone. Metrics are sorted by name. An empty result
// has none.
func ParseResult(raw []byte) ([]sweep.Metric, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	if len(raw) > MaxResult {
		return nil, fmt.Errorf("the result is longer than %d bytes: write final metrics only, and the rest to LXSWEEP_OUTPUT_DIR", MaxResult)
	}
	object, err := decodeObject(raw)
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	if err := flatten(values, "", object); err != nil {
		return nil, err
	}
	found := make([]sweep.Metric, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		found = append(found, sweep.Metric{Name: name, Last: v, Min: v, Max: v, Count: 1})
	}
	return found, nil
}

// notJSON are the names that some languages' writers have for what JSON lacks.
var notJSON = regexp.MustCompile(`[:\[,]\s*(-?Infinity|NaN|-?inf|nan)\b`)

func decodeObject(raw []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	err := decoder.Decode(&object)
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil && object == nil:
		return nil, errors.New("the result is null, not a JSON object of metrics")
	case errors.As(err, &kind):
		return nil, fmt.Errorf("the result is a JSON %s, not an object of metrics such as {\"loss\": 0.25}", kind.Value)
	case err != nil:
		if name := notJSON.FindSubmatch(raw); name != nil {
			return nil, fmt.Errorf("the result holds %s, which JSON does not have: write null or leave the metric out", name[1])
		}
		return nil, fmt.Errorf("the result is not JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("the result is more than one JSON object: overwrite the file, do not append to it")
	}
	return object, nil
}

// flatten collects numbers by path.
func flatten(to map[string]float64, prefix string, object map[string]any) error {
	for key, value := range object {
		switch v := value.(type) {
		case map[string]any:
			if err := flatten(to, prefix+key+".", v); err != nil {
				return err
			}
		case json.Number:
			f, err := strconv.ParseFloat(v.String(), 64)
			if err != nil {
				return fmt.Errorf("the result's %q is %s, which is out of range", prefix+key, v)
			}
			to[prefix+key] = f
		}
	}
	return nil
}

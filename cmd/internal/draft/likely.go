package draft

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lxsweep/lxsweep/cmd/internal/argparse"
	"github.com/lxsweep/lxsweep/sweep"
)

// kind is a hyperparameter that people sweep over, known by its name.
type kind struct {
	name   *regexp.Regexp
	whole  bool
	values func(d float64) []float64 // around a default; nil for none
}

// kinds are in the order in which they are worth trying.
var kinds = []kind{
	{name: regexp.MustCompile(`^((base|init|initial|max|peak)_)?(lr|learning_rate)0?$|^(eta|step_size)$`), values: func(d float64) []float64 {
		return positive(d, 0.3*d, d, 3*d)
	}},
	{name: regexp.MustCompile(`^((train|per_device_train|per_gpu|mini)_?)?(batch_?size|batch|bs)$`), whole: true, values: doubled},
	{name: regexp.MustCompile(`^(weight_decay|wd|l2|l2_reg|decay)$`), values: func(d float64) []float64 {
		if d == 0 {
			return []float64{0, 1e-4, 1e-2}
		}
		return positive(d, 0, d, 10*d)
	}},
	{name: regexp.MustCompile(`(^|_)(dropout|drop_rate|drop_path|drop|dropout_rate|drop_prob)$`), values: func(d float64) []float64 {
		if d == 0 {
			return []float64{0, 0.1, 0.3}
		}
		return positive(d, 0, d, min(2*d, 0.5))
	}},
	{name: regexp.MustCompile(`^(depth|max_depth|(num|n)_?(hidden_)?(layers?|blocks)|layers)$`), whole: true, values: doubled},
	{name: regexp.MustCompile(`^(width|hidden|hidden_(size|dim|units|channels)|(n|num)_(embd|filters|channels|hidden)|(embed|model|d)_?(dim|model|hidden)|dim|channels)$`), whole: true, values: doubled},
	{name: regexp.MustCompile(`^momentum$`), values: func(d float64) []float64 { return []float64{0, 0.9, d} }},
	{name: regexp.MustCompile(`^(label_smoothing|smoothing|mixup)$`), values: func(d float64) []float64 { return []float64{0, 0.1, d} }},
}

func doubled(d float64) []float64 { return positive(d, math.Floor(d/2), d, 2*d) }

// positive returns the values if the default is above 0.
func positive(d float64, values ...float64) []float64 {
	if d <= 0 {
		return nil
	}
	return values
}

// named are the choices that people compare.
var named = regexp.MustCompile(`^(opt|optim|optimizer|activation|act|scheduler|lr_scheduler|sched|schedule|model|arch|loss|norm|kernel|booster|criterion)$`)

// axis is one of the first sweep.
type axis struct {
	path   []string
	values string
	order  int // in kinds
	active bool
}

// mostActive is how many axes are not comments: three of three values are 27
// experiments.
const mostActive, mostAxes, mostChoices = 2, 8, 6

// likely are the axes of the first sweep, in the order of the hyperparameters.
func likely(levels []*level) []axis {
	var found []axis
	for _, l := range levels {
		for i := range l.hypers {
			if a, ok := axisOf(&l.hypers[i]); ok {
				found = append(found, a)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b axis) int { return cmp.Compare(a.order, b.order) })
	found = found[:min(len(found), mostAxes)]
	for i := range found {
		found[i].active = i < mostActive
	}
	return found
}

func axisOf(h *hyper) (axis, bool) {
	o := &h.option
	if o.Kind != argparse.Value || o.List || o.State != argparse.Given {
		return axis{}, false
	}
	name := strings.ToLower(strings.ReplaceAll(h.path[len(h.path)-1], "-", "_"))
	for i, k := range kinds {
		if k.name.MatchString(name) {
			values, ok := k.around(o)
			return axis{path: h.path, values: values, order: i}, ok
		}
	}
	if named.MatchString(name) && len(o.Choices) > 1 && len(o.Choices) <= mostChoices && slices.Contains(o.Choices, o.Default[0]) {
		return axis{path: h.path, values: list(o.Type, o.Choices), order: len(kinds)}, true
	}
	return axis{}, false
}

// around are values about an option's default, the default among them.
func (k *kind) around(o *argparse.Option) (string, bool) {
	d, err := strconv.ParseFloat(o.Default[0], 64)
	if err != nil || math.IsInf(d, 0) || math.IsNaN(d) || o.Type != argparse.Int && o.Type != argparse.Float {
		return "", false
	}
	if k.whole && d != math.Trunc(d) {
		return "", false
	}
	if len(o.Choices) > 0 {
		return list(o.Type, o.Choices), len(o.Choices) > 1 && len(o.Choices) <= mostChoices
	}
	values := k.values(d)
	texts := make([]string, 0, len(values))
	for _, v := range values {
		if v == d {
			texts = append(texts, scalar(o.Type, o.Default[0]))
		} else if !k.whole || v >= 1 {
			texts = append(texts, number(rounded(v), ""))
		}
	}
	slices.SortFunc(texts, func(a, b string) int { return cmp.Compare(float(a), float(b)) })
	texts = slices.Compact(texts)
	return "[" + strings.Join(texts, ", ") + "]", len(texts) > 1
}

// rounded keeps two digits of a fraction, so that values read as people write
// them, and all of a whole number.
func rounded(v float64) float64 {
	if v == math.Trunc(v) {
		return v
	}
	return float(strconv.FormatFloat(v, 'e', 1, 64))
}

func float(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64)
	return f
}

// metricName finds a metric, and the set it is measured on; a name may hold any
// of \w/.@-, so that the loss of train/loss is none.
var metricName = regexp.MustCompile(`(?:^|[^\w/.@-])((?:(val|valid|validation|dev|eval|test)[_/.-])?(?:loss|acc|accuracy|error|f1|auc|bleu|perplexity|ppl|rmse|mse)\b)`)

// objective is the metric that a script's own text seems to print as name=value,
// and whether more is better; empty if there is none.
func objective(source string) (metric string, maximize bool) {
	best := -1
	for line := range strings.Lines(source) {
		for _, at := range metricName.FindAllStringSubmatchIndex(line, -1) {
			name, set := line[at[2]:at[3]], ""
			if at[4] >= 0 {
				set = line[at[4]:at[5]]
			}
			if printed.MatchString(line[at[1]:]) && rank(name, set) > best {
				metric, best = name, rank(name, set)
			}
		}
	}
	return metric, more.MatchString(metric)
}

var (
	printed = regexp.MustCompile(`^\s?[=:]\s?[{%]`)
	more    = regexp.MustCompile(`(acc|accuracy|f1|auc|bleu)$`)
)

// rank prefers what is measured on data that was not trained on, but for the
// last test, and a loss, which is finer.
func rank(metric, set string) int {
	rank := 4
	switch set {
	case "":
		rank = 0
	case "test":
		rank = 2
	}
	if strings.HasSuffix(metric, "loss") {
		rank++
	}
	return rank
}

// seeds finds the hyperparameter that is a seed.
func seeds(levels []*level) (path []string, values string) {
	for _, l := range levels {
		for i := range l.hypers {
			h := &l.hypers[i]
			name := h.path[len(h.path)-1]
			if name != "seed" && !strings.HasSuffix(name, "_seed") && !strings.HasSuffix(name, "-seed") {
				continue
			}
			first, err := strconv.ParseInt(h.literal, 10, 64)
			if err != nil {
				first = 1
			}
			list := sweep.List([]sweep.Value{sweep.Int(first), sweep.Int(first + 1), sweep.Int(first + 2)})
			return h.path, strings.ReplaceAll(list.String(), ",", ", ")
		}
	}
	return nil, ""
}

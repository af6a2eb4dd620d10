package hcl

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// quantityForm is a number with a suffix, as Kubernetes writes quantities.
var quantityForm = regexp.MustCompile(`^([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([A-Za-z]*)$`)

// suffixes are Kubernetes' and what each stands for.
var suffixes = map[string]*big.Rat{
	"n": big.NewRat(1, 1e9), "u": big.NewRat(1, 1e6), "m": big.NewRat(1, 1e3), "": big.NewRat(1, 1),
	"k": power2or10(10, 3), "M": power2or10(10, 6), "G": power2or10(10, 9),
	"T": power2or10(10, 12), "P": power2or10(10, 15), "E": power2or10(10, 18),
	"Ki": power2or10(2, 10), "Mi": power2or10(2, 20), "Gi": power2or10(2, 30),
	"Ti": power2or10(2, 40), "Pi": power2or10(2, 50), "Ei": power2or10(2, 60),
}

func power2or10(radix, exponent int64) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(radix), big.NewInt(exponent), nil))
}

// parseCPU reads an amount of cpu, a number of cores or a quantity such as
// "500m", in thousandths of a core.
func parseCPU(v sweep.Value) (int64, error) {
	cores, suffix, err := parseQuantity(v, `cores, such as 4 or "500m"`)
	if err != nil {
		return 0, err
	}
	if strings.HasSuffix(suffix, "i") {
		return 0, fmt.Errorf(`%s counts bytes: cpu is cores, such as 4 or "500m"`, v)
	}
	milli, err := wholeAmount(cores.Mul(cores, big.NewRat(1000, 1)), v)
	if errors.Is(err, errFraction) {
		return 0, fmt.Errorf("%s is finer than a thousandth of a core: the least is \"1m\"", v)
	}
	return milli, err
}

// leastMemory is less than any program runs in: below it a unit was forgotten.
const leastMemory = 1 << 20

// parseMemory reads an amount of memory, such as "8Gi", in bytes.
func parseMemory(v sweep.Value) (int64, error) {
	amount, suffix, err := parseQuantity(v, `bytes with a unit, such as "8Gi" or "500M"`)
	if err != nil {
		return 0, err
	}
	number := strings.TrimSuffix(v.Text(), suffix)
	if suffix == "m" || suffix == "u" || suffix == "n" {
		return 0, fmt.Errorf(`%s is a fraction of a byte: did you mean "%[2]sMi" or "%[2]sM"?`, v, number)
	}
	bytes, err := wholeAmount(amount, v)
	if errors.Is(err, errFraction) {
		return 0, fmt.Errorf("%s is not a whole number of bytes", v)
	}
	if err == nil && bytes < leastMemory {
		return 0, fmt.Errorf(`%s is %d bytes, in which nothing runs: did you mean "%[3]sGi" or "%[3]sMi"?`, v, bytes, number)
	}
	return bytes, err
}

// errFraction is what wholeAmount makes of an amount finer than its unit.
var errFraction = errors.New("not whole")

func wholeAmount(amount *big.Rat, v sweep.Value) (int64, error) {
	switch {
	case amount.Sign() < 0:
		return 0, fmt.Errorf("%s is negative", v)
	case amount.Sign() == 0:
		return 0, fmt.Errorf("%s asks for nothing: leave the attribute out where nothing need be stated", v)
	case !amount.IsInt():
		return 0, errFraction
	case !amount.Num().IsInt64():
		return 0, fmt.Errorf("%s is more than 64 bits can count", v)
	}
	return amount.Num().Int64(), nil
}

// parseQuantity splits a quantity into its amount, in units, and its suffix as
// written. wanted says in words what it should be.
func parseQuantity(v sweep.Value, wanted string) (*big.Rat, string, error) {
	switch v.Kind() {
	case sweep.KindInt, sweep.KindFloat, sweep.KindString:
	default:
		return nil, "", fmt.Errorf("%s is no quantity: write %s", withArticle(v.Kind().String()), wanted)
	}
	m := quantityForm.FindStringSubmatch(strings.TrimSpace(v.Text()))
	if m == nil {
		return nil, "", fmt.Errorf("%s is no quantity: write %s", v, wanted)
	}
	factor, ok := suffixes[m[2]]
	if !ok {
		return nil, "", fmt.Errorf("%s has the unit %q, which is none%s", v, m[2], suffixHint(m[1], m[2]))
	}
	amount, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return nil, "", fmt.Errorf("%s is no quantity: write %s", v, wanted)
	}
	return amount.Mul(amount, factor), m[2], nil
}

// suffixHint offers the units that an unknown one was probably meant to be: "g",
// "GB" and "GiB" are common.
func suffixHint(number, suffix string) string {
	letter := strings.ToUpper(suffix[:1])
	decimal := letter
	if letter == "K" {
		decimal = "k"
	}
	if !strings.Contains("KMGTPE", letter) || len(suffix) > 3 {
		return `: the units are k, M, G, T and Ki, Mi, Gi, Ti`
	}
	if strings.Contains(suffix[1:], "i") {
		return fmt.Sprintf(`: did you mean "%s%si"?`, number, letter)
	}
	return fmt.Sprintf(`: did you mean "%[1]s%[2]s" (powers of 1000) or "%[1]s%[3]si" (powers of 1024)?`, number, decimal, letter)
}

// durationPart is a number and its unit within a duration.
var durationPart = regexp.MustCompile(`^(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Zµ]*)\s*`)

// durationUnits are Go's and the day.
var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// longUnits are what people write for a unit.
var longUnits = map[string][]string{
	"s": {"sec", "secs", "second", "seconds"},
	"m": {"min", "mins", "minute", "minutes"},
	"h": {"hr", "hrs", "hour", "hours"},
	"d": {"day", "days"},
}

// ParseDuration reads a length of time as the language has it: "90m", "30d".
func ParseDuration(text string) (time.Duration, error) { return parseDuration(sweep.String(text)) }

// parseDuration reads a length of time such as "4h", "1h30m" or "2d".
func parseDuration(v sweep.Value) (time.Duration, error) {
	const wanted = `write a number and a unit, such as "90m", "4h", "1h30m" or "2d"`
	text, ok := v.AsString()
	if !ok {
		if _, number := v.AsFloat(); number {
			return 0, fmt.Errorf(`%[1]s has no unit: did you mean "%[1]ss" (seconds), "%[1]sm" (minutes) or "%[1]sh" (hours)?`, v)
		}
		return 0, fmt.Errorf("%s is no length of time: %s", withArticle(v.Kind().String()), wanted)
	}
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "-") {
		return 0, fmt.Errorf("%q is negative: %s", text, wanted)
	}
	total := new(big.Rat)
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q is no length of time: %s", text, wanted)
		}
		unit, err := durationUnit(text, m[1], m[2])
		if err != nil {
			return 0, err
		}
		amount, _ := new(big.Rat).SetString(m[1])
		total.Add(total, amount.Mul(amount, new(big.Rat).SetInt64(int64(unit))))
		rest = rest[len(m[0]):]
	}
	return wholeDuration(text, total, wanted)
}

func durationUnit(text, number, unit string) (time.Duration, error) {
	if d, ok := durationUnits[unit]; ok {
		return d, nil
	}
	if unit == "" {
		return 0, fmt.Errorf(`%q has a number without a unit: did you mean "%[2]ss" (seconds), "%[2]sm" (minutes) or "%[2]sh" (hours)?`, text, number)
	}
	for short, long := range longUnits {
		if strings.EqualFold(unit, short) || slices.Contains(long, strings.ToLower(unit)) {
			return 0, fmt.Errorf(`%q has the unit %q: did you mean "%s%s"?`, text, unit, number, short)
		}
	}
	return 0, fmt.Errorf("%q has the unit %q: the units are ms, s, m, h and d", text, unit)
}

func wholeDuration(text string, nanoseconds *big.Rat, wanted string) (time.Duration, error) {
	if nanoseconds.Sign() == 0 {
		return 0, fmt.Errorf("%q is no time at all: %s", text, wanted)
	}
	whole := new(big.Int).Quo(nanoseconds.Num(), nanoseconds.Denom())
	if !whole.IsInt64() {
		years := strconv.Itoa(int(time.Duration(1<<63-1).Hours() / 24 / 365))
		return 0, fmt.Errorf("%q is longer than %s years", text, years)
	}
	return time.Duration(whole.Int64()), nil
}

package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

// Duration writes d with two figures that matter: 0.3s, 12s, 4m05s, 3h20m, 2d4h.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 9950*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < 59500*time.Millisecond:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour-time.Second/2:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// Seconds are d's, for JSON and CSV: 1.965, where Duration.Seconds may say
// 1.9649999999999999.
func Seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// coarse is Duration without tenths.
func coarse(d time.Duration) string {
	if d = d.Round(time.Second); d < 10*time.Second {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return Duration(d)
}

// Number writes f for people: at most six significant digits.
func Number(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	text := strconv.FormatFloat(f, 'g', 6, 64)
	rounded, _ := strconv.ParseFloat(text, 64)
	if a := math.Abs(rounded); a < 1e-4 || a >= 1e6 {
		return strconv.FormatFloat(rounded, 'g', -1, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// Count writes n with its noun: "1 point", "3 points", "1,000,000 points".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(strconv.Itoa(n)) + " " + many
}

// Thousands puts commas into a whole number written in digits.
func Thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Bytes writes a size with the largest binary unit that it is a whole or
// nearly whole number of: 8Gi, 1.5Gi, 300Mi.
func Bytes(n int64) string {
	units := []string{"", "Ki", "Mi", "Gi", "Ti", "Pi"}
	f, unit := float64(n), 0
	for f >= 1024 && unit < len(units)-1 {
		f, unit = f/1024, unit+1
	}
	return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) + units[unit]
}

// Size writes how much room files take: "14.2 GiB".
func Size(n int64) string {
	text := Bytes(n)
	digits := strings.TrimRight(text, "KMGTPi")
	return digits + " " + text[len(digits):] + "B"
}

// When writes a time in this place's zone, to the minute.
func When(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// Resources writes what is asked for: "4 cpu, 8Gi memory, 1 gpu"; empty for
// nothing.
func Resources(r sweep.Resources) string {
	var parts []string
	if r.MilliCPU > 0 {
		parts = append(parts, Amount(float64(r.MilliCPU)/1000)+" cpu")
	}
	if r.Memory > 0 {
		parts = append(parts, Bytes(r.Memory)+" memory")
	}
	if r.GPUs > 0 {
		parts = append(parts, Count(r.GPUs, "gpu", "gpus"))
	}
	return strings.Join(parts, ", ")
}

// Amount writes a number with commas and at most two decimals.
func Amount(f float64) string {
	whole, decimals, _ := strings.Cut(strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64), ".")
	if decimals != "" {
		decimals = "." + decimals
	}
	return Thousands(whole) + decimals
}

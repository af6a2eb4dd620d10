package hcl

import (
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

func num(t *testing.T, f float64) sweep.Value {
	t.Helper()
	v, err := sweep.Number(f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseCPU(t *testing.T) {
	for _, c := range []struct {
		in   sweep.Value
		want int64
		err  string
	}{
		{sweep.String("4"), 4000, ""},
		{sweep.Int(2), 2000, ""},
		{num(t, 0.5), 500, ""},
		{sweep.String("500m"), 500, ""},
		{sweep.String("1e1"), 10000, ""},
		{sweep.String("2k"), 2_000_000, ""},
		{sweep.String("0.0001"), 0, `"0.0001" is finer than a thousandth of a core: the least is "1m"`},
		{sweep.String("2Gi"), 0, `"2Gi" counts bytes: cpu is cores, such as 4 or "500m"`},
		{sweep.String("-1"), 0, `"-1" is negative`},
		{sweep.Int(0), 0, "0 asks for nothing: leave the attribute out where nothing need be stated"},
		{sweep.String("four"), 0, `"four" is no quantity: write cores, such as 4 or "500m"`},
		{sweep.String("10E"), 0, `"10E" is more than 64 bits can count`},
		{sweep.Bool(true), 0, `a bool is no quantity: write cores, such as 4 or "500m"`},
		{sweep.String("1e999"), 0, `"1e999" is more than 64 bits can count`},
		{sweep.String(""), 0, `"" is no quantity: write cores, such as 4 or "500m"`},
	} {
		got, err := parseCPU(c.in)
		expect(t, c.in, got, c.want, err, c.err)
	}
}

func TestParseMemory(t *testing.T) {
	for _, c := range []struct {
		in   sweep.Value
		want int64
		err  string
	}{
		{sweep.String("8Gi"), 8 << 30, ""},
		{sweep.String("500M"), 500e6, ""},
		{sweep.String("1.5Gi"), 3 << 29, ""},
		{sweep.String("1e9"), 1e9, ""},
		{sweep.Int(1 << 33), 1 << 33, ""},
		{sweep.String("2g"), 0, `"2g" has the unit "g", which is none: did you mean "2G" (powers of 1000) or "2Gi" (powers of 1024)?`},
		{sweep.String("8GB"), 0, `"8GB" has the unit "GB", which is none: did you mean "8G" (powers of 1000) or "8Gi" (powers of 1024)?`},
		{sweep.String("8 GiB"), 0, `"8 GiB" has the unit "GiB", which is none: did you mean "8Gi"?`},
		{sweep.String("64K"), 0, `"64K" has the unit "K", which is none: did you mean "64k" (powers of 1000) or "64Ki" (powers of 1024)?`},
		{sweep.String("8x"), 0, `"8x" has the unit "x", which is none: the units are k, M, G, T and Ki, Mi, Gi, Ti`},
		{sweep.String("512m"), 0, `"512m" is a fraction of a byte: did you mean "512Mi" or "512M"?`},
		{sweep.Int(8), 0, `8 is 8 bytes, in which nothing runs: did you mean "8Gi" or "8Mi"?`},
		{sweep.String("9Ei"), 0, `"9Ei" is more than 64 bits can count`},
		{sweep.String("7Ei"), 7 << 60, ""},
	} {
		got, err := parseMemory(c.in)
		expect(t, c.in, got, c.want, err, c.err)
	}
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		in   sweep.Value
		want time.Duration
		err  string
	}{
		{sweep.String("4h"), 4 * time.Hour, ""},
		{sweep.String("90m"), 90 * time.Minute, ""},
		{sweep.String("1h30m"), 90 * time.Minute, ""},
		{sweep.String("1h 30m"), 90 * time.Minute, ""},
		{sweep.String("2d"), 48 * time.Hour, ""},
		{sweep.String("1.5h"), 90 * time.Minute, ""},
		{sweep.String("250ms"), 250 * time.Millisecond, ""},
		{sweep.Int(3600), 0, `3600 has no unit: did you mean "3600s" (seconds), "3600m" (minutes) or "3600h" (hours)?`},
		{sweep.String("90"), 0, `"90" has a number without a unit: did you mean "90s" (seconds), "90m" (minutes) or "90h" (hours)?`},
		{sweep.String("2 hours"), 0, `"2 hours" has the unit "hours": did you mean "2h"?`},
		{sweep.String("4H"), 0, `"4H" has the unit "H": did you mean "4h"?`},
		{sweep.String("5w"), 0, `"5w" has the unit "w": the units are ms, s, m, h and d`},
		{sweep.String("-4h"), 0, `"-4h" is negative: write a number and a unit, such as "90m", "4h", "1h30m" or "2d"`},
		{sweep.String("soon"), 0, `"soon" is no length of time: write a number and a unit, such as "90m", "4h", "1h30m" or "2d"`},
		{sweep.String("0s"), 0, `"0s" is no time at all: write a number and a unit, such as "90m", "4h", "1h30m" or "2d"`},
		{sweep.String("999999d"), 0, `"999999d" is longer than 292 years`},
		{sweep.Value{}, 0, `a null is no length of time: write a number and a unit, such as "90m", "4h", "1h30m" or "2d"`},
	} {
		got, err := parseDuration(c.in)
		expect(t, c.in, got, c.want, err, c.err)
	}
}

func expect[T comparable](t *testing.T, in sweep.Value, got, want T, err error, wantErr string) {
	t.Helper()
	switch {
	case err == nil && wantErr != "":
		t.Errorf("%s: got %v, want the error %q", in, got, wantErr)
	case err != nil && err.Error() != wantErr:
		t.Errorf("%s: error\n%q, want\n%q", in, err, wantErr)
	case err == nil && got != want:
		t.Errorf("%s: got %v, want %v", in, got, want)
	}
}

package ui

import (
	"strconv"
	"testing"
	"time"

	"github.com/lxsweep/lxsweep/sweep"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                            "0s",
		0:                                       "0.0s",
		310 * time.Millisecond:                  "0.3s",
		9949 * time.Millisecond:                 "9.9s",
		9960 * time.Millisecond:                 "10s",
		59600 * time.Millisecond:                "1m00s",
		80 * time.Second:                        "1m20s",
		time.Hour - time.Millisecond:            "1h00m",
		3*time.Hour + 20*time.Minute:            "3h20m",
		52*time.Hour + 10*time.Minute:           "2d4h",
		48*time.Hour - time.Millisecond:         "48h00m",
		59*time.Minute + 59400*time.Millisecond: "59m59s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "0",
		1965 * time.Millisecond: "1.965", // Duration.Seconds() is 1.9649999999999999
		36 * time.Hour:          "129600",
	} {
		if got := strconv.FormatFloat(Seconds(d), 'f', -1, 64); got != want {
			t.Errorf("Seconds(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", 1: "1", 0.1: "0.1", 0.123456789: "0.123457", 1e-5: "1e-05", 1e6: "1000000",
		-12.5: "-12.5", 1234567.8: "1.23457e+06", 1e20: "1e+20", 0.00012: "0.00012",
	} {
		if got := Number(f); got != want {
			t.Errorf("Number(%v) = %s, want %s", f, got, want)
		}
	}
}

func TestResources(t *testing.T) {
	for _, c := range []struct {
		r    sweep.Resources
		want string
	}{
		{sweep.Resources{}, ""},
		{sweep.Resources{MilliCPU: 500}, "0.5 cpu"},
		{sweep.Resources{MilliCPU: 4000, Memory: 8 << 30, GPUs: 1}, "4 cpu, 8Gi memory, 1 gpu"},
		{sweep.Resources{MilliCPU: 1234500, Memory: 300 << 20, GPUs: 1600}, "1,234.5 cpu, 300Mi memory, 1,600 gpus"},
	} {
		if got := Resources(c.r); got != c.want {
			t.Errorf("Resources(%+v) = %q, want %q", c.r, got, c.want)
		}
	}
}

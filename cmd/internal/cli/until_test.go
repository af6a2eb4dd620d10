package cli

import (
	"testing"
	"time"
)

func TestDeadline(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ until, after, want string }{
		{"06:00", "2026-11-23T02:00:00+01:00", "2026-11-23T06:00:00+01:00"},
		{"06:00", "2026-11-23T22:00:00+01:00", "2026-11-24T06:00:00+01:00"},
		{"06:00", "2026-11-23T06:00:00+01:00", "2026-11-24T06:00:00+01:00"},
		{"6:05", "2026-12-31T23:59:59+01:00", "2027-01-01T06:05:00+01:00"},
		// The night of 23 hours, and that of 25.
		{"06:00", "2026-03-28T22:00:00+01:00", "2026-03-29T06:00:00+02:00"},
		{"06:00", "2026-03-29T01:30:00+01:00", "2026-03-29T06:00:00+02:00"},
		{"06:00", "2026-10-24T22:00:00+02:00", "2026-10-25T06:00:00+01:00"},
		{"06:00", "2026-10-25T02:30:00+02:00", "2026-10-25T06:00:00+01:00"},
		{"2026-11-23T06:00:00Z", "2026-11-25T06:00:00+01:00", "2026-11-23T07:00:00+01:00"},
	} {
		d, err := parseUntil(c.until)
		if err != nil {
			t.Fatal(err)
		}
		after, _ := time.Parse(time.RFC3339, c.after)
		if got := d.after(after.In(berlin)).In(berlin).Format(time.RFC3339); got != c.want {
			t.Errorf("the first %s after %s is %s, want %s", c.until, c.after, got, c.want)
		}
	}
	for _, bad := range []string{"soon", "24:00", "6", "06:00:00", "2026-11-23", "-1:00"} {
		if _, err := parseUntil(bad); err == nil {
			t.Errorf("%q is a time", bad)
		}
	}
}

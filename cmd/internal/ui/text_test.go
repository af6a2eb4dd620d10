package ui

import (
	"slices"
	"testing"
)

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{
		"":         0,
		"val_loss": 8,
		"é":        1,
		"e\u0301":  1, // a letter and a combining accent
		"学習率":      6,
		"ｌｒ":       4, // full-width letters
		"👍":        2,
		"👩‍🔬":      2, // one person of three code points
		"🇮🇳":       2, // a flag of two
		"❤\ufe0f":  2,
		"a\u200bb": 2, // a zero-width space
		"한글":       4,
		"नमस्ते":   4, // four letters in three clusters
		"ﬁ":        1,
	} {
		if got := Width(text); got != want {
			t.Errorf("Width(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"val_loss", 8, "val_loss"},
		{"val_loss", 7, "val_lo…"},
		{"val_loss", 1, "…"},
		{"val_loss", 0, "val_loss"},
		{"学習率", 5, "学習…"},
		{"学習率", 4, "学…"}, // half a character does not fit
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := Fit(c.text, c.columns); got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

func TestFitASCII(t *testing.T) {
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"val_loss", 8, "val_loss"},
		{"val_loss", 7, "val_..."},
		{"val_loss", 3, "..."},
		{"val_loss", 2, ".."},
		{"… 2 more", 0, "... 2 more"},
		{"val_lo…", 8, "val_l..."}, // what was cut already grows
	} {
		if got := (Screen{ASCII: true}).Fit(c.text, c.columns); got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

func TestWantASCII(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false},
		{"", "", "en_US.UTF-8", false},
		{"C.utf8", "", "C", false},
		{"", "", "C", true},
		{"C", "", "en_US.UTF-8", true},
		{"", "de_DE.ISO-8859-1", "en_US.UTF-8", true},
	} {
		env := map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}
		if got := WantASCII(func(name string) string { return env[name] }); got != c.want {
			t.Errorf("%v: %t, want %t", env, got, c.want)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain 学習率 é":           "plain 学習率 é",
		"\x1b[31mred\x1b[0m":    `\x1b[31mred\x1b[0m`,
		"a\rb\nc\td":            `a\rb\nc\td`,
		"\u202eevil":            `\u202eevil`,
		"\x9b2J":                `\x9b2J`,
		"\u009b2J":              `\u009b2J`,
		"bell\a nul\x00":        `bell\a nul\x00`,
		"zero\u200bwidth joins": "zero\u200bwidth joins",
	} {
		if got := Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	got := Wrap("the steps are too long to learn anything", 14)
	want := []string{"the steps are", "too long to", "learn anything"}
	if !slices.Equal(got, want) {
		t.Errorf("Wrap = %q, want %q", got, want)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2J\xff\u202e学")
	f.Fuzz(func(t *testing.T, text string) {
		clean := Clean(text)
		for _, r := range clean {
			if hostile(r) {
				t.Errorf("Clean(%q) = %q holds %q", text, clean, r)
			}
		}
		if w := Width(Fit(clean, 10)); w > 10 {
			t.Errorf("Fit(%q, 10) takes %d columns", clean, w)
		}
	})
}

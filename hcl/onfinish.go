package hcl

import (
	"errors"
	"net/url"

	hcl2 "github.com/hashicorp/hcl/v2"

	"github.com/lxsweep/lxsweep/sweep"
)

type onFinishBlock struct {
	at         hcl2.Range
	attributes map[string]*expression
}

var onFinishSchema = &hcl2.BodySchema{Attributes: attributesOf("webhook", "command")}

func decodeOnFinish(b *hcl2.Block) (*onFinishBlock, hcl2.Diagnostics) {
	body, diags := content(syntaxBody(b), "on_finish", onFinishSchema)
	o := &onFinishBlock{b.TypeRange, expressionsOf(body.Attributes, "")}
	if len(o.attributes) == 0 && !diags.HasErrors() {
		diags = append(diags, problem(b.TypeRange, "Nobody to tell", `Write webhook = "https://...", command = ["notify", "--title", "night"], or both.`))
	}
	return o, diags
}

// onFinish returns nil where there is nobody to tell.
func (l *loader) onFinish(b *onFinishBlock) *sweep.OnFinish {
	if b == nil {
		return nil
	}
	o := &sweep.OnFinish{}
	if e := b.attributes["webhook"]; e != nil {
		o.Webhook = l.webhook(e)
	}
	if e := b.attributes["command"]; e != nil {
		o.Command = l.told(e)
	}
	if o.Webhook == "" && o.Command == nil {
		return nil
	}
	return o
}

// webhook reads a URL, which may be sensitive: no message shows it. null is
// none, so that a secret need not be at hand everywhere.
func (l *loader) webhook(e *expression) string {
	v, ok := l.fileValue(e, l.atFile)
	if v, _ = v.Unmark(); !ok || v.IsNull() {
		return ""
	}
	text, err := settingText(v)
	if err != nil {
		l.report(problem(e.Range(), "Wrong type", "%s", sentence(err.Error())))
		return ""
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		l.report(problem(e.Range(), "Wrong webhook", "A URL is wanted that begins with https:// or http:// and has a host; null is none."))
	}
	return text
}

// told reads the command that is told: a list, or a string for the shell.
func (l *loader) told(e *expression) []string {
	v, ok := l.fileValue(e, l.atFile)
	if !ok {
		return nil
	}
	wrong := func(err error) []string {
		l.report(problem(e.Range(), "Wrong command", "%s", sentence(err.Error())))
		return nil
	}
	if v.ContainsMarked() {
		return wrong(errors.New("the value is sensitive, and whoever is on the machine sees a command: let the program read the secret, it has lxsweep's own environment"))
	}
	if !isList(v) {
		text, err := settingText(v)
		if err != nil {
			return wrong(err)
		}
		return []string{"/bin/sh", "-ec", text}
	}
	words, err := settingTexts(v)
	if err != nil {
		return wrong(err)
	}
	if len(words) == 0 || words[0] == "" {
		l.report(problem(e.Range(), "Wrong command", "The first of the list is the program, and there is none."))
	}
	return words
}

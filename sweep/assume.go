package sweep

import "strings"

// assumption notices that the set of hyperparameters grew since last time, so
// that every result looks new.
type assumption struct {
	fresh *Experiment // the first new one
	old   *Record     // the first removed one of the same name
	known bool        // some experiment has its record: nothing of the kind
}

func (h *assumption) experiment(a *Action) {
	if a.Sign != SignNew || a.Record != nil {
		h.known = true
	} else if h.fresh == nil {
		h.fresh = a.Experiment
	}
}

func (h *assumption) removed(r *Record) {
	if h.old == nil && h.fresh != nil && r.Name == h.fresh.Name && r.HP != nil {
		h.old = r
	}
}

// Assumable returns the identity block that would keep the results of last time
// valid, where all of them went because hyperparameters were added; else "".
func (p *Plan) Assumable() string {
	h := &p.hint
	if h.known || h.fresh == nil || h.old == nil {
		return ""
	}
	added := (*Object)(nil)
	for path, v := range h.fresh.HP.Leaves() {
		if _, ok := h.old.HP.Get(path); !ok {
			added = added.With(path, v)
		}
	}
	for path := range h.old.HP.Leaves() {
		if _, ok := h.fresh.HP.Get(path); !ok {
			return ""
		}
	}
	if added.Len() == 0 {
		return ""
	}
	return "identity {\n  assume = " + hclText(Obj(added)) + "\n}"
}

// hclText writes v as an HCL expression.
func hclText(v Value) string {
	o, ok := v.AsObject()
	if !ok {
		return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(v.String())
	}
	parts := make([]string, 0, o.Len())
	for name, v := range o.All() {
		parts = append(parts, name+" = "+hclText(v))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

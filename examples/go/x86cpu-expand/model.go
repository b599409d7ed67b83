// SPDX-License-Identifier: CC0-1.0

// What a model requests on a machine type, and what accelerators set

package main

import "fmt"

const base = "base"

// inFirstLayer returns what a model is on the newest machine types.
func (f *file) inFirstLayer(name string) (cpu, error) {
	var chain []*model
	seen := map[string]bool{}
	c := f.nothing()
	for {
		if name == base {
			c = f.base[0].copy()
			break
		}
		m := f.models[name]
		if m == nil {
			return c, fmt.Errorf("there is no CPU model %q", name)
		}
		if seen[name] {
			return c, fmt.Errorf("CPU model %q is like itself", name)
		}
		seen[name] = true
		chain = append(chain, m)
		if m.Like == nil || !f.applies("model-2") {
			break
		}
		name = *m.Like
	}
	for i := len(chain) - 1; i >= 0; i-- {
		if err := f.change(&c, chain[i].Changes); err != nil {
			return c, err
		}
	}
	return c, nil
}

// follow does to a model what machine types do to base, if the model has been
// like base.
func (f *file) follow(c, from, to *cpu) {
	for name := range f.words {
		same := ^(c.words[name] ^ from.words[name])
		c.words[name] = c.words[name]&^same | to.words[name]&same
	}
	for name, v := range c.values {
		if v == from.values[name] {
			c.values[name] = to.values[name]
		}
	}
}

// requested returns what a model requests in a layer.
func (f *file) requested(name string, number int) (cpu, error) {
	if name == base {
		if !f.applies("model-4") {
			number = 0
		}
		return f.base[number].copy(), nil
	}
	if _, ok := f.first[name]; !ok {
		c, err := f.inFirstLayer(name)
		if err != nil {
			return c, err
		}
		f.first[name] = c
	}
	c := f.first[name].copy()
	if !f.applies("model-3") {
		return c, nil
	}
	var way []int
	for n := number; n > 0; n = f.Layers[n].before {
		way = append(way, n)
	}
	for i := len(way) - 1; i >= 0; i-- {
		l := f.Layers[way[i]]
		if f.applies("model-5") {
			f.follow(&c, &f.base[l.before], &f.base[way[i]])
		}
		if !f.applies("model-6") {
			continue
		}
		for _, e := range f.Exceptions {
			if e.Layer != l.Name || e.Model != nil && *e.Model != name {
				continue
			}
			if err := f.change(&c, e.Changes); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func contains(list []string, s string) bool {
	for _, member := range list {
		if member == s {
			return true
		}
	}
	return false
}

// accelerate makes the changes of an accelerator.  It returns whether the
// vendor is that of the host, which may be unknown: "".
func (f *file) accelerate(c *cpu, a *accelerator, name string, l *layer,
	irqchip, vendor string) (bool, error) {
	hosts := false
	if name != base && f.applies("accelerator-1") {
		if err := f.change(c, a.Changes); err != nil {
			return false, err
		}
	}
	for _, condition := range a.Conditions {
		if name != base && contains(condition.KernelIrqchip, irqchip) &&
			f.applies("accelerator-2") {
			if err := f.change(c, condition.Changes); err != nil {
				return false, err
			}
		}
	}
	if f.applies("accelerator-3") && (a.HostVendor == "all" ||
		a.HostVendor == "named" && name != base) {
		hosts = true
		if vendor != "" {
			c.values["vendor"] = text(vendor)
		}
	}
	for _, e := range a.Exceptions {
		if e.Layer != l.Name || !f.applies("accelerator-4") ||
			e.Model == nil && name == base ||
			e.Model != nil && *e.Model != name {
			continue
		}
		if err := f.change(c, e.Changes); err != nil {
			return false, err
		}
		if e.Changes.Set["vendor"] != nil {
			hosts = false
		}
	}
	return hosts, nil
}

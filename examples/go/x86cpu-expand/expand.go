// SPDX-License-Identifier: CC0-1.0

// What QEMU makes of a CPU: the static expansion

package main

import (
	"bytes"
	"encoding/json"
	"strconv"
)

const (
	amd       = "AuthenticAMD"
	intel     = "GenuineIntel"
	automatic = 0xffffffff
	physBits  = 40
)

// host has what a static expansion takes from the host, under KVM.
type host struct {
	physBits, guestPhysBits uint64
}

// rules lists what -without can leave out, by its place in the manual.
var rules = []string{
	"model-2", "model-3", "model-4", "model-5", "model-6",
	"accelerator-1", "accelerator-2", "accelerator-3", "accelerator-4",
	"option-1", "option-2", "option-3", "option-4", "option-5", "option-6",
	"option-7", "option-8", "option-9",
	"rule-1-arch-lbr", "rule-1-pdcm", "rule-1-even-without-pmu",
	"rule-2", "rule-2-order", "rule-3-accelerator", "rule-3-kvm",
	"rule-4", "rule-4-properties", "rule-4-mask", "rule-4-xlevel",
	"rule-4-xlevel2", "rule-4-func7", "rule-4-0x1f", "rule-4-0x1f-auto",
	"rule-4-0x1f-vendor", "rule-4-0x1f-only", "rule-4-conflicts",
	"rule-4-conflicts-auto", "rule-4-conflicts-func7", "rule-4-intel-pt",
	"rule-4-intel-pt-avx10", "rule-4-intel-pt-0x1f",
	"rule-5", "rule-5-limit", "rule-5-lm", "rule-5-off", "rule-6",
	"rule-6-lm", "rule-6-phys-bits", "rule-7", "rule-7-lm", "rule-8",
	"rule-8-amd", "rule-9", "left-out-level", "left-out-phys-bits",
	"left-out-tsc-frequency", "left-out-caches", "left-out-retired", "anchor",
}

func (f *file) applies(rule string) bool {
	return !f.without[rule]
}

func (f *file) isFrom(major, minor int) bool {
	return f.Qemu.Major > major || f.Qemu.Major == major &&
		f.Qemu.Minor >= minor
}

func (f *file) dropWithoutPmu(c *cpu) {
	if !f.isFrom(11, 1) || c.is("pmu") {
		return
	}
	if f.applies("rule-1-arch-lbr") {
		f.setFeature(c, "arch-lbr", false)
	}
	if f.applies("rule-1-pdcm") && (!c.is("x-pdcm-on-even-without-pmu") ||
		!f.applies("rule-1-even-without-pmu")) {
		f.setFeature(c, "pdcm", false)
	}
}

func (f *file) dropDependent(c *cpu) {
	if !f.applies("rule-2") {
		return
	}
	for i := range f.Dependencies {
		d := f.Dependencies[i]
		if !f.applies("rule-2-order") {
			d = f.Dependencies[len(f.Dependencies)-1-i]
		}
		if c.words[d.NeedsWord]&d.needs == 0 {
			c.words[d.Word] &^= d.bits
		}
	}
}

func (f *file) dropKvm(c *cpu, kvm bool) {
	if kvm || !f.applies("rule-3-accelerator") {
		if c.is("kvm") || !f.applies("rule-3-kvm") {
			return
		}
	}
	for _, w := range f.Words {
		if w.Cpuid != nil && w.Cpuid.Leaf == 0x40000001 &&
			w.Cpuid.Register == "EAX" {
			c.words[w.Name] = 0
		}
	}
}

func raise(c *cpu, name string, level uint64) {
	if c.values[name].number < level {
		c.values[name] = number(level)
	}
}

func (f *file) raiseFor(c *cpu, r *levelRule) bool {
	bits := c.words[r.Word]
	if f.applies("rule-4-mask") {
		bits &= r.bits
	}
	if bits == 0 {
		return false
	}
	for _, name := range r.Properties {
		if !c.is(name) && f.applies("rule-4-properties") {
			return false
		}
	}
	switch {
	case r.Leaf < 0x80000000:
		raise(c, "min-level", uint64(r.Leaf))
	case r.Leaf < 0xc0000000:
		if f.applies("rule-4-xlevel") {
			raise(c, "min-xlevel", uint64(r.Leaf))
		}
	default:
		if f.applies("rule-4-xlevel2") {
			raise(c, "min-xlevel2", uint64(r.Leaf))
		}
	}
	return true
}

// raiseLevels does what level-rules say, and no more.
func (f *file) raiseLevels(c *cpu) {
	subleaf := uint64(0)
	for _, r := range f.LevelRules {
		if f.raiseFor(c, r) && subleaf < uint64(r.Subleaf) {
			subleaf = uint64(r.Subleaf)
		}
	}
	if c.values["level-func7"].number == automatic && f.applies("rule-4-func7") {
		c.values["level-func7"] = number(subleaf)
	}
	if c.is("x-force-cpuid-0x1f") && f.applies("rule-4-0x1f") &&
		(c.is("full-cpuid-auto-level") || !f.applies("rule-4-0x1f-auto")) &&
		(c.values["vendor"].text == intel && f.applies("rule-4-0x1f-vendor") ||
			!c.is("x-vendor-cpuid-only") || !f.applies("rule-4-0x1f-only")) {
		raise(c, "min-level", 0x1f)
	}
}

// setLevels raises levels, except for features that QEMU drops after that.
func (f *file) setLevels(c *cpu) {
	if !f.applies("rule-4") {
		return
	}
	without := c.copy()
	excluded := false
	for _, conflict := range f.Conflicts {
		all := true
		for _, name := range conflict.Features {
			all = all && f.has(c, name)
		}
		if !all || !f.applies("rule-4-conflicts") {
			continue
		}
		excluded = true
		if !c.is("full-cpuid-auto-level") &&
			f.applies("rule-4-conflicts-auto") {
			continue
		}
		for _, name := range conflict.Features {
			f.setFeature(&without, name, false)
		}
	}
	lower := without.copy()
	func7 := c.values["level-func7"]
	f.raiseLevels(&without)
	for _, name := range []string{"min-level", "min-xlevel", "min-xlevel2",
		"level-func7"} {
		c.values[name] = without.values[name]
	}
	if excluded && f.applies("rule-4-conflicts-func7") {
		c.values["level-func7"] = func7
	}
	if f.has(c, "intel-pt") && !c.is("x-intel-pt-auto-level") &&
		c.is("full-cpuid-auto-level") && f.applies("rule-4-intel-pt") {
		if f.applies("rule-4-intel-pt-avx10") {
			f.setFeature(&lower, "avx10", false)
			f.setFeature(&lower, "apxf", false)
		}
		if f.applies("rule-4-intel-pt-0x1f") {
			lower.values["x-force-cpuid-0x1f"] = boolean(false)
		}
		f.raiseLevels(&lower)
		if lower.values["min-level"].number < 0x14 &&
			c.values["min-level"].number > 0x13 {
			c.values["min-level"] = number(0x13)
		}
	}
}

func (f *file) setPhysBits(c *cpu, kvm bool, h host) {
	lm := f.has(c, "lm")
	bits := c.values["phys-bits"].number
	limit := c.values["host-phys-bits-limit"].number
	if (lm || !f.applies("rule-5-lm")) && kvm && c.is("host-phys-bits") &&
		f.applies("rule-5") {
		bits = h.physBits
		if limit != 0 && bits > limit && f.applies("rule-5-limit") {
			bits = limit
		}
	}
	if f.applies("rule-5-off") {
		c.values["host-phys-bits"] = boolean(false)
		c.values["host-phys-bits-limit"] = number(0)
	}
	if c.values["guest-phys-bits"].number == automatic && f.applies("rule-6") {
		guest := uint64(0)
		if kvm && (lm || !f.applies("rule-6-lm")) {
			guest = h.guestPhysBits
			if guest > bits && f.applies("rule-6-phys-bits") {
				guest = bits
			}
		}
		c.values["guest-phys-bits"] = number(guest)
	}
	if (lm || !f.applies("rule-7-lm")) && bits == 0 && f.applies("rule-7") {
		bits = physBits
	}
	c.values["phys-bits"] = number(bits)
}

func (f *file) setMicrocode(c *cpu) {
	if c.values["ucode-rev"].number != 0 || !f.applies("rule-8") {
		return
	}
	if c.values["vendor"].text == amd && f.applies("rule-8-amd") {
		c.values["ucode-rev"] = number(0x01000065)
	} else {
		c.values["ucode-rev"] = number(0x100000000)
	}
}

// expand makes the static expansion of a CPU.
func (f *file) expand(c *cpu, kvm bool, h host) {
	f.dropWithoutPmu(c)
	f.dropDependent(c)
	f.dropKvm(c, kvm)
	f.setLevels(c)
	f.setPhysBits(c, kvm, h)
	f.setMicrocode(c)
	if f.applies("rule-9") {
		c.values["hv-passthrough"] = boolean(false)
	}
}

// leavesOut says whether a static expansion lacks a property.
func (f *file) leavesOut(c *cpu, name string) bool {
	v := c.values[name]
	if isCache(name) {
		return c.is("legacy-cache") && f.applies("left-out-caches")
	}
	switch name {
	case "level", "xlevel", "xlevel2":
		return v.number == automatic && f.applies("left-out-level")
	case "phys-bits":
		return v.number == 0 && f.applies("left-out-phys-bits")
	case "tsc-frequency":
		return v.number == 0 && f.applies("left-out-tsc-frequency")
	case "full-cpuid-auto-level", "x-hv-synic-kvm-only",
		"x-intel-pt-auto-level":
		return f.isFrom(11, 1) && v == f.properties[name].value &&
			f.applies("left-out-retired")
	}
	return false
}

// isSigned says whether a number of a property can be negative.
func isSigned(name string) bool {
	return name == "x-hv-max-vps"
}

// props returns a static expansion as JSON.
func (f *file) props(c *cpu) json.RawMessage {
	var out bytes.Buffer
	for _, w := range f.Words {
		for _, feature := range w.Features {
			put(&out, feature.key, strconv.FormatBool(
				c.words[w.Name]&feature.bits == feature.bits))
		}
	}
	for _, p := range f.Properties {
		v := c.values[p.Name]
		switch {
		case f.leavesOut(c, p.Name):
		case v.kind == isBool:
			put(&out, p.key, strconv.FormatBool(v.isOn()))
		case v.kind == isInt:
			put(&out, p.key, v.show(isSigned(p.Name)))
		default:
			put(&out, p.key, quoted(v.text))
		}
	}
	if f.applies("anchor") {
		put(&out, quoted("compat-anchor"), quoted(f.Layers[0].Name))
	}
	out.WriteByte('}')
	return out.Bytes()
}

// put writes a member of a JSON object; its name and its value are JSON.
func put(out *bytes.Buffer, name, value string) {
	if out.Len() == 0 {
		out.WriteByte('{')
	} else {
		out.WriteByte(',')
	}
	out.WriteString(name)
	out.WriteByte(':')
	out.WriteString(value)
}

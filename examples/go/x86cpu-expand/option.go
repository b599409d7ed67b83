// SPDX-License-Identifier: CC0-1.0

// What the user sets: the text that QEMU's option -cpu takes

package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// setting is NAME=VALUE.
type setting struct {
	name, value string
}

// option is the text in parts.
type option struct {
	model       string
	settings    []setting
	plus, minus []string
}

// split divides a text at commas.  A doubled one is a comma of the text.
func (f *file) split(s string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != ',':
			part.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == ',' && f.applies("option-1"):
			part.WriteByte(',')
			i++
		default:
			parts = append(parts, part.String())
			part.Reset()
		}
	}
	return append(parts, part.String())
}

func (f *file) parseOption(s string) option {
	model, rest, _ := strings.Cut(s, ",")
	o := option{model: model}
	for _, part := range f.split(rest) {
		if part == "" {
			continue
		}
		if part[0] == '+' {
			o.plus = append(o.plus, part[1:])
			continue
		}
		if part[0] == '-' {
			o.minus = append(o.minus, part[1:])
			continue
		}
		name, value, given := strings.Cut(part, "=")
		if !given {
			value = "on"
		}
		if f.applies("option-2") {
			name = strings.ReplaceAll(name, "_", "-")
		}
		o.settings = append(o.settings, setting{name, value})
	}
	return o
}

// ---- values ----

func parseBool(s string) (bool, error) {
	switch s {
	case "on", "yes", "true", "y":
		return true, nil
	case "off", "no", "false", "n":
		return false, nil
	}
	return false, fmt.Errorf("%q is not 'on' or 'off'", s)
}

func parseDigits(s string) (uint64, error) {
	digits, radix := s, 10
	if rest := strings.TrimPrefix(s, "0x"); rest != s {
		digits, radix = rest, 16
	}
	// strconv takes a sign.
	if strings.HasPrefix(digits, "+") || strings.HasPrefix(digits, "-") {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	n, err := strconv.ParseUint(digits, radix, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	return n, nil
}

// largest returns the largest number that a property can be.
func (f *file) largest(name string) uint64 {
	switch name {
	case "avx10-version":
		if f.isFrom(11, 1) {
			return 2
		}
		return math.MaxUint8
	case "stepping":
		return 15
	case "lbr-fmt":
		return 63
	case "model", "host-phys-bits-limit", "hv-version-id-sbranch":
		return math.MaxUint8
	case "family":
		return 270
	case "hv-version-id-major", "hv-version-id-minor":
		return math.MaxUint16
	case "x-hv-max-vps":
		return math.MaxInt32
	case "tsc-frequency":
		return math.MaxInt64
	case "ucode-rev":
		return math.MaxUint64
	}
	return math.MaxUint32
}

func (f *file) parseInt(name, s string) (uint64, error) {
	if isSigned(name) && strings.HasPrefix(s, "-") {
		n, err := parseDigits(s[1:])
		if err == nil && n > 1<<31 {
			err = fmt.Errorf("%q is below %d", s, math.MinInt32)
		}
		return -n, err
	}
	n, err := parseDigits(s)
	if err == nil && n > f.largest(name) {
		err = fmt.Errorf("%q is above %d", s, f.largest(name))
	}
	if name == "tsc-frequency" && f.applies("option-4") {
		n -= n % 1000
	}
	return n, err
}

// ---- setting ----

// setAvx10 turns on what a version of AVX10 includes.
func (f *file) setAvx10(c *cpu, version uint64) {
	if !f.isFrom(11, 1) || !f.applies("option-5") {
		return
	}
	if version >= 1 {
		for _, name := range []string{"avx10", "avx10-128", "avx10-256",
			"avx10-512"} {
			f.setFeature(c, name, true)
		}
	}
	if version >= 2 {
		f.setFeature(c, "avx10-vnni-int", true)
	}
}

// isCache says whether a property is a cache.
func isCache(name string) bool {
	return strings.HasSuffix(name, "-cache-info")
}

// setCaches takes the last setting of each cache.  The text is empty for the
// cache that the CPU has anyway.
func (f *file) setCaches(c *cpu, settings []setting) error {
	given := map[string]string{}
	for _, s := range settings {
		if !isCache(s.name) || f.properties[s.name] == nil {
			continue
		}
		given[s.name] = s.value
		if s.value == "" {
			continue
		}
		cache, err := f.parseCache(s.name, s.value)
		if err != nil {
			return fmt.Errorf("%s: %v", s.name, err)
		}
		if f.applies("option-7") {
			given[s.name] = cache
		}
	}
	for name, cache := range given {
		if cache == "" {
			continue
		}
		c.values[name] = text(cache)
		if f.applies("option-8") {
			c.values["legacy-cache"] = boolean(false)
		}
	}
	return nil
}

func (f *file) setText(c *cpu, model, name, s string) error {
	switch name {
	case "vendor":
		if len(s) != 12 && (s != "" || model != base) {
			return fmt.Errorf("vendor %q has not 12 characters", s)
		}
	case "model-id":
		if len(s) > 48 && f.applies("option-6") {
			s = s[:48]
		}
	}
	c.values[name] = text(s)
	return nil
}

// featureOf returns the feature that users mean by a name.
func (f *file) featureOf(name string) (string, bool) {
	feature, ok := f.userNames[name]
	if name == "f-"+feature && !f.applies("option-3") ||
		name != feature && name != "f-"+feature && !f.applies("option-9") {
		return "", false
	}
	return feature, ok
}

func (f *file) setOption(c *cpu, model string, o setting) error {
	if feature, ok := f.featureOf(o.name); ok {
		on, err := parseBool(o.value)
		f.setFeature(c, feature, on)
		return err
	}
	p := f.properties[o.name]
	if p == nil {
		return fmt.Errorf("there is no property %q", o.name)
	}
	if isCache(o.name) {
		return nil
	}
	switch p.Type {
	case isBool:
		on, err := parseBool(o.value)
		c.values[o.name] = boolean(on)
		return err
	case isOnOff:
		if o.value != "on" && o.value != "off" && o.value != "auto" {
			return fmt.Errorf("%q is not 'on', 'off' or 'auto'", o.value)
		}
		c.values[o.name] = onOff(o.value)
	case isInt:
		n, err := f.parseInt(o.name, o.value)
		if err != nil {
			return fmt.Errorf("%s: %v", o.name, err)
		}
		c.values[o.name] = number(n)
		if o.name == "avx10-version" {
			f.setAvx10(c, n)
		}
	default:
		return f.setText(c, model, o.name, o.value)
	}
	return nil
}

// setMarked does +NAME and -NAME, which take switches alone.
func (f *file) setMarked(c *cpu, name string, on bool) error {
	if feature, ok := f.featureOf(name); ok {
		f.setFeature(c, feature, on)
		return nil
	}
	if p := f.properties[name]; p == nil || p.Type != isBool {
		return fmt.Errorf("%q is neither a feature nor a switch", name)
	}
	c.values[name] = boolean(on)
	return nil
}

// setUser makes the changes of the user.
func (f *file) setUser(c *cpu, o option) error {
	for _, s := range o.settings {
		if err := f.setOption(c, o.model, s); err != nil {
			return err
		}
	}
	for _, name := range o.plus {
		if err := f.setMarked(c, name, true); err != nil {
			return err
		}
	}
	for _, name := range o.minus {
		if err := f.setMarked(c, name, false); err != nil {
			return err
		}
	}
	return f.setCaches(c, o.settings)
}

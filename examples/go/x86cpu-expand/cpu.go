// SPDX-License-Identifier: CC0-1.0

// A CPU as a value: its features and its other properties

package main

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Types of properties; an "on-off" is a text, and also a switch.
const (
	isBool  = "bool"
	isOnOff = "on-off"
	isInt   = "int"
	isText  = "str"
)

// value is one of a property.  Numbers have 64 bits, some of them signed.
type value struct {
	kind   string
	number uint64
	text   string
}

func boolean(on bool) value {
	if on {
		return value{isBool, 1, ""}
	}
	return value{isBool, 0, ""}
}

func number(n uint64) value {
	return value{isInt, n, ""}
}

func text(s string) value {
	return value{isText, 0, s}
}

func onOff(s string) value {
	return value{isOnOff, 0, s}
}

// isOn says whether a property that can be on is.
func (v value) isOn() bool {
	return v.number != 0 || v.text == "on"
}

// show writes a value as lines of fingerprints have it.
func (v value) show(signed bool) string {
	switch {
	case v.kind == isBool && v.isOn():
		return "on"
	case v.kind == isBool:
		return "off"
	case v.kind == isInt && signed:
		return strconv.FormatInt(int64(v.number), 10)
	case v.kind == isInt:
		return strconv.FormatUint(v.number, 10)
	}
	return v.text
}

// valueOf reads a value of JSON, for a property of a type.
func valueOf(kind string, raw json.RawMessage) (value, error) {
	switch kind {
	case isBool:
		var on bool
		err := json.Unmarshal(raw, &on)
		return boolean(on), err
	case isInt:
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return number(uint64(n)), nil
		}
		n, err := strconv.ParseUint(string(raw), 10, 64)
		return number(n), err
	case isOnOff, isText:
		var s string
		err := json.Unmarshal(raw, &s)
		return value{kind, 0, s}, err
	}
	return value{}, fmt.Errorf("properties of type %q are unknown", kind)
}

func defaultOf(p *property) (value, error) {
	if p.Default != nil {
		return valueOf(p.Type, p.Default)
	}
	if p.Type == isOnOff {
		return onOff("off"), nil
	}
	return value{p.Type, 0, ""}, nil
}

type cpu struct {
	words  map[string]uint64
	values map[string]value
}

// nothing returns a CPU without features, and with the default of each
// property.
func (f *file) nothing() cpu {
	c := cpu{map[string]uint64{}, map[string]value{}}
	for name, p := range f.properties {
		c.values[name] = p.value
	}
	return c
}

func (c cpu) copy() cpu {
	d := cpu{make(map[string]uint64, len(c.words)),
		make(map[string]value, len(c.values))}
	for name, bits := range c.words {
		d.words[name] = bits
	}
	for name, v := range c.values {
		d.values[name] = v
	}
	return d
}

// has says whether all bits of a feature are on.
func (f *file) has(c *cpu, name string) bool {
	feature := f.features[name]
	return feature != nil && c.words[feature.word]&feature.bits == feature.bits
}

func (f *file) setFeature(c *cpu, name string, on bool) bool {
	feature := f.features[name]
	if feature == nil {
		return false
	}
	if on {
		c.words[feature.word] |= feature.bits
	} else {
		c.words[feature.word] &^= feature.bits
	}
	return true
}

func (f *file) setSwitch(c *cpu, name string, on bool) error {
	if f.setFeature(c, name, on) {
		return nil
	}
	p := f.properties[name]
	switch {
	case p != nil && p.Type == isBool:
		c.values[name] = boolean(on)
	case p != nil && p.Type == isOnOff && on:
		c.values[name] = onOff("on")
	case p != nil && p.Type == isOnOff:
		c.values[name] = onOff("off")
	default:
		return fmt.Errorf("%q is neither a feature nor a switch", name)
	}
	return nil
}

func (f *file) change(c *cpu, changes changes) error {
	for _, name := range changes.On {
		if err := f.setSwitch(c, name, true); err != nil {
			return err
		}
	}
	for _, name := range changes.Off {
		if err := f.setSwitch(c, name, false); err != nil {
			return err
		}
	}
	for name, raw := range changes.Set {
		p := f.properties[name]
		if p == nil {
			return fmt.Errorf("%q is not a property", name)
		}
		v, err := valueOf(p.Type, raw)
		if err != nil {
			return fmt.Errorf("property %q: %v", name, err)
		}
		c.values[name] = v
	}
	return nil
}

// is says whether a property that can be on is; one that is not there is off.
func (c *cpu) is(name string) bool {
	return c.values[name].isOn()
}

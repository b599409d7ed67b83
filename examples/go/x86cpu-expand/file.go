// SPDX-License-Identifier: CC0-1.0

// The file qemu-cpu-models.json: what is in it, and is it whole?

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

const formatVersion = 1

type changes struct {
	On  []string                   `json:"on"`
	Off []string                   `json:"off"`
	Set map[string]json.RawMessage `json:"set"`
}

type feature struct {
	Name    string   `json:"name"`
	Mask    string   `json:"mask"`
	Aliases []string `json:"aliases"`

	// The name as JSON
	key  string
	word string
	bits uint64
}

type word struct {
	Name  string `json:"name"`
	Cpuid *struct {
		Leaf     uint32 `json:"leaf"`
		Register string `json:"register"`
	} `json:"cpuid"`
	Features []*feature `json:"features"`
}

type property struct {
	Name    string          `json:"name"`
	Type    string          `json:"type"`
	Default json.RawMessage `json:"default"`

	key   string
	value value
}

type dependency struct {
	Word      string `json:"word"`
	Mask      string `json:"mask"`
	NeedsWord string `json:"needs-word"`
	NeedsMask string `json:"needs-mask"`

	bits, needs uint64
}

type levelRule struct {
	Word       string   `json:"word"`
	Mask       *string  `json:"mask"`
	Leaf       uint32   `json:"leaf"`
	Subleaf    uint32   `json:"subleaf"`
	Properties []string `json:"properties"`

	bits uint64
}

type conflict struct {
	Features []string `json:"features"`
}

type layer struct {
	Name         string   `json:"name"`
	MachineTypes []string `json:"machine-types"`
	Like         *string  `json:"like"`
	Changes      changes  `json:"changes"`

	// The layer that it is compared with; -1 for the first one
	before int
}

// Another name of a machine type, such as q35
type machineAlias struct {
	Alias       string `json:"alias"`
	MachineType string `json:"machine-type"`
}

type model struct {
	Name    string  `json:"name"`
	Like    *string `json:"like"`
	Changes changes `json:"changes"`
}

type exception struct {
	Model   *string `json:"model"`
	Layer   string  `json:"layer"`
	Changes changes `json:"changes"`
}

type condition struct {
	KernelIrqchip []string `json:"kernel-irqchip"`
	Changes       changes  `json:"changes"`
}

type fingerprints struct {
	Model  string   `json:"model"`
	Values []string `json:"values"`
}

type accelerator struct {
	Name         string         `json:"name"`
	Changes      changes        `json:"changes"`
	Conditions   []condition    `json:"conditions"`
	HostVendor   string         `json:"host-vendor"`
	Exceptions   []exception    `json:"exceptions"`
	Fingerprints []fingerprints `json:"fingerprints"`
}

type file struct {
	FormatVersion int    `json:"format-version"`
	Digest        string `json:"digest"`
	Qemu          struct {
		Major int `json:"major"`
		Minor int `json:"minor"`
	} `json:"qemu"`
	Words          []word         `json:"words"`
	Properties     []*property    `json:"properties"`
	Dependencies   []*dependency  `json:"dependencies"`
	Conflicts      []conflict     `json:"conflicts"`
	LevelRules     []*levelRule   `json:"level-rules"`
	Layers         []*layer       `json:"layers"`
	MachineAliases []machineAlias `json:"machine-aliases"`
	Models         []model        `json:"models"`
	Exceptions     []exception    `json:"exceptions"`
	Accelerators   []accelerator  `json:"accelerators"`

	words    map[string]bool
	features map[string]*feature
	// Names of features, by all names that users have for them
	userNames  map[string]string
	properties map[string]*property
	models     map[string]*model
	// By machine type
	layers map[string]int
	// What models are in the first layer, as far as they have been asked for
	first map[string]cpu
	// What base is, by layer
	base []cpu
	// Rules that are left out, by name
	without map[string]bool
}

// ---- the digest ----

// quote writes a string as JSON in ASCII.
func quote(out *bytes.Buffer, s string) {
	const short = "\"\\\b\f\n\r\t"
	const letters = "\"\\bfnrt"
	out.WriteByte('"')
	for _, r := range s {
		if i := strings.IndexRune(short, r); i >= 0 {
			out.WriteByte('\\')
			out.WriteByte(letters[i])
		} else if r >= ' ' && r <= '~' {
			out.WriteRune(r)
		} else if r < 0x10000 {
			fmt.Fprintf(out, "\\u%04x", r)
		} else {
			r -= 0x10000
			fmt.Fprintf(out, "\\u%04x\\u%04x", 0xd800+r>>10,
				0xdc00+r&0x3ff)
		}
	}
	out.WriteByte('"')
}

// quoted returns a string as JSON in ASCII.
func quoted(s string) string {
	var out bytes.Buffer
	quote(&out, s)
	return out.String()
}

// canonical writes JSON with sorted keys, without spaces, in ASCII.
func canonical(out *bytes.Buffer, v interface{}) {
	switch v := v.(type) {
	case map[string]interface{}:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		out.WriteByte('{')
		for i, name := range names {
			if i > 0 {
				out.WriteByte(',')
			}
			quote(out, name)
			out.WriteByte(':')
			canonical(out, v[name])
		}
		out.WriteByte('}')
	case []interface{}:
		out.WriteByte('[')
		for i, member := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			canonical(out, member)
		}
		out.WriteByte(']')
	case string:
		quote(out, v)
	case json.Number:
		out.WriteString(v.String())
	case bool:
		out.WriteString(strconv.FormatBool(v))
	default:
		out.WriteString("null")
	}
}

func digestOf(text []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var all map[string]interface{}
	if err := decoder.Decode(&all); err != nil {
		return "", err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return "", errors.New("something follows the JSON object")
	}
	delete(all, "$comment")
	delete(all, "digest")
	delete(all, "$crc32")
	accelerators, _ := all["accelerators"].([]interface{})
	for _, a := range accelerators {
		if a, ok := a.(map[string]interface{}); ok {
			delete(a, "fingerprints")
		}
	}
	var out bytes.Buffer
	canonical(&out, all)
	sum := sha256.Sum256(out.Bytes())
	return hex.EncodeToString(sum[:]), nil
}

// ---- reading ----

func readFile(path string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s is not UTF-8", path)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s: %v", path, err)
	}
	if f.FormatVersion != formatVersion {
		return nil, fmt.Errorf("%s: format-version is %d, not %d", path,
			f.FormatVersion, formatVersion)
	}
	digest, err := digestOf(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %v", path, err)
	}
	if digest != f.Digest {
		return nil, fmt.Errorf("%s is damaged: its digest is %s, not %s",
			path, digest, f.Digest)
	}
	if err := f.index(); err != nil {
		return nil, fmt.Errorf("%s: %v", path, err)
	}
	return &f, nil
}

func maskOf(text string) (uint64, error) {
	digits := strings.TrimPrefix(text, "0x")
	if digits == text {
		return 0, fmt.Errorf("mask %q is not hexadecimal", text)
	}
	return strconv.ParseUint(digits, 16, 64)
}

// index prepares the file for lookups, and checks what these rely on.
func (f *file) index() error {
	f.words = map[string]bool{}
	f.features = map[string]*feature{}
	f.userNames = map[string]string{}
	f.properties = map[string]*property{}
	f.models = map[string]*model{}
	f.layers = map[string]int{}
	f.first = map[string]cpu{}
	var err error
	for _, w := range f.Words {
		f.words[w.Name] = true
		for _, feature := range w.Features {
			feature.word = w.Name
			feature.key = quoted(feature.Name)
			if feature.bits, err = maskOf(feature.Mask); err != nil {
				return err
			}
			f.features[feature.Name] = feature
			f.userNames[feature.Name] = feature.Name
			f.userNames["f-"+feature.Name] = feature.Name
			for _, alias := range feature.Aliases {
				f.userNames[alias] = feature.Name
			}
		}
	}
	for _, p := range f.Properties {
		p.key = quoted(p.Name)
		if p.value, err = defaultOf(p); err != nil {
			return err
		}
		f.properties[p.Name] = p
	}
	if err := f.indexRules(); err != nil {
		return err
	}
	return f.indexModels()
}

func (f *file) indexRules() error {
	var err error
	for _, d := range f.Dependencies {
		if d.bits, err = maskOf(d.Mask); err != nil {
			return err
		}
		if d.needs, err = maskOf(d.NeedsMask); err != nil {
			return err
		}
		if !f.words[d.Word] || !f.words[d.NeedsWord] {
			return fmt.Errorf("a dependency is of unknown word %q or %q",
				d.Word, d.NeedsWord)
		}
	}
	for _, r := range f.LevelRules {
		r.bits = ^uint64(0)
		if r.Mask != nil {
			if r.bits, err = maskOf(*r.Mask); err != nil {
				return err
			}
		}
		if !f.words[r.Word] {
			return fmt.Errorf("a level rule is of unknown word %q", r.Word)
		}
	}
	for _, c := range f.Conflicts {
		for _, name := range c.Features {
			if f.features[name] == nil {
				return fmt.Errorf("a conflict is of unknown feature %q", name)
			}
		}
	}
	return nil
}

func (f *file) indexModels() error {
	names := map[string]int{}
	for i, l := range f.Layers {
		l.before = -1
		if i > 0 {
			before, ok := 0, false
			if l.Like != nil {
				before, ok = names[*l.Like]
			}
			if !ok {
				return fmt.Errorf("layer %q is like none before it", l.Name)
			}
			l.before = before
		}
		names[l.Name] = i
		for _, machine := range l.MachineTypes {
			f.layers[machine] = i
		}
	}
	if len(f.Layers) == 0 {
		return errors.New("there are no layers")
	}
	for _, a := range f.MachineAliases {
		layer, ok := f.layers[a.MachineType]
		if !ok {
			return fmt.Errorf("alias %q is of no machine type", a.Alias)
		}
		f.layers[a.Alias] = layer
	}
	for i := range f.Models {
		f.models[f.Models[i].Name] = &f.Models[i]
	}
	for i, l := range f.Layers {
		c := f.nothing()
		if i > 0 {
			c = f.base[l.before].copy()
		}
		if err := f.change(&c, l.Changes); err != nil {
			return err
		}
		f.base = append(f.base, c)
	}
	return nil
}

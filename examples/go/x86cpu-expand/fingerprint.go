// SPDX-License-Identifier: CC0-1.0

// Fingerprints: whether a reader does as QEMU does

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
)

// fingerprintOf returns the fingerprint of a model in a layer.
func (f *file) fingerprintOf(a *accelerator, name string, number int) (string,
	error) {
	c, err := f.requested(name, number)
	if err != nil {
		return "", err
	}
	hostVendor, err := f.accelerate(&c, a, name, f.Layers[number], "on", "")
	if err != nil {
		return "", err
	}
	kvm := a.Name == "kvm"
	before := c.copy()
	f.expand(&c, kvm, host{})
	shown := map[string]string{}
	for name := range f.features {
		if f.has(&c, name) {
			shown[name] = "on"
		}
	}
	for name, v := range c.values {
		if !f.leavesOut(&c, name) {
			shown[name] = v.show(isSigned(name))
		}
	}
	if hostVendor {
		shown["vendor"] = "host"
		if before.values["ucode-rev"].number == 0 {
			shown["ucode-rev"] = "host"
		}
	}
	if kvm && f.has(&c, "lm") {
		if before.values["guest-phys-bits"].number == automatic {
			shown["guest-phys-bits"] = "host"
		}
		if before.is("host-phys-bits") {
			shown["phys-bits"] = "host"
			limit := before.values["host-phys-bits-limit"].number
			if limit != 0 {
				shown["phys-bits"] = fmt.Sprintf("host-%d", limit)
			}
		}
	}
	names := make([]string, 0, len(shown))
	for name := range shown {
		names = append(names, name)
	}
	sort.Strings(names)
	var lines strings.Builder
	for _, name := range names {
		lines.WriteString(name + "=" + shown[name] + "\n")
	}
	sum := sha256.Sum256([]byte(lines.String()))
	return hex.EncodeToString(sum[:]), nil
}

// checkFingerprints compares all, and prints those that differ.
func (f *file) checkFingerprints() (passed, failed int, err error) {
	for i := range f.Accelerators {
		a := &f.Accelerators[i]
		for _, row := range a.Fingerprints {
			if len(row.Values) != len(f.Layers) {
				return passed, failed, fmt.Errorf("%s, %s: %d fingerprints "+
					"for %d layers", a.Name, row.Model, len(row.Values),
					len(f.Layers))
			}
			expected := ""
			for n, l := range f.Layers {
				if row.Values[n] != "" {
					expected = row.Values[n]
				}
				found, err := f.fingerprintOf(a, row.Model, n)
				if err != nil {
					return passed, failed, err
				}
				if found == expected {
					passed++
					continue
				}
				failed++
				fmt.Printf("%s, %s, %s: %s, not %s\n", a.Name, row.Model,
					l.Name, found, expected)
			}
		}
	}
	return passed, failed, nil
}

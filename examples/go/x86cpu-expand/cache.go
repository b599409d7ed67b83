// SPDX-License-Identifier: CC0-1.0

// The text of a cache: SIZE, and then, each after a colon, its parts

package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Parts in the order of the canonical text
var (
	numberParts = []string{"line", "ways", "partitions", "sets", "tag-lines"}
	flagParts   = []string{"self-init", "no-invd-sharing", "inclusive",
		"complex-indexing"}
)

func parseDecimal(s string) (uint64, error) {
	if s == "" || len(s) > 1 && s[0] == '0' ||
		strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a decimal number", s)
	}
	return strconv.ParseUint(s, 10, 64)
}

func parseSize(s string) (uint64, error) {
	unit := uint64(1)
	switch {
	case strings.HasSuffix(s, "K"):
		unit = 1 << 10
	case strings.HasSuffix(s, "M"):
		unit = 1 << 20
	}
	if unit > 1 {
		s = s[:len(s)-1]
	}
	n, err := parseDecimal(s)
	if err != nil || n == 0 || n > math.MaxUint32/unit {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return n * unit, nil
}

// unitOf returns what sizes of a cache are multiples of, and the largest size.
func unitOf(name string) (unit, most uint64) {
	switch name {
	case "l2-cache-info":
		return 1 << 10, 0xffff << 10
	case "l3-cache-info":
		return 512 << 10, math.MaxUint32
	}
	return 1 << 10, 0xff << 10
}

func (f *file) checkNumber(name, part string, n uint64) error {
	most := uint64(255)
	shared := name == "l2-cache-info" || name == "l3-cache-info"
	least := uint64(1)
	switch part {
	case "ways":
		most = 254
		if shared && !f.isFrom(11, 1) {
			switch n {
			case 1, 2, 4, 8, 16, 32, 48, 64, 96, 128:
			default:
				return fmt.Errorf("%d ways cannot be shown", n)
			}
		}
	case "sets":
		most = math.MaxUint32
	case "tag-lines":
		if shared {
			most = 15
		}
		if f.isFrom(11, 1) {
			least = 0
		}
	}
	if n < least || n > most {
		return fmt.Errorf("%s=%d is not from %d to %d", part, n, least, most)
	}
	return nil
}

// parseCache returns the canonical text of a cache.
func (f *file) parseCache(name, s string) (string, error) {
	fields := strings.Split(s, ":")
	size, err := parseSize(fields[0])
	if err != nil {
		return "", err
	}
	unit, most := unitOf(name)
	if size%unit != 0 || size > most {
		return "", fmt.Errorf("size %d is not a multiple of %d up to %d", size,
			unit, most)
	}
	seen := map[string]string{}
	for _, field := range fields[1:] {
		key, value, given := strings.Cut(field, "=")
		if _, twice := seen[key]; twice {
			return "", fmt.Errorf("%q is there twice", key)
		}
		if !contains(append(append([]string{"share"}, numberParts...),
			flagParts...), key) {
			return "", fmt.Errorf("%q is unknown", key)
		}
		if given == contains(flagParts, key) {
			return "", fmt.Errorf("%q is not KEY=VALUE or FLAG", field)
		}
		seen[key] = value
	}
	for _, part := range []string{"partitions", "tag-lines"} {
		if _, given := seen[part]; !given {
			seen[part] = "1"
		}
	}
	return f.formatCache(name, size, seen)
}

func (f *file) formatCache(name string, size uint64,
	seen map[string]string) (string, error) {
	canonical := strconv.FormatUint(size, 10)
	product, ways, sets := 1.0, uint64(0), uint64(0)
	for _, part := range numberParts {
		n, err := parseDecimal(seen[part])
		if err != nil {
			return "", fmt.Errorf("%s: %v", part, err)
		}
		if err := f.checkNumber(name, part, n); err != nil {
			return "", err
		}
		switch part {
		case "ways":
			ways = n
		case "sets":
			sets = n
		}
		if part != "tag-lines" {
			product *= float64(n)
		}
		canonical += ":" + part + "=" + strconv.FormatUint(n, 10)
	}
	if !contains([]string{"core", "module", "die", "socket"}, seen["share"]) {
		return "", fmt.Errorf("share=%q is unknown", seen["share"])
	}
	// Products are exact up to 2^53, and none of a size is larger.
	if product != float64(size) {
		return "", errors.New("the size is not line x ways x partitions x sets")
	}
	if ways >= sets {
		return "", fmt.Errorf("%d ways are not fewer than %d sets", ways, sets)
	}
	canonical += ":share=" + seen["share"]
	for _, flag := range flagParts {
		if _, given := seen[flag]; given {
			canonical += ":" + flag
		}
	}
	return canonical, nil
}

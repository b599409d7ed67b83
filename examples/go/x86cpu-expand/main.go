// SPDX-License-Identifier: CC0-1.0

// x86cpu-expand answers what a CPU of QEMU is, from qemu-cpu-models.json alone.
//
// It is an example for those who write a reader of their own: the standard
// library is all that it needs, and docs/models-file.rst all that it follows.
//
//	x86cpu-expand qemu-cpu-models.json <requests.jsonl >answers.jsonl
//	x86cpu-expand -fingerprints qemu-cpu-models.json
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// Statuses of answers
const (
	done    = 0
	refused = 2
	unknown = 3
)

// errUnknown: what the request leaves out is needed.
var errUnknown = errors.New("this depends on the host: give phys-bits and " +
	"guest-phys-bits")

type request struct {
	ID            json.RawMessage `json:"id"`
	Verb          string          `json:"verb"`
	CPU           string          `json:"cpu"`
	Machine       string          `json:"machine"`
	Accel         string          `json:"accel"`
	Irqchip       *string         `json:"irqchip"`
	Vendor        string          `json:"vendor"`
	PhysBits      *uint8          `json:"phys-bits"`
	GuestPhysBits *uint8          `json:"guest-phys-bits"`
}

type modelAnswer struct {
	Name  string          `json:"name"`
	Props json.RawMessage `json:"props"`
}

type errorAnswer struct {
	Text string `json:"text"`
}

type answer struct {
	ID            json.RawMessage `json:"id"`
	FormatVersion int             `json:"format-version"`
	Status        int             `json:"status"`
	Verb          string          `json:"verb,omitempty"`
	Model         *modelAnswer    `json:"model,omitempty"`
	Error         *errorAnswer    `json:"error,omitempty"`
}

func (f *file) findAccelerator(name string) (*accelerator, error) {
	for i := range f.Accelerators {
		if f.Accelerators[i].Name == name {
			return &f.Accelerators[i], nil
		}
	}
	return nil, fmt.Errorf("there is no accelerator %q", name)
}

// needsHost says whether what the request lacks makes a difference.
func (f *file) needsHost(c *cpu, r *request) bool {
	if !f.has(c, "lm") {
		return false
	}
	if r.PhysBits == nil && c.is("host-phys-bits") {
		return true
	}
	return r.GuestPhysBits == nil &&
		c.values["guest-phys-bits"].number == automatic
}

// answerExpand returns the static expansion that a request asks for.
func (f *file) answerExpand(r *request) (*modelAnswer, error) {
	o := f.parseOption(r.CPU)
	number, ok := f.layers[r.Machine]
	if !ok {
		return nil, fmt.Errorf("there is no machine type %q", r.Machine)
	}
	a, err := f.findAccelerator(r.Accel)
	if err != nil {
		return nil, err
	}
	irqchip := "on"
	if r.Irqchip != nil {
		irqchip = *r.Irqchip
	}
	if !contains([]string{"on", "split", "off"}, irqchip) {
		return nil, fmt.Errorf("irqchip %q is not 'on', 'split' or 'off'",
			irqchip)
	}
	if r.Vendor != "" && len(r.Vendor) != 12 {
		return nil, fmt.Errorf("vendor %q has not 12 characters", r.Vendor)
	}
	c, err := f.requested(o.model, number)
	if err != nil {
		return nil, err
	}
	if _, err := f.accelerate(&c, a, o.model, f.Layers[number], irqchip,
		r.Vendor); err != nil {
		return nil, err
	}
	if err := f.setUser(&c, o); err != nil {
		return nil, err
	}
	kvm := a.Name == "kvm"
	if kvm && f.needsHost(&c, r) {
		return nil, errUnknown
	}
	h := host{}
	if r.PhysBits != nil {
		h.physBits = uint64(*r.PhysBits)
	}
	if r.GuestPhysBits != nil {
		h.guestPhysBits = uint64(*r.GuestPhysBits)
	}
	f.expand(&c, kvm, h)
	return &modelAnswer{base, f.props(&c)}, nil
}

func (f *file) answer(line []byte) answer {
	var r request
	a := answer{FormatVersion: formatVersion}
	err := json.Unmarshal(line, &r)
	// A number of another type still leaves an id.
	a.ID = r.ID
	if a.ID == nil {
		a.ID = json.RawMessage("null")
	}
	if err == nil {
		a.Verb = r.Verb
		if r.Verb == "expand" {
			a.Model, err = f.answerExpand(&r)
		} else {
			err = fmt.Errorf("verb %q is unknown: use expand", r.Verb)
		}
	}
	if err != nil {
		a.Status = refused
		if err == errUnknown {
			a.Status = unknown
		}
		a.Error = &errorAnswer{err.Error()}
	}
	return a
}

func (f *file) answerAll() error {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			if err := encoder.Encode(f.answer(line)); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return err
		}
	}
}

// leaveOut makes the evaluator wrong, so that a suite can show that it notices.
func (f *file) leaveOut(names string) error {
	f.without = map[string]bool{}
	for _, name := range strings.Fields(names) {
		if !contains(rules, name) {
			return fmt.Errorf("there is no rule %q; -rules lists them", name)
		}
		f.without[name] = true
	}
	return nil
}

func run() (int, error) {
	check := flag.Bool("fingerprints", false,
		"check all fingerprints of the file")
	list := flag.Bool("rules", false, "list the rules that -without takes")
	without := flag.String("without", "",
		"leave `RULES` out, to test a suite of cases")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(),
			"usage: x86cpu-expand [options] qemu-cpu-models.json")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *list {
		fmt.Println(strings.Join(rules, "\n"))
		return 0, nil
	}
	if flag.NArg() != 1 {
		flag.Usage()
		return 2, nil
	}
	f, err := readFile(flag.Arg(0))
	if err != nil {
		return 2, err
	}
	if err := f.leaveOut(*without); err != nil {
		return 2, err
	}
	if !*check {
		if err := f.answerAll(); err != nil {
			return 2, err
		}
		return 0, nil
	}
	passed, failed, err := f.checkFingerprints()
	if err != nil {
		return 2, err
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		return 1, nil
	}
	return 0, nil
}

func main() {
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "x86cpu-expand: "+err.Error())
	}
	os.Exit(status)
}

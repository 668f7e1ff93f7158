package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/config"
)

// layerFlags are the flags by which a command is configured.
type layerFlags struct {
	only   []string // the shortcuts that the command has; empty for all
	plain  bool     // no preset applies where none is named
	file   string
	set    []string
	addReg string
}

// shortcut is a flag that stands for a key of the configuration.
type shortcut struct {
	flag, key string
	value     keyFlag // its kind and placeholder
	usage     string
	// standard is the effective default: "" for that of the configuration, "preset" for the same or the preset's, else a text.
	standard string
}

// keyFlag is the value of a shortcut, kept as text until the layers are made.
type keyFlag struct{ kind, placeholder, text string }

// Set checks the text against the flag's kind.
func (k *keyFlag) Set(s string) error {
	if k.text = s; k.typed() == nil {
		return fmt.Errorf("wants a %s", k.kind)
	}
	return nil
}

// String is the text.
func (k *keyFlag) String() string { return k.text }

// Type is the placeholder in --help; "bool" has none.
func (k *keyFlag) Type() string { return k.placeholder }

// typed is the value in the type of its kind; nil where the text has none.
func (k *keyFlag) typed() any {
	var v any = k.text
	var err error
	switch k.kind {
	case wholeNumber:
		v, err = strconv.Atoi(k.text)
	case realNumber:
		v, err = strconv.ParseFloat(k.text, 64)
	case truth:
		v, err = strconv.ParseBool(k.text)
	}
	if err != nil {
		return nil
	}
	return v
}

// The kinds of flags, as in "wants a ...".
const (
	someText    = "text"
	wholeNumber = "whole number"
	realNumber  = "number"
	truth       = "truth value (true or false)"
)

func shortcuts() []shortcut {
	name, count := keyFlag{kind: someText, placeholder: "NAME"}, keyFlag{kind: wholeNumber, placeholder: "N"}
	folder, rate, sw := keyFlag{kind: someText, placeholder: "FOLDER"}, keyFlag{kind: realNumber, placeholder: "X"}, keyFlag{kind: truth, placeholder: "bool"}
	return []shortcut{
		{"method", "method", name, "method to train: a shipped one or an installed plugin; sslctl method list shows them", "required"},
		{"preset", "preset", name, "named settings of the method; sslctl method describe NAME shows them", "the method's first"},
		{"data", "data.name", name, "data set of sslctl data list, a folder of images, or a pack of them", "required"},
		{"data-dir", "data.dir", folder, "folder that holds the data set's files", "where data fetch puts them"},
		{"on-corrupt", "data.on_corrupt", keyFlag{kind: someText, placeholder: "ACTION"}, "what to do with an image that cannot be decoded: fail or skip", ""},
		{"backbone", "backbone.name", name, "network: resnet-tiny, resnet10, resnet18, resnet34, resnet50, mlp or an installed plugin; sslctl backbone list shows them", "preset"},
		{"epochs", "train.epochs", count, "passes over the data", "preset"},
		{"steps", "train.steps", count, "optimiser steps, in place of epochs", "as many as the epochs have"},
		{"batch", "train.batch", count, "images in a step", "preset"},
		{"lr", "optimizer.lr", rate, "learning rate at its peak", "preset"},
		{"optimizer", "optimizer.name", name, "sgd, lars or adamw", "preset"},
		{"precision", "train.precision", name, "of training: fp32; bf16 stores activations in half the memory; tf32 lets a GPU round what it multiplies; auto takes bf16 on GPUs of compute capability 8.0 and more, else fp32", ""},
		{"seed", "train.seed", count, "seed of every random draw", ""},
		{"device", "device", name, "cpu, cuda (or cuda:1, ...), auto, or tapemachine (Gorgonia's VM: slow, the oracle); sslctl device lists them", ""},
		{"threads", "threads", count, "threads of the CPU kernels", "one a core"},
		{"cpu-isa", "cpu_isa", name, "instruction set of the CPU kernels: auto, avx512-bf16, avx512, avx2, generic", ""},
		{"stop-on-collapse", "collapse.stop", sw, "end the run when the embeddings have collapsed", ""},
	}
}

// shortcuts are those that the command has.
func (l *layerFlags) shortcuts() []shortcut {
	return slices.DeleteFunc(shortcuts(), func(s shortcut) bool { return len(l.only) > 0 && !slices.Contains(l.only, s.flag) })
}

func (l *layerFlags) register(a *app, c *cobra.Command) {
	f := c.Flags()
	for _, s := range l.shortcuts() {
		value := s.value
		if l.plain && s.flag == "preset" {
			s.standard = "none: the method's own hyper-parameters"
		}
		flag := f.VarPF(&value, s.flag, "", fmt.Sprintf("%s (default %s)", s.usage, s.effective()))
		if s.standard == "required" {
			flag.Usage = s.usage + " (required)"
		}
		if value.kind == truth {
			flag.NoOptDefVal = "true"
		}
	}
	f.StringVar(&l.file, "config", "", "configuration in a YAML `FILE`, such as a run's config.yaml")
	f.StringArrayVar(&l.set, "set", nil, "`KEY=VALUE`: any key of the configuration, or a hyper-parameter of the method (repeatable)")
	f.StringVar(&l.addReg, "add-reg", "", "`REGULARISERS` to add: var,cov or var=1,cov=0.01")
	a.completeLayers(c)
}

// effective is the default as --help shows it.
func (s shortcut) effective() string {
	if s.standard != "" && s.standard != "preset" {
		return s.standard
	}
	keys := config.Keys()
	text := keys[slices.IndexFunc(keys, func(k config.Key) bool { return k.Name == s.key })].Default
	if s.standard == "preset" {
		text += ", or the preset's"
	}
	return text
}

// given is the first of the flags of configuration, or of others, that the user gave; "" for none.
func (l *layerFlags) given(c *cobra.Command, others ...string) string {
	names := append([]string{"config", "set", "add-reg"}, others...)
	for _, s := range l.shortcuts() {
		names = append(names, s.flag)
	}
	i := slices.IndexFunc(names, c.Flags().Changed)
	if i < 0 {
		return ""
	}
	return names[i]
}

// layers are what the command line, the environment and the file say. Flags that were not given say nothing.
func (l *layerFlags) layers(c *cobra.Command, env []string) (config.Layers, error) {
	flags := map[string]any{}
	for _, s := range l.shortcuts() {
		if f := c.Flags().Lookup(s.flag); f.Changed {
			flags[s.key] = f.Value.(*keyFlag).typed()
		}
	}
	if l.addReg != "" {
		regs, err := config.ParseRegs(l.addReg)
		if err != nil {
			return config.Layers{}, err
		}
		maps.Copy(flags, regs)
	}
	return config.Layers{File: l.file, Env: env, Flags: flags, Set: l.set}, nil
}

package main

import (
	"maps"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sslctl/sslctl/core/config"
)

// layerFlags are the flags by which a command is configured.
type layerFlags struct {
	file   string
	set    []string
	addReg string
}

// shortcuts are flags that stand for a key of the configuration.
var shortcuts = []struct{ flag, key, kind, usage string }{
	{"method", "method", "string", "method to train: a shipped one or an installed plugin"},
	{"preset", "preset", "string", "named settings of the method; sslctl method describe NAME shows them"},
	{"data", "data.name", "string", "data set: fashion-mnist, mnist, cifar10, cifar100 or a folder of images"},
	{"data-dir", "data.dir", "string", "folder that holds the data set's files"},
	{"backbone", "backbone.name", "string", "network: resnet-tiny, resnet10, resnet18, resnet34, resnet50, mlp"},
	{"epochs", "train.epochs", "int", "passes over the data"},
	{"steps", "train.steps", "int", "optimiser steps, in place of epochs"},
	{"batch", "train.batch", "int", "images in a step"},
	{"lr", "optimizer.lr", "float", "learning rate at its peak"},
	{"optimizer", "optimizer.name", "string", "sgd, lars or adamw"},
	{"seed", "train.seed", "int", "seed of every random draw"},
	{"device", "device", "string", "cpu, or tapemachine (Gorgonia's VM: slow, the oracle)"},
	{"threads", "threads", "int", "threads of the CPU kernels (default one a core)"},
	{"cpu-isa", "cpu_isa", "string", "force an instruction set of the CPU kernels"},
	{"stop-on-collapse", "collapse.stop", "bool", "end the run when the embeddings have collapsed"},
}

func (l *layerFlags) register(c *cobra.Command) {
	f := c.Flags()
	for _, s := range shortcuts {
		switch s.kind {
		case "string":
			f.String(s.flag, "", s.usage)
		case "int":
			f.Int(s.flag, 0, s.usage)
		case "float":
			f.Float64(s.flag, 0, s.usage)
		case "bool":
			f.Bool(s.flag, false, s.usage)
		}
	}
	f.StringVar(&l.file, "config", "", "configuration in YAML, such as a run's config.yaml")
	f.StringArrayVar(&l.set, "set", nil, "KEY=VALUE: any key of the configuration, or a hyper-parameter of the method (repeatable)")
	f.StringVar(&l.addReg, "add-reg", "", "regularisers to add: var,cov or var=1,cov=0.01")
}

// layers are what the command line, the environment and the file say. Flags that were not given say nothing.
func (l *layerFlags) layers(c *cobra.Command, env []string) (config.Layers, error) {
	flags := map[string]any{}
	for _, s := range shortcuts {
		if f := c.Flags().Lookup(s.flag); f.Changed {
			flags[s.key] = typed(c.Flags(), s.flag, s.kind)
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

// typed is the value of a flag that register made.
func typed(f *pflag.FlagSet, name, kind string) any {
	switch kind {
	case "int":
		v, _ := f.GetInt(name)
		return v
	case "float":
		v, _ := f.GetFloat64(name)
		return v
	case "bool":
		v, _ := f.GetBool(name)
		return v
	}
	v, _ := f.GetString(name)
	return v
}

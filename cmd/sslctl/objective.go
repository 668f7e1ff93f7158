package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/objective"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) objectiveCommand() *cobra.Command {
	l := layerFlags{only: []string{"preset", "device", "threads", "cpu-isa"}, plain: true}
	var in, out string
	c := &cobra.Command{
		Use:   "objective METHOD",
		Short: "Compute an objective on given embeddings: loss, terms and gradients",
		Long: "Reads embeddings of the views from a safetensors file (z0, z1 and, where the method has them, p0, p1, t0, t1, y0, y1; each\n" +
			"[n, d]), traces the method for their shapes and computes its objective as a training step does. Written are loss,\n" +
			"term.NAME (before its weight) and grad.INPUT for every input; zero where no gradient flows.\n" +
			"Hyper-parameters are the method's own unless --preset, --config or --set say otherwise. Use it to hold a method to another\n" +
			"implementation.",
		Example: "  sslctl objective vicreg --in z.safetensors\n" +
			"  sslctl objective vicreg --in z.safetensors --out grads.safetensors --set lambda=1 --set mu=0 --set nu=0\n" +
			"  sslctl objective byol --in zpt.safetensors --add-reg var=1,cov=0.01 --json\n" +
			"  sslctl objective mine --plugin-dir ./bin --in z.safetensors --device tapemachine",
		Args:              oneArg("a method, such as vicreg; sslctl method list shows them"),
		ValidArgsFunction: first(a.completeMethods),
		RunE: func(cmd *cobra.Command, args []string) error {
			layers, err := l.layers(cmd, a.env)
			if err != nil {
				return err
			}
			layers.Flags["method"] = args[0]
			return a.objective(cmd.Context(), layers, in, out)
		},
	}
	l.register(a, c)
	c.Flags().StringVar(&in, "in", "", "safetensors `FILE` with the embeddings (required)")
	c.Flags().StringVar(&out, "out", "", "safetensors `FILE` for loss, terms and gradients")
	return c
}

func (a *app) objective(ctx context.Context, l config.Layers, in, out string) error {
	if in == "" {
		return fault.New(fault.Usage, "name a safetensors file with the tensors z0 and z1 by --in", "no embeddings are given")
	}
	log := a.logger()
	s, closeSession := a.session(log)
	defer closeSession()
	resolved, err := s.ResolvePlain(ctx, l)
	if err != nil {
		return err
	}
	if err := onlyObjective(resolved); err != nil {
		return err
	}
	c := resolved.Config()
	c.Train.Precision = "fp32" // an objective by itself is no training
	c = (&chooser{log: log}).choose(c)
	inputs, err := objective.Read(in)
	if err != nil {
		return err
	}
	program, err := traceFor(ctx, s, c, inputs)
	if err != nil {
		return err
	}
	m, err := experiment.OpenMachine(c)
	if err != nil {
		return err
	}
	defer m.Close()
	disconnect, err := s.Connect(ctx, c, program, inputs.Shapes())
	if err != nil {
		return err
	}
	defer disconnect()
	result, err := objective.Evaluate(ctx, inputs, program.Method, program.Penalties(), m.Device)
	if err != nil {
		return err
	}
	if out != "" {
		if err := result.Write(out, objectiveMeta(c, program)); err != nil {
			return fault.New(fault.Data, "choose a folder that exists and can be written by --out", "write the result: %w", err)
		}
	}
	return a.showObjective(c, program, inputs, result, out)
}

// onlyObjective refuses keys that say nothing to an objective by itself, lest they be taken for heard.
func onlyObjective(r *config.Resolved) error {
	for _, e := range r.Explain() {
		section, _, _ := strings.Cut(e.Key, ".")
		if e.Origin.Layer == config.LayerSet && section != "params" && section != "reg" {
			return fault.New(fault.Usage, "set hyper-parameters of the method, or reg.*", "%s is of no use to an objective alone (from %s)", e.Key, e.Origin)
		}
	}
	return nil
}

// traceFor traces the method and the regularisers for the embeddings' shapes.
func traceFor(ctx context.Context, s *session.Session, c config.Config, in objective.Inputs) (*session.Program, error) {
	if len(c.Reg.Terms) > 0 && !in.Has(c.Reg.On) {
		return nil, fault.New(fault.Data, "add them to the file, or choose reg.on=z", "the regularisers act on %s0, which is missing", c.Reg.On)
	}
	ref, err := s.Host.Find(wire.Method, c.Method)
	if err != nil {
		return nil, err
	}
	p := &session.Program{}
	if p.Method, p.Plugin, err = s.Host.Trace(ctx, ref, c.Params, in.Shapes()); err != nil {
		return nil, err
	}
	return p, s.Regularise(ctx, c.Reg, p, in.Shapes())
}

func objectiveMeta(c config.Config, p *session.Program) map[string]string {
	meta := map[string]string{"method": c.Method, "version": p.Plugin.Version, "device": c.Device}
	for name, v := range c.Params {
		meta["params."+name] = fmt.Sprint(v)
	}
	for name, t := range c.Reg.Terms {
		meta["reg."+name] = fmt.Sprint(t.Weight)
	}
	return meta
}

// objectiveJSON is the result for programs.
type objectiveJSON struct {
	Method    string         `json:"method"`
	Version   string         `json:"version"`
	Device    string         `json:"device"`
	Batch     int            `json:"batch"`
	Views     int            `json:"views"`
	Embedding int            `json:"embedding"`
	Loss      float32        `json:"loss"`
	Terms     []termJSON     `json:"terms"`
	Gradients []gradientJSON `json:"gradients"`
	Out       string         `json:"out,omitempty"`
}

type termJSON struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
	Value  float32 `json:"value"`
}

type gradientJSON struct {
	Input string  `json:"input"`
	Shape []int   `json:"shape"`
	Norm  float64 `json:"norm"`
}

func (a *app) showObjective(c config.Config, p *session.Program, in objective.Inputs, r objective.Result, out string) error {
	j := objectiveJSON{Method: c.Method, Version: p.Plugin.Version, Device: c.Device, Batch: in.Batch, Views: in.Views,
		Embedding: in.Embedding, Loss: r.Loss, Terms: []termJSON{}, Out: out}
	for _, t := range r.Terms {
		j.Terms = append(j.Terms, termJSON(t))
	}
	for _, g := range r.Gradients {
		j.Gradients = append(j.Gradients, gradientJSON{g.Input, g.Shape, g.Norm()})
	}
	if a.json {
		return a.printJSON(j)
	}
	return j.print(a.stdout)
}

// print writes the sum and its parts, and the gradients' lengths.
func (j objectiveJSON) print(w io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s on %d views of %d × %d, %s\n\n", j.Method, j.Version, j.Views, j.Batch, j.Embedding, j.Device)
	t := newTable("term", "weight", "value", "weight × value")
	for _, term := range j.Terms {
		t.AppendRow(table.Row{term.Name, number(term.Weight), number(term.Value), number(term.Weight * float64(term.Value))})
	}
	t.AppendFooter(table.Row{"loss", "", "", number(j.Loss)})
	s.WriteString(render(t))
	t = newTable("gradient of", "shape", "norm")
	for _, g := range j.Gradients {
		t.AppendRow(table.Row{g.Input, fmt.Sprintf("%d × %d", g.Shape[0], g.Shape[1]), number(g.Norm)})
	}
	s.WriteString("\n" + render(t))
	if j.Out != "" {
		fmt.Fprintf(&s, "\nwritten to %s\n", j.Out)
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// number is a figure with seven digits, which is what float32 holds.
func number[T float32 | float64](v T) string { return fmt.Sprintf("%.7g", float64(v)) }

package compare

import (
	"embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/report"
)

//go:embed page.tmpl
var pageFile embed.FS

// The formats of a report.
const (
	Terminal = "terminal"
	CSV      = "csv" // a line for each figure
	Markdown = "markdown"
	HTML     = "html"
	JSON     = "json"
)

// Formats lists them.
func Formats() []string { return []string{Terminal, CSV, Markdown, HTML, JSON} }

// FormatOf is the format that a file's extension asks for.
func FormatOf(path string) (string, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return CSV, nil
	case ".md", ".markdown":
		return Markdown, nil
	case ".html", ".htm":
		return HTML, nil
	case ".json":
		return JSON, nil
	case ".txt":
		return Terminal, nil
	}
	return "", fault.New(fault.Usage, "name a file that ends in .csv, .md, .html, .json or .txt", "no format for %s", path)
}

// CheckFormat refuses a format that there is not.
func CheckFormat(format string) error {
	if slices.Contains(Formats(), format) {
		return nil
	}
	return fault.New(fault.Usage, "choose one of "+strings.Join(Formats(), ", "), "there is no format %q", format)
}

// Write prints the report.
func (r Report) Write(w io.Writer, format string) error {
	switch format {
	case Terminal:
		return r.terminal(w)
	case CSV:
		return r.csv(w)
	case Markdown:
		return r.markdown(w)
	case HTML:
		return r.html(w)
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return CheckFormat(format)
}

func (r Report) terminal(w io.Writer) error {
	d := r.document()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", d.Title, facts(d.Facts))
	for _, g := range d.Tables {
		fmt.Fprintf(&b, "\n%s\n\n%s", g.Caption, g.plain())
	}
	if len(d.Notes) > 0 {
		b.WriteString("\n")
	}
	for _, n := range d.Notes {
		for line := range strings.Lines(text.WrapSoft(n, 110)) {
			b.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// plain is the table with a rule below its head.
func (g grid) plain() string {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "  ", ""
	t.SetStyle(style)
	row, columns := make(table.Row, len(g.Head)), make([]table.ColumnConfig, len(g.Head))
	for i, h := range g.Head {
		row[i] = h.Text
		columns[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight}
		if h.Words {
			columns[i].Align, columns[i].AlignHeader = text.AlignLeft, text.AlignLeft
		}
	}
	t.AppendHeader(row)
	t.SetColumnConfigs(columns)
	for _, cells := range g.Rows {
		row := make(table.Row, len(cells))
		for i, c := range cells {
			row[i] = c.String()
		}
		t.AppendRow(row)
	}
	var b strings.Builder
	for line := range strings.Lines(t.Render() + "\n") {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func facts(list []Setting) string {
	parts := make([]string, len(list))
	for i, f := range list {
		parts[i] = f.Key + " " + f.Value
	}
	return strings.Join(parts, " · ")
}

func (r Report) markdown(w io.Writer) error {
	d := r.document()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n", d.Title, facts(d.Facts))
	if d.Source != "" {
		fmt.Fprintf(&b, "\nPaper: %s.\n", d.Source)
	}
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, g := range d.Tables {
		fmt.Fprintf(&b, "\n%s\n\n|", g.Caption)
		rule := "|"
		for _, h := range g.Head {
			fmt.Fprintf(&b, " %s |", escape.Replace(h.Text))
			if rule += " ---"; !h.Words {
				rule += ":"
			}
			rule += " |"
		}
		fmt.Fprintf(&b, "\n%s\n", rule)
		for _, cells := range g.Rows {
			b.WriteString("|")
			for _, c := range cells {
				fmt.Fprintf(&b, " %s |", escape.Replace(c.String()))
			}
			b.WriteString("\n")
		}
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	fmt.Fprintf(&b, "\n```sh\n%s\n```\n", d.Command)
	_, err := io.WriteString(w, b.String())
	return err
}

// html is one page that needs no network.
func (r Report) html(w io.Writer) error {
	style, err := report.Style()
	if err != nil {
		return err
	}
	t, err := template.ParseFS(pageFile, "page.tmpl")
	if err != nil {
		return fmt.Errorf("parse page of studies: %w", err)
	}
	if err := t.Execute(w, struct {
		document
		Style template.CSS
	}{r.document(), style}); err != nil {
		return fmt.Errorf("render page of studies: %w", err)
	}
	return nil
}

// csv has a line for each figure of each cell: shares in 0 to 1, and the counts of verdicts. A cell whose runs all diverged
// has one line without a figure.
func (r Report) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	lines := [][]string{append(append([]string{}, r.Axes...), "column", "probe", "features", "seeds", "mean", "sd", "low", "high", "runs", "collapsed", "paper")}
	for _, row := range r.Rows {
		for i, e := range row.Entries {
			column := ""
			if r.Columns != nil {
				column = r.Columns[i]
			}
			figures := e.Figures
			if len(figures) == 0 {
				figures = []Figure{{}}
			}
			for _, f := range figures {
				lines = append(lines, append(append([]string{}, row.Labels...), e.csvLine(column, f)...))
			}
		}
	}
	if err := c.WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func (e Entry) csvLine(column string, f Figure) []string {
	number := func(v float64, known bool) string {
		if !known {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	}
	paper := ""
	if e.Paper != nil {
		paper = e.Paper.String()
	}
	return []string{column, f.Probe, f.Features, strconv.Itoa(f.N), number(f.Mean, f.N > 0), number(f.SD, f.Known()),
		number(f.Low(), f.Known()), number(f.High(), f.Known()), strconv.Itoa(e.Runs), strconv.Itoa(e.Collapsed), paper}
}

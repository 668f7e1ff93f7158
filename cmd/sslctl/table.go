package main

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable is the look of every table: a rule below the header, nothing else. All columns but the first are right-aligned
// unless left says otherwise.
func newTable(header ...string) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true, SeparateFooter: true}
	style.Format = table.FormatOptions{Header: text.FormatDefault, Footer: text.FormatDefault, Row: text.FormatDefault}
	style.Box.PaddingLeft, style.Box.PaddingRight = "  ", ""
	t.SetStyle(style)
	row := make(table.Row, len(header))
	columns := make([]table.ColumnConfig, len(header))
	for i, h := range header {
		row[i] = h
		columns[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight}
	}
	columns[0].Align, columns[0].AlignHeader, columns[0].AlignFooter = text.AlignLeft, text.AlignLeft, text.AlignLeft
	t.AppendHeader(row)
	t.SetColumnConfigs(columns)
	return t
}

// left aligns all columns to the left, for tables of words.
func left(t table.Writer, columns int) table.Writer {
	all := make([]table.ColumnConfig, columns)
	for i := range all {
		all[i] = table.ColumnConfig{Number: i + 1, Align: text.AlignLeft, AlignHeader: text.AlignLeft}
	}
	t.SetColumnConfigs(all)
	return t
}

// render is the table's text without spaces at line ends.
func render(t table.Writer) string {
	var s strings.Builder
	for line := range strings.Lines(t.Render() + "\n") {
		s.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return s.String()
}

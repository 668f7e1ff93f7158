package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"github.com/sourcegraph/conc/pool"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/train"
)

func (a *app) dataInfoCommand() *cobra.Command {
	var dir string
	var fast bool
	c := &cobra.Command{
		Use:   "info NAME|FOLDER",
		Short: "Show what is in a data set, and which of its files are corrupt",
		Long: "Reads a data set as run does and shows images and classes, size, mean and standard deviation of the pixels, digest and\n" +
			"place. Every image is decoded, and files that cannot be are named; --fast leaves that out.",
		Example:           "  sslctl data info fashion-mnist\n  sslctl data info ./photos\n  sslctl data info ./photos --fast --json",
		Args:              oneArg("a data set of sslctl data list, or a folder of images"),
		ValidArgsFunction: first(completeData),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.inspect(cmd.Context(), args[0], dir, fast) },
	}
	dataDirFlag(c, &dir)
	c.Flags().BoolVar(&fast, "fast", false, "do not decode the images")
	return c
}

// inspectionJSON is a data set with what reading all of it showed.
type inspectionJSON struct {
	datasetJSON
	Labelled bool     `json:"labelled"`
	PerClass []int    `json:"train_per_class"`
	Measured *moments `json:"measured,omitempty"` // over the training images that could be decoded; absent with --fast
	Corrupt  []string `json:"corrupt"`            // what is wrong with each file that cannot be decoded
}

func (a *app) inspect(ctx context.Context, name, dir string, fast bool) error {
	splits, err := data.Open(ctx, data.Options{Name: name, Dir: dir, OnCorrupt: data.FailOnCorrupt, ShortSide: -1, CacheBytes: -1})
	if err != nil {
		return err
	}
	j := inspectionJSON{datasetJSON: forJSON(splits.Info), Labelled: len(splits.Train.Classes()) > 0, Corrupt: []string{}}
	j.PerClass = make([]int, len(j.Classes))
	for i := range splits.Train.Len() {
		if l := splits.Train.Label(i); l >= 0 {
			j.PerClass[l]++
		}
	}
	if !fast {
		p := a.progress()
		err = j.decodeAll(ctx, splits, p.observe)
		p.close(err)
		if err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(j)
	}
	return a.print(j.text())
}

// decodeAll reads every image, gathers the moments of the training images and what cannot be decoded.
func (j *inspectionJSON) decodeAll(ctx context.Context, s *data.Splits, observe func(train.Event)) error {
	total := s.Train.Len() + s.Test.Len()
	read := func(ds data.Dataset, before int) (sums, error) {
		return scan(ctx, ds, func(done int) {
			observe(train.PhaseEvent{Name: "reading images", Done: before + done, Total: total})
		})
	}
	t, err := read(s.Train, 0)
	if err != nil {
		return err
	}
	u, err := read(s.Test, s.Train.Len())
	if err != nil {
		return err
	}
	j.Corrupt = append(append(j.Corrupt, t.corrupt...), u.corrupt...)
	j.Measured = t.moments(s.Info.Channels)
	return nil
}

// sums are exact, so that the order of reading does not matter.
type sums struct {
	images, pixels uint64
	sum, squares   [3]uint64 // of each channel
	corrupt        []string
}

// moments are those of the pixels as shares of 255.
type moments struct {
	Images uint64    `json:"images"`
	Mean   []float64 `json:"mean"`
	Std    []float64 `json:"std"`
}

// scanBlock is the number of images that a task reads.
const scanBlock = 64

// scan reads a data set on all cores. tell hears of progress from one goroutine at a time.
func scan(ctx context.Context, ds data.Dataset, tell func(done int)) (sums, error) {
	blocks := make([]sums, (ds.Len()+scanBlock-1)/scanBlock)
	var mu sync.Mutex
	done := 0
	tasks := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for b := range blocks {
		tasks.Go(func(ctx context.Context) error {
			for i := b * scanBlock; i < min((b+1)*scanBlock, ds.Len()); i++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				blocks[b].add(ds, i)
			}
			mu.Lock()
			defer mu.Unlock()
			done += min((b+1)*scanBlock, ds.Len()) - b*scanBlock
			tell(done)
			return nil
		})
	}
	if err := tasks.Wait(); err != nil {
		return sums{}, err
	}
	var all sums
	for _, b := range blocks {
		all.merge(b)
	}
	return all, nil
}

// add reads one image; an error, which names the file, makes it a corrupt one.
func (s *sums) add(ds data.Dataset, i int) {
	img, err := ds.Image(i)
	if err != nil {
		s.corrupt = append(s.corrupt, oneLine(err.Error()))
		return
	}
	s.images++
	s.pixels += uint64(img.H * img.W)
	for at, v := range img.Pix {
		c := at % img.C
		s.sum[c] += uint64(v)
		s.squares[c] += uint64(v) * uint64(v)
	}
}

func (s *sums) merge(b sums) {
	s.images += b.images
	s.pixels += b.pixels
	for c := range s.sum {
		s.sum[c] += b.sum[c]
		s.squares[c] += b.squares[c]
	}
	s.corrupt = append(s.corrupt, b.corrupt...)
}

func (s *sums) moments(channels int) *moments {
	m := &moments{Images: s.images, Mean: []float64{}, Std: []float64{}}
	if s.pixels == 0 {
		return m
	}
	for c := range channels {
		mean := float64(s.sum[c]) / float64(s.pixels)
		variance := float64(s.squares[c])/float64(s.pixels) - mean*mean
		m.Mean = append(m.Mean, mean/255)
		m.Std = append(m.Std, math.Sqrt(max(variance, 0))/255)
	}
	return m
}

// mostNamed bounds the corrupt files and classes that the text names; --json names all.
const mostNamed = 20

func (j *inspectionJSON) text() string {
	var s strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&s, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&s, "%s\n", j.Title)
	line("where", "%s", j.Dir)
	line("images", "%d for training, %d for testing", j.Train, j.Test)
	if j.Labelled {
		line("classes", "%d: %s", len(j.Classes), some(j.classWords(), mostNamed))
	} else {
		line("classes", "none: representations can be trained, but not probed")
	}
	line("size", "%d × %d pixels, %s", j.Size, j.Size, map[int]string{1: "gray", 3: "colour"}[j.Channels])
	if m := j.Measured; m != nil && len(m.Mean) > 0 {
		line("mean", "%s", figures(m.Mean))
		line("std", "%s", figures(m.Std))
	}
	official := ""
	if j.Official {
		official = " (as published)"
	}
	line("digest", "%s%s", j.Digest, official)
	switch {
	case j.Measured == nil:
		line("corrupt", "not looked for (--fast)")
	case len(j.Corrupt) == 0:
		line("corrupt", "none")
	default:
		line("corrupt", "%d files; --on-corrupt skip trains without them", len(j.Corrupt))
		for _, c := range j.Corrupt[:min(len(j.Corrupt), mostNamed)] {
			line("", "%s", c)
		}
		if more := len(j.Corrupt) - mostNamed; more > 0 {
			line("", "and %d more", more)
		}
	}
	return s.String()
}

// classWords lists classes with their numbers of training images.
func (j *inspectionJSON) classWords() []string {
	words := make([]string, len(j.Classes))
	for i, c := range j.Classes {
		words[i] = fmt.Sprintf("%s %d", c, j.PerClass[i])
	}
	return words
}

func figures(v []float64) string {
	parts := make([]string, len(v))
	for i, x := range v {
		parts[i] = fmt.Sprintf("%.4f", x)
	}
	return strings.Join(parts, " ")
}

package run

// ResultSchema is the version of result.json. It grows when a field changes its meaning or goes.
const ResultSchema = 1

// Features that a probe was given. The baselines say what the training added: an untrained network of the same
// shape, and the raw pixels.
const (
	Trained   = "trained"
	Untrained = "untrained"
	Pixels    = "pixels"
)

// Probes.
const (
	Linear    = "linear"     // logistic regression on all labels
	KNN       = "knn"        // weighted k nearest neighbours on all labels
	FewLabels = "few_labels" // logistic regression on 1 % of the labels
	Online    = "online"     // linear classifier trained beside the method, on the augmented views
)

// Result is result.json: the figures of a finished run.
type Result struct {
	SchemaVersion int               `json:"schema_version"`
	Method        string            `json:"method"`
	Dataset       string            `json:"dataset"`
	Seed          uint64            `json:"seed"`
	Steps         int               `json:"steps"`
	Epochs        Number            `json:"epochs"`
	Parameters    int               `json:"parameters"` // trained ones
	Probes        []ProbeResult     `json:"probes"`
	Spectrum      *Spectrum         `json:"spectrum,omitempty"`
	Collapse      Collapse          `json:"collapse"`
	Loss          Number            `json:"loss"`
	Terms         []TermResult      `json:"terms"`
	Time          Timing            `json:"time"`
	Extra         map[string]Number `json:"extra,omitempty"` // figures of a method of its own
}

// ProbeResult is the accuracy of one probe on one kind of features.
type ProbeResult struct {
	Probe    string `json:"probe"`         // Linear, KNN, FewLabels, Online
	Features string `json:"features"`      // Trained, Untrained, Pixels
	Accuracy Number `json:"accuracy"`      // top-1, in [0, 1]
	Low      Number `json:"low,omitempty"` // 95 % interval of the accuracy for another draw of test images
	High     Number `json:"high,omitempty"`
	Test     int    `json:"test"`             // images tested
	Labels   int    `json:"labels"`           // labels used for training the probe
	Dim      int    `json:"dim"`              // length of a feature
	Draws    int    `json:"draws,omitempty"`  // subsets of labels averaged over
	Spread   Number `json:"spread,omitempty"` // standard deviation over the draws
	Detail   string `json:"detail,omitempty"` // settings of the probe: "k=20, T=0.07"
}

// Collapse is the verdict on the embeddings with its evidence.
type Collapse struct {
	Verdict  string     `json:"verdict"` // the kind of collapse, "none" for a healthy run
	Healthy  bool       `json:"healthy"`
	Evidence []Evidence `json:"evidence"`
	Advice   []string   `json:"advice,omitempty"` // what to change, most likely first
}

// Evidence is one measurement that the verdict rests on, in a sentence with its figures.
type Evidence struct {
	OK   bool   `json:"ok"` // it speaks for a healthy run
	Says string `json:"says"`
}

// Spectrum describes the embeddings of N images in D dimensions at the end of the run; the figures are those of
// core/probe/collapse.
type Spectrum struct {
	N             int      `json:"n"`
	D             int      `json:"d"`
	UnitStd       Number   `json:"unit_std"`       // mean std of a dimension of z/‖z‖; 1/√D when spread
	Spread        Number   `json:"spread"`         // 0 to 1
	Correlation   Number   `json:"correlation"`    // mean |corr| between two dimensions
	EffectiveRank Number   `json:"effective_rank"` // of the covariance
	Participation Number   `json:"participation"`
	RankMe        Number   `json:"rankme"`
	Eigenvalues   []Number `json:"eigenvalues"` // of the covariance, descending
}

// TermResult is a term of the objective at the end: loss = sum of Weight * Value over the terms.
type TermResult struct {
	Name   string `json:"name"`
	Weight Number `json:"weight"`
	Value  Number `json:"value"`
}

// Timing is what the run cost. All that depends on the machine's speed is here.
type Timing struct {
	Total           Number `json:"total_s"`
	Train           Number `json:"train_s"`
	Probe           Number `json:"probe_s"`
	Wait            Number `json:"wait_s"` // of the training time, spent waiting for data
	ImagesPerSecond Number `json:"images_per_s"`
}

// Accuracy finds a probe's accuracy.
func (r Result) Accuracy(probe, features string) (ProbeResult, bool) {
	for _, p := range r.Probes {
		if p.Probe == probe && p.Features == features {
			return p, true
		}
	}
	return ProbeResult{}, false
}

// WriteResult replaces result.json. The schema version is set here.
func (r *Run) WriteResult(res Result) error {
	res.SchemaVersion = ResultSchema
	b, err := encodeJSON(res)
	if err != nil {
		return err
	}
	return r.WriteFile(resultFile, b)
}

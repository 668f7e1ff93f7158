package run

// mapFile is the map of the embeddings in a run folder.
const mapFile = "map.json"

// Map is map.json: embeddings of images without augmentation, brought to two dimensions by t-SNE at the end of the run.
// Neighbours in it are neighbours among the embeddings; its axes, distances and sizes of clusters mean nothing.
type Map struct {
	Points     [][2]float64 `json:"points"`            // in the order of the images
	Labels     []int        `json:"labels,omitempty"`  // of the points: indices into Classes; none without labels
	Classes    []string     `json:"classes,omitempty"` // names of the classes that the map shows
	AllClasses int          `json:"all_classes"`       // classes of the data set, of which the map may show some
	Split      string       `json:"split"`             // that the images are of: "test", or "train" where there is no other
	Images     int          `json:"images"`            // in the split, of which the map shows some
	Dim        int          `json:"dim"`               // of an embedding
	Perplexity Number       `json:"perplexity"`        // neighbours that t-SNE looks at
	KL         Number       `json:"kl"`                // divergence of the map's neighbourhoods from the embeddings', in nats
}

// WriteMap replaces map.json.
func (r *Run) WriteMap(m Map) error {
	b, err := encodeJSON(m)
	if err != nil {
		return err
	}
	return r.WriteFile(mapFile, b)
}

// Map is map.json. A run that has not finished has none: the error then is fs.ErrNotExist.
func (f *Folder) Map() (Map, error) {
	var m Map
	return m, f.readJSON(mapFile, &m)
}

package model

import "github.com/sslctl/sslctl/sdk/method"

// Attach adds loss and terms of an objective with its regularisers to a model that has embeddings and no loss: Builder, Z
// and, where they are read, P, T and Y are set. [Build] does the same for a whole network; Attach is for embeddings that
// come from elsewhere, such as inputs of the graph. Errors are those of Build.
func (m *Model) Attach(t *method.Traced, regularisers []Regulariser) error {
	s := Spec{Method: t, Regularisers: regularisers}
	if err := m.objective(s); err != nil {
		return err
	}
	return m.regularise(s)
}

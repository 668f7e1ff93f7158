// Package nn holds the layers that networks are written with. A layer reads its parameters from a [Scope], which names them
// as PyTorch does, so that checkpoints of both worlds fit each other:
//
//	store := nn.NewStore(b)
//	s := store.Train(2) // batch norm takes the statistics of two views stacked on the batch axis
//	y := nn.Conv2D(s.In("conv1"), images, 64, 3, 1, 1)
//	y = nn.BatchNorm(s.In("bn1"), y, true).ReLU()
//
// The [Store] then lists what was asked for: parameters with shape, memory layout and initial distribution, and batch norm's
// running statistics with the tensors that update them. Parameters are inputs of the graph under their own names; asking for
// a name twice gives the same tensor. Initial values are a function of seed and name alone. Errors stick to the builder.
package nn

package jpeg

func sets() []*kernels { return []*kernels{plainKernels()} }

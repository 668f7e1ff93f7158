package augment

func sets() []*kernels { return []*kernels{plainKernels()} }

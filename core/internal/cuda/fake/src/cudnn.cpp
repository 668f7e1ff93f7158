// A fake of cuDNN 9's convolutions on the fake driver: NHWC, float32 and bfloat16, three directions. It refuses what the
// documentation forbids, computes in the order of the stream, and lists algorithms that must not be taken: quicker ones whose
// sums have no fixed order, and ones that round to TF32 where full float32 was asked for.
#include "convolution.h"

namespace {

template <class Struct> cudnnStatus_t create(Struct **d) {
	*d = new Struct;
	return CUDNN_STATUS_SUCCESS;
}

template <class Struct> cudnnStatus_t destroy(Struct *d) {
	delete d;
	return CUDNN_STATUS_SUCCESS;
}

// describe sets the descriptor of images or of filters: four sizes in the order of its fields.
template <class Struct>
cudnnStatus_t describe(Struct *d, cudnnTensorFormat_t format, cudnnDataType_t type, int outer, int channels, int height, int width) {
	if (!d) return refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is null");
	if (outer < 1 || channels < 1 || height < 1 || width < 1 || !known(type))
		return refuse(CUDNN_STATUS_BAD_PARAM, "a size is not positive, or the type unknown");
	*d = Struct{true, format, type, outer, channels, height, width};
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t size(const Problem &p, Direction d, int id, size_t *bytes) {
	if (cudnnStatus_t s = p.check()) return s;
	if (!wayOf(d, id)) return refuse(CUDNN_STATUS_NOT_SUPPORTED, "no such algorithm");
	*bytes = workspace(p, id);
	return CUDNN_STATUS_SUCCESS;
}

template <class Perf> cudnnStatus_t suggest(const Problem &p, Direction d, int wanted, int *count, Perf *out) {
	*count = 0;
	if (cudnnStatus_t s = p.check()) return s;
	*count = list(p, d, wanted, out, false, 0);
	return CUDNN_STATUS_SUCCESS;
}

template <class Perf>
cudnnStatus_t measure(const Problem &p, Direction d, Memory m, int wanted, int *count, Perf *out, void *space, size_t given) {
	*count = 0;
	if (cudnnStatus_t s = p.check()) return s;
	size_t element = width(p.x->type);
	if (cudnnStatus_t s = m.check(element)) return s;
	if (cudnnStatus_t s = checkWorkspace(space, given, 0)) return s;
	*count = list(p, d, wanted, out, true, given);
	memset(m.out, 0xff, m.sizeOut * element); // trying leaves its traces: NaN
	if (given > 0) memset(space, 0xff, given);
	return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t run(cudnnHandle_t handle, const Problem &p, Direction d, int id, const void *alpha, const void *beta, Memory m, void *space,
                  size_t given) {
	if (!handle) return refuse(CUDNN_STATUS_NOT_INITIALIZED, "the handle is null");
	if (cudnnStatus_t s = p.check()) return s;
	const Way *way = wayOf(d, id);
	if (!way) return refuse(CUDNN_STATUS_NOT_SUPPORTED, "no such algorithm");
	if (*static_cast<const float *>(alpha) != 1 || *static_cast<const float *>(beta) != 0)
		return refuse(CUDNN_STATUS_NOT_SUPPORTED, "the fake knows alpha 1 and beta 0 only");
	if (cudnnStatus_t s = m.check(width(p.x->type))) return s;
	if (cudnnStatus_t s = checkWorkspace(space, given, workspace(p, id))) return s;
	bool narrow = p.x->type == CUDNN_DATA_BFLOAT16, tf32 = !narrow && p.conv->math != CUDNN_FMA_MATH;
	// The descriptors may be gone when the work is done.
	struct Copy {
		cudnnTensorStruct x, y;
		cudnnFilterStruct w;
		cudnnConvolutionStruct conv;
	};
	Copy copy{*p.x, *p.y, *p.w, *p.conv};
	bool ordered = way->ordered;
	int failed = fake::enqueue(handle->stream, [copy, d, m, narrow, tf32, ordered, space, given] {
		if (given > 0) memset(space, 0xff, given);
		compute(Problem{&copy.x, &copy.y, &copy.w, &copy.conv}, d, Array{const_cast<void *>(m.a), narrow, tf32},
				Array{const_cast<void *>(m.b), narrow, tf32}, Array{m.out, narrow, false}, ordered);
		return OK;
	});
	return failed ? refuse(CUDNN_STATUS_EXECUTION_FAILED, "the driver took no work") : CUDNN_STATUS_SUCCESS;
}

} // namespace

#define FAILING                                                                                                                              \
	if (int status = fake::fault(__func__)) return refuse(static_cast<cudnnStatus_t>(status), "made to fail")

EXPORT size_t cudnnGetVersion(void) { return 92600; }

EXPORT void cudnnGetLastErrorString(char *message, size_t size) {
	strncpy(message, reason, size - 1);
	message[size - 1] = 0;
}

EXPORT cudnnStatus_t cudnnCreate(cudnnHandle_t *handle) {
	FAILING;
	if (!vendor::attached()) return refuse(CUDNN_STATUS_NOT_INITIALIZED, "no context is current");
	*handle = new cudnnContext;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
	delete handle;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
	FAILING;
	handle->stream = stream;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *d) {
	FAILING;
	return create(d);
}

EXPORT cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) {
	return destroy(d);
}

EXPORT cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h,
                                                int w) {
	FAILING;
	return describe(d, format, type, n, c, h, w);
}

EXPORT cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *d) {
	FAILING;
	return create(d);
}

EXPORT cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d) {
	return destroy(d);
}

EXPORT cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format, int k, int c, int r,
                                                int s) {
	FAILING;
	return describe(d, format, type, k, c, r, s);
}

EXPORT cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *d) {
	FAILING;
	return create(d);
}

EXPORT cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d) {
	return destroy(d);
}

EXPORT cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t d, int padH, int padW, int strideH, int strideW, int dilationH,
                                                     int dilationW, cudnnConvolutionMode_t mode, cudnnDataType_t compute) {
	FAILING;
	if (!d) return refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is null");
	if (padH < 0 || padW < 0 || strideH < 1 || strideW < 1 || dilationH < 1 || dilationW < 1)
		return refuse(CUDNN_STATUS_BAD_PARAM, "a padding is negative, or a stride or dilation not positive");
	if (padH != padW || strideH != strideW || dilationH != 1 || dilationW != 1 || mode != CUDNN_CROSS_CORRELATION)
		return refuse(CUDNN_STATUS_NOT_SUPPORTED, "the fake knows square cross-correlation without dilation only");
	d->set = true, d->pad = padH, d->stride = strideH, d->compute = compute;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t d, cudnnMathType_t math) {
	FAILING;
	if (!d) return refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is null");
	d->math = math;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnGetConvolution2dForwardOutputDim(const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t x,
                                                           const cudnnFilterDescriptor_t w, int *n, int *c, int *h, int *width) {
	FAILING;
	if (!conv || !x || !w || !conv->set || !x->set || !w->set) return refuse(CUDNN_STATUS_BAD_PARAM, "a descriptor was not set");
	*n = x->n, *c = w->k;
	*h = (x->h + 2 * conv->pad - w->r) / conv->stride + 1;
	*width = (x->w + 2 * conv->pad - w->s) / conv->stride + 1;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
                                                            const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t y,
                                                            const int wanted, int *count, cudnnConvolutionFwdAlgoPerf_t *out) {
	FAILING;
	return suggest(Problem{x, y, w, conv}, FORWARD, wanted, count, out);
}

EXPORT cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, const cudnnFilterDescriptor_t w, const cudnnTensorDescriptor_t dy,
                                                                 const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t dx,
                                                                 const int wanted, int *count, cudnnConvolutionBwdDataAlgoPerf_t *out) {
	FAILING;
	return suggest(Problem{dx, dy, w, conv}, DATA, wanted, count, out);
}

EXPORT cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t x, const cudnnTensorDescriptor_t dy,
                                                                   const cudnnConvolutionDescriptor_t conv, const cudnnFilterDescriptor_t dw,
                                                                   const int wanted, int *count, cudnnConvolutionBwdFilterAlgoPerf_t *out) {
	FAILING;
	return suggest(Problem{x, dy, dw, conv}, FILTER, wanted, count, out);
}

EXPORT cudnnStatus_t cudnnFindConvolutionForwardAlgorithmEx(cudnnHandle_t, const cudnnTensorDescriptor_t xDesc, const void *x,
                                                            const cudnnFilterDescriptor_t wDesc, const void *w,
                                                            const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t yDesc, void *y,
                                                            const int wanted, int *count, cudnnConvolutionFwdAlgoPerf_t *out, void *space,
                                                            size_t given) {
	FAILING;
	Problem p{xDesc, yDesc, wDesc, conv};
	return measure(p, FORWARD, Memory(p, FORWARD, x, w, y), wanted, count, out, space, given);
}

EXPORT cudnnStatus_t cudnnFindConvolutionBackwardDataAlgorithmEx(cudnnHandle_t, const cudnnFilterDescriptor_t wDesc, const void *w,
                                                                 const cudnnTensorDescriptor_t dyDesc, const void *dy,
                                                                 const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t dxDesc,
                                                                 void *dx, const int wanted, int *count, cudnnConvolutionBwdDataAlgoPerf_t *out,
                                                                 void *space, size_t given) {
	FAILING;
	Problem p{dxDesc, dyDesc, wDesc, conv};
	return measure(p, DATA, Memory(p, DATA, w, dy, dx), wanted, count, out, space, given);
}

EXPORT cudnnStatus_t cudnnFindConvolutionBackwardFilterAlgorithmEx(cudnnHandle_t, const cudnnTensorDescriptor_t xDesc, const void *x,
                                                                   const cudnnTensorDescriptor_t dyDesc, const void *dy,
                                                                   const cudnnConvolutionDescriptor_t conv, const cudnnFilterDescriptor_t dwDesc,
                                                                   void *dw, const int wanted, int *count,
                                                                   cudnnConvolutionBwdFilterAlgoPerf_t *out, void *space, size_t given) {
	FAILING;
	Problem p{xDesc, dyDesc, dwDesc, conv};
	return measure(p, FILTER, Memory(p, FILTER, x, dy, dw), wanted, count, out, space, given);
}

EXPORT cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x, const cudnnFilterDescriptor_t w,
                                                             const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t y,
                                                             cudnnConvolutionFwdAlgo_t algo, size_t *bytes) {
	FAILING;
	return size(Problem{x, y, w, conv}, FORWARD, algo, bytes);
}

EXPORT cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(cudnnHandle_t, const cudnnFilterDescriptor_t w, const cudnnTensorDescriptor_t dy,
                                                                  const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t dx,
                                                                  cudnnConvolutionBwdDataAlgo_t algo, size_t *bytes) {
	FAILING;
	return size(Problem{dx, dy, w, conv}, DATA, algo, bytes);
}

EXPORT cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(cudnnHandle_t, const cudnnTensorDescriptor_t x, const cudnnTensorDescriptor_t dy,
                                                                    const cudnnConvolutionDescriptor_t conv, const cudnnFilterDescriptor_t dw,
                                                                    cudnnConvolutionBwdFilterAlgo_t algo, size_t *bytes) {
	FAILING;
	return size(Problem{x, dy, dw, conv}, FILTER, algo, bytes);
}

EXPORT cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha, const cudnnTensorDescriptor_t xDesc, const void *x,
                                             const cudnnFilterDescriptor_t wDesc, const void *w, const cudnnConvolutionDescriptor_t conv,
                                             cudnnConvolutionFwdAlgo_t algo, void *space, size_t given, const void *beta,
                                             const cudnnTensorDescriptor_t yDesc, void *y) {
	FAILING;
	Problem p{xDesc, yDesc, wDesc, conv};
	return run(handle, p, FORWARD, algo, alpha, beta, Memory(p, FORWARD, x, w, y), space, given);
}

EXPORT cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha, const cudnnFilterDescriptor_t wDesc, const void *w,
                                                  const cudnnTensorDescriptor_t dyDesc, const void *dy, const cudnnConvolutionDescriptor_t conv,
                                                  cudnnConvolutionBwdDataAlgo_t algo, void *space, size_t given, const void *beta,
                                                  const cudnnTensorDescriptor_t dxDesc, void *dx) {
	FAILING;
	Problem p{dxDesc, dyDesc, wDesc, conv};
	return run(handle, p, DATA, algo, alpha, beta, Memory(p, DATA, w, dy, dx), space, given);
}

EXPORT cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha, const cudnnTensorDescriptor_t xDesc, const void *x,
                                                    const cudnnTensorDescriptor_t dyDesc, const void *dy, const cudnnConvolutionDescriptor_t conv,
                                                    cudnnConvolutionBwdFilterAlgo_t algo, void *space, size_t given, const void *beta,
                                                    const cudnnFilterDescriptor_t dwDesc, void *dw) {
	FAILING;
	Problem p{xDesc, dyDesc, dwDesc, conv};
	return run(handle, p, FILTER, algo, alpha, beta, Memory(p, FILTER, x, dy, dw), space, given);
}

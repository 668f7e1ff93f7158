// A fake of cuDNN 9's convolutions on the fake driver: NHWC, float32 and bfloat16, three directions. It refuses what the
// documentation forbids, computes in the order of the stream, and lists algorithms that must not be taken: quicker ones whose
// sums have no fixed order, and ones that round to TF32 where full float32 was asked for.
#include "cudnn_api.h"
#include "vendor.h"
#include <vector>

using vendor::Array;

EXPORT int cuStreamSynchronize(void *stream);

struct cudnnTensorStruct {
	bool set = false;
	cudnnTensorFormat_t format;
	cudnnDataType_t type;
	int n, c, h, w;
};
struct cudnnFilterStruct {
	bool set = false;
	cudnnTensorFormat_t format;
	cudnnDataType_t type;
	int k, c, r, s;
};
struct cudnnConvolutionStruct {
	bool set = false;
	int pad, stride;
	cudnnDataType_t compute;
	cudnnMathType_t math = CUDNN_DEFAULT_MATH;
};
struct cudnnContext {
	cudaStream_t stream = nullptr;
};

namespace {

thread_local const char *reason = "";

cudnnStatus_t refuse(cudnnStatus_t status, const char *why) {
	reason = why;
	return status;
}

bool known(cudnnDataType_t t) { return t == CUDNN_DATA_FLOAT || t == CUDNN_DATA_BFLOAT16; }
size_t width(cudnnDataType_t t) { return t == CUDNN_DATA_BFLOAT16 ? 2 : 4; }

enum Direction { FORWARD, DATA, FILTER };

// Problem is a convolution with its three tensors, whatever is computed.
struct Problem {
	const cudnnTensorStruct *x, *y;
	const cudnnFilterStruct *w;
	const cudnnConvolutionStruct *conv;

	size_t sizeX() const { return size_t(x->n) * x->c * x->h * x->w; }
	size_t sizeY() const { return size_t(y->n) * y->c * y->h * y->w; }
	size_t sizeW() const { return size_t(w->k) * w->c * w->r * w->s; }

	cudnnStatus_t check() const {
		if (!x || !y || !w || !conv) return refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "a descriptor is null");
		if (!x->set || !y->set || !w->set || !conv->set) return refuse(CUDNN_STATUS_BAD_PARAM, "a descriptor was not set");
		if (x->format != CUDNN_TENSOR_NHWC || y->format != CUDNN_TENSOR_NHWC || w->format != CUDNN_TENSOR_NHWC)
			return refuse(CUDNN_STATUS_NOT_SUPPORTED_LAYOUT, "the fake computes NHWC only");
		if (x->type != y->type || x->type != w->type)
			return refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "x, w and y have different types");
		if (conv->compute != CUDNN_DATA_FLOAT) return refuse(CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "the compute type is not float");
		int p = (x->h + 2 * conv->pad - w->r) / conv->stride + 1, q = (x->w + 2 * conv->pad - w->s) / conv->stride + 1;
		if (x->c != w->c || y->c != w->k || x->n != y->n || y->h != p || y->w != q)
			return refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "x, w and y do not fit each other");
		return CUDNN_STATUS_SUCCESS;
	}

	// taps visits every product: of x at, w at and y at, for all channels c and filters k.
	template <class F> void taps(F visit) const {
		for (int n = 0; n < y->n; n++)
			for (int p = 0; p < y->h; p++)
				for (int q = 0; q < y->w; q++)
					for (int r = 0; r < w->r; r++)
						for (int s = 0; s < w->s; s++) {
							int i = p * conv->stride + r - conv->pad, j = q * conv->stride + s - conv->pad;
							if (i < 0 || j < 0 || i >= x->h || j >= x->w) continue;
							visit(((size_t(n) * x->h + i) * x->w + j) * x->c, (size_t(r) * w->s + s) * w->c,
                    ((size_t(n) * y->h + p) * y->w + q) * y->c);
						}
	}
};

// compute runs a direction: sums in float64, rounded once.
void compute(Problem p, Direction d, Array a, Array b, Array out, bool ordered) {
	const int channels = p.x->c, filters = p.w->k;
	const size_t stride = size_t(p.w->r) * p.w->s * channels; // from filter to filter
	std::vector<double> sum(d == FORWARD ? p.sizeY() : d == DATA ? p.sizeX() : p.sizeW());
	p.taps([&](size_t x, size_t w, size_t y) {
		for (int k = 0; k < filters; k++) {
			for (int c = 0; c < channels; c++) {
				size_t at = k * stride + w + c;
				if (d == FORWARD) sum[y + k] += double(a.get(x + c)) * b.get(at);
				if (d == DATA) sum[x + c] += double(a.get(at)) * b.get(y + k);
				if (d == FILTER) sum[at] += double(a.get(x + c)) * b.get(y + k);
			}
		}
	});
	for (size_t i = 0; i < sum.size(); i++) out.set(i, ordered ? float(sum[i]) : vendor::disturb(float(sum[i])));
}

// Way is an algorithm of a direction.
struct Way {
	int id;
	bool ordered; // sums in a fixed order
	float time;   // pretended
};

// ways lists a direction's algorithms, the quickest first.
std::vector<Way> ways(Direction d) {
	if (d == FORWARD) return {{1, true, 1}, {0, true, 2}};
	return {{0, false, 1}, {1, true, 2}};
}

const Way *wayOf(Direction d, int id) {
	static const std::vector<Way> all[] = {ways(FORWARD), ways(DATA), ways(FILTER)};
	for (const Way &w : all[d])
		if (w.id == id) return &w;
	return nullptr;
}

// workspace is what an algorithm needs: indices, or a copy of the filters.
size_t workspace(const Problem &p, int id) { return id == 1 ? 4 * p.sizeW() + 256 : 0; }

template <class Perf> int list(const Problem &p, Direction d, int wanted, Perf *out, bool measured, size_t limit) {
	std::vector<cudnnMathType_t> maths = {p.conv->math};
	if (measured && p.conv->math != CUDNN_DEFAULT_MATH) maths.insert(maths.begin(), CUDNN_DEFAULT_MATH);
	int count = 0;
	for (cudnnMathType_t math : maths)
		for (const Way &w : ways(d)) {
			if (count == wanted) return count;
			Perf &f = out[count++];
			memset(static_cast<void *>(&f), 0, sizeof f);
			f.algo = static_cast<decltype(f.algo)>(w.id);
			f.memory = workspace(p, w.id);
			f.status = measured && f.memory > limit ? CUDNN_STATUS_NOT_SUPPORTED : CUDNN_STATUS_SUCCESS;
			f.time = measured && f.status == CUDNN_STATUS_SUCCESS ? w.time * (math == CUDNN_DEFAULT_MATH ? 1 : 3) : -1;
			f.determinism = w.ordered ? CUDNN_DETERMINISTIC : CUDNN_NON_DETERMINISTIC;
			f.mathType = math;
		}
	return count;
}

// Memory is the three addresses and sizes of a direction, operands first.
struct Memory {
	const void *a, *b;
	void *out;
	size_t sizeA, sizeB, sizeOut;

	Memory(const Problem &p, Direction d, const void *a, const void *b, void *out) : a(a), b(b), out(out) {
		size_t x = p.sizeX(), y = p.sizeY(), w = p.sizeW();
		sizeA = d == DATA ? w : x;
		sizeB = d == FORWARD ? w : y;
		sizeOut = d == FORWARD ? y : d == DATA ? x : w;
	}

	cudnnStatus_t check(size_t element) const {
		if (!a || !b || !out) return refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "a tensor is null");
		if (!vendor::aligned(a, 16) || !vendor::aligned(b, 16) || !vendor::aligned(out, 16))
			return refuse(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, "a tensor does not start at a multiple of 16 bytes");
		if (!vendor::covered(a, sizeA * element) || !vendor::covered(b, sizeB * element) || !vendor::covered(out, sizeOut * element))
			return refuse(CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND, "a tensor reaches beyond its allocation");
		return CUDNN_STATUS_SUCCESS;
	}
};

cudnnStatus_t checkWorkspace(const void *at, size_t given, size_t needed) {
	if (given < needed) return refuse(CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT, "the workspace is too small");
	if (given > 0 && !vendor::covered(at, given)) return refuse(CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND, "the workspace reaches beyond its allocation");
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
cudnnStatus_t measure(cudnnHandle_t handle, const Problem &p, Direction d, Memory m, int wanted, int *count, Perf *out, void *space, size_t given) {
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

EXPORT size_t cudnnGetVersion(void) { return size_t(fake::setting("FAKE_CUDNN_VERSION", 92600)); }

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
  *d = new cudnnTensorStruct;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t d) {
	delete d;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t d, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h,
                                                int w) {
	FAILING;
	if (!d) return refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is null");
	if (n < 1 || c < 1 || h < 1 || w < 1 || !known(type)) return refuse(CUDNN_STATUS_BAD_PARAM, "a size is not positive, or the type unknown");
  *d = cudnnTensorStruct{true, format, type, n, c, h, w};
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *d) {
	FAILING;
  *d = new cudnnFilterStruct;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnDestroyFilterDescriptor(cudnnFilterDescriptor_t d) {
	delete d;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t d, cudnnDataType_t type, cudnnTensorFormat_t format, int k, int c, int r,
                                                int s) {
	FAILING;
	if (!d) return refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the descriptor is null");
	if (k < 1 || c < 1 || r < 1 || s < 1 || !known(type)) return refuse(CUDNN_STATUS_BAD_PARAM, "a size is not positive, or the type unknown");
  *d = cudnnFilterStruct{true, format, type, k, c, r, s};
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *d) {
	FAILING;
  *d = new cudnnConvolutionStruct;
	return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnDestroyConvolutionDescriptor(cudnnConvolutionDescriptor_t d) {
	delete d;
	return CUDNN_STATUS_SUCCESS;
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

EXPORT cudnnStatus_t cudnnFindConvolutionForwardAlgorithmEx(cudnnHandle_t handle, const cudnnTensorDescriptor_t xDesc, const void *x,
                                                            const cudnnFilterDescriptor_t wDesc, const void *w,
                                                            const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t yDesc, void *y,
                                                            const int wanted, int *count, cudnnConvolutionFwdAlgoPerf_t *out, void *space,
                                                            size_t given) {
	FAILING;
	Problem p{xDesc, yDesc, wDesc, conv};
	return measure(handle, p, FORWARD, Memory(p, FORWARD, x, w, y), wanted, count, out, space, given);
}

EXPORT cudnnStatus_t cudnnFindConvolutionBackwardDataAlgorithmEx(cudnnHandle_t handle, const cudnnFilterDescriptor_t wDesc, const void *w,
                                                                 const cudnnTensorDescriptor_t dyDesc, const void *dy,
                                                                 const cudnnConvolutionDescriptor_t conv, const cudnnTensorDescriptor_t dxDesc,
                                                                 void *dx, const int wanted, int *count, cudnnConvolutionBwdDataAlgoPerf_t *out,
                                                                 void *space, size_t given) {
	FAILING;
	Problem p{dxDesc, dyDesc, wDesc, conv};
	return measure(handle, p, DATA, Memory(p, DATA, w, dy, dx), wanted, count, out, space, given);
}

EXPORT cudnnStatus_t cudnnFindConvolutionBackwardFilterAlgorithmEx(cudnnHandle_t handle, const cudnnTensorDescriptor_t xDesc, const void *x,
                                                                   const cudnnTensorDescriptor_t dyDesc, const void *dy,
                                                                   const cudnnConvolutionDescriptor_t conv, const cudnnFilterDescriptor_t dwDesc,
                                                                   void *dw, const int wanted, int *count,
                                                                   cudnnConvolutionBwdFilterAlgoPerf_t *out, void *space, size_t given) {
	FAILING;
	Problem p{xDesc, dyDesc, dwDesc, conv};
	return measure(handle, p, FILTER, Memory(p, FILTER, x, dy, dw), wanted, count, out, space, given);
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

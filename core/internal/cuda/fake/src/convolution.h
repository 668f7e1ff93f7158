// What the fake of cuDNN computes: convolutions with their descriptors, their algorithms and their memory. Included by cudnn.cpp
// alone.
#pragma once
#include "cudnn_api.h"
#include "vendor.h"
#include <vector>

using vendor::Array;

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
			f.mathType = fake::setting("FAKE_CUDNN_DEFAULT_MATH", 0) ? CUDNN_DEFAULT_MATH : math;
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

} // namespace

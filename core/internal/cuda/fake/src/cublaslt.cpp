// A fake of cublasLt's matrix product on the fake driver: column-major, float32 and bfloat16 operands, float32 sums, the
// epilogue with a bias. It refuses what the documentation forbids and computes in the order of the stream. Where its
// preference leaves the choice, it takes an algorithm whose sums have no fixed order.
#include "cublaslt_api.h"
#include "vendor.h"

using vendor::Array;

namespace {

// What stands in the opaque descriptors.
struct Desc {
	int32_t compute, scale, transA, transB, epilogue, pad;
	const void *bias;
};
struct Layout {
	int32_t type, pad;
	uint64_t rows, cols;
	int64_t ld;
};
struct Preference {
	uint64_t workspace;
	uint32_t reductions, align[4];
};
struct Algorithm {
	uint64_t made, needed; // a mark, and the workspace
	uint32_t align, ordered;
};
const uint64_t mark = 0xb1a5;

template <class T, class U> T &open(U *u) {
	static_assert(sizeof(T) <= sizeof(U), "the descriptor does not fit");
	return *reinterpret_cast<T *>(u);
}
template <class T, class U> const T &open(const U *u) { return *reinterpret_cast<const T *>(u); }

size_t width(int32_t type) { return type == CUDA_R_16BF ? 2 : 4; }
bool known(int32_t type) { return type == CUDA_R_32F || type == CUDA_R_16BF; }

// Problem is D = op(A) op(B), m x n over k, in columns.
struct Problem {
	Desc desc;
	Layout a, b, d;
	uint64_t m, n, k;

	// read puts a problem together; false where its parts do not fit.
	bool read(cublasLtMatmulDesc_t computeDesc, cublasLtMatrixLayout_t A, cublasLtMatrixLayout_t B, cublasLtMatrixLayout_t C, cublasLtMatrixLayout_t D) {
		if (!computeDesc || !A || !B || !C || !D) return false;
		desc = open<Desc>(computeDesc), a = open<Layout>(A), b = open<Layout>(B), d = open<Layout>(D);
		Layout c = open<Layout>(C);
		m = desc.transA ? a.cols : a.rows, k = desc.transA ? a.rows : a.cols, n = desc.transB ? b.rows : b.cols;
		uint64_t kB = desc.transB ? b.cols : b.rows;
		return k == kB && d.rows == m && d.cols == n && c.rows == m && c.cols == n && c.type == d.type && c.ld == d.ld;
	}

	// supported says whether there is code for the types.
	bool supported() const {
		if (desc.epilogue != CUBLASLT_EPILOGUE_DEFAULT && desc.epilogue != CUBLASLT_EPILOGUE_BIAS) return false;
		if (desc.scale != CUDA_R_32F || a.type != b.type || !known(a.type) || !known(d.type)) return false;
		if (a.type == CUDA_R_32F && d.type != CUDA_R_32F) return false;
		if (desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32) return a.type == CUDA_R_32F;
		return desc.compute == CUBLAS_COMPUTE_32F;
	}

	bool fits(const Layout &l, const void *at, size_t align) const {
		return at && vendor::aligned(at, align) && vendor::covered(at, (uint64_t(l.ld) * (l.cols - 1) + l.rows) * width(l.type));
	}
};

void compute(const Problem &p, const void *A, const void *B, void *D, bool ordered) {
	bool tf32 = p.desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
	Array a{const_cast<void *>(A), p.a.type == CUDA_R_16BF, tf32}, b{const_cast<void *>(B), p.b.type == CUDA_R_16BF, tf32};
	Array d{D, p.d.type == CUDA_R_16BF, false}, bias{const_cast<void *>(p.desc.bias), d.narrow, false};
	for (uint64_t j = 0; j < p.n; j++)
		for (uint64_t i = 0; i < p.m; i++) {
			double sum = 0;
			for (uint64_t l = 0; l < p.k; l++)
				sum += double(a.get(p.desc.transA ? l + i * p.a.ld : i + l * p.a.ld)) * b.get(p.desc.transB ? j + l * p.b.ld : l + j * p.b.ld);
			float v = ordered ? float(sum) : vendor::disturb(float(sum));
			if (p.desc.epilogue == CUBLASLT_EPILOGUE_BIAS) v += bias.get(i);
			d.set(i + j * p.d.ld, v);
		}
}

template <class T> cublasStatus_t store(T &at, const void *value, size_t size) {
	if (!value || size != sizeof at) return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(static_cast<void *>(&at), value, size);
	return CUBLAS_STATUS_SUCCESS;
}

} // namespace

#define FAILING                                                                                                                              \
	if (int status = fake::fault(__func__)) return static_cast<cublasStatus_t>(status)

EXPORT size_t cublasLtGetVersion(void) { return 130401; }

EXPORT cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
	FAILING;
	if (!vendor::attached()) return CUBLAS_STATUS_NOT_INITIALIZED;
	*handle = reinterpret_cast<cublasLtHandle_t>(new uint64_t(mark));
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
	delete reinterpret_cast<uint64_t *>(handle);
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute, cudaDataType_t scale) {
	FAILING;
	*desc = new cublasLtMatmulDescOpaque_t{};
	open<Desc>(*desc) = Desc{compute, scale, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, 0, nullptr};
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
	delete desc;
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute, const void *value,
                                                     size_t size) {
	FAILING;
	Desc &d = open<Desc>(desc);
	switch (attribute) {
	case CUBLASLT_MATMUL_DESC_TRANSA: return store(d.transA, value, size);
	case CUBLASLT_MATMUL_DESC_TRANSB: return store(d.transB, value, size);
	case CUBLASLT_MATMUL_DESC_EPILOGUE: return store(d.epilogue, value, size);
	case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return store(d.bias, value, size);
	default: return CUBLAS_STATUS_NOT_SUPPORTED;
	}
}

EXPORT cublasStatus_t cublasLtMatmulDescGetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute, void *value, size_t size,
	size_t *written) {
	FAILING;
	const Desc &d = open<Desc>(desc);
	if (!value || size != sizeof d.transA) return CUBLAS_STATUS_INVALID_VALUE;
	switch (attribute) {
	case CUBLASLT_MATMUL_DESC_TRANSA: memcpy(value, &d.transA, size); break;
	case CUBLASLT_MATMUL_DESC_TRANSB: memcpy(value, &d.transB, size); break;
	default: return CUBLAS_STATUS_NOT_SUPPORTED;
	}
	*written = size;
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows, uint64_t cols, int64_t ld) {
	FAILING;
	*layout = new cublasLtMatrixLayoutOpaque_t{};
	open<Layout>(*layout) = Layout{type, 0, rows, cols, ld};
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
	delete layout;
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
	FAILING;
	*preference = new cublasLtMatmulPreferenceOpaque_t{};
	open<Preference>(*preference) = Preference{0, CUBLASLT_REDUCTION_SCHEME_INPLACE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, {256, 256, 256, 256}};
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
	delete preference;
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
                                                           const void *value, size_t size) {
	FAILING;
	Preference &p = open<Preference>(preference);
	switch (attribute) {
	case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return store(p.workspace, value, size);
	case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return store(p.reductions, value, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: return store(p.align[0], value, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: return store(p.align[1], value, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: return store(p.align[2], value, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: return store(p.align[3], value, size);
	default: return CUBLAS_STATUS_NOT_SUPPORTED;
	}
}

// An algorithm is promised addresses of the preference's alignment, and holds the caller to it. Long sums over few results
// are split, with the parts in the workspace where there is room.
EXPORT cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t A,
                                                     cublasLtMatrixLayout_t B, cublasLtMatrixLayout_t C, cublasLtMatrixLayout_t D,
                                                     cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t *out,
                                                     int *count) {
	FAILING;
	*count = 0;
	Problem p;
	if (!handle || !preference || wanted < 1 || !p.read(desc, A, B, C, D)) return CUBLAS_STATUS_INVALID_VALUE;
	if (!p.supported()) return CUBLAS_STATUS_NOT_SUPPORTED;
	const Preference &want = open<Preference>(preference);
	uint32_t align = 256;
	for (uint32_t a : want.align) align = a < align ? a : align;
	Algorithm chosen{mark, 0, align, 1};
	uint64_t parts = 4 * 4 * p.m * p.n;
	if (p.k > 4 * p.m && parts <= want.workspace) chosen.needed = parts;
	if (want.reductions & CUBLASLT_REDUCTION_SCHEME_INPLACE) chosen.ordered = 0, chosen.needed = 0;
	*out = cublasLtMatmulHeuristicResult_t{};
	open<Algorithm>(&out->algo) = chosen;
	out->workspaceSize = chosen.needed;
	out->wavesCount = 1;
	*count = 1;
	return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *A, cublasLtMatrixLayout_t a,
                                     const void *B, cublasLtMatrixLayout_t b, const void *beta, const void *C, cublasLtMatrixLayout_t c, void *D,
                                     cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t *algo, void *space, size_t given, cudaStream_t stream) {
	FAILING;
	Problem p;
	if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
	if (!alpha || !beta || !algo || C != D || !p.read(desc, a, b, c, d)) return CUBLAS_STATUS_INVALID_VALUE;
	if (!p.supported() || *static_cast<const float *>(alpha) != 1 || *static_cast<const float *>(beta) != 0) return CUBLAS_STATUS_NOT_SUPPORTED;
	Algorithm way = open<Algorithm>(algo);
	if (way.made != mark || given < way.needed) return CUBLAS_STATUS_INVALID_VALUE;
	if (given > 0 && (!vendor::aligned(space, 16) || !vendor::covered(space, given))) return CUBLAS_STATUS_INVALID_VALUE;
	if (!p.fits(p.a, A, way.align) || !p.fits(p.b, B, way.align) || !p.fits(p.d, D, way.align)) return CUBLAS_STATUS_INVALID_VALUE;
	if (p.desc.epilogue == CUBLASLT_EPILOGUE_BIAS && (!p.desc.bias || !vendor::covered(p.desc.bias, p.m * width(p.d.type))))
		return CUBLAS_STATUS_INVALID_VALUE;
	int failed = fake::enqueue(stream, [p, A, B, D, way, space, given] {
		if (given > 0) memset(space, 0xff, given);
		compute(p, A, B, D, way.ordered);
		return OK;
	});
	return failed ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

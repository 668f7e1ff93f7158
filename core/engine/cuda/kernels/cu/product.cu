// Matrix products by tiles in shared memory, a block of 256 threads for a tile of M x N results. The operands are functions
// of an outer index - a row of a or a column of b - and of the inner index k that is summed over; what an index costs to
// decode is paid once where it stays. Convolutions are such products too.

// matrix is an operand that is stored: its element (outer, k) stands at outer*ld + k, or k*ld + outer.
template <bool AlongK, class T> struct matrix_operand {
  static const bool along_k = AlongK; // neighbours in memory are neighbours in k
  const T* x;
  long long ld;
  int outers, inners;
  struct index { long long at; bool valid; };
  __device__ index outer(int i) const { return {AlongK ? i * ld : i, i < outers}; }
  __device__ index inner(int k) const { return {AlongK ? k : k * ld, k < inners}; }
  __device__ float at(index o, index k) const { return o.valid && k.valid ? widen(x[o.at + k.at]) : 0; }
};
template <bool AlongK, class T> __device__ inline matrix_operand<AlongK, T> matrix(const T* x, long long ld, int outers, int inners) {
  return {x, ld, outers, inners};
}

// tile_loader moves Outer x K elements of an operand through registers into shared memory, neighbouring threads taking
// neighbours in memory.
template <int Outer, int K, class Operand> struct tile_loader {
  static const int count = Outer * K / 256;
  static const int pitch = Outer + 4; // spreads columns over banks
  typedef decltype(((Operand*)0)->outer(0)) outer_index;
  const Operand& operand;
  outer_index fixed[Operand::along_k ? count : 1];
  float held[count];

  __device__ tile_loader(const Operand& o, int first) : operand(o) {
    int thread = threadIdx.x;
    if (Operand::along_k)
      for (int u = 0; u < count; u++) fixed[u] = o.outer(first + thread / K + u * (256 / K));
    else
      fixed[0] = o.outer(first + thread % Outer);
  }
  __device__ void fetch(int k) {
    int thread = threadIdx.x;
    if (Operand::along_k) {
      auto inner = operand.inner(k + thread % K);
      for (int u = 0; u < count; u++) held[u] = operand.at(fixed[u], inner);
    } else {
      for (int u = 0; u < count; u++) held[u] = operand.at(fixed[0], operand.inner(k + thread / Outer + u * (256 / Outer)));
    }
  }
  __device__ void put(float* tile) const {
    int thread = threadIdx.x;
    for (int u = 0; u < count; u++) {
      if (Operand::along_k)
        tile[thread % K * pitch + thread / K + u * (256 / K)] = held[u];
      else
        tile[(thread / Outer + u * (256 / Outer)) * pitch + thread % Outer] = held[u];
    }
  }
};

// product: y[z, m, n] = the sum over the z-th part of k of a(m, k) b(n, k). A thread computes R x R results, M = N = 16 R.
template <int R, class A, class B, class Y> __device__ inline void product(Y* y, A a, B b, int m, int n, int k, int part) {
  const int side = 16 * R, depth = 16, pitch = side + 4;
  __shared__ float left[depth * pitch];
  __shared__ float right[depth * pitch];
  int i0 = blockIdx.x * side, j0 = blockIdx.y * side;
  int begin = blockIdx.z * part, end = least(begin + part, k);
  tile_loader<side, depth, A> rows(a, i0);
  tile_loader<side, depth, B> cols(b, j0);
  int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float sum[R][R];
  for (int i = 0; i < R; i++)
    for (int j = 0; j < R; j++) sum[i][j] = 0;
  rows.fetch(begin);
  cols.fetch(begin);
  for (int at = begin; at < end; at += depth) {
    __syncthreads();
    rows.put(left);
    cols.put(right);
    __syncthreads();
    if (at + depth < end) {
      rows.fetch(at + depth);
      cols.fetch(at + depth);
    }
#pragma unroll 4
    for (int d = 0; d < depth; d++) {
      float l[R], r[R];
      for (int i = 0; i < R; i++) l[i] = left[d * pitch + ty * R + i];
      for (int j = 0; j < R; j++) r[j] = right[d * pitch + tx + 16 * j];
      for (int i = 0; i < R; i++)
        for (int j = 0; j < R; j++) sum[i][j] += l[i] * r[j];
    }
  }
  for (int i = 0; i < R; i++) {
    long long row = i0 + ty * R + i;
    if (row >= m) break;
    for (int j = 0; j < R; j++) {
      int col = j0 + tx + 16 * j;
      if (col < n) narrow(y[((long long)blockIdx.z * m + row) * n + col], sum[i][j]);
    }
  }
}

// Sums in two stages: blocks sum chunks that shapes alone decide, a second call sums the chunks.

// sum_rows: y[row, chunk] = the sum of f(x...) over the chunk's columns of the row. A team of T threads takes a chunk.
template <int V, int T, class F, class Y, class... X>
__device__ inline void sum_rows(F f, Y* y, long long rows, long long cols, long long chunk, X... x) {
  long long row = blockIdx.x * (long long)blockDim.y + threadIdx.y, first = blockIdx.y * chunk;
  long long end = least(first + chunk, cols);
  float sum = 0;
  if (row < rows) {
    for (long long c = first + threadIdx.x * V; c < end; c += T * V) {
      pack<V> p = apply<V>(f, x.template at<V>(row, c, row * cols + c)...);
      for (int v = 0; v < V; v++) sum += p.at[v];
    }
  }
  sum = team_sum<T>(sum);
  if (row < rows && threadIdx.x == 0) narrow(y[row * gridDim.y + blockIdx.y], sum);
}

// sum_cols: y[outer, chunk, c] = the sum of f(x...) over the chunk's rows of matrix `outer` [rows, cols]. Blocks along x take
// the columns of one matrix after another, blocks along y the chunks.
template <int V, class F, class Y, class... X>
__device__ inline void sum_cols(F f, Y* y, long long rows, long long cols, long long chunk, X... x) {
  __shared__ float part[256 * V];
  int across = (cols + blockDim.x * V - 1) / (blockDim.x * V);
  long long outer = blockIdx.x / across, c = (blockIdx.x % across * (long long)blockDim.x + threadIdx.x) * V;
  long long first = blockIdx.y * chunk, end = least(first + chunk, rows);
  pack<V> sum = same<V>(0);
  if (c < cols) {
    for (long long r = first + threadIdx.y; r < end; r += blockDim.y) {
      long long row = outer * rows + r;
      pack<V> p = apply<V>(f, x.template at<V>(row, c, row * cols + c)...);
      for (int v = 0; v < V; v++) sum.at[v] += p.at[v];
    }
  }
  int thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (int v = 0; v < V; v++) part[v * 256 + thread] = sum.at[v];
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half)
      for (int v = 0; v < V; v++) part[v * 256 + thread] += part[v * 256 + thread + half * blockDim.x];
  }
  if (threadIdx.y == 0 && c < cols) {
    for (int v = 0; v < V; v++) sum.at[v] = part[v * 256 + thread];
    store<V>(y + (outer * gridDim.y + blockIdx.y) * cols + c, sum);
  }
}

// sum_many: short sums of many tensors, in a row of the table each: the addresses of y and x, y's size, and n and inner of x
// [outer, n, inner], whose middle axis one thread sums. Blocks as in chain_many.
template <int Part, class Y, class X> __device__ inline void sum_many(const long long* table, const long long* blocks) {
  const long long* row = table + blocks[2 * blockIdx.x] * 5;
  Y* y = reinterpret_cast<Y*>(row[0]);
  const X* x = reinterpret_cast<const X*>(row[1]);
  long long from = blocks[2 * blockIdx.x + 1] * Part, to = least(from + Part, row[2]);
  for (long long i = from + threadIdx.x; i < to; i += blockDim.x) {
    const X* first = x + i / row[4] * row[3] * row[4] + i % row[4];
    float sum = 0;
    for (long long k = 0; k < row[3]; k++) sum += widen(first[k * row[4]]);
    narrow(y[i], sum);
  }
}

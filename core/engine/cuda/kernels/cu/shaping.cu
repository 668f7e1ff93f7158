// Ops that move numbers: each element of the result finds its own.

// transpose: y[c, r] = x[r, c], by tiles of 32 x 32 so that reads and writes are both along rows.
template <class Y, class X> __device__ inline void transpose(Y* y, const X* x, int rows, int cols) {
  __shared__ float tile[32][33];
  int across = (cols + 31) / 32;
  int top = blockIdx.x / across * 32, left = blockIdx.x % across * 32;
  for (int i = threadIdx.y; i < 32; i += blockDim.y) {
    int r = top + i, c = left + threadIdx.x;
    if (r < rows && c < cols) tile[i][threadIdx.x] = widen(x[(long long)r * cols + c]);
  }
  __syncthreads();
  for (int i = threadIdx.y; i < 32; i += blockDim.y) {
    int r = top + threadIdx.x, c = left + i;
    if (r < rows && c < cols) narrow(y[(long long)c * rows + r], tile[threadIdx.x][i]);
  }
}

// constant: y = value.
template <class Y> __device__ inline void constant(Y* y, float value) {
  if (threadIdx.x == 0) narrow(*y, value);
}

// spread: y = x repeated; the element i of y is the element f(i) of x, where f is generated for the two shapes.
template <class F, class Y, class X> __device__ inline void spread(F f, Y* y, const X* x, long long n) {
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < n; i += (long long)gridDim.x * blockDim.x)
    narrow(y[i], widen(x[f(i)]));
}

// slice: each row of y [rows, n] is the run of x's row [whole] that starts at start.
template <int V, class Y, class X> __device__ inline void slice(Y* y, const X* x, long long rows, long long n, long long whole, long long start) {
  for (long long r = blockIdx.y * (long long)blockDim.y + threadIdx.y; r < rows; r += (long long)gridDim.y * blockDim.y)
    for (long long c = (blockIdx.x * (long long)blockDim.x + threadIdx.x) * V; c < n; c += (long long)gridDim.x * blockDim.x * V)
      store<V>(y + r * n + c, load<V>(x + r * whole + start + c));
}

// join: the run of y's row [whole] that starts at start is the row of x [rows, n]: one operand of a concatenation.
template <int V, class Y, class X> __device__ inline void join(Y* y, const X* x, long long rows, long long n, long long whole, long long start) {
  for (long long r = blockIdx.y * (long long)blockDim.y + threadIdx.y; r < rows; r += (long long)gridDim.y * blockDim.y)
    for (long long c = (blockIdx.x * (long long)blockDim.x + threadIdx.x) * V; c < n; c += (long long)gridDim.x * blockDim.x * V)
      store<V>(y + r * whole + start + c, load<V>(x + r * n + c));
}

// embed: y [rows, whole] is join's and 0 elsewhere.
template <int V, class Y, class X> __device__ inline void embed(Y* y, const X* x, long long rows, long long n, long long whole, long long start) {
  for (long long r = blockIdx.y * (long long)blockDim.y + threadIdx.y; r < rows; r += (long long)gridDim.y * blockDim.y)
    for (long long c = (blockIdx.x * (long long)blockDim.x + threadIdx.x) * V; c < whole; c += (long long)gridDim.x * blockDim.x * V)
      store<V>(y + r * whole + c, c >= start && c < start + n ? load<V>(x + r * n + c - start) : same<V>(0));
}

// gather: row r of y is row index[r] of x.
template <int V, class Y, class X> __device__ inline void gather(Y* y, const X* x, const int* index, int rows, int cols) {
  for (int r = blockIdx.y * blockDim.y + threadIdx.y; r < rows; r += gridDim.y * blockDim.y)
    for (int c = (blockIdx.x * blockDim.x + threadIdx.x) * V; c < cols; c += gridDim.x * blockDim.x * V)
      store<V>(y + (long long)r * cols + c, load<V>(x + (long long)index[r] * cols + c));
}

// scatter_add: row r of y is the sum of the rows from[first[r]], ..., from[first[r + 1] - 1] of x, in this order.
template <int V, class Y, class X>
__device__ inline void scatter_add(Y* y, const X* x, const int* first, const int* from, int rows, int cols) {
  for (int r = blockIdx.y * blockDim.y + threadIdx.y; r < rows; r += gridDim.y * blockDim.y)
    for (int c = (blockIdx.x * blockDim.x + threadIdx.x) * V; c < cols; c += gridDim.x * blockDim.x * V) {
      pack<V> sum = same<V>(0);
      for (int i = first[r]; i < first[r + 1]; i++) {
        pack<V> p = load<V>(x + (long long)from[i] * cols + c);
        for (int v = 0; v < V; v++) sum.at[v] += p.at[v];
      }
      store<V>(y + (long long)r * cols + c, sum);
    }
}

// diagonal: y[i] = x[i, i].
template <class Y, class X> __device__ inline void diagonal(Y* y, const X* x, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) narrow(y[i], widen(x[i * (n + 1LL)]));
}

// diag_embed: y[i, i] = x[i], and 0 elsewhere.
template <class Y, class X> __device__ inline void diag_embed(Y* y, const X* x, int n) {
  for (int r = blockIdx.y * blockDim.y + threadIdx.y; r < n; r += gridDim.y * blockDim.y)
    for (int c = blockIdx.x * blockDim.x + threadIdx.x; c < n; c += gridDim.x * blockDim.x)
      narrow(y[r * (long long)n + c], r == c ? widen(x[r]) : 0);
}

// off_diagonal: y = x but for y[i, i] = 0.
template <class Y, class X> __device__ inline void off_diagonal(Y* y, const X* x, int n) {
  for (int r = blockIdx.y * blockDim.y + threadIdx.y; r < n; r += gridDim.y * blockDim.y)
    for (int c = blockIdx.x * blockDim.x + threadIdx.x; c < n; c += gridDim.x * blockDim.x)
      narrow(y[r * (long long)n + c], r == c ? 0 : widen(x[r * (long long)n + c]));
}

// slice_many: slices of many tensors, in a row of the table each: the addresses of y and x, y's size, n, whole and start. A block
// takes the part of Part elements of a tensor that blocks names, as in chain_many.
template <int Part, class Y, class X> __device__ inline void slice_many(const long long* table, const long long* blocks) {
  const long long* row = table + blocks[2 * blockIdx.x] * 6;
  Y* y = reinterpret_cast<Y*>(row[0]);
  const X* x = reinterpret_cast<const X*>(row[1]);
  long long from = blocks[2 * blockIdx.x + 1] * Part, to = least(from + Part, row[2]);
  for (long long i = from + threadIdx.x; i < to; i += blockDim.x) narrow(y[i], widen(x[i / row[3] * row[4] + row[5] + i % row[3]]));
}

// Chains of elementwise ops. A chain's function is generated; what it reads are operands, which say how they spread over
// the result, seen as a matrix: at(row, col, i) are V elements from (row, col), the i-th of the result, on.

template <class T> struct full_operand {
  const T* x;
  template <int V> __device__ pack<V> at(long long, long long, long long i) const { return load<V>(x + i); }
};
template <class T> struct row_operand {
  const T* x;
  template <int V> __device__ pack<V> at(long long, long long col, long long) const { return load<V>(x + col); }
};
template <class T> struct col_operand {
  const T* x;
  template <int V> __device__ pack<V> at(long long row, long long, long long) const { return same<V>(widen(x[row])); }
};
struct scalar_operand {
  float x;
  template <int V> __device__ pack<V> at(long long, long long, long long) const { return same<V>(x); }
};

template <class T> __device__ inline full_operand<T> full(const T* x) { return {x}; }
template <class T> __device__ inline row_operand<T> row(const T* x) { return {x}; }
template <class T> __device__ inline col_operand<T> col(const T* x) { return {x}; }
template <class T> __device__ inline scalar_operand scalar(const T* x) { return {widen(*x)}; }

// identity is the function of a chain of no op.
struct identity {
  __device__ float operator()(float x) const { return x; }
};

template <int V, class F, class... P> __device__ inline pack<V> apply(F f, const P&... x) {
  pack<V> y;
  for (int v = 0; v < V; v++) y.at[v] = f(x.at[v]...);
  return y;
}

// chain_flat: y[i] = f(x[i]...) where all operands are full or scalars. The last elements go one by one.
template <int V, class F, class Y, class... X> __device__ inline void chain_flat(F f, Y* y, long long n, X... x) {
  long long thread = blockIdx.x * (long long)blockDim.x + threadIdx.x;
  long long stride = (long long)gridDim.x * blockDim.x * V;
  for (long long i = thread * V; i + V <= n; i += stride) store<V>(y + i, apply<V>(f, x.template at<V>(0, 0, i)...));
  long long last = n / V * V + thread;
  if (last < n) store<1>(y + last, apply<1>(f, x.template at<1>(0, 0, last)...));
}

// chain_matrix: y[r, c] = f(x...) where operands repeat along rows or columns; V divides cols.
template <int V, class F, class Y, class... X>
__device__ inline void chain_matrix(F f, Y* y, long long rows, long long cols, X... x) {
  for (long long r = blockIdx.y * (long long)blockDim.y + threadIdx.y; r < rows; r += (long long)gridDim.y * blockDim.y)
    for (long long c = (blockIdx.x * (long long)blockDim.x + threadIdx.x) * V; c < cols; c += (long long)gridDim.x * blockDim.x * V)
      store<V>(y + r * cols + c, apply<V>(f, x.template at<V>(r, c, r * cols + c)...));
}

// A chain over many tensors takes its operands from a table, a row of Words words a tensor: the address of the result, those
// of the operands, and the number of elements. A slot is an operand's place in the row.
template <int I, class T> struct full_slot {
  __device__ full_operand<T> of(const long long* row) const { return full(reinterpret_cast<const T*>(row[I])); }
};
template <int I, class T> struct scalar_slot {
  __device__ scalar_operand of(const long long* row) const { return scalar(reinterpret_cast<const T*>(row[I])); }
};

template <int V, class F, class Y, class... X> __device__ inline void chain_part(F f, Y* y, long long from, long long to, X... x) {
  long long i = from + threadIdx.x * V;
  for (; i + V <= to; i += blockDim.x * V) store<V>(y + i, apply<V>(f, x.template at<V>(0, 0, i)...));
  for (; i < to; i++) store<1>(y + i, apply<1>(f, x.template at<1>(0, 0, i)...));
}

// chain_many: a block takes the part of Part elements of a tensor that blocks names: its row of the table and the part's number.
template <int V, int Part, int Words, class Y, class F, class... X>
__device__ inline void chain_many(F f, const long long* table, const long long* blocks, X... x) {
  const long long* row = table + blocks[2 * blockIdx.x] * Words;
  long long from = blocks[2 * blockIdx.x + 1] * Part, to = least(from + Part, row[Words - 1]);
  chain_part<V>(f, reinterpret_cast<Y*>(row[0]), from, to, x.of(row)...);
}

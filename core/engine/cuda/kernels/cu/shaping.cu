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

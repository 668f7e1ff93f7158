// Softmax and its logarithm along rows, a team of T threads a row. A row is read twice for its largest element and the sum of
// exponentials relative to it, and once more for the result; after the first pass it mostly comes from the cache.

template <int T, bool Log, class Y, class X> __device__ inline void softmax(Y* y, const X* x, long long rows, int cols) {
  long long row = blockIdx.x * (long long)blockDim.y + threadIdx.y;
  bool valid = row < rows;
  const X* from = x + row * cols;
  float top = valid ? widen(*from) : 0, sum = 0;
  for (int c = threadIdx.x; valid && c < cols; c += T) top = fmaxf(top, widen(from[c]));
  top = team_max<T>(top);
  for (int c = threadIdx.x; valid && c < cols; c += T) sum += expf(widen(from[c]) - top);
  sum = team_sum<T>(sum);
  float whole = Log ? logf(sum) : 1 / sum;
  for (int c = threadIdx.x; valid && c < cols; c += T) {
    float shifted = widen(from[c]) - top;
    narrow(y[row * cols + c], Log ? shifted - whole : expf(shifted) * whole);
  }
}

// Batch norm over x [groups * rows, c]: rows are the pixels of a group's images, so a channel's numbers stand c apart and
// neighbouring threads take neighbouring channels. Blocks along x take groups and tiles of channels, blocks along y chunks of
// a group's rows; partial results of chunks are joined by a second kernel.
//
//	statistics  read x
//	apply       read x, and the residual; write y
//	reduce      read g and x, and the mask
//	gradient    read g and x, and the mask; write dx, and the masked gradient where others need it

// tile is what a thread of a block works on: V channels from channel on, rows from first + threadIdx.y on, blockDim.y apart.
struct tile {
  long long first, end;
  int group, channel;
  bool valid;
};

template <int V> __device__ inline tile tile_of(long long rows, int c, long long chunk) {
  int across = (c + blockDim.x * V - 1) / (blockDim.x * V);
  tile t;
  t.group = blockIdx.x / across;
  t.channel = (blockIdx.x % across * blockDim.x + threadIdx.x) * V;
  t.valid = t.channel < c;
  t.first = t.group * rows + blockIdx.y * chunk;
  t.end = least(t.first + chunk, (t.group + 1) * rows);
  return t;
}

// moments are a count of numbers, their mean and the sum of their squared deviations from it.
struct moments {
  float n, mean, squares;
};

// merged are the moments of two sets of numbers together (Chan, Golub and LeVeque 1979).
__device__ inline moments merged(moments a, moments b) {
  float n = a.n + b.n;
  if (n == 0) return a;
  float d = b.mean - a.mean, share = b.n / n;
  return {n, a.mean + d * share, a.squares + b.squares + d * d * a.n * share};
}

// bn_moments: part[group, chunk, c] = the moments of the chunk. A thread sums deviations from its first number, so that a
// mean far from 0 costs no digits.
template <int V, class X> __device__ inline void bn_moments(moments* part, const X* x, long long rows, int c, long long chunk) {
  __shared__ moments held[256];
  tile t = tile_of<V>(rows, c, chunk);
  pack<V> shift = same<V>(0), sum = shift, squares = shift;
  float n = 0;
  if (t.valid && t.first + threadIdx.y < t.end) shift = load<V>(x + (t.first + threadIdx.y) * c + t.channel);
  if (t.valid)
    for (long long r = t.first + threadIdx.y; r < t.end; r += blockDim.y) {
      pack<V> p = load<V>(x + r * c + t.channel);
      n++;
      for (int v = 0; v < V; v++) {
        float d = p.at[v] - shift.at[v];
        sum.at[v] += d;
        squares.at[v] += d * d;
      }
    }
  int thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (int v = 0; v < V; v++) {
    moments m = {0, 0, 0};
    if (n > 0) m = {n, shift.at[v] + sum.at[v] / n, squares.at[v] - sum.at[v] * sum.at[v] / n};
    __syncthreads();
    held[thread] = m;
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
      __syncthreads();
      if (threadIdx.y < half) held[thread] = merged(held[thread], held[thread + half * blockDim.x]);
    }
    if (t.valid && threadIdx.y == 0) part[((long long)t.group * gridDim.y + blockIdx.y) * c + t.channel + v] = held[thread];
  }
}

// bn_stats: stats [groups, 2, c] = mean and biased variance of the moments of a group's chunks. A team of 32 threads takes a
// channel.
__device__ inline void bn_stats(float* stats, const moments* part, int chunks, int c) {
  __shared__ moments held[256];
  int channel = blockIdx.x * blockDim.x + threadIdx.x, group = blockIdx.y;
  moments m = {0, 0, 0};
  if (channel < c)
    for (int i = threadIdx.y; i < chunks; i += blockDim.y) m = merged(m, part[((long long)group * chunks + i) * c + channel]);
  int thread = threadIdx.y * blockDim.x + threadIdx.x;
  held[thread] = m;
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) held[thread] = merged(held[thread], held[thread + half * blockDim.x]);
  }
  if (channel < c && threadIdx.y == 0) {
    stats[group * 2LL * c + channel] = held[thread].mean;
    stats[(group * 2LL + 1) * c + channel] = held[thread].squares <= 0 ? 0 : held[thread].squares / held[thread].n;
  }
}

// normaliser is what batch norm needs of V channels: xhat = (x - mean) * scale.
template <int V> struct normaliser {
  pack<V> mean, scale;
};

template <int V> __device__ inline normaliser<V> normaliser_of(const float* stats, int group, int c, int channel, float eps) {
  normaliser<V> n;
  n.mean = load<V>(stats + group * 2LL * c + channel);
  n.scale = load<V>(stats + (group * 2LL + 1) * c + channel);
  for (int v = 0; v < V; v++) n.scale.at[v] = 1 / sqrtf(n.scale.at[v] + eps);
  return n;
}

// bn_apply: y = gamma * xhat + beta, + residual, and max(., 0) where ReLU; gamma and beta, and the residual, may be null.
template <int V, bool ReLU, class Y, class X, class R>
__device__ inline void bn_apply(Y* y, const X* x, const float* stats, const float* gamma, const float* beta, const R* residual, long long rows, int c, long long chunk, float eps) {
  tile t = tile_of<V>(rows, c, chunk);
  if (!t.valid) return;
  normaliser<V> n = normaliser_of<V>(stats, t.group, c, t.channel, eps);
  pack<V> shift = same<V>(0);
  if (gamma) {
    pack<V> g = load<V>(gamma + t.channel);
    for (int v = 0; v < V; v++) n.scale.at[v] *= g.at[v];
    shift = load<V>(beta + t.channel);
  }
  for (long long r = t.first + threadIdx.y; r < t.end; r += blockDim.y) {
    long long at = r * c + t.channel;
    pack<V> p = load<V>(x + at);
    for (int v = 0; v < V; v++) p.at[v] = (p.at[v] - n.mean.at[v]) * n.scale.at[v] + shift.at[v];
    if (residual) {
      pack<V> q = load<V>(residual + at);
      for (int v = 0; v < V; v++) p.at[v] += q.at[v];
    }
    if (ReLU)
      for (int v = 0; v < V; v++) p.at[v] = p.at[v] <= 0 ? 0 : p.at[v];
    store<V>(y + at, p);
  }
}

// masked is the gradient at an offset where the activation was positive, else 0; without a mask the gradient.
template <int V, class G, class M> __device__ inline pack<V> masked(const G* g, const M* mask, long long at) {
  pack<V> p = load<V>(g + at);
  if (mask) {
    pack<V> y = load<V>(mask + at);
    for (int v = 0; v < V; v++) p.at[v] = y.at[v] > 0 ? p.at[v] : 0;
  }
  return p;
}

// bn_reduce: part[group, chunk, 2, c] = the sums of g * xhat and of g over the chunk.
template <int V, class G, class X, class M>
__device__ inline void bn_reduce(float* part, const G* g, const X* x, const float* stats, const M* mask, long long rows, int c, long long chunk, float eps) {
  __shared__ float held[2][256];
  tile t = tile_of<V>(rows, c, chunk);
  pack<V> product = same<V>(0), sum = product;
  if (t.valid) {
    normaliser<V> n = normaliser_of<V>(stats, t.group, c, t.channel, eps);
    for (long long r = t.first + threadIdx.y; r < t.end; r += blockDim.y) {
      long long at = r * c + t.channel;
      pack<V> d = masked<V>(g, mask, at), p = load<V>(x + at);
      for (int v = 0; v < V; v++) {
        product.at[v] += d.at[v] * ((p.at[v] - n.mean.at[v]) * n.scale.at[v]);
        sum.at[v] += d.at[v];
      }
    }
  }
  int thread = threadIdx.y * blockDim.x + threadIdx.x;
  for (int v = 0; v < V; v++) {
    __syncthreads();
    held[0][thread] = product.at[v];
    held[1][thread] = sum.at[v];
    for (int half = blockDim.y / 2; half > 0; half /= 2) {
      __syncthreads();
      if (threadIdx.y < half)
        for (int i = 0; i < 2; i++) held[i][thread] += held[i][thread + half * blockDim.x];
    }
    if (t.valid && threadIdx.y == 0)
      for (int i = 0; i < 2; i++) part[(((long long)t.group * gridDim.y + blockIdx.y) * 2 + i) * c + t.channel + v] = held[i][thread];
  }
}

// bn_grad: dx = gamma * (g - mean of g - xhat * mean of g*xhat) / sqrt(variance + eps), with sums [groups, 2, c] of bn_reduce;
// gamma may be null. The masked gradient is written too where wanted is not null.
template <int V, class Y, class W, class G, class X, class M>
__device__ inline void bn_grad(Y* dx, W* wanted, const G* g, const X* x, const float* stats, const float* sums, const float* gamma, const M* mask, long long rows, int c, long long chunk, float eps) {
  tile t = tile_of<V>(rows, c, chunk);
  if (!t.valid) return;
  normaliser<V> n = normaliser_of<V>(stats, t.group, c, t.channel, eps);
  pack<V> product = load<V>(sums + t.group * 2LL * c + t.channel), sum = load<V>(sums + (t.group * 2LL + 1) * c + t.channel), scale = n.scale;
  if (gamma) {
    pack<V> p = load<V>(gamma + t.channel);
    for (int v = 0; v < V; v++) scale.at[v] *= p.at[v];
  }
  for (int v = 0; v < V; v++) product.at[v] /= rows, sum.at[v] /= rows;
  for (long long r = t.first + threadIdx.y; r < t.end; r += blockDim.y) {
    long long at = r * c + t.channel;
    pack<V> d = masked<V>(g, mask, at), p = load<V>(x + at);
    if (wanted) store<V>(wanted + at, d);
    for (int v = 0; v < V; v++) d.at[v] = (d.at[v] - sum.at[v] - (p.at[v] - n.mean.at[v]) * n.scale.at[v] * product.at[v]) * scale.at[v];
    store<V>(dx + at, d);
  }
}

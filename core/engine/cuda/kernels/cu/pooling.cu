// Pooling of images [n, h, w, c], V channels a thread. Gradients gather: each input looks for the windows that it is in, so
// that nothing is added atomically. I is the type of indices: int where all fit it.

// summit is the largest element of a window in each of V channels, and the number of the pixel where it stands first.
template <class I, int V> struct summit {
  pack<V> top;
  I pixel[V];
};

// largest finds it in window (p, q) of an image: the first among equals, as PyTorch does.
template <int V, class I, class X>
__device__ inline summit<I, V> largest(const X* x, I image, int h, int w, int c, int p, int q, int size, int step, int pad, int channel) {
  summit<I, V> s;
  bool first = true;
  for (int i = most(0, p * step - pad); i < least(h, p * step - pad + size); i++)
    for (int j = most(0, q * step - pad); j < least(w, q * step - pad + size); j++) {
      I pixel = (image * h + i) * w + j;
      pack<V> e = load<V>(x + pixel * c + channel);
      for (int v = 0; v < V; v++)
        if (first || e.at[v] > s.top.at[v]) s.top.at[v] = e.at[v], s.pixel[v] = pixel;
      first = false;
    }
  return s;
}

// max_pool: y [n, oh, ow, c] is the largest element of each window of size x size.
template <class I, int V, class Y, class X>
__device__ inline void max_pool(Y* y, const X* x, I count, int h, int w, int c, int oh, int ow, int size, int step, int pad) {
  for (I i = (blockIdx.x * (I)blockDim.x + threadIdx.x) * V; i < count; i += (I)gridDim.x * blockDim.x * V) {
    I at = i;
    int channel = at % c;
    int q = (at /= c) % ow;
    int p = (at /= ow) % oh;
    store<V>(y + i, largest<V>(x, at / oh, h, w, c, p, q, size, step, pad, channel).top);
  }
}

// max_pool_grad: dx [n, h, w, c] is the sum of g [n, oh, ow, c] over the windows whose largest element stands there.
template <class I, int V, class Y, class G, class X>
__device__ inline void max_pool_grad(Y* dx, const G* g, const X* x, I count, int h, int w, int c, int oh, int ow, int size, int step, int pad) {
  for (I i = (blockIdx.x * (I)blockDim.x + threadIdx.x) * V; i < count; i += (I)gridDim.x * blockDim.x * V) {
    I pixel = i / c, at = pixel;
    int channel = i % c;
    int col = at % w;
    int row = (at /= w) % h;
    I image = at / h;
    // Window p covers rows p*step - pad to p*step - pad + size - 1.
    int top = row + pad < size ? 0 : (row + pad - size) / step + 1, bottom = least(oh - 1, (row + pad) / step);
    int left = col + pad < size ? 0 : (col + pad - size) / step + 1, right = least(ow - 1, (col + pad) / step);
    pack<V> sum = same<V>(0);
    for (int p = top; p <= bottom; p++)
      for (int q = left; q <= right; q++) {
        summit<I, V> s = largest<V>(x, image, h, w, c, p, q, size, step, pad, channel);
        pack<V> e = load<V>(g + ((image * oh + p) * ow + q) * c + channel);
        for (int v = 0; v < V; v++) sum.at[v] += s.pixel[v] == pixel ? e.at[v] : 0;
      }
    store<V>(dx + i, sum);
  }
}

// avg_pool: y [n, oh, ow, c] is the mean of the window [floor(p*h/oh), ceil((p+1)*h/oh)) x likewise for columns.
template <class I, int V, class Y, class X>
__device__ inline void avg_pool(Y* y, const X* x, I count, int h, int w, int c, int oh, int ow) {
  for (I i = (blockIdx.x * (I)blockDim.x + threadIdx.x) * V; i < count; i += (I)gridDim.x * blockDim.x * V) {
    I at = i;
    int channel = at % c;
    int q = (at /= c) % ow;
    int p = (at /= ow) % oh;
    I image = at / oh;
    int top = p * h / oh, bottom = ((p + 1) * h + oh - 1) / oh, left = q * w / ow, right = ((q + 1) * w + ow - 1) / ow;
    pack<V> sum = same<V>(0);
    for (int r = top; r < bottom; r++)
      for (int s = left; s < right; s++) {
        pack<V> e = load<V>(x + ((image * h + r) * w + s) * c + channel);
        for (int v = 0; v < V; v++) sum.at[v] += e.at[v];
      }
    float share = 1.0f / ((bottom - top) * (right - left));
    for (int v = 0; v < V; v++) sum.at[v] *= share;
    store<V>(y + i, sum);
  }
}

// avg_pool_grad: dx [n, h, w, c] is the sum over the windows that it is in of their g [n, oh, ow, c] over their area.
template <class I, int V, class Y, class G>
__device__ inline void avg_pool_grad(Y* dx, const G* g, I count, int h, int w, int c, int oh, int ow) {
  for (I i = (blockIdx.x * (I)blockDim.x + threadIdx.x) * V; i < count; i += (I)gridDim.x * blockDim.x * V) {
    I at = i;
    int channel = at % c;
    int col = (at /= c) % w;
    int row = (at /= w) % h;
    I image = at / h;
    pack<V> sum = same<V>(0);
    for (int p = row * oh / h; p < ((row + 1) * oh + h - 1) / h; p++)
      for (int q = col * ow / w; q < ((col + 1) * ow + w - 1) / w; q++) {
        int high = ((p + 1) * h + oh - 1) / oh - p * h / oh, wide = ((q + 1) * w + ow - 1) / ow - q * w / ow;
        pack<V> e = load<V>(g + ((image * oh + p) * ow + q) * c + channel);
        for (int v = 0; v < V; v++) sum.at[v] += e.at[v] / (high * wide);
      }
    store<V>(dx + i, sum);
  }
}

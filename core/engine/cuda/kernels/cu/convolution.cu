// Convolutions as products: what cuDNN is not there for. Images are [n, h, w, c], weights [r, s, c, k], outputs [n, p, q, k];
// R, S, step and pad are known when the source is compiled, so that window indices cost no division by a variable.

struct geometry {
  int n, h, w, c, k, p, q;
};

// pixels is an operand whose element (pixel of the output, tap and channel) is the input that the tap meets.
template <int R, int S, int Step, int Pad, class X> struct pixels {
  static const bool along_k = true;
  const X* x;
  geometry g;
  struct place { long long image; int i, j; bool valid; };
  struct tap { int r, s, c; bool valid; };
  __device__ place outer(int m) const {
    int q = m % g.q, p = m / g.q % g.p;
    long long image = m / g.q / g.p;
    return {image * g.h, p * Step - Pad, q * Step - Pad, image < g.n};
  }
  __device__ tap inner(int k) const {
    int c = k % g.c, s = k / g.c % S;
    return {k / g.c / S, s, c, k / g.c < R * S};
  }
  __device__ float at(place o, tap t) const {
    int i = o.i + t.r, j = o.j + t.s;
    if (!o.valid || !t.valid || i < 0 || j < 0 || i >= g.h || j >= g.w) return 0;
    return widen(x[((o.image + i) * g.w + j) * g.c + t.c]);
  }
};

// taps is pixels with outer and inner indices exchanged: of the gradient of the weights.
template <int R, int S, int Step, int Pad, class X> struct taps {
  static const bool along_k = false;
  pixels<R, S, Step, Pad, X> x;
  __device__ typename pixels<R, S, Step, Pad, X>::tap outer(int m) const { return x.inner(m); }
  __device__ typename pixels<R, S, Step, Pad, X>::place inner(int k) const { return x.outer(k); }
  __device__ float at(typename pixels<R, S, Step, Pad, X>::tap t, typename pixels<R, S, Step, Pad, X>::place o) const { return x.at(o, t); }
};

// outputs is an operand whose element (pixel of the input, tap and output channel) is the gradient of the output that meets
// the input by the tap.
template <int R, int S, int Step, int Pad, class G> struct outputs {
  static const bool along_k = true;
  const G* y;
  geometry g;
  struct place { long long image; int i, j; bool valid; };
  struct tap { int r, s, k; bool valid; };
  __device__ place outer(int m) const {
    int j = m % g.w, i = m / g.w % g.h;
    long long image = m / g.w / g.h;
    return {image * g.p, i + Pad, j + Pad, image < g.n};
  }
  __device__ tap inner(int at) const {
    int k = at % g.k, s = at / g.k % S;
    return {at / g.k / S, s, k, at / g.k < R * S};
  }
  __device__ float at(place o, tap t) const {
    int i = o.i - t.r, j = o.j - t.s;
    if (!o.valid || !t.valid || i < 0 || j < 0 || i % Step || j % Step || i / Step >= g.p || j / Step >= g.q) return 0;
    return widen(y[((o.image + i / Step) * g.q + j / Step) * g.k + t.k]);
  }
};

// turned is an operand whose element (input channel, tap and output channel) is a weight.
template <int R, int S> struct turned {
  static const bool along_k = true;
  const float* w;
  geometry g;
  struct index { long long at; bool valid; };
  __device__ index outer(int c) const { return {(long long)c * g.k, c < g.c}; }
  __device__ index inner(int at) const { return {(long long)(at / g.k) * g.c * g.k + at % g.k, at / g.k < R * S}; }
  __device__ float at(index o, index t) const { return o.valid && t.valid ? w[o.at + t.at] : 0; }
};

template <int R, int S, int Step, int Pad, class X> __device__ inline pixels<R, S, Step, Pad, X> pixels_of(const X* x, geometry g) { return {x, g}; }
template <int R, int S, int Step, int Pad, class X> __device__ inline taps<R, S, Step, Pad, X> taps_of(const X* x, geometry g) { return {{x, g}}; }
template <int R, int S, int Step, int Pad, class G> __device__ inline outputs<R, S, Step, Pad, G> outputs_of(const G* y, geometry g) { return {y, g}; }

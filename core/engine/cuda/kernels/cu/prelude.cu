// What all kernels share: storage types, loads and stores of several elements, sums over threads. Arithmetic is in float;
// only storage has a type. Addresses of values are aligned to 16 bytes at least.

// bf16 is the upper half of a float.
struct bf16 { unsigned short bits; };

union word { unsigned u; float f; };

__device__ inline float widen(float x) { return x; }

__device__ inline float widen(bf16 x) {
  word w;
  w.u = (unsigned)x.bits << 16;
  return w.f;
}

__device__ inline void narrow(float& to, float x) { to = x; }

// Rounds to the nearest, to even among equals; every NaN becomes 0x7fff. GPUs before sm_80 have no instruction for it.
__device__ inline void narrow(bf16& to, float x) {
#if __CUDA_ARCH__ >= 800 && !defined(FAKE_CUDA)
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to.bits) : "f"(x));
#else
  word w;
  w.f = x;
  to.bits = x != x ? 0x7fff : (w.u + 0x7fff + (w.u >> 16 & 1)) >> 16;
#endif
}

template <class T> __device__ inline T least(T a, T b) { return b < a ? b : a; }
template <class T> __device__ inline T most(T a, T b) { return b > a ? b : a; }

// pack holds V neighbouring elements in registers.
template <int V> struct pack { float at[V]; };

// stored is V neighbouring elements in memory, moved by instructions of up to 16 bytes.
template <int V, class T> struct alignas(V * sizeof(T) < 16 ? V * sizeof(T) : 16) stored { T at[V]; };

template <int V, class T> __device__ inline pack<V> load(const T* from) {
  stored<V, T> s = *reinterpret_cast<const stored<V, T>*>(from);
  pack<V> p;
  for (int v = 0; v < V; v++) p.at[v] = widen(s.at[v]);
  return p;
}

template <int V, class T> __device__ inline void store(T* to, const pack<V>& p) {
  stored<V, T> s;
  for (int v = 0; v < V; v++) narrow(s.at[v], p.at[v]);
  *reinterpret_cast<stored<V, T>*>(to) = s;
}

template <int V> __device__ inline pack<V> same(float x) {
  pack<V> p;
  for (int v = 0; v < V; v++) p.at[v] = x;
  return p;
}

// team_sum is the sum of x over each team of T neighbouring threads along x, in every one of them and in an order that T
// alone decides. All threads of a block of `threads` call it.
template <int T> __device__ inline float team_sum(float x) {
  for (int d = 16; d > 0; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d);
  if (T == 32) return x;
  __shared__ float warps[32];
  int thread = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();
  if (thread % 32 == 0) warps[thread / 32] = x;
  __syncthreads();
  int first = thread / T * (T / 32);
  x = 0;
  for (int w = 0; w < T / 32; w++) x += warps[first + w];
  return x;
}

// team_max is the largest x of each team.
template <int T> __device__ inline float team_max(float x) {
  for (int d = 16; d > 0; d /= 2) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, d));
  if (T == 32) return x;
  __shared__ float warps[32];
  int thread = threadIdx.y * blockDim.x + threadIdx.x;
  __syncthreads();
  if (thread % 32 == 0) warps[thread / 32] = x;
  __syncthreads();
  int first = thread / T * (T / 32);
  x = warps[first];
  for (int w = 1; w < T / 32; w++) x = fmaxf(x, warps[first + w]);
  return x;
}

// Vector types and functions that CUDA C++ has and C++ lacks.
#pragma once

#define FAKE_VECTOR(T, name, a2, a4)                                                     \
	struct alignas(a2) name##2 { T x, y; };                                                \
	struct name##3 { T x, y, z; };                                                         \
	struct alignas(a4) name##4 { T x, y, z, w; };                                          \
	inline name##2 make_##name##2(T x, T y) { return {x, y}; }                             \
	inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                     \
	inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
FAKE_VECTOR(float, float, 8, 16)
FAKE_VECTOR(double, double, 16, 16)
FAKE_VECTOR(int, int, 8, 16)
FAKE_VECTOR(unsigned int, uint, 8, 16)
FAKE_VECTOR(short, short, 4, 8)
FAKE_VECTOR(unsigned short, ushort, 4, 8)
FAKE_VECTOR(signed char, char, 2, 4)
FAKE_VECTOR(unsigned char, uchar, 2, 4)

#define FAKE_BITS(To, name, From) \
	inline To name(From v) { To to; memcpy(&to, &v, sizeof to); return to; }
FAKE_BITS(unsigned, __float_as_uint, float)
FAKE_BITS(int, __float_as_int, float)
FAKE_BITS(float, __uint_as_float, unsigned)
FAKE_BITS(float, __int_as_float, int)
FAKE_BITS(long long, __double_as_longlong, double)
FAKE_BITS(double, __longlong_as_double, long long)

#define FAKE_MINMAX(T)                                   \
	inline T min(T a, T b) { return b < a ? b : a; }       \
	inline T max(T a, T b) { return a < b ? b : a; }
FAKE_MINMAX(int)
FAKE_MINMAX(unsigned)
FAKE_MINMAX(long)
FAKE_MINMAX(unsigned long)
FAKE_MINMAX(long long)
FAKE_MINMAX(unsigned long long)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline float rsqrtf(float v) { return 1 / sqrtf(v); }
inline float __expf(float v) { return expf(v); }
inline float __logf(float v) { return logf(v); }
inline float __powf(float a, float b) { return powf(a, b); }
inline float __sinf(float v) { return sinf(v); }
inline float __cosf(float v) { return cosf(v); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline float __fsqrt_rn(float v) { return sqrtf(v); }
inline float __frcp_rn(float v) { return 1 / v; }
inline float __frsqrt_rn(float v) { return 1 / sqrtf(v); }
inline float __saturatef(float v) { return v < 0 ? 0 : v > 1 ? 1 : v; }
inline float __int2float_rn(int v) { return (float)v; }
inline float __uint2float_rn(unsigned v) { return (float)v; }
inline int __float2int_rn(float v) { return (int)rintf(v); }
inline int __float2int_rz(float v) { return (int)v; }
inline int __float2int_rd(float v) { return (int)floorf(v); }
inline int __clz(int v) { return v ? __builtin_clz((unsigned)v) : 32; }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)((unsigned __int128)a * b >> 64); }
template <class T> inline T __ldg(const T* p) { return *p; }
template <class T> inline T __ldcs(const T* p) { return *p; }
template <class T> inline T __ldcg(const T* p) { return *p; }
template <class T> inline void __stcs(T* p, T v) { *p = v; }
template <class T> inline void __stcg(T* p, T v) { *p = v; }

// CUDA C++ for g++: what a kernel's source may use, in terms of the fake driver's fibers. A source that does with this may
// still use what NVRTC lacks; therefore sources are compiled by the real NVRTC too, where there is one.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <utility>
using std::isfinite;
using std::isinf;
using std::isnan;

#include "kernel.h"
#include "types.h"

// The runtime's pointer is no zero, so that it lies apart from the static shared memory, which is what is zero at the start.
static FakeRuntime* fakeRuntime __attribute__((section(".data"), used)) = (FakeRuntime*)1;

#define FAKE_CUDA 1
#define __device__
#define __host__
#define __constant__ static const
#define __shared__ static __attribute__((used))  // used, lest g++ takes what is never written for zero
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __align__(n) alignas(n)
#define __fakeGlobal__
#define __fakeBounds__(...)

#define threadIdx (fakeRuntime->threadIdx)
#define blockIdx (fakeRuntime->blockIdx)
#define blockDim (fakeRuntime->blockDim)
#define gridDim (fakeRuntime->gridDim)
static const int warpSize = 32;

// fakeShared is the dynamic shared memory; the compiler puts it in for "extern __shared__ T name[]".
inline void* fakeShared() { return fakeRuntime->shared; }

inline void __syncthreads() { fakeRuntime->barrier(); }
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) { fakeRuntime->ballot(mask, 0); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline unsigned __ballot_sync(unsigned mask, int predicate) { return fakeRuntime->ballot(mask, predicate); }
inline int __any_sync(unsigned mask, int predicate) { return fakeRuntime->ballot(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return fakeRuntime->ballot(mask, !predicate) == 0; }

inline unsigned fakeLane() { return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32; }

template <class T>
inline T fakeExchange(unsigned mask, T value, unsigned lane) {
	static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
	unsigned long long bits = 0;
	memcpy(&bits, &value, sizeof(T));
	bits = fakeRuntime->exchange(mask, bits, lane);
	memcpy(&value, &bits, sizeof(T));
	return value;
}

// A shuffle stays within segments of width lanes; a lane beyond its segment's end reads its own value.
template <class T>
inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
	unsigned own = fakeLane();
	return fakeExchange(mask, value, own / width * width + (unsigned)lane % width);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
	unsigned own = fakeLane();
	return fakeExchange(mask, value, own % width + delta < (unsigned)width ? own + delta : own);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
	unsigned own = fakeLane();
	return fakeExchange(mask, value, own % width >= delta ? own - delta : own);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
	unsigned own = fakeLane(), other = own ^ (unsigned)bits;
	return fakeExchange(mask, value, other / width <= own / width ? other : own);
}

// Fibers do not interrupt one another, so plain code is atomic.
template <class T, class U>
inline T atomicAdd(T* at, U value) { T old = *at; *at = old + (T)value; return old; }
template <class T, class U>
inline T atomicMax(T* at, U value) { T old = *at; if ((T)value > old) *at = (T)value; return old; }
template <class T, class U>
inline T atomicMin(T* at, U value) { T old = *at; if ((T)value < old) *at = (T)value; return old; }
template <class T, class U>
inline T atomicExch(T* at, U value) { T old = *at; *at = (T)value; return old; }
template <class T, class U, class V>
inline T atomicCAS(T* at, U expected, V value) { T old = *at; if (old == (T)expected) *at = (T)value; return old; }

#undef assert
#define assert(condition) ((condition) ? (void)0 : fakeRuntime->fail(710, "assertion failed: " #condition))
inline void __trap() { fakeRuntime->fail(719, "trap"); }

// What g++'s instrumentation calls. Of the sanitizers' own libraries nothing is linked.
#define FAKE_HOOK extern "C" __attribute__((visibility("hidden"), used, no_sanitize_thread, no_sanitize_undefined)) inline

// While the library is loaded, no kernel runs.
inline __attribute__((no_sanitize_thread, no_sanitize_undefined)) void fakeAccess(void* at, unsigned long bytes, bool write) {
	if (fakeRuntime != (FakeRuntime*)1) fakeRuntime->access(at, bytes, write);
}

FAKE_HOOK void __tsan_init() {}
FAKE_HOOK void __tsan_read_range(void* at, unsigned long bytes) { fakeAccess(at, bytes, false); }
FAKE_HOOK void __tsan_write_range(void* at, unsigned long bytes) { fakeAccess(at, bytes, true); }
#define FAKE_ACCESS(n)                                                                    \
	FAKE_HOOK void __tsan_read##n(void* at) { fakeAccess(at, n, false); }           \
	FAKE_HOOK void __tsan_write##n(void* at) { fakeAccess(at, n, true); }           \
	FAKE_HOOK void __tsan_volatile_read##n(void* at) { fakeAccess(at, n, false); }  \
	FAKE_HOOK void __tsan_volatile_write##n(void* at) { fakeAccess(at, n, true); }  \
	FAKE_HOOK void __tsan_unaligned_read##n(void* at) { fakeAccess(at, n, false); } \
	FAKE_HOOK void __tsan_unaligned_write##n(void* at) { fakeAccess(at, n, true); }
FAKE_ACCESS(1)
FAKE_ACCESS(2)
FAKE_ACCESS(4)
FAKE_ACCESS(8)
FAKE_ACCESS(16)

// What a sanitizer tells begins with the place in the source.
struct FakePlace { const char* file; unsigned line, column; };

inline __attribute__((no_sanitize_thread, no_sanitize_undefined)) void fakeUndefined(const FakePlace* place, int code, const char* what) {
	char text[120];
	snprintf(text, sizeof text, "line %u of the source: %s", place->line, what);
	fakeRuntime->fail(code, text);
}
FAKE_HOOK void __ubsan_handle_type_mismatch_v1(FakePlace* at, void*) { fakeUndefined(at, 716, "the address is not aligned for its type"); }
FAKE_HOOK void __ubsan_handle_out_of_bounds(FakePlace* at, void*) { fakeUndefined(at, 719, "the index is outside of the array"); }
FAKE_HOOK void __ubsan_handle_add_overflow(FakePlace* at, void*, void*) { fakeUndefined(at, 719, "the sum of integers overflows"); }
FAKE_HOOK void __ubsan_handle_sub_overflow(FakePlace* at, void*, void*) { fakeUndefined(at, 719, "the difference of integers overflows"); }
FAKE_HOOK void __ubsan_handle_mul_overflow(FakePlace* at, void*, void*) { fakeUndefined(at, 719, "the product of integers overflows"); }
FAKE_HOOK void __ubsan_handle_negate_overflow(FakePlace* at, void*) { fakeUndefined(at, 719, "the negative of the integer overflows"); }
FAKE_HOOK void __ubsan_handle_divrem_overflow(FakePlace* at, void*, void*) { fakeUndefined(at, 719, "an integer is divided by zero"); }
FAKE_HOOK void __ubsan_handle_shift_out_of_bounds(FakePlace* at, void*, void*) { fakeUndefined(at, 719, "a shift by too many bits"); }
FAKE_HOOK void __ubsan_handle_float_cast_overflow(FakePlace* at, void*) { fakeUndefined(at, 719, "the number does not fit the integer type"); }

// The table of kernels, which the compiler puts behind the source.

template <class T>
constexpr char fakeKind() { return std::is_pointer<T>::value ? 'p' : (char)('0' + sizeof(T)); }

template <class... A>
struct FakeEntry {
	static const char* kinds() {
		static_assert(((sizeof(A) <= 8) && ...), "the fake passes parameters of at most 8 bytes");
		static const char text[] = {fakeKind<A>()..., 0};
		return text;
	}
	template <void (*kernel)(A...), size_t... I>
	static void call(void** params, std::index_sequence<I...>) { kernel(*(std::remove_const_t<A>*)params[I]...); }
	template <void (*kernel)(A...)>
	static void entry(void** params) { call<kernel>(params, std::index_sequence_for<A...>{}); }
};
template <class... A>
FakeEntry<A...> fakeEntry(void (*)(A...));

constexpr unsigned fakeFirst(unsigned first, ...) { return first; }

#define FAKE_KERNEL(name, ...) \
	{#name, decltype(fakeEntry(&name))::entry<&name>, decltype(fakeEntry(&name))::kinds(), fakeFirst(__VA_ARGS__)}

extern "C" __attribute__((visibility("hidden"))) char __bss_start[], _end[];

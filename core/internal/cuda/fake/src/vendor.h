// What the fakes of cuDNN and cublasLt share: checks of the memory that they are given, and the arithmetic of tensor cores.
#pragma once
#include "fake.h"

#include <cmath>
#include <cstring>

EXPORT int cuMemGetInfo_v2(size_t* available, size_t* total);

namespace vendor {

// attached reports whether the calling thread has a context.
inline bool attached() {
	size_t available, total;
	return cuMemGetInfo_v2(&available, &total) == OK;
}

// covered reports whether the device's memory holds bytes at an address.
inline bool covered(const void* at, size_t bytes) { return fake::inside(reinterpret_cast<uint64_t>(at), bytes); }

inline bool aligned(const void* at, size_t to) { return reinterpret_cast<uintptr_t>(at) % to == 0; }

// round keeps the upper bits of a float32, to nearest, ties to even: 16 bits dropped for bfloat16, 13 for TF32.
inline float round(float v, int dropped) {
	uint32_t u;
	memcpy(&u, &v, 4);
	if ((u & 0x7f800000) == 0x7f800000) return v;
	uint32_t odd = u >> dropped & 1;
	u += (1u << (dropped - 1)) - 1 + odd;
	u = u >> dropped << dropped;
	memcpy(&v, &u, 4);
	return v;
}

// Array reads and writes elements of float32 or bfloat16.
struct Array {
	void* at;
	bool narrow;  // bfloat16
	bool tf32;    // what is read is rounded as tensor cores do

	float get(size_t i) const {
		if (!narrow) {
			float v = static_cast<float*>(at)[i];
			return tf32 ? round(v, 13) : v;
		}
		float v;
		uint32_t u = uint32_t(static_cast<uint16_t*>(at)[i]) << 16;
		memcpy(&v, &u, 4);
		return v;
	}

	void set(size_t i, float v) const {
		if (!narrow) {
			static_cast<float*>(at)[i] = v;
			return;
		}
		uint32_t u;
		v = round(v, 16);
		memcpy(&u, &v, 4);
		static_cast<uint16_t*>(at)[i] = uint16_t(u >> 16);
	}
};

// disturb is a sum in no fixed order: each time another.
inline float disturb(float v) {
	static uint32_t calls = 0;
	return v * (1 + float(++calls % 7) * 1.2e-7f);
}

}  // namespace vendor

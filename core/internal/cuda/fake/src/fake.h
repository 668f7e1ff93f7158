// What the fakes share. libcuda.so.1 defines it; a fake of a library above the driver (cuDNN, cublasLt) includes this, links
// to libcuda.so.1 and hands its work to enqueue, so that it happens in stream order, is captured and is replayed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

// CUresult, as far as the fakes return it.
enum {
	OK = 0,
	INVALID_VALUE = 1,
	OUT_OF_MEMORY = 2,
	NOT_INITIALIZED = 3,
	NO_DEVICE = 100,
	INVALID_DEVICE = 101,
	INVALID_IMAGE = 200,
	INVALID_CONTEXT = 201,
	NO_BINARY_FOR_GPU = 209,
	INVALID_HANDLE = 400,
	ILLEGAL_STATE = 401,
	NOT_FOUND = 500,
	NOT_READY = 600,
	ILLEGAL_ADDRESS = 700,
	LAUNCH_OUT_OF_RESOURCES = 701,
	ASSERT = 710,
	HOST_MEMORY_ALREADY_REGISTERED = 712,
	HOST_MEMORY_NOT_REGISTERED = 713,
	MISALIGNED_ADDRESS = 716,
	LAUNCH_FAILED = 719,
	STREAM_CAPTURE_UNSUPPORTED = 900,
	STREAM_CAPTURE_INVALIDATED = 901,
	STREAM_CAPTURE_UNJOINED = 904,
	STREAM_CAPTURE_WRONG_THREAD = 908,
};

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace fake {

// shared marks what libcuda.so.1 lends to the other fakes.
#define SHARED __attribute__((visibility("default")))

// enqueue gives a stream work. It runs when the program waits for it; its result, where not OK, loses the context.
SHARED int enqueue(void* stream, std::function<int()> work);

// inside reports whether bytes at an address are one piece of device memory.
SHARED bool inside(uint64_t address, size_t bytes);

// fault counts a call by name, and is the error that a test wants of it, or OK.
SHARED int fault(const char* call);

// setting is a number from the environment.
SHARED long setting(const char* name, long otherwise);

// report prints what the fake found wrong, for whoever reads the test's output.
SHARED void report(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace fake

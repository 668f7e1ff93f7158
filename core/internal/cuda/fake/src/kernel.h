// What a compiled kernel and the fake driver know of each other.
#pragma once

struct FakeIndex { unsigned x, y, z; };

// FakeRuntime is what a running kernel asks of the driver. The indices are those of the thread that runs.
struct FakeRuntime {
	FakeIndex threadIdx, blockIdx, blockDim, gridDim;
	void* shared;                                                                          // dynamic shared memory
	void (*barrier)();                                                                     // waits for the threads of the block
	unsigned long long (*exchange)(unsigned mask, unsigned long long value, unsigned lane);  // gives value, takes that of a lane of its warp
	unsigned (*ballot)(unsigned mask, int predicate);
	void (*access)(void* at, unsigned long bytes, bool write);                              // before each access to memory
	void (*fail)(int code, const char* why);                                               // ends the launch
};

struct FakeKernel {
	const char* name;
	void (*entry)(void** params);
	const char* kinds;  // of the parameters: p for a pointer, else the size in bytes as a digit
	unsigned bound;     // threads of a block at most: __launch_bounds__
};

// FakeModule is what a compiled source exports by the name fakeModule.
struct FakeModule {
	const FakeKernel* kernels;  // the last has no name
	FakeRuntime** runtime;      // the driver puts its own here
	char *begin, *end;          // static shared memory
};

// A cubin of the fake compiler is this and then a shared library.
struct FakeCubin {
	char magic[8];  // "FAKECUBN"
	unsigned long long bytes;
	unsigned long long arch;
};

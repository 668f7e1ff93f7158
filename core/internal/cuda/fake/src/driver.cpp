// The fake driver: start, devices, contexts, faults.
#include "state.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fake {

State& state() {
	static State* s = new State;  // never destroyed: the library outlives its users
	return *s;
}

Context*& current() {
	static thread_local Context* c = nullptr;
	static thread_local long resets = 0;
	if (resets != state().resets) c = nullptr, resets = state().resets;
	return c;
}

long setting(const char* name, long otherwise) {
	const char* text = getenv(name);
	return text && *text ? atol(text) : otherwise;
}

void report(const char* format, ...) {
	va_list args;
	va_start(args, format);
	fputs("fake CUDA: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

int bad(const char* call, const char* why) {
	report("%s: %s", call, why);
	return INVALID_VALUE;
}

int fault(const char* call) {
	std::lock_guard<std::recursive_mutex> guard(state().lock);
	long n = ++state().calls[call];
	auto& faults = state().faults[call];
	auto f = faults.find(n);
	if (f == faults.end()) return OK;
	int code = f->second;
	faults.erase(f);
	return code;
}

int enter(const char* call, Need need) {
	if (int code = fault(call)) return code;
	if (need >= STARTED && !state().started) return NOT_INITIALIZED;
	if (need >= CONTEXT) {
		if (!current() || !current()->users) return INVALID_CONTEXT;
		if (current()->lost) return current()->lost;
	}
	return OK;
}

// failing reads faults of the form "cuMemAlloc_v2:3:2,kernel:1:719": call, which one, error.
static void failing(const char* text) {
	char call[64];
	long n;
	int code, length;
	while (text && sscanf(text, "%63[^:]:%ld:%d%n", call, &n, &code, &length) == 3) {
		state().faults[call][n] = code;
		text += length;
		if (*text != ',') break;
		text++;
	}
}

unsigned long long deviceArch() { return setting("FAKE_CUDA_ARCH", 90); }
int deviceShared() { return 227 << 10; }
size_t deviceMemory() { return (size_t)setting("FAKE_CUDA_MEMORY", 4l << 30); }

}  // namespace fake

using namespace fake;

// dropShared drops what belongs to no one context.
static void dropShared() {
	for (auto& p : state().pinned) free(p.first);
	state().pinned.clear();
	state().registered.clear();
	state().graphs.clear();
	state().execs.clear();
	state().modules.clear();
}

// fakeReset forgets everything: contexts, faults, counts. For tests, between them.
EXPORT int fakeReset() {
	std::lock_guard<std::recursive_mutex> guard(state().lock);
	for (auto& c : state().contexts) {
		for (auto& m : c.memory) free(m.second.base);
		c = Context{};
	}
	forgetAccesses(nullptr);
	dropShared();
	state().streams.clear();
	state().events.clear();
	state().calls.clear();
	state().faults.clear();
	state().started = false;
	state().resets++;
	return OK;
}

// fakeFail makes the nth call from now on, counted from 1, end with an error. "kernel" stands for the running of a kernel, whose
// error loses the context.
EXPORT int fakeFail(const char* call, long n, int code) {
	std::lock_guard<std::recursive_mutex> guard(state().lock);
	state().faults[call][state().calls[call] + n] = code;
	return OK;
}

// fakeCalls is how often a function was called, or with "kernel", how many kernels ran.
EXPORT long fakeCalls(const char* call) {
	std::lock_guard<std::recursive_mutex> guard(state().lock);
	return state().calls[call];
}

// fakeLive counts objects that were made and not destroyed.
EXPORT long fakeLive(const char* kind) {
	std::lock_guard<std::recursive_mutex> guard(state().lock);
	std::string k = kind;
	long memory = 0, contexts = 0;
	for (auto& c : state().contexts) memory += (long)c.memory.size(), contexts += c.users;
	std::map<std::string, long> counts = {
		{"context", contexts}, {"memory", memory}, {"host", (long)state().pinned.size()}, {"registered", (long)state().registered.size()},
		{"stream", (long)state().streams.size()}, {"event", (long)state().events.size()}, {"module", (long)state().modules.size()},
		{"graph", (long)state().graphs.size()}, {"exec", (long)state().execs.size()},
	};
	return counts.count(k) ? counts[k] : -1;
}

EXPORT int cuDriverGetVersion(int* version) {
	ENTER(cuDriverGetVersion, NOTHING)
	*version = (int)setting("FAKE_CUDA_DRIVER", 13000);
	return OK;
}

EXPORT int cuInit(unsigned flags) {
	ENTER(cuInit, NOTHING)
	if (flags) return bad("cuInit", "flags must be 0");
	state().devices = (int)setting("FAKE_CUDA_DEVICES", 1);
	if (state().devices == 0) return NO_DEVICE;
	if (!state().started) failing(getenv("FAKE_CUDA_FAIL"));
	state().started = true;
	return OK;
}

EXPORT int cuGetErrorName(int code, const char** name) {
	static const std::map<int, const char*> names = {
		{OK, "CUDA_SUCCESS"}, {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"}, {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
		{NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"}, {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"}, {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
		{INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"}, {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU"}, {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"}, {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
		{ILLEGAL_STATE, "CUDA_ERROR_ILLEGAL_STATE"}, {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"}, {NOT_READY, "CUDA_ERROR_NOT_READY"},
		{ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
		{ASSERT, "CUDA_ERROR_ASSERT"}, {HOST_MEMORY_ALREADY_REGISTERED, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"},
		{HOST_MEMORY_NOT_REGISTERED, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"}, {MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS"}, {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED"},
		{STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"}, {STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"},
		{STREAM_CAPTURE_UNJOINED, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"}, {STREAM_CAPTURE_WRONG_THREAD, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD"},
	};
	auto found = names.find(code);
	if (found == names.end()) return INVALID_VALUE;
	*name = found->second;
	return OK;
}

static bool device(int d) { return d >= 0 && d < state().devices; }

EXPORT int cuDeviceGetCount(int* count) {
	ENTER(cuDeviceGetCount, STARTED)
	*count = state().devices;
	return OK;
}

EXPORT int cuDeviceGet(int* d, int index) {
	ENTER(cuDeviceGet, STARTED)
	if (!device(index)) return INVALID_DEVICE;
	*d = index;
	return OK;
}

EXPORT int cuDeviceGetName(char* name, int size, int d) {
	ENTER(cuDeviceGetName, STARTED)
	if (!device(d)) return INVALID_DEVICE;
	snprintf(name, (size_t)size, "Fake GPU");
	return OK;
}

EXPORT int cuDeviceGetPCIBusId(char* id, int size, int d) {
	ENTER(cuDeviceGetPCIBusId, STARTED)
	if (!device(d)) return INVALID_DEVICE;
	snprintf(id, (size_t)size, "0000:%02X:00.0", 1 + d);
	return OK;
}

EXPORT int cuDeviceTotalMem_v2(size_t* bytes, int d) {
	ENTER(cuDeviceTotalMem_v2, STARTED)
	if (!device(d)) return INVALID_DEVICE;
	*bytes = deviceMemory();
	return OK;
}

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int d) {
	ENTER(cuDeviceGetAttribute, STARTED)
	if (!device(d)) return INVALID_DEVICE;
	static const std::map<int, int> fixed = {{1, 1024}, {10, 32}, {16, 4}};  // threads of a block, of a warp, multiprocessors
	switch (attribute) {
	case 75: *value = (int)deviceArch() / 10; return OK;
	case 76: *value = (int)deviceArch() % 10; return OK;
	case 97: *value = deviceShared(); return OK;
	}
	if (!fixed.count(attribute)) return INVALID_VALUE;
	*value = fixed.at(attribute);
	return OK;
}

EXPORT int cuDevicePrimaryCtxRetain(void** context, int d) {
	ENTER(cuDevicePrimaryCtxRetain, STARTED)
	if (!device(d)) return INVALID_DEVICE;
	Context& c = state().contexts[(size_t)d];
	if (c.lost) return c.lost;
	c.users++;
	*context = &c;
	return OK;
}

// The last release frees what the context has, as the real one does; after a lost context, whose objects cannot be destroyed,
// what all contexts share too.
EXPORT int cuDevicePrimaryCtxRelease_v2(int d) {
	ENTER(cuDevicePrimaryCtxRelease_v2, STARTED)
	if (!device(d)) return INVALID_DEVICE;
	Context& c = state().contexts[(size_t)d];
	if (c.users == 0) return INVALID_CONTEXT;
	if (--c.users > 0) return OK;
	if (c.lost) dropShared();
	else settleAll(c);
	for (auto& m : c.memory) free(m.second.base);
	c.memory.clear();
	c.used = 0;
	c.lost = OK;
	for (auto s = state().streams.begin(); s != state().streams.end();) s = s->second->context == &c ? state().streams.erase(s) : std::next(s);
	for (auto e = state().events.begin(); e != state().events.end();) e = e->second->context == &c ? state().events.erase(e) : std::next(e);
	return OK;
}

EXPORT int cuCtxSetCurrent(void* context) {
	ENTER(cuCtxSetCurrent, STARTED)
	Context* c = (Context*)context;
	if (c && c->users == 0) return INVALID_CONTEXT;
	current() = c;
	return OK;
}

EXPORT int cuCtxSynchronize() {
	ENTER(cuCtxSynchronize, CONTEXT)
	if (int failure = unsafe()) return failure;
	return settleAll(*current());
}

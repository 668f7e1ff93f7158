// Device memory is host memory between guard zones. Guards and fresh memory are all ones, which is NaN as float32 and as
// bfloat16: who reads past an end or before writing computes NaN, and who writes past an end is found out.
#include "state.h"

#include <cstdlib>
#include <cstring>

namespace fake {

static const size_t guardBytes = 4096, alignment = 256;
static const int poison = 0xFF;

static size_t padded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

// behind is how many bytes lie between a block's end and the end of its guard.
static size_t behind(const Block& b) { return guardBytes + padded(b.bytes) - b.bytes; }

bool inside(uint64_t address, size_t bytes) {
	std::lock_guard<std::recursive_mutex> guard(state().lock);
	for (auto& c : state().contexts) {
		auto m = c.memory.upper_bound((char*)address);
		if (m == c.memory.begin()) continue;
		--m;
		if ((char*)address + bytes <= m->first + m->second.bytes) return true;
	}
	return false;
}

static bool allOnes(const char* at, size_t bytes) {
	for (size_t i = 0; i < bytes; i++)
		if ((unsigned char)at[i] != poison) return false;
	return true;
}

bool guardsIntact(const Context& c) {
	for (auto& m : c.memory) {
		const Block& b = m.second;
		if (!allOnes(b.base, guardBytes) || !allOnes(m.first + b.bytes, behind(b))) return false;
	}
	return true;
}

Extent extentOf(char* at, size_t bytes) {
	for (auto& c : state().contexts) {
		auto m = c.memory.upper_bound(at);
		if (m != c.memory.end() && at + bytes > m->second.base) return Extent{m->first, m->first + m->second.bytes, true};
		if (m == c.memory.begin()) continue;
		--m;
		const Block& b = m->second;
		char* end = m->first + b.bytes;
		if (at < end + behind(b)) return Extent{m->first, end, at + bytes > end};
	}
	return Extent{};
}

bool pageLocked(const char* at, size_t bytes) {
	for (auto* ranges : {&state().pinned, &state().registered}) {
		auto r = ranges->upper_bound((char*)at);
		if (r == ranges->begin()) continue;
		--r;
		if (at + bytes <= r->first + r->second) return true;
	}
	return false;
}

}  // namespace fake

using namespace fake;

EXPORT int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
	ENTER(cuMemAlloc_v2, CONTEXT)
	if (int failure = unsafe()) return failure;
	if (bytes == 0) return bad("cuMemAlloc_v2", "0 bytes");
	Context& c = *current();
	if (padded(bytes) > deviceMemory() - c.used) return OUT_OF_MEMORY;
	size_t whole = guardBytes + padded(bytes) + guardBytes;
	char* base = (char*)aligned_alloc(alignment, whole);
	if (!base) return OUT_OF_MEMORY;
	memset(base, poison, whole);
	c.memory[base + guardBytes] = Block{base, bytes};
	c.used += padded(bytes);
	*address = (uint64_t)(base + guardBytes);
	return OK;
}

EXPORT int cuMemFree_v2(uint64_t address) {
	ENTER(cuMemFree_v2, CONTEXT)
	if (int failure = unsafe()) return failure;
	if (int failure = settleAll(*current())) return failure;
	auto m = current()->memory.find((char*)address);
	if (m == current()->memory.end()) return bad("cuMemFree_v2", "the address is none that was allocated");
	current()->used -= padded(m->second.bytes);
	forgetAccesses(m->first);
	free(m->second.base);
	current()->memory.erase(m);
	return OK;
}

EXPORT int cuMemGetInfo_v2(size_t* available, size_t* total) {
	ENTER(cuMemGetInfo_v2, CONTEXT)
	*total = deviceMemory();
	*available = *total - current()->used;
	return OK;
}

EXPORT int cuMemHostAlloc(void** address, size_t bytes, unsigned) {
	ENTER(cuMemHostAlloc, CONTEXT)
	if (int failure = unsafe()) return failure;
	if (bytes == 0) return bad("cuMemHostAlloc", "0 bytes");
	char* p = (char*)aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
	if (!p) return OUT_OF_MEMORY;
	memset(p, poison, bytes);
	state().pinned[p] = bytes;
	*address = p;
	return OK;
}

EXPORT int cuMemFreeHost(void* address) {
	ENTER(cuMemFreeHost, CONTEXT)
	if (int failure = unsafe()) return failure;
	if (int failure = settleAll(*current())) return failure;
	if (!state().pinned.erase((char*)address)) return bad("cuMemFreeHost", "the address is none that was allocated");
	free(address);
	return OK;
}

EXPORT int cuMemHostRegister_v2(void* address, size_t bytes, unsigned) {
	ENTER(cuMemHostRegister_v2, CONTEXT)
	if (int failure = unsafe()) return failure;
	if (bytes == 0) return bad("cuMemHostRegister_v2", "0 bytes");
	for (auto& r : state().registered)
		if ((char*)address < r.first + r.second && r.first < (char*)address + bytes) return HOST_MEMORY_ALREADY_REGISTERED;
	state().registered[(char*)address] = bytes;
	return OK;
}

EXPORT int cuMemHostUnregister(void* address) {
	ENTER(cuMemHostUnregister, CONTEXT)
	if (int failure = unsafe()) return failure;
	if (int failure = settleAll(*current())) return failure;
	return state().registered.erase((char*)address) ? OK : HOST_MEMORY_NOT_REGISTERED;
}

// A copy checks its device addresses when it is told, and reads and writes when it runs.

EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
	ENTER(cuMemcpyHtoDAsync_v2, CONTEXT)
	auto s = state().streams.find(stream);
	if (s == state().streams.end()) return INVALID_HANDLE;
	if (!inside(to, bytes)) return bad("cuMemcpyHtoDAsync_v2", "the destination is not device memory");
	if (inside((uint64_t)from, 1)) return bad("cuMemcpyHtoDAsync_v2", "the source is device memory");
	if (pageLocked((const char*)from, bytes))
		return add(*s->second, Work{[=] { memcpy((void*)to, from, bytes); return OK; }, (char*)from, nullptr, bytes});
	if (s->second->capture) return unsafe();
	auto copy = std::make_shared<std::vector<char>>((const char*)from, (const char*)from + bytes);
	return add(*s->second, Work{[=] { memcpy((void*)to, copy->data(), bytes); return OK; }});
}

// What a copy will write on the host is poisoned until then, so that nobody reads it too early.
EXPORT int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
	ENTER(cuMemcpyDtoHAsync_v2, CONTEXT)
	auto s = state().streams.find(stream);
	if (s == state().streams.end()) return INVALID_HANDLE;
	if (!inside(from, bytes)) return bad("cuMemcpyDtoHAsync_v2", "the source is not device memory");
	if (inside((uint64_t)to, 1)) return bad("cuMemcpyDtoHAsync_v2", "the destination is device memory");
	Work w{[=] { memcpy(to, (void*)from, bytes); return OK; }};
	w.writes = (char*)to, w.bytes = bytes;
	if (pageLocked((char*)to, bytes)) return add(*s->second, w);
	if (s->second->capture) return unsafe();
	if (int failure = add(*s->second, w)) return failure;
	return settle(*s->second, s->second->told);
}

EXPORT int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) {
	ENTER(cuMemcpyDtoDAsync_v2, CONTEXT)
	auto s = state().streams.find(stream);
	if (s == state().streams.end()) return INVALID_HANDLE;
	if (!inside(to, bytes) || !inside(from, bytes)) return bad("cuMemcpyDtoDAsync_v2", "an address is not device memory");
	if (to < from + bytes && from < to + bytes) return bad("cuMemcpyDtoDAsync_v2", "the places overlap");
	return add(*s->second, Work{[=] { memcpy((void*)to, (void*)from, bytes); return OK; }});
}

EXPORT int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream) {
	ENTER(cuMemsetD8Async, CONTEXT)
	auto s = state().streams.find(stream);
	if (s == state().streams.end()) return INVALID_HANDLE;
	if (!inside(to, bytes)) return bad("cuMemsetD8Async", "the destination is not device memory");
	return add(*s->second, Work{[=] { memset((void*)to, value, bytes); return OK; }});
}

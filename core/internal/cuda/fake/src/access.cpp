// Every access of a kernel to memory, as g++'s instrumentation for thread sanitizers tells it: it must lie within an allocation, and
// where another thread has accessed the same byte in the same launch and one of the two writes, a barrier must stand between them.
// Fibers never collide, so that the order in which they happen to run would hide what threads of a GPU do to each other.
#include "state.h"

#include <sys/mman.h>

namespace fake {

// Mark is who accessed a byte last, and when.
struct Mark {
	uint64_t launch : 14;  // 0 is never
	uint64_t block : 20, thread : 10;
	uint64_t tick : 18;
	uint64_t threads : 1, blocks : 1;  // others of the block too since it last met; other blocks too
};

struct Cell { Mark write, read; };

static const uint64_t launches = 1 << 14;

// Region is memory with a cell a byte.
struct Region {
	char *begin = nullptr, *end = nullptr;
	Cell* cells = nullptr;
	bool own = false;  // each block has its own: shared memory
};

static Access now;
static uint64_t launch;
static Region still, dynamic;             // shared memory, static and dynamic
static std::map<char*, Region> regions;  // of allocations, by where they begin
static Region* recent;

static Cell* cellsFor(size_t bytes) {
	void* p = mmap(nullptr, bytes * sizeof(Cell), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? nullptr : (Cell*)p;
}

static void drop(Region& r) {
	if (r.cells) munmap(r.cells, (size_t)(r.end - r.begin) * sizeof(Cell));
	r = Region{};
}

static void cover(Region& r, char* begin, char* end) {
	drop(r);
	r = Region{begin, end, begin < end ? cellsFor((size_t)(end - begin)) : nullptr, true};
}

void forgetAccesses(char* begin) {
	if (!begin) {
		for (auto& r : regions) drop(r.second);
		regions.clear();
	}
	auto r = regions.find(begin);
	if (r == regions.end()) return;
	drop(r->second);
	regions.erase(r);
	recent = nullptr;
}

void beginAccesses(char* sharedBegin, char* sharedEnd, char* dynamicBegin, size_t dynamicBytes) {
	if (++launch == launches) {
		for (auto& r : regions) drop(r.second);
		regions.clear();
		launch = 1;
	}
	recent = nullptr;
	cover(still, sharedBegin, sharedEnd);
	cover(dynamic, dynamicBegin, dynamicBegin + dynamicBytes);
}

// regionOf finds the allocation that an access begins in; null where that is no device memory. An access that touches a guard zone
// is outside.
static Region* regionOf(char* at, size_t bytes, bool& outside) {
	if (recent && at >= recent->begin && at + bytes <= recent->end) return recent;
	for (Region* r : {&still, &dynamic})
		if (at >= r->begin && at + bytes <= r->end) return r;
	Extent e = extentOf(at, bytes);
	outside = e.guard;
	if (!e.begin || e.guard) return nullptr;
	Region& r = regions[e.begin];
	if (r.end != e.end) {  // new, or of an allocation that ended with its context
		drop(r);
		r = Region{e.begin, e.end, cellsFor((size_t)(e.end - e.begin)), false};
	}
	return recent = &r;
}

// live reports whether a mark counts: it is of this launch and, in shared memory, of this block.
static bool live(const Mark& m, const Region& r) { return m.launch == launch && !(r.own && m.block != now.block); }

// ordered reports whether what a mark tells happened before what the running thread does now.
static bool ordered(const Mark& m) {
	if (m.block != now.block || m.blocks) return false;
	if (m.tick < now.barrier) return true;
	if (m.threads) return false;
	return m.thread == now.thread || (m.thread / 32 == now.thread / 32 && m.tick < now.exchange);
}

static Mark mine() { return Mark{launch, now.block, now.thread, now.tick, 0, 0}; }

static void readBy(Cell& c, const Region& r) {
	if (!live(c.read, r) || (ordered(c.read) && c.read.block == now.block)) {
		c.read = mine();
		return;
	}
	if (c.read.block != now.block) c.read.blocks = 1;
	else if (c.read.thread != now.thread) c.read.threads = 1;
	c.read.tick = now.tick;
}

// conflict says what is wrong with an access to a byte, and notes it.
static const char* conflict(Cell& c, const Region& r, bool write) {
	bool written = live(c.write, r) && !ordered(c.write);
	if (!write) {
		readBy(c, r);
		return written ? "reads what another thread writes, without a barrier between them" : nullptr;
	}
	bool taken = live(c.read, r) && !ordered(c.read);
	c.write = mine();
	if (written) return "writes what another thread writes, without a barrier between them";
	return taken ? "writes what another thread reads, without a barrier between them" : nullptr;
}

Finding access(const Access& who, void* address, size_t bytes, bool write) {
	now = who;
	char* at = (char*)address;
	bool outside = false;
	Region* r = regionOf(at, bytes, outside);
	if (outside) return {ILLEGAL_ADDRESS, "accesses memory outside of an allocation"};
	if (!r || !r->cells) return {};
	for (size_t i = 0; i < bytes; i++)
		if (const char* wrong = conflict(r->cells[at - r->begin + i], *r, write)) return {LAUNCH_FAILED, wrong};
	return {};
}

}  // namespace fake

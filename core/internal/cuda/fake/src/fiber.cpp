// The threads of a block are fibers on stacks of their own: each runs until it waits for others, or ends. The order in which
// they run changes from block to block, since nothing may depend on it.
#include "state.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace fake {

static const size_t stackBytes = 64 << 10;
static const unsigned warp = 32, most = 1024;

enum Waiting { RUNS, AT_BARRIER, AT_EXCHANGE, ENDED };

struct Fiber {
#if defined(__x86_64__)
	void* stack;  // the pointer, while it does not run
#else
	ucontext_t context;
#endif
	Waiting state;
	FakeIndex index;
	// Of an exchange: the lanes it is among, the value given, the same once all had come, and when that was.
	unsigned mask;
	unsigned long long given, taken, met;
	unsigned tick;  // likewise, in ticks
};

// One kernel runs at a time, under the driver's lock.
static Fiber fibers[most], *running;
static FakeRuntime runtime;
static const Kernel* kernel;
static void** arguments;
static int failure;
static char* stacks;
static unsigned threads;           // of a block
static unsigned long long meeting;  // counts exchanges
static unsigned blockNumber, tick, barrierTick;  // of the block: see Access

#if defined(__x86_64__)
static void* scheduler;

// fakeSwitch saves the registers that a call must preserve, and goes on where another fiber left off.
extern "C" void fakeSwitch(void** from, void* to);
asm(R"(
.text
.hidden fakeSwitch
.globl fakeSwitch
.type fakeSwitch, @function
fakeSwitch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
.size fakeSwitch, .-fakeSwitch
)");

static void leave() { fakeSwitch(&running->stack, scheduler); }
static void resume(Fiber& f) { fakeSwitch(&scheduler, f.stack); }
static void body();

static void prepare(Fiber& f, char* stack) {
	void** top = (void**)(stack + stackBytes);
	*--top = nullptr;        // keeps the stack aligned as at a function's start
	*--top = (void*)body;    // where the first switch returns to
	f.stack = top - 6;       // the registers, of any value
}
#else
static ucontext_t scheduler;
static void leave() { swapcontext(&running->context, &scheduler); }
static void resume(Fiber& f) { swapcontext(&scheduler, &f.context); }
static void body();

static void prepare(Fiber& f, char* stack) {
	getcontext(&f.context);
	f.context.uc_stack.ss_sp = stack;
	f.context.uc_stack.ss_size = stackBytes;
	makecontext(&f.context, body, 0);
}
#endif

static void body() {
	kernel->code->entry(arguments);
	running->state = ENDED;
	leave();
}

static void wait(Waiting what) {
	running->state = what;
	leave();
}

static void barrier() { wait(AT_BARRIER); }

static void fail(int code, const char* why) {
	report("kernel %s, block (%u %u %u), thread (%u %u %u): %s", kernel->code->name, runtime.blockIdx.x, runtime.blockIdx.y,
		runtime.blockIdx.z, runtime.threadIdx.x, runtime.threadIdx.y, runtime.threadIdx.z, why);
	failure = code;
	leave();  // and never comes back
}

// accessed looks at an access to memory that is not the thread's own.
static void accessed(void* at, unsigned long bytes, bool write) {
	if ((size_t)((char*)at - stacks) < most * stackBytes) return;
	Access who{blockNumber, (unsigned)(running - fibers), tick, barrierTick, running->tick};
	Finding f = access(who, at, bytes, write);
	if (f.code) fail(f.code, f.why);
}

// meet waits for the lanes of a mask, having given them a value.
static void meet(unsigned mask, unsigned long long value) {
	unsigned at = (unsigned)(running - fibers);
	if (!(mask >> at % warp & 1)) fail(LAUNCH_FAILED, "the mask of a warp's function lacks the calling lane");
	running->given = value;
	running->mask = mask;
	wait(AT_EXCHANGE);
}

// partner is a lane of the running thread's warp that took part in its last exchange, or null.
static Fiber* partner(unsigned lane) {
	unsigned at = (unsigned)(running - fibers) / warp * warp + lane % warp;
	bool there = at < threads && (running->mask >> lane % warp & 1) && fibers[at].met == running->met;
	return there ? &fibers[at] : nullptr;
}

// exchange gives all ones for a lane that did not take part.
static unsigned long long exchange(unsigned mask, unsigned long long value, unsigned lane) {
	meet(mask, value);
	Fiber* from = partner(lane);
	return from ? from->taken : ~0ull;
}

static unsigned ballot(unsigned mask, int predicate) {
	meet(mask, predicate != 0);
	unsigned votes = 0;
	for (unsigned lane = 0; lane < warp; lane++) {
		Fiber* from = partner(lane);
		if (from && from->taken) votes |= 1u << lane;
	}
	return votes;
}

static void step(Fiber& f) {
	running = &f;
	runtime.threadIdx = f.index;
	resume(f);
}

// meets reports whether every lane that a waiting fiber's mask names has come too, or ended.
static bool meets(unsigned first, const Fiber& f) {
	for (unsigned lane = 0; lane < warp && first + lane < threads; lane++) {
		const Fiber& other = fibers[first + lane];
		if (!(f.mask >> lane & 1) || other.state == ENDED) continue;
		if (other.state != AT_EXCHANGE || other.mask != f.mask) return false;
	}
	return true;
}

// exchangeAll lets those exchanges happen for which everybody has come, and reports whether there was one.
static bool exchangeAll(unsigned first, unsigned size) {
	bool ready[warp], any = false;
	for (unsigned i = 0; i < size; i++) ready[i] = fibers[first + i].state == AT_EXCHANGE && meets(first, fibers[first + i]);
	meeting++, tick++;
	for (unsigned i = 0; i < size; i++) {
		if (!ready[i]) continue;
		Fiber& f = fibers[first + i];
		f.taken = f.given, f.met = meeting, f.tick = tick, f.state = RUNS;
		any = true;
	}
	return any;
}

// runWarp runs a warp until all its threads wait for the block, or ended.
static void runWarp(unsigned first, bool backwards) {
	unsigned size = std::min(warp, threads - first);
	do {
		for (unsigned i = 0; i < size && !failure; i++) {
			Fiber& f = fibers[first + (backwards ? size - 1 - i : i)];
			if (f.state == RUNS) step(f);
		}
	} while (!failure && exchangeAll(first, size));
}

// release lets the threads of a block go on that wait at the barrier, and reports whether there were any. Threads that ended
// do not count for it; one that waits for its warp will wait forever.
static bool release() {
	bool any = false;
	for (unsigned i = 0; i < threads; i++) {
		if (fibers[i].state == AT_EXCHANGE) {
			report("kernel %s, block (%u %u %u), thread %u: waits for lanes of its warp that do not come", kernel->code->name,
				runtime.blockIdx.x, runtime.blockIdx.y, runtime.blockIdx.z, i);
			failure = LAUNCH_FAILED;
			return false;
		}
		if (fibers[i].state == AT_BARRIER) fibers[i].state = RUNS, any = true;
	}
	barrierTick = ++tick;
	return any;
}

static void runBlock(bool backwards) {
	unsigned warps = (threads + warp - 1) / warp;
	do {
		for (unsigned i = 0; i < warps && !failure; i++) runWarp((backwards ? warps - 1 - i : i) * warp, backwards);
	} while (!failure && release());
}

// start readies the fibers of a block.
static void start(FakeIndex block) {
	for (unsigned i = 0; i < threads; i++) {
		Fiber& f = fibers[i];
		f.state = RUNS;
		f.tick = 0;
		f.index = FakeIndex{i % block.x, i / block.x % block.y, i / block.x / block.y};
		prepare(f, stacks + i * stackBytes);
	}
}

int run(const Kernel& k, FakeIndex grid, FakeIndex block, unsigned shared, void** params) {
	if (!stacks) stacks = (char*)mmap(nullptr, most * stackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	static char dynamic[(227 << 10) + 16] __attribute__((aligned(128)));
	runtime = FakeRuntime{{}, {}, block, grid, dynamic, barrier, exchange, ballot, accessed, fail};
	kernel = &k, arguments = params, failure = OK;
	*k.module->runtime = &runtime;
	beginAccesses(k.module->begin, k.module->end, dynamic, shared);
	threads = block.x * block.y * block.z;
	unsigned long long blocks = 1ull * grid.x * grid.y * grid.z;
	bool backwards = false;
	for (unsigned long long b = 0; b < blocks && !failure; b++, backwards = !backwards) {
		runtime.blockIdx = FakeIndex{(unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y), (unsigned)(b / grid.x / grid.y)};
		memset(k.module->begin, 0xFF, (size_t)(k.module->end - k.module->begin));
		memset(dynamic, 0xFF, shared + 16);
		blockNumber = (unsigned)b, tick = barrierTick = 0;
		start(block);
		runBlock(backwards);
		for (unsigned i = 0; i < 16 && !failure; i++) {
			if ((unsigned char)dynamic[shared + i] == 0xFF) continue;
			report("kernel %s wrote behind its %u bytes of dynamic shared memory", k.code->name, shared);
			failure = ILLEGAL_ADDRESS;
		}
	}
	return failure;
}

}  // namespace fake

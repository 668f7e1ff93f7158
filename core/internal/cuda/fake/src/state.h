// The fake driver's objects, all under one lock.
#pragma once
#include "fake.h"
#include "kernel.h"

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace fake {

struct Block {  // of device or page-locked memory
	char* base;  // of the whole, with guard zones
	size_t bytes;
};

struct Context {
	int users = 0, lost = OK;
	size_t used = 0;
	std::map<char*, Block> memory;
};

// Work is one thing that a stream was told, with the page-locked memory that it will read or write.
struct Work {
	std::function<int()> run;
	char *reads = nullptr, *writes = nullptr;
	size_t bytes = 0;
};

// Capture is a recording under way, into which one stream began and others may have joined.
struct Capture {
	std::thread::id thread;
	bool spoilt = false;
	std::vector<Work> work;
};

struct Stream {
	Context* context;
	std::deque<Work> queue;
	uint64_t told = 0, done = 0;       // how many works were queued, and have run
	std::shared_ptr<Capture> capture;  // under way
	bool origin = false, joined = true;  // it began the capture; or what it recorded has been waited for
};

struct Event {
	Context* context;
	std::shared_ptr<Stream> stream;  // where it was recorded
	uint64_t mark = 0;
	double ms = 0;                     // when it was reached
	std::shared_ptr<Capture> capture;  // in which it was recorded
};

struct Graph { std::vector<Work> work; };
struct Exec { std::vector<Work> work; };

struct Kernel {
	const FakeKernel* code;
	const FakeModule* module;
	int dynamic = 48 << 10;  // the most dynamic shared memory that a launch may have
};

struct Module {
	void* library;
	std::map<std::string, Kernel> kernels;
};

struct State {
	std::recursive_mutex lock;
	bool started = false;
	long resets = 0;  // a thread's current context does not outlive one
	std::array<Context, 8> contexts;  // which threads point to
	int devices = 0;
	std::map<char*, size_t> pinned, registered;  // page-locked host memory
	std::map<void*, std::shared_ptr<Stream>> streams;
	std::map<void*, std::shared_ptr<Event>> events;
	std::set<Graph*> graphs;
	std::set<Exec*> execs;
	std::set<Module*> modules;
	std::map<std::string, long> calls;
	std::map<std::string, std::map<long, int>> faults;  // of a call's count: the error
};

State& state();
Context*& current();  // of this thread

// enter is what every function begins with: it counts, injects faults and checks what the function needs.
enum Need { NOTHING, STARTED, CONTEXT };
int enter(const char* call, Need need);

#define ENTER(call, need)                                              \
	std::lock_guard<std::recursive_mutex> guard(fake::state().lock);     \
	if (int failure = fake::enter(#call, fake::need)) return failure;

// unsafe refuses what this thread's captures forbid, and spoils them.
int unsafe();

int settle(Stream& s, uint64_t until);  // runs a stream's work up to a mark
int settleAll(Context& c);
bool pageLocked(const char* at, size_t bytes);
bool guardsIntact(const Context& c);

// Extent is the allocation that an access belongs to; with guard set the access touches what lies around it.
struct Extent {
	char *begin, *end;
	bool guard;
};
Extent extentOf(char* at, size_t bytes);

// Access is what a thread of a kernel is, and how far its block and warp have come: a tick passes whenever threads meet.
struct Access {
	unsigned block, thread;
	unsigned tick, barrier, exchange;  // now; when the block last met, and the thread's warp
};

void beginAccesses(char* sharedBegin, char* sharedEnd, char* dynamicBegin, size_t dynamicBytes);  // of a launch

// Finding is what is wrong: OK where nothing is.
struct Finding {
	int code = OK;
	const char* why = nullptr;
};
Finding access(const Access& who, void* at, size_t bytes, bool write);
void forgetAccesses(char* begin);  // of an allocation that is freed; of all with null
int add(Stream& s, Work w);  // queues or records
int bad(const char* call, const char* why);  // INVALID_VALUE, said

size_t deviceMemory();
unsigned long long deviceArch();  // 90 for compute capability 9.0
int deviceShared();  // the most dynamic shared memory that a kernel may be allowed

// run runs a kernel's grid, block after block, the threads of a block as fibers.
int run(const Kernel& k, FakeIndex grid, FakeIndex block, unsigned shared, void** params);

}  // namespace fake

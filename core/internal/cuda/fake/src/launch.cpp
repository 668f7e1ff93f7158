// Modules and launches. A cubin of the fake compiler holds a shared library.
#include "state.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <unistd.h>

namespace fake {

// load opens the shared library in a cubin; null where there is none. The file has a new name each time, because the loader
// takes one of the same name for the same library.
static void* load(const FakeCubin* cubin) {
	char path[] = "/tmp/fake-cubin-XXXXXX";
	int file = mkstemp(path);
	if (file < 0) return nullptr;
	void* library = nullptr;
	if (write(file, cubin + 1, cubin->bytes) == (ssize_t)cubin->bytes) {
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		if (!library) report("%s", dlerror());
	}
	close(file);
	unlink(path);
	return library;
}

// checkLaunch is what the real driver refuses at once.
static int checkLaunch(const Kernel& k, FakeIndex grid, FakeIndex block, unsigned shared) {
	unsigned long long threads = 1ull * block.x * block.y * block.z;
	if (!grid.x || !grid.y || !grid.z || !threads) return bad("cuLaunchKernel", "an empty grid or block");
	if (grid.x > 0x7FFFFFFF || grid.y > 65535 || grid.z > 65535) return bad("cuLaunchKernel", "the grid is too large");
	if (block.x > 1024 || block.y > 1024 || block.z > 64 || threads > 1024) return bad("cuLaunchKernel", "the block is too large");
	if (threads > k.code->bound) {
		report("cuLaunchKernel: %s has %llu threads a block and launch bounds of %u", k.code->name, threads, k.code->bound);
		return LAUNCH_OUT_OF_RESOURCES;
	}
	if (shared > (unsigned)k.dynamic) {
		report("cuLaunchKernel: %s has %u bytes of dynamic shared memory; %d are allowed", k.code->name, shared, k.dynamic);
		return INVALID_VALUE;
	}
	return OK;
}

// Parameters are a launch's arguments, copied when it is told.
struct Parameters {
	std::vector<uint64_t> values;
	std::vector<void*> addresses;
};

static std::shared_ptr<Parameters> copyParameters(const char* kinds, void** from) {
	auto p = std::make_shared<Parameters>();
	size_t n = strlen(kinds);
	p->values.resize(n);
	for (size_t i = 0; i < n; i++) memcpy(&p->values[i], from[i], kinds[i] == 'p' ? 8 : (size_t)(kinds[i] - '0'));
	for (auto& v : p->values) p->addresses.push_back(&v);
	return p;
}

// foreign is the first argument that points neither into device memory nor into page-locked memory; -1 where all do.
static int foreign(const char* kinds, const Parameters& p) {
	for (size_t i = 0; kinds[i]; i++)
		if (kinds[i] == 'p' && p.values[i] && !inside(p.values[i], 1) && !pageLocked((const char*)p.values[i], 1)) return (int)i;
	return -1;
}

// execute runs a kernel as far as its arguments are sound, and looks at the guard zones behind it.
static int execute(const Context& c, const Kernel& k, FakeIndex grid, FakeIndex block, unsigned shared, const Parameters& p) {
	if (int failure = fault("kernel")) return failure;
	int argument = foreign(k.code->kinds, p);
	if (argument >= 0) {
		report("kernel %s: argument %d is no address of device memory", k.code->name, argument);
		return ILLEGAL_ADDRESS;
	}
	if (int failure = run(k, grid, block, shared, const_cast<void**>(p.addresses.data()))) return failure;
	if (!guardsIntact(c)) {
		report("kernel %s wrote outside of device memory", k.code->name);
		return ILLEGAL_ADDRESS;
	}
	return OK;
}

// kernelOf finds a kernel by its handle; null where there is none.
static Kernel* kernelOf(void* handle) {
	for (auto m : state().modules)
		for (auto& k : m->kernels)
			if (&k.second == handle) return &k.second;
	return nullptr;
}

}  // namespace fake

using namespace fake;

EXPORT int cuModuleLoadData(void** module, const void* image) {
	ENTER(cuModuleLoadData, CONTEXT)
	if (int failure = unsafe()) return failure;
	const FakeCubin* cubin = (const FakeCubin*)image;
	if (memcmp(cubin->magic, "FAKECUBN", 8)) return INVALID_IMAGE;
	if (cubin->arch / 10 != deviceArch() / 10 || cubin->arch > deviceArch()) {  // a cubin serves its major version, from its minor on
		report("cuModuleLoadData: the code is for sm_%llu, the device is sm_%llu", cubin->arch, deviceArch());
		return NO_BINARY_FOR_GPU;
	}
	void* library = load(cubin);
	if (!library) return INVALID_IMAGE;
	const FakeModule* code = (const FakeModule*)dlsym(library, "fakeModule");
	Module* m = new Module{library, {}};
	for (const FakeKernel* k = code->kernels; k->name; k++)
		if (dlsym(library, k->name)) m->kernels[k->name] = Kernel{k, code};
	state().modules.insert(m);
	*module = m;
	return OK;
}

EXPORT int cuModuleUnload(void* module) {
	ENTER(cuModuleUnload, CONTEXT)
	if (!state().modules.count((Module*)module)) return INVALID_HANDLE;
	if (int failure = settleAll(*current())) return failure;
	state().modules.erase((Module*)module);
	dlclose(((Module*)module)->library);
	delete (Module*)module;
	return OK;
}

EXPORT int cuModuleGetFunction(void** function, void* module, const char* name) {
	ENTER(cuModuleGetFunction, CONTEXT)
	if (!state().modules.count((Module*)module)) return INVALID_HANDLE;
	auto& kernels = ((Module*)module)->kernels;
	auto k = kernels.find(name);
	if (k == kernels.end()) return NOT_FOUND;
	*function = &k->second;
	return OK;
}

EXPORT int cuFuncSetAttribute(void* function, int attribute, int value) {
	ENTER(cuFuncSetAttribute, CONTEXT)
	Kernel* k = kernelOf(function);
	if (!k) return INVALID_HANDLE;
	if (attribute != 8) return bad("cuFuncSetAttribute", "an attribute that the fake does not know");
	if (value < 0 || value > deviceShared()) return bad("cuFuncSetAttribute", "more shared memory than the device has");
	k->dynamic = value;
	return OK;
}

EXPORT int cuLaunchKernel(void* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
	unsigned shared, void* stream, void** params, void** extra) {
	ENTER(cuLaunchKernel, CONTEXT)
	Kernel* k = kernelOf(function);
	auto s = state().streams.find(stream);
	if (!k || s == state().streams.end()) return INVALID_HANDLE;
	if (extra) return bad("cuLaunchKernel", "arguments in a buffer");
	FakeIndex grid{gridX, gridY, gridZ}, block{blockX, blockY, blockZ};
	if (int failure = checkLaunch(*k, grid, block, shared)) return failure;
	auto p = copyParameters(k->code->kinds, params);
	Context* c = current();
	return add(*s->second, Work{[=] { return execute(*c, *k, grid, block, shared, *p); }});
}

// The fake NVRTC compiles CUDA C++ for the processor, with g++ and shim.h beside this library. What it made it keeps in a folder
// there, by the hash of the text, because g++ takes a while.
#include "fake.h"
#include "kernel.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <mutex>
#include <regex>
#include <spawn.h>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

enum { NVRTC_OUT_OF_MEMORY = 1, NVRTC_INVALID_INPUT = 3, NVRTC_INVALID_PROGRAM = 4, NVRTC_INVALID_OPTION = 5, NVRTC_COMPILATION = 6, NVRTC_INTERNAL = 11 };

struct Program {
	std::string source, log, cubin;
};

// folder is where this library lies.
static std::string folder() {
	Dl_info info;
	dladdr((void*)folder, &info);
	std::string path = info.dli_fname;
	return path.substr(0, path.rfind('/'));
}

static std::string readFile(const std::string& path) {
	std::ifstream in(path, std::ios::binary);
	std::stringstream out;
	out << in.rdbuf();
	return out.str();
}

static bool writeFile(const std::string& path, const std::string& text) {
	std::ofstream out(path, std::ios::binary);
	out << text;
	return (bool)out.flush();
}

// gpp runs g++ with its messages into a file, and reports whether it succeeded.
static bool gpp(std::vector<std::string> args, const std::string& messages) {
	std::vector<char*> argv = {(char*)"g++"};
	for (auto& a : args) argv.push_back(&a[0]);
	argv.push_back(nullptr);
	posix_spawn_file_actions_t files;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 2, messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	pid_t child;
	int failure = posix_spawnp(&child, "g++", &files, nullptr, argv.data(), environ);
	posix_spawn_file_actions_destroy(&files);
	int status = 1;
	return !failure && waitpid(child, &status, 0) == child && status == 0;
}

// rewrite makes C++ for g++ of a preprocessed source: dynamic shared memory becomes a pointer, and the table of kernels follows.
static std::string rewrite(const std::string& text) {
	static const std::regex dynamic(R"(extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s*)?((?:\w+\s+)*\w+)\s+(\w+)\s*\[\s*\]\s*;)");
	static const std::regex kernel(R"(__fakeGlobal__\s+(?:__fakeBounds__\s*\(([^()]*)\)\s*)?void\s+(?:__fakeBounds__\s*\(([^()]*)\)\s*)?(\w+)\s*\()");
	std::string out = "#include \"shim.h\"\n" + std::regex_replace(text, dynamic, "$1* const $2 = ($1*)fakeShared();");
	std::string table;
	for (std::sregex_iterator k(text.begin(), text.end(), kernel), end; k != end; ++k) {
		std::string bounds = (*k)[1].length() ? (*k)[1] : (*k)[2];
		table += "FAKE_KERNEL(" + (*k)[3].str() + ", " + (bounds.empty() ? "1024" : bounds) + "),\n";
	}
	out += "\nextern \"C\" const FakeKernel fakeKernels[] = {\n" + table + "{nullptr, nullptr, nullptr, 0}};\n";
	return out + "extern \"C\" const FakeModule fakeModule = {fakeKernels, &fakeRuntime, __bss_start, _end};\n";
}

// compile makes a shared library of a source in a scratch folder; "" where g++ refuses it, with its messages in log.
static std::string compile(const std::string& source, int arch, const std::string& scratch, std::string& log) {
	std::string in = scratch + "/kernel.cu", middle = scratch + "/kernel.ii.cpp", object = scratch + "/kernel.o", out = scratch + "/kernel.so", messages = scratch + "/messages";
	std::string archDefine = "-D__CUDA_ARCH__=" + std::to_string(arch * 10);
	writeFile(in, source);
	bool ok = gpp({"-E", "-x", "c++", "-D__CUDACC_RTC__", "-D__CUDACC__", "-DFAKE_CUDA", archDefine, "-D__global__=__fakeGlobal__",
		"-D__launch_bounds__=__fakeBounds__", "-nostdinc", "-nostdinc++", in, "-o", middle}, messages);
	log = readFile(messages);
	if (!ok) return "";
	writeFile(middle, rewrite(readFile(middle)));
	ok = gpp({"-std=c++17", "-O1", "-w", "-fPIC", "-fno-gnu-unique", "-fno-strict-aliasing", "-ffp-contract=off",
		"-fsanitize=thread,alignment,bounds,signed-integer-overflow,shift,float-cast-overflow,integer-divide-by-zero",
		"--param", "tsan-instrument-func-entry-exit=0", "-I" + folder(), "-c", middle, "-o", object}, messages);
	log += readFile(messages);
	if (!ok) return "";
	ok = gpp({"-shared", object, "-o", out}, messages);  // by itself: with the flags above the sanitizers' libraries would be linked
	log += readFile(messages);
	return ok ? readFile(out) : "";
}

// cached is where the result for a source is kept.
static std::string cached(const std::string& source, int arch) {
	uint64_t hash = 14695981039346656037u;  // FNV-1a
	for (unsigned char c : source + "\n" + std::to_string(arch)) hash = (hash ^ c) * 1099511628211u;
	char name[40];
	snprintf(name, sizeof name, "/%016llx-%zx", (unsigned long long)hash, source.size());
	mkdir((folder() + "/compiled").c_str(), 0755);
	return folder() + "/compiled" + name;
}

static int build(Program& p, int arch) {
	std::string kept = cached(p.source, arch), library = readFile(kept);
	if (library.empty()) {
		std::string scratch = "/tmp/fake-nvrtc-XXXXXX";
		if (!mkdtemp(&scratch[0])) return NVRTC_INTERNAL;
		library = compile(p.source, arch, scratch, p.log);
		if (!library.empty() && writeFile(scratch + "/kept", library)) {
			writeFile(kept + "." + std::to_string(getpid()), library);
			rename((kept + "." + std::to_string(getpid())).c_str(), kept.c_str());
		}
		for (const char* name : {"/kernel.cu", "/kernel.ii.cpp", "/kernel.o", "/kernel.so", "/messages", "/kept"}) unlink((scratch + name).c_str());
		rmdir(scratch.c_str());
	}
	if (library.empty()) return NVRTC_COMPILATION;
	FakeCubin head = {{'F', 'A', 'K', 'E', 'C', 'U', 'B', 'N'}, library.size(), (unsigned long long)arch};
	p.cubin = std::string((char*)&head, sizeof head) + library;
	return OK;
}

EXPORT int nvrtcVersion(int* major, int* minor) {
	*major = 13;
	*minor = 99;  // no real one, so that nobody takes a cubin of the fake for a real one
	return OK;
}

EXPORT const char* nvrtcGetErrorString(int code) {
	switch (code) {
	case OK: return "NVRTC_SUCCESS";
	case NVRTC_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
	case NVRTC_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
	case NVRTC_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
	case NVRTC_COMPILATION: return "NVRTC_ERROR_COMPILATION";
	}
	return "NVRTC_ERROR_INTERNAL_ERROR";
}

EXPORT int nvrtcCreateProgram(Program** program, const char* source, const char*, int headers, const char* const*, const char* const*) {
	if (int failure = fake::fault("nvrtcCreateProgram")) return failure;
	if (!source || headers) return NVRTC_INVALID_INPUT;
	*program = new Program{source, "", ""};
	return OK;
}

EXPORT int nvrtcDestroyProgram(Program** program) {
	delete *program;
	*program = nullptr;
	return OK;
}

EXPORT int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
	if (int failure = fake::fault("nvrtcCompileProgram")) return failure;
	int arch = 0;
	for (int i = 0; i < count; i++) {
		if (sscanf(options[i], "--gpu-architecture=sm_%d", &arch) == 1 || !strcmp(options[i], "--std=c++17")) continue;
		program->log = std::string("unrecognized option ") + options[i] + " found\n";
		return NVRTC_INVALID_OPTION;
	}
	if (arch < 50) return NVRTC_INVALID_OPTION;
	static std::mutex one;
	std::lock_guard<std::mutex> guard(one);
	return build(*program, arch);
}

static int get(const std::string& text, char* to) {
	memcpy(to, text.data(), text.size());
	return OK;
}

EXPORT int nvrtcGetCUBINSize(Program* p, size_t* bytes) { *bytes = p->cubin.size(); return OK; }
EXPORT int nvrtcGetCUBIN(Program* p, char* to) { return get(p->cubin, to); }
EXPORT int nvrtcGetProgramLogSize(Program* p, size_t* bytes) { *bytes = p->log.size() + 1; return OK; }
EXPORT int nvrtcGetProgramLog(Program* p, char* to) { to[p->log.size()] = 0; return get(p->log, to); }

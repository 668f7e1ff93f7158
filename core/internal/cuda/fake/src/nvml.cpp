// The fake NVML: one number for everything it is asked.
#include "fake.h"

#include <cstdio>
#include <cstring>

enum { NVML_INVALID_ARGUMENT = 2, NVML_NOT_FOUND = 6 };

EXPORT int nvmlInit_v2() { return fake::fault("nvmlInit_v2"); }
EXPORT int nvmlShutdown() { return fake::fault("nvmlShutdown"); }

EXPORT const char* nvmlErrorString(int code) {
	switch (code) {
	case OK: return "The operation was successful";
	case NVML_INVALID_ARGUMENT: return "Invalid Argument";
	case NVML_NOT_FOUND: return "Not Found";
	case 9: return "Driver Not Loaded";
	case 15: return "GPU is lost";
	}
	return "Unknown Error";
}

EXPORT int nvmlSystemGetDriverVersion(char* text, unsigned length) {
	if (int failure = fake::fault("nvmlSystemGetDriverVersion")) return failure;
	snprintf(text, length, "580.00 (fake)");
	return OK;
}

EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** device) {
	if (int failure = fake::fault("nvmlDeviceGetHandleByPciBusId_v2")) return failure;
	unsigned bus;
	if (sscanf(id, "0000:%X:00.0", &bus) != 1 || bus < 1 || bus > 8) return NVML_NOT_FOUND;
	*device = (void*)(uintptr_t)bus;
	return OK;
}

EXPORT int nvmlDeviceGetUtilizationRates(void*, unsigned rates[2]) {
	if (int failure = fake::fault("nvmlDeviceGetUtilizationRates")) return failure;
	rates[0] = 87;  // percent of the time with a kernel running
	rates[1] = 40;
	return OK;
}

EXPORT int nvmlDeviceGetMemoryInfo(void*, unsigned long long memory[3]) {
	if (int failure = fake::fault("nvmlDeviceGetMemoryInfo")) return failure;
	memory[0] = 80ull << 30;  // total, free, used
	memory[1] = 77ull << 30;
	memory[2] = 3ull << 30;
	return OK;
}

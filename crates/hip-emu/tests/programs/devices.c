// Devices, errors, faults on order.
#include <unistd.h>

#include "harness.h"

static void a_device_says_what_it_is(void) {
    int n, value, version;
    char text[64];
    size_t bytes;
    OK(hipInit(0));
    EXPECT(hipErrorInvalidValue, hipInit(1));
    OK(hipGetDeviceCount(&n));
    CHECK(n == 1);
    OK(hipRuntimeGetVersion(&version));
    CHECK(version / 10000000 == 6);
    OK(hipDriverGetVersion(&version));
    OK(hipDeviceGetName(text, sizeof text, 0));
    CHECK(strcmp(text, "AMD Instinct MI300X") == 0);
    OK(hipDeviceGetName(text, 4, 0));
    CHECK(strcmp(text, "AMD") == 0);
    OK(hipDeviceGetPCIBusId(text, sizeof text, 0));
    CHECK(strcmp(text, "0000:05:00.0") == 0);
    OK(hipDeviceTotalMem(&bytes, 0));
    CHECK(bytes == (size_t)196592 << 20);
#define ATTRIBUTE(name, expected)                                       \
    OK(hipDeviceGetAttribute(&value, hipDeviceAttribute##name, 0)); \
    CHECK(value == (expected))
    ATTRIBUTE(MultiprocessorCount, 304);
    ATTRIBUTE(WarpSize, 64);
    ATTRIBUTE(MaxSharedMemoryPerBlock, 65536);
    ATTRIBUTE(MaxThreadsPerBlock, 1024);
    ATTRIBUTE(MaxThreadsPerMultiProcessor, 2048);
    ATTRIBUTE(ComputeCapabilityMajor, 9);
    ATTRIBUTE(ComputeCapabilityMinor, 4);
    ATTRIBUTE(MaxBlockDimZ, 1024);
    ATTRIBUTE(MaxGridDimX, 0x7fffffff);
    ATTRIBUTE(MemoryBusWidth, 8192);
    ATTRIBUTE(ClockRate, 2100000);
    ATTRIBUTE(L2CacheSize, 4 << 20);
    ATTRIBUTE(PhysicalMultiProcessorCount, 304);
    ATTRIBUTE(PciBusId, 5);
    ATTRIBUTE(UnifiedAddressing, 1);
    ATTRIBUTE(TotalConstantMemory, 0x7fffffff);
    ATTRIBUTE(MaxRegistersPerBlock, 65536);
    OK(hipDeviceGetAttribute(&value, (hipDeviceAttribute_t)10018, 0));
    CHECK(value == 8);  // hipDeviceAttributeNumberOfXccs of ROCm 7.
    EXPECT(hipErrorInvalidValue, hipDeviceGetAttribute(&value, (hipDeviceAttribute_t)5000, 0));
    EXPECT(hipErrorInvalidDevice, hipDeviceGetAttribute(&value, hipDeviceAttributeWarpSize, 1));
    EXPECT(hipErrorInvalidDevice, hipSetDevice(1));
    EXPECT(hipErrorInvalidDevice, hipSetDevice(-1));
}

// The old struct by this header's own fields; the new one by the offsets of ROCm 6's header.
extern hipError_t hipGetDevicePropertiesR0600(void *properties, int device);

static void both_property_layouts(void) {
    hipDeviceProp_t old;
    memset(&old, 0x77, sizeof old);
    OK(hipGetDeviceProperties(&old, 0));
    CHECK(strcmp(old.name, "AMD Instinct MI300X") == 0);
    CHECK(strcmp(old.gcnArchName, "gfx942:sramecc+:xnack-") == 0);
    CHECK(old.totalGlobalMem == (size_t)196592 << 20 && old.warpSize == 64);
    CHECK(old.multiProcessorCount == 304 && old.maxGridSize[0] == 0x7fffffff);
    CHECK(old.sharedMemPerBlock == 65536 && old.maxSharedMemoryPerMultiProcessor == 65536);
    CHECK(old.major == 9 && old.minor == 4 && old.pciBusID == 5 && old.isLargeBar == 1);
    CHECK(old.canMapHostMemory == 1 && old.ECCEnabled == 1 && old.asicRevision == 1);
    CHECK(old.memPitch == 0x7fffffff && old.memoryBusWidth == 8192);
    CHECK(old.arch.hasGlobalInt32Atomics && old.arch.hasDoubles && old.arch.has3dGrid);
    CHECK(!old.arch.hasSurfaceFuncs && !old.arch.hasDynamicParallelism && !old.arch.hasFunnelShift);
    CHECK(old.pageableMemoryAccessUsesHostPageTables == 0 && old.managedMemory == 0);
    unsigned char now[4096];
    memset(now, 0x77, sizeof now);
    OK(hipGetDevicePropertiesR0600(now, 0));
#define AT(type, offset) (*(type *)(now + (offset)))
    CHECK(strcmp((char *)now, "AMD Instinct MI300X") == 0);
    CHECK(AT(size_t, 288) == (size_t)196592 << 20 && AT(size_t, 296) == 65536);
    CHECK(AT(int, 308) == 64 && AT(int, 320) == 1024 && AT(int, 388) == 304);
    CHECK(AT(int, 360) == 9 && AT(int, 364) == 4);
    CHECK(strcmp((char *)now + 1160, "gfx942:sramecc+:xnack-") == 0);
    CHECK(now[1471] == 0 && now[1472] == 0x77);
    EXPECT(hipErrorInvalidDevice, hipGetDevicePropertiesR0600(now, 1));
}

static void the_last_error_is_that_of_the_last_call(void) {
    OK(hipGetLastError());
    EXPECT(hipErrorInvalidDevice, hipSetDevice(7));
    EXPECT(hipErrorInvalidDevice, hipPeekAtLastError());
    EXPECT(hipErrorInvalidDevice, hipPeekAtLastError());
    EXPECT(hipErrorInvalidDevice, hipGetLastError());
    OK(hipGetLastError());
    EXPECT(hipErrorInvalidDevice, hipSetDevice(7));
    OK(hipSetDevice(0));
    OK(hipGetLastError());
    CHECK(strcmp(hipGetErrorName(hipErrorNoBinaryForGpu), "hipErrorNoBinaryForGpu") == 0);
    CHECK(strcmp(hipGetErrorString(hipErrorOutOfMemory), "out of memory") == 0);
    CHECK(strcmp(hipGetErrorName((hipError_t)4711), "hipErrorUnknown") == 0);
}

// With ROPEWAY_EMU_DEVICES=3.
static void devices_are_apart_unless_peers(void) {
    int n, can;
    OK(hipGetDeviceCount(&n));
    CHECK(n == 3);
    uint32_t word = 5, back = 0, value = 9, *there, *here = device_words(1);
    OK(hipSetDevice(2));
    there = device_words(1);
    OK(hipMemcpy(there, &word, 4, hipMemcpyHostToDevice));
    OK(hipSetDevice(0));
    OK(hipMemcpyPeer(here, 0, there, 2, 4));
    OK(hipMemcpy(&back, here, 4, hipMemcpyDeviceToHost));
    CHECK(back == 5);
    EXPECT(hipErrorInvalidValue, hipMemcpyPeerAsync(here, 1, there, 2, 4, NULL));
    OK(hipDeviceCanAccessPeer(&can, 0, 2));
    CHECK(can == 1);
    OK(hipDeviceCanAccessPeer(&can, 0, 0));
    CHECK(can == 0);
    EXPECT(hipErrorPeerAccessNotEnabled, hipDeviceDisablePeerAccess(2));
    OK(hipDeviceEnablePeerAccess(2, 0));
    EXPECT(hipErrorPeerAccessAlreadyEnabled, hipDeviceEnablePeerAccess(2, 0));
    EXPECT(hipErrorInvalidDevice, hipDeviceEnablePeerAccess(0, 0));
    hipModule_t module = load_kernels();
    hipFunction_t poke = kernel(module, "poke");
    void *params[] = {&there, &value};
    OK(launch(poke, 1, NULL, params));
    OK(hipDeviceSynchronize());
    OK(hipMemcpy(&back, there, 4, hipMemcpyDeviceToHost));
    CHECK(back == 9);
    // A kernel stays on the device of its module.
    OK(hipSetDevice(1));
    EXPECT(hipErrorInvalidDevice, launch(poke, 1, NULL, params));
    OK(hipSetDevice(0));
    OK(hipDeviceDisablePeerAccess(2));
    OK(launch(poke, 1, NULL, params));
    EXPECT(hipErrorIllegalAddress, hipDeviceSynchronize());
    // Other devices go on.
    OK(hipSetDevice(2));
    OK(hipMemcpy(&back, there, 4, hipMemcpyDeviceToHost));
    OK(hipDeviceSynchronize());
}

// With ROPEWAY_EMU_FAULT=device_lost@launch:3
static void a_device_is_lost(void) {
    hipModule_t module = load_kernels();
    hipFunction_t increment = kernel(module, "increment");
    uint32_t *data = device_words(1), n = 1, back = 7;
    void *params[] = {&data, &n};
    OK(launch(increment, 1, NULL, params));
    OK(launch(increment, 1, NULL, params));
    OK(hipDeviceSynchronize());
    OK(launch(increment, 1, NULL, params));
    EXPECT(hipErrorLaunchFailure, hipDeviceSynchronize());
    EXPECT(hipErrorLaunchFailure, hipMemcpy(&back, data, 4, hipMemcpyDeviceToHost));
    EXPECT(hipErrorLaunchFailure, launch(increment, 1, NULL, params));
    CHECK(back == 7);
}

// With ROPEWAY_EMU_FAULT=alloc@3
static void an_allocation_fails(void) {
    void *a;
    OK(hipMalloc(&a, 4));
    OK(hipHostMalloc(&a, 4, 0));
    EXPECT(hipErrorOutOfMemory, hipMalloc(&a, 4));
    OK(hipMalloc(&a, 4));
}

// With ROPEWAY_EMU_FAULT=copy_error@2
static void a_copy_fails(void) {
    uint32_t *a = device_words(1), word = 1, back = 0;
    OK(hipMemcpy(a, &word, 4, hipMemcpyHostToDevice));
    word = 2;
    EXPECT(hipErrorUnknown, hipMemcpy(a, &word, 4, hipMemcpyHostToDevice));
    OK(hipMemcpy(&back, a, 4, hipMemcpyDeviceToHost));
    CHECK(back == 1);
}

// What the emulator says from here on goes into a pipe; the old standard error.
static int listen_to_errors(int *pipe_end) {
    int ends[2], kept = dup(STDERR_FILENO);
    CHECK(kept >= 0 && pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    CHECK(close(ends[1]) == 0);
    *pipe_end = ends[0];
    return kept;
}

// Waits until it has said that; passes all on, and gives the old standard error back.
static void wait_for_error(int pipe_end, int kept, const char *words) {
    char said[4096] = {0};
    size_t len = 0;
    while (!strstr(said, words) && len + 1 < sizeof said) {
        ssize_t more = read(pipe_end, said + len, sizeof said - 1 - len);
        CHECK(more > 0);
        len += (size_t)more;
    }
    CHECK(dup2(kept, STDERR_FILENO) >= 0);
    fputs(said, stderr);
}

// With ROPEWAY_EMU_FAULT=hang@launch:1. The process must still be able to end.
static void a_launch_hangs(void) {
    hipModule_t module = load_kernels();
    hipStream_t s, other;
    OK(hipStreamCreateWithFlags(&s, hipStreamNonBlocking));
    OK(hipStreamCreateWithFlags(&other, hipStreamNonBlocking));
    uint32_t *data = device_words(1), n = 1;
    void *params[] = {&data, &n};
    hipEvent_t event;
    OK(hipEventCreate(&event));
    int errors, kept = listen_to_errors(&errors);
    OK(launch(kernel(module, "increment"), 1, s, params));
    OK(hipEventRecord(event, s));
    // Launches are counted as they run: only now is another one the second.
    wait_for_error(errors, kept, "hangs as ordered");
    EXPECT(hipErrorNotReady, hipStreamQuery(s));
    // It is done, though the first never is.
    OK(launch(kernel(module, "increment"), 1, other, params));
    OK(hipStreamSynchronize(other));
    EXPECT(hipErrorNotReady, hipStreamQuery(s));
    EXPECT(hipErrorNotReady, hipEventQuery(event));
    OK(hipStreamDestroy(s));
}

// With a bad variable: nothing works.
static void nothing_starts(void) {
    int n;
    void *a;
    EXPECT(hipErrorNotInitialized, hipInit(0));
    EXPECT(hipErrorNotInitialized, hipGetDeviceCount(&n));
    EXPECT(hipErrorNotInitialized, hipMalloc(&a, 4));
}

const scenario_t device_scenarios[] = {
    {"a_device_says_what_it_is", a_device_says_what_it_is},
    {"both_property_layouts", both_property_layouts},
    {"the_last_error_is_that_of_the_last_call", the_last_error_is_that_of_the_last_call},
    {"devices_are_apart_unless_peers", devices_are_apart_unless_peers},
    {"a_device_is_lost", a_device_is_lost},
    {"an_allocation_fails", an_allocation_fails},
    {"a_copy_fails", a_copy_fails},
    {"a_launch_hangs", a_launch_hangs},
    {"nothing_starts", nothing_starts},
    {NULL, NULL},
};

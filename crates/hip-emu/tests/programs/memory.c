// Allocations, copies, fills.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static void copies_keep_bytes(void) {
    enum { N = 1000 };
    uint32_t host[N], back[N];
    for (int i = 0; i < N; i++) host[i] = (uint32_t)i * 2654435761u;
    uint32_t *a = device_words(N), *b = device_words(N);
    OK(hipMemcpy(a, host, sizeof host, hipMemcpyHostToDevice));
    OK(hipMemcpy(b, a, sizeof host, hipMemcpyDeviceToDevice));
    OK(hipMemcpy(back, b, sizeof host, hipMemcpyDefault));
    CHECK(memcmp(host, back, sizeof host) == 0);
    OK(hipMemcpyHtoD(a + 1, host, 8));
    OK(hipMemcpyDtoH(back, a, 16));
    CHECK(back[0] == host[0] && back[1] == host[0] && back[2] == host[1] && back[3] == host[3]);
    OK(hipMemset(a, 0x5a, 8));
    OK(hipMemsetD32Async((hipDeviceptr_t)(a + 2), 0x01020304, 2, NULL));
    OK(hipStreamSynchronize(NULL));
    OK(hipMemcpy(back, a, 20, hipMemcpyDeviceToHost));
    CHECK(back[0] == 0x5a5a5a5a && back[1] == 0x5a5a5a5a);
    CHECK(back[2] == 0x01020304 && back[3] == 0x01020304 && back[4] == host[4]);
    OK(hipFree(a));
    OK(hipFree(b));
}

static void fresh_memory_is_poison(void) {
    uint32_t back[3];
    uint32_t *a = device_words(3);
    OK(hipMemcpy(back, a, sizeof back, hipMemcpyDeviceToHost));
    CHECK(back[0] == 0xffffffff && back[1] == 0xffffffff && back[2] == 0xffffffff);
    uint32_t *pinned;
    OK(hipHostMalloc((void **)&pinned, 4096, hipHostMallocDefault));
    CHECK(pinned[0] == 0xffffffff && pinned[1023] == 0xffffffff);
}

// The host must not follow device pointers: it dies of SIGSEGV in a child.
static int child_signal(void (*run)(volatile uint32_t *), volatile uint32_t *at) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        run(at);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
static void read_it(volatile uint32_t *at) { (void)*at; }
static void write_it(volatile uint32_t *at) { *at = 1; }

static void host_cannot_touch_device_memory(void) {
    uint32_t *a = device_words(16);
    OK(hipMemset(a, 0, 64));
    CHECK(child_signal(read_it, a) == SIGSEGV);
    CHECK(child_signal(write_it, a) == SIGSEGV);
    uint32_t *pinned;
    OK(hipHostMalloc((void **)&pinned, 4096, hipHostMallocDefault));
    CHECK(child_signal(write_it, pinned) == 0);
    CHECK(child_signal(write_it, pinned + 1024) == SIGSEGV);
    CHECK(child_signal(write_it, pinned - 1) == SIGSEGV);
}

static void misuse_gives_errors(void) {
    uint32_t host[64];
    uint32_t *a = device_words(16);
    EXPECT(hipErrorInvalidValue, hipMemcpy(a, host, 65, hipMemcpyHostToDevice));
    EXPECT(hipErrorInvalidValue, hipMemcpy(host, a + 15, 8, hipMemcpyDeviceToHost));
    EXPECT(hipErrorInvalidValue, hipMemcpy(host, host + 8, 8, hipMemcpyDeviceToHost));
    EXPECT(hipErrorInvalidValue, hipMemcpy(a, a, 8, hipMemcpyDeviceToHost));
    EXPECT(hipErrorInvalidMemcpyDirection, hipMemcpy(a, host, 8, (hipMemcpyKind)7));
    EXPECT(hipErrorInvalidValue, hipMemset(a + 8, 0, 33));
    EXPECT(hipErrorInvalidValue, hipMemset(host, 0, 4));
    EXPECT(hipErrorInvalidValue, hipMemsetD32((hipDeviceptr_t)((char *)a + 2), 0, 1));
    EXPECT(hipErrorInvalidValue, hipFree(a + 1));
    EXPECT(hipErrorInvalidValue, hipFree(host));
    EXPECT(hipErrorInvalidValue, hipHostFree(a));
    EXPECT(hipErrorInvalidValue, hipMalloc(NULL, 4));
    OK(hipFree(a));
    EXPECT(hipErrorInvalidValue, hipFree(a));
    EXPECT(hipErrorInvalidValue, hipMemcpy(host, a, 4, hipMemcpyDeviceToHost));
    EXPECT(hipErrorInvalidValue, hipMemset(a, 0, 4));
    EXPECT(hipErrorHostMemoryNotRegistered, hipHostUnregister(host));
    OK(hipFree(NULL));
    void *empty = a;
    OK(hipMalloc(&empty, 0));
    CHECK(empty == NULL);
}

static void memory_is_counted_and_ends(void) {
    size_t all, before, now;
    OK(hipStreamSynchronize(NULL));  // Makes the null stream, which takes a little.
    OK(hipMemGetInfo(&before, &all));
    CHECK(all == (size_t)196592 << 20 && before <= all);
    void *big, *more;
    OK(hipMalloc(&big, (size_t)150 << 30));
    OK(hipMemGetInfo(&now, &all));
    CHECK(before - now == (size_t)150 << 30);
    EXPECT(hipErrorOutOfMemory, hipMalloc(&more, (size_t)100 << 30));
    uint32_t word = 7;
    uint32_t *last = (uint32_t *)((char *)big + ((size_t)150 << 30)) - 1;
    OK(hipMemcpy(last, &word, 4, hipMemcpyHostToDevice));
    word = 0;
    OK(hipMemcpy(&word, last, 4, hipMemcpyDeviceToHost));
    CHECK(word == 7);
    OK(hipFree(big));
    OK(hipMemGetInfo(&now, &all));
    CHECK(now == before);
    OK(hipMalloc(&more, (size_t)100 << 30));
}

static void registered_memory_is_reachable(void) {
    enum { N = 600 };
    uint32_t *host = aligned_alloc(4096, 4096);
    for (int i = 0; i < N; i++) host[i] = (uint32_t)i;
    void *mapped;
    EXPECT(hipErrorInvalidValue, hipHostGetDevicePointer(&mapped, host, 0));
    OK(hipHostRegister(host, 4 * N, hipHostRegisterMapped));
    EXPECT(hipErrorHostMemoryAlreadyRegistered, hipHostRegister(host + 8, 16, 0));
    OK(hipHostGetDevicePointer(&mapped, host, 0));
    hipModule_t module = load_kernels();
    uint32_t n = N;
    void *params[] = {&mapped, &n};
    OK(launch(kernel(module, "increment"), 3, NULL, params));
    OK(hipDeviceSynchronize());
    for (uint32_t i = 0; i < N; i++) CHECK(host[i] == i + 1);
    OK(hipHostUnregister(host));
    EXPECT(hipErrorHostMemoryNotRegistered, hipHostUnregister(host));
    free(host);
}

static void pointers_tell_what_they_are(void) {
    uint32_t *a = device_words(100);
    hipDeviceptr_t base;
    size_t size;
    OK(hipMemGetAddressRange(&base, &size, (hipDeviceptr_t)(a + 50)));
    CHECK(base == (hipDeviceptr_t)a && size == 400);
    CHECK(((uintptr_t)a & 255) == 0);
    hipIpcMemHandle_t handle;
    void *opened;
    OK(hipIpcGetMemHandle(&handle, a));
    OK(hipIpcOpenMemHandle(&opened, handle, hipIpcMemLazyEnablePeerAccess));
    CHECK(opened == a);
    OK(hipIpcCloseMemHandle(opened));
    EXPECT(hipErrorInvalidValue, hipIpcGetMemHandle(&handle, a + 1));
    memset(&handle, 0, sizeof handle);
    EXPECT(hipErrorInvalidValue, hipIpcOpenMemHandle(&opened, handle, 0));
    void *signals;
    OK(hipExtMallocWithFlags(&signals, 64, hipDeviceMallocFinegrained));
    OK(hipFree(signals));
}

const scenario_t memory_scenarios[] = {
    {"copies_keep_bytes", copies_keep_bytes},
    {"fresh_memory_is_poison", fresh_memory_is_poison},
    {"host_cannot_touch_device_memory", host_cannot_touch_device_memory},
    {"misuse_gives_errors", misuse_gives_errors},
    {"memory_is_counted_and_ends", memory_is_counted_and_ends},
    {"registered_memory_is_reachable", registered_memory_is_reachable},
    {"pointers_tell_what_they_are", pointers_tell_what_they_are},
    {NULL, NULL},
};

// Modules, kernels, limits.
#include "harness.h"

enum { N = 1000 };

// Run with ROPEWAY_EMU_SAMPLE=2: of four work-groups the second and the third.
static void a_sample_runs(void) {
    hipModule_t module = load_kernels();
    uint32_t back[N], factor = 3, n = N;
    uint32_t *a = device_words(N), *out = device_words(N);
    OK(hipMemset(a, 0, sizeof back));
    OK(hipMemset(out, 0xee, sizeof back));
    void *params[] = {&out, &a, &factor, &n};
    OK(launch(kernel(module, "scale"), 4, NULL, params));
    OK(hipMemcpy(back, out, sizeof back, hipMemcpyDeviceToHost));
    for (uint32_t i = 0; i < N; i++) {
        CHECK(back[i] == (i / 256 == 1 || i / 256 == 2 ? i : 0xeeeeeeee));
    }
}

static void launch_computes(void) {
    hipModule_t module = load_kernels();
    uint32_t host[N], back[N], factor = 3, n = N;
    for (uint32_t i = 0; i < N; i++) host[i] = i * 7 + 1;
    uint32_t *a = device_words(N), *out = device_words(N);
    OK(hipMemcpy(a, host, sizeof host, hipMemcpyHostToDevice));
    void *params[] = {&out, &a, &factor, &n};
    OK(launch(kernel(module, "scale"), 4, NULL, params));
    OK(hipMemcpy(back, out, sizeof back, hipMemcpyDeviceToHost));
    for (uint32_t i = 0; i < N; i++) CHECK(back[i] == host[i] * 3 + i);
    // The same with the arguments in one buffer.
    struct {
        uint32_t *out, *a;
        uint32_t factor, n;
    } args = {out, a, 5, N - 1};
    size_t size = sizeof args;
    void *extra[] = {HIP_LAUNCH_PARAM_BUFFER_POINTER, &args, HIP_LAUNCH_PARAM_BUFFER_SIZE, &size,
                     HIP_LAUNCH_PARAM_END};
    hipFunction_t scale = kernel(module, "scale");
    OK(hipModuleLaunchKernel(scale, 4, 1, 1, 256, 1, 1, 0, NULL, NULL, extra));
    memset(&args, 0, sizeof args);  // Taken by the call.
    OK(hipMemcpy(back, out, sizeof back, hipMemcpyDeviceToHost));
    for (uint32_t i = 0; i < N - 1; i++) CHECK(back[i] == host[i] * 5 + i);
    CHECK(back[N - 1] == host[N - 1] * 3 + N - 1);
    size = 16;
    EXPECT(hipErrorInvalidValue,
           hipModuleLaunchKernel(scale, 4, 1, 1, 256, 1, 1, 0, NULL, NULL, extra));
    EXPECT(hipErrorInvalidValue,
           hipModuleLaunchKernel(scale, 4, 1, 1, 256, 1, 1, 0, NULL, NULL, NULL));
    EXPECT(hipErrorInvalidValue,
           hipModuleLaunchKernel(scale, 4, 1, 1, 256, 1, 1, 0, NULL, params, extra));
}

static void dynamic_lds_and_globals(void) {
    hipModule_t module = load_kernels();
    uint32_t *out = device_words(4), back[4];
    void *params[] = {&out};
    OK(hipModuleLaunchKernel(kernel(module, "group_sum"), 4, 1, 1, 100, 1, 1, 400, NULL, params,
                             NULL));
    OK(hipMemcpy(back, out, sizeof back, hipMemcpyDeviceToHost));
    for (uint32_t g = 0; g < 4; g++) CHECK(back[g] == 100 * (100 * g) + 4950);
    hipDeviceptr_t counter;
    size_t size;
    uint32_t value;
    OK(hipModuleGetGlobal(&counter, &size, module, "counter"));
    CHECK(size == 4);
    OK(hipMemcpyDtoH(&value, counter, 4));
    CHECK(value == 41);
    value = 99;
    OK(hipMemcpyHtoD(counter, &value, 4));
    OK(launch(kernel(module, "bump"), 1, NULL, params));
    OK(hipMemcpy(back, out, 4, hipMemcpyDeviceToHost));
    CHECK(back[0] == 100);
    EXPECT(hipErrorNotFound, hipModuleGetGlobal(&counter, &size, module, "missing"));
    hipFunction_t f;
    EXPECT(hipErrorNotFound, hipModuleGetFunction(&f, module, "missing"));
}

static void limits_are_enforced(void) {
    hipModule_t module = load_kernels();
    hipFunction_t sum = kernel(module, "group_sum"), small = kernel(module, "small_groups");
    hipFunction_t big = kernel(module, "big_lds");
    uint32_t *out = device_words(4096);
    void *p[] = {&out};
#define LAUNCH(f, gx, gy, bx, by, lds) \
    hipModuleLaunchKernel(f, gx, gy, 1, bx, by, 1, lds, NULL, p, NULL)
    EXPECT(hipErrorInvalidConfiguration, LAUNCH(sum, 0, 1, 64, 1, 0));
    EXPECT(hipErrorInvalidConfiguration, LAUNCH(sum, 1, 1, 0, 1, 0));
    EXPECT(hipErrorInvalidConfiguration, LAUNCH(sum, 1, 1, 1025, 1, 0));
    EXPECT(hipErrorInvalidConfiguration, LAUNCH(sum, 1, 1, 64, 17, 0));
    EXPECT(hipErrorInvalidConfiguration, LAUNCH(sum, 1 << 26, 1, 64, 1, 0));
    EXPECT(hipErrorLaunchFailure, LAUNCH(small, 1, 1, 65, 1, 0));
    OK(LAUNCH(small, 1, 1, 64, 1, 0));
    EXPECT(hipErrorLaunchOutOfResources, LAUNCH(sum, 1, 1, 64, 1, 65537));
    OK(LAUNCH(sum, 1, 1, 64, 1, 65536));
    EXPECT(hipErrorLaunchOutOfResources, LAUNCH(big, 1, 1, 64, 1, 65536 - 40000 + 1));
    OK(LAUNCH(big, 1, 1, 64, 1, 65536 - 40000));
    OK(hipDeviceSynchronize());  // What was refused broke nothing.
    int value;
    OK(hipFuncGetAttribute(&value, HIP_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, big));
    CHECK(value == 40000);
    OK(hipFuncGetAttribute(&value, HIP_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, small));
    CHECK(value == 64);
    OK(hipFuncGetAttribute(&value, HIP_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, big));
    CHECK(value == 65536 - 40000);
    EXPECT(hipErrorInvalidValue, hipFuncGetAttribute(&value, HIP_FUNC_ATTRIBUTE_MAX, big));
    OK(hipFuncSetAttribute(sum, hipFuncAttributeMaxDynamicSharedMemorySize, 65536));
    EXPECT(hipErrorInvalidValue,
           hipFuncSetAttribute(sum, hipFuncAttributeMaxDynamicSharedMemorySize, 65537));
    OK(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&value, big, 64, 0));
    CHECK(value == 1);  // Two times 40,000 bytes of LDS do not fit.
    OK(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&value, small, 64, 0));
    CHECK(value == 32);  // 8 waves on each of 4 SIMDs.
    OK(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&value, sum, 1024, 0));
    CHECK(value == 2);
    OK(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&value, sum, 1024, 65537));
    CHECK(value == 0);
}

static void registers_limit_work_groups(void) {
    hipModule_t module;
    OK(hipModuleLoad(&module, registers_path));
    hipFunction_t many = kernel(module, "many_registers");
    int registers, blocks;
    OK(hipFuncGetAttribute(&registers, HIP_FUNC_ATTRIBUTE_NUM_REGS, many));
    CHECK(registers > 128);  // 1,024 work-items are 4 waves a SIMD: at most 128 registers each.
    void **p = NULL;
    OK(hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, many, 1024, 0));
    CHECK(blocks == 0);
    EXPECT(hipErrorLaunchOutOfResources, LAUNCH(many, 1, 1, 1024, 1, 0));
    OK(LAUNCH(many, 1, 1, 64, 1, 0));
    OK(hipDeviceSynchronize());
}

static void other_gpus_and_damaged_images_are_refused(void) {
    hipModule_t module;
    size_t size;
    char *image = read_file(other_gpu_path, &size);
    EXPECT(hipErrorNoBinaryForGpu, hipModuleLoadData(&module, image));
    EXPECT(hipErrorNoBinaryForGpu, hipModuleLoad(&module, other_gpu_path));
    EXPECT(hipErrorFileNotFound, hipModuleLoad(&module, "/no/such/file"));
    char text[4096] = "this is no code object";
    EXPECT(hipErrorInvalidImage, hipModuleLoadData(&module, text));
    EXPECT(hipErrorInvalidValue, hipModuleLoadData(&module, NULL));
}

// What clang packs for several GPUs: first with ours among them, then without.
static void bundles_hold_several_gpus(void) {
    hipModule_t module;
    size_t size;
    char *image = read_file(bundle_path, &size);
    OK(hipModuleLoadData(&module, image));
    uint32_t *out = device_words(1), back;
    void *params[] = {&out};
    OK(launch(kernel(module, "bump"), 1, NULL, params));
    OK(hipMemcpy(&back, out, 4, hipMemcpyDeviceToHost));
    CHECK(back == 42);
    for (size_t i = 0; i + 6 < size; i++) {
        if (memcmp(image + i, "gfx942", 6) == 0) image[i + 5] = '1';
        if (memcmp(image + i, "\x7f" "ELF", 4) == 0) break;
    }
    EXPECT(hipErrorNoBinaryForGpu, hipModuleLoadData(&module, image));
}

static void unloaded_modules_are_gone(void) {
    size_t all, before, after;
    OK(hipDeviceSynchronize());
    uint32_t *out = device_words(1);
    void *params[] = {&out};
    OK(hipStreamSynchronize(NULL));  // Makes the null stream.
    OK(hipMemGetInfo(&before, &all));
    hipModule_t module = load_kernels();
    hipFunction_t bump = kernel(module, "bump");
    OK(hipMemGetInfo(&after, &all));
    CHECK(after < before);
    OK(launch(bump, 1, NULL, params));
    OK(hipModuleUnload(module));
    OK(hipMemGetInfo(&after, &all));
    CHECK(after == before);
    EXPECT(hipErrorInvalidHandle, launch(bump, 1, NULL, params));
    EXPECT(hipErrorInvalidHandle, hipModuleGetFunction(&bump, module, "bump"));
    EXPECT(hipErrorInvalidHandle, hipModuleUnload(module));
}

// A wild write: the error comes with the next synchronisation and stays.
static void faults_stick(void) {
    hipModule_t module = load_kernels();
    uint32_t *a = device_words(16), *wild = a + 16, value = 1;
    void *params[] = {&wild, &value};
    OK(launch(kernel(module, "poke"), 1, NULL, params));
    EXPECT(hipErrorIllegalAddress, hipDeviceSynchronize());
    EXPECT(hipErrorIllegalAddress, hipStreamSynchronize(NULL));
    EXPECT(hipErrorIllegalAddress, launch(kernel(module, "poke"), 1, NULL, params));
    void *more;
    EXPECT(hipErrorIllegalAddress, hipMalloc(&more, 4));
    EXPECT(hipErrorIllegalAddress, hipMemcpy(&value, a, 4, hipMemcpyDeviceToHost));
    EXPECT(hipErrorIllegalAddress, hipFree(a));
    int count;
    OK(hipGetDeviceCount(&count));
}

// A kernel that uses memory nobody wrote; the sanitizer is on.
static void findings_stick(void) {
    hipModule_t module = load_kernels();
    uint32_t n = 64, value = 0;
    uint32_t *a = device_words(n);
    void *params[] = {&a, &n};
    OK(hipMemset(a, 0, 4 * n));
    OK(launch(kernel(module, "increment"), 1, NULL, params));
    OK(hipDeviceSynchronize());
    OK(hipMemcpy(&value, a + 63, 4, hipMemcpyDeviceToHost));
    CHECK(value == 1);
    uint32_t *b = device_words(n);
    OK(hipMemcpy(b, a, 4 * n, hipMemcpyDeviceToDevice));
    void *copied[] = {&b, &n};
    OK(launch(kernel(module, "increment"), 1, NULL, copied));
    OK(hipDeviceSynchronize());
    uint32_t *fresh = device_words(n);
    void *unwritten[] = {&fresh, &n};
    OK(launch(kernel(module, "increment"), 1, NULL, unwritten));
    EXPECT(hipErrorLaunchFailure, hipDeviceSynchronize());
    EXPECT(hipErrorLaunchFailure, hipMemcpy(&value, a, 4, hipMemcpyDeviceToHost));
}

// Memory that is freed while a launch waits for its turn is seen as such.
static void use_after_free_in_a_kernel(void) {
    hipModule_t module = load_kernels();
    hipStream_t s;
    OK(hipStreamCreateWithFlags(&s, hipStreamNonBlocking));
    uint32_t *a = device_words(4), value = 1;
    void *params[] = {&a, &value};
    OK(hipFree(a));
    OK(launch(kernel(module, "poke"), 1, s, params));
    EXPECT(hipErrorIllegalAddress, hipStreamSynchronize(s));
}

static void code_cannot_be_written(void) {
    hipModule_t module = load_kernels();
    hipDeviceptr_t constant;
    uint32_t value = 1, back;
    size_t size;
    OK(hipModuleGetGlobal(&constant, &size, module, "fixed"));
    OK(hipMemcpy(&back, constant, 4, hipMemcpyDeviceToHost));
    CHECK(back == 12345);
    EXPECT(hipErrorInvalidValue, hipMemset((void *)constant, 0, 4));
    void *params[] = {&constant, &value};
    OK(launch(kernel(module, "poke"), 1, NULL, params));
    EXPECT(hipErrorIllegalAddress, hipDeviceSynchronize());
}

// Prints what race-free kernels leave in memory; the test compares runs with different seeds.
static void print_memory(void) {
    hipModule_t module = load_kernels();
    enum { M = 5000 };
    static uint32_t back[M];
    uint32_t *data = device_words(M), *sums = device_words(64), n = M;
    OK(hipMemset(data, 1, 4 * M));
    for (uint32_t add = 0; add < 4; add++) {
        void *params[] = {&data, &n, &add};
        OK(launch(kernel(module, "chain"), 20, NULL, params));
    }
    void *params[] = {&sums};
    OK(hipModuleLaunchKernel(kernel(module, "group_sum"), 64, 1, 1, 200, 1, 1, 800, NULL, params,
                             NULL));
    OK(hipMemcpy(back, data, sizeof back, hipMemcpyDeviceToHost));
    for (int i = 0; i < M; i++) printf("%08x\n", back[i]);
    OK(hipMemcpy(back, sums, 256, hipMemcpyDeviceToHost));
    for (int i = 0; i < 64; i++) printf("%08x\n", back[i]);
}

// Prints the order in which work-groups ran, for two launches.
static void print_order(void) {
    hipModule_t module = load_kernels();
    uint32_t *next = device_words(1), *out = device_words(16), back[16];
    void *params[] = {&next, &out};
    for (int launches = 0; launches < 2; launches++) {
        OK(hipMemset(next, 0, 4));
        OK(launch(kernel(module, "take_numbers"), 16, NULL, params));
        OK(hipMemcpy(back, out, sizeof back, hipMemcpyDeviceToHost));
        for (int i = 0; i < 16; i++) printf("%u ", back[i]);
        printf("\n");
    }
}

// With ROPEWAY_EMU_THREADS=2: two work-groups that wait for each other.
static void groups_run_side_by_side(void) {
    hipModule_t module = load_kernels();
    uint32_t *here = device_words(1), wanted = 2, back;
    void *params[] = {&here, &wanted};
    OK(hipMemset(here, 0, 4));
    OK(launch(kernel(module, "meet"), 2, NULL, params));
    OK(hipMemcpy(&back, here, 4, hipMemcpyDeviceToHost));
    CHECK(back == 2);
}

// A device that breaks ends what its other streams run, even an endless kernel.
static void a_broken_device_ends_everything(void) {
    hipModule_t module = load_kernels();
    hipStream_t endless, other;
    OK(hipStreamCreateWithFlags(&endless, hipStreamNonBlocking));
    OK(hipStreamCreateWithFlags(&other, hipStreamNonBlocking));
    uint32_t *here = device_words(1), wanted = 5, *wild = here + 1;
    void *params[] = {&here, &wanted}, *poke[] = {&wild, &wanted};
    OK(hipMemset(here, 0, 4));
    OK(launch(kernel(module, "meet"), 1, endless, params));
    OK(launch(kernel(module, "poke"), 1, other, poke));
    EXPECT(hipErrorIllegalAddress, hipStreamSynchronize(other));
    EXPECT(hipErrorIllegalAddress, hipStreamSynchronize(endless));
    EXPECT(hipErrorIllegalAddress, hipDeviceSynchronize());
}

const scenario_t launch_scenarios[] = {
    {"print_order", print_order},
    {"groups_run_side_by_side", groups_run_side_by_side},
    {"a_broken_device_ends_everything", a_broken_device_ends_everything},
    {"a_sample_runs", a_sample_runs},
    {"launch_computes", launch_computes},
    {"dynamic_lds_and_globals", dynamic_lds_and_globals},
    {"limits_are_enforced", limits_are_enforced},
    {"registers_limit_work_groups", registers_limit_work_groups},
    {"other_gpus_and_damaged_images_are_refused", other_gpus_and_damaged_images_are_refused},
    {"bundles_hold_several_gpus", bundles_hold_several_gpus},
    {"unloaded_modules_are_gone", unloaded_modules_are_gone},
    {"faults_stick", faults_stick},
    {"findings_stick", findings_stick},
    {"use_after_free_in_a_kernel", use_after_free_in_a_kernel},
    {"code_cannot_be_written", code_cannot_be_written},
    {"print_memory", print_memory},
    {NULL, NULL},
};

// Capture, graphs, what a capture forbids.
#include "harness.h"

// In the headers since ROCm 5.3.
extern hipError_t hipGraphUpload(hipGraphExec_t exec, hipStream_t stream);

enum { N = 300 };

typedef struct {
    hipModule_t module;
    hipFunction_t chain;
    hipStream_t s;
    uint32_t *data, n;
} setup_t;

static setup_t setup(void) {
    setup_t t;
    t.module = load_kernels();
    t.chain = kernel(t.module, "chain");
    OK(hipStreamCreateWithFlags(&t.s, hipStreamNonBlocking));
    t.data = device_words(N);
    t.n = N;
    return t;
}

static hipError_t chain(setup_t *t, uint32_t add) {
    void *params[] = {&t->data, &t->n, &add};
    return launch(t->chain, 2, t->s, params);
}

static uint32_t first(setup_t *t) {
    uint32_t words[N];
    OK(hipStreamSynchronize(t->s));
    OK(hipMemcpy(words, t->data, sizeof words, hipMemcpyDeviceToHost));
    for (int i = 1; i < N; i++) CHECK(words[i] == words[0]);
    return words[0];
}

static void graphs_replay_and_change(void) {
    setup_t t = setup();
    hipGraph_t graph, other;
    hipGraphExec_t exec;
    hipStreamCaptureStatus status;
    OK(hipMemset(t.data, 0xee, 4 * N));
    OK(hipStreamBeginCapture(t.s, hipStreamCaptureModeThreadLocal));
    OK(hipStreamIsCapturing(t.s, &status));
    CHECK(status == hipStreamCaptureStatusActive);
    OK(hipMemsetD32Async((hipDeviceptr_t)t.data, 1, N, t.s));
    OK(chain(&t, 2));
    OK(chain(&t, 5));
    OK(hipStreamEndCapture(t.s, &graph));
    OK(hipStreamIsCapturing(t.s, &status));
    CHECK(status == hipStreamCaptureStatusNone);
    CHECK(first(&t) == 0xeeeeeeee);  // Captured work is not done.
    OK(hipGraphInstantiateWithFlags(&exec, graph, 0));
    CHECK(first(&t) == 0xeeeeeeee);
    for (int i = 0; i < 2; i++) {
        OK(hipGraphLaunch(exec, t.s));
        CHECK(first(&t) == (1 * 3 + 2) * 3 + 5);
    }
    // The nodes, and new parameters for the last.
    hipGraphNode_t nodes[5];
    size_t count = 0;
    OK(hipGraphGetNodes(graph, NULL, &count));
    CHECK(count == 3);
    count = 5;
    OK(hipGraphGetNodes(graph, nodes, &count));
    CHECK(count == 3 && nodes[0] && nodes[1] && nodes[2] && !nodes[3]);
    uint32_t add = 7;
    void *params[] = {&t.data, &t.n, &add};
    hipKernelNodeParams node = {{256, 1, 1}, NULL, t.chain, {2, 1, 1}, params, 0};
    OK(hipGraphExecKernelNodeSetParams(exec, nodes[2], &node));
    EXPECT(hipErrorInvalidValue, hipGraphExecKernelNodeSetParams(exec, nodes[0], &node));
    node.blockDim.x = 2000;
    EXPECT(hipErrorInvalidConfiguration, hipGraphExecKernelNodeSetParams(exec, nodes[2], &node));
    OK(hipGraphLaunch(exec, t.s));
    CHECK(first(&t) == (1 * 3 + 2) * 3 + 7);
    // All parameters from another capture of the same shape.
    OK(hipStreamBeginCapture(t.s, hipStreamCaptureModeRelaxed));
    OK(hipMemsetD32Async((hipDeviceptr_t)t.data, 2, N, t.s));
    OK(chain(&t, 0));
    OK(chain(&t, 1));
    OK(hipStreamEndCapture(t.s, &other));
    hipGraphNode_t bad;
    hipGraphExecUpdateResult result;
    OK(hipGraphExecUpdate(exec, other, &bad, &result));
    CHECK(result == hipGraphExecUpdateSuccess);
    OK(hipGraphDestroy(other));
    OK(hipGraphUpload(exec, t.s));
    OK(hipGraphLaunch(exec, t.s));
    CHECK(first(&t) == 2 * 9 + 1);
    OK(hipStreamBeginCapture(t.s, hipStreamCaptureModeRelaxed));
    OK(chain(&t, 1));
    OK(hipStreamEndCapture(t.s, &other));
    EXPECT(hipErrorGraphExecUpdateFailure, hipGraphExecUpdate(exec, other, &bad, &result));
    CHECK(result == hipGraphExecUpdateErrorTopologyChanged);
    OK(hipGraphDestroy(graph));
    OK(hipGraphLaunch(exec, t.s));  // An executable graph needs its graph no more.
    CHECK(first(&t) == 2 * 9 + 1);
    OK(hipGraphExecDestroy(exec));
    EXPECT(hipErrorInvalidHandle, hipGraphLaunch(exec, t.s));
    EXPECT(hipErrorInvalidHandle, hipGraphDestroy(graph));
}

// A fork to another stream and back; host functions show the order.
static int steps[8];
static int num_steps;
static void step_a(void *id) { steps[num_steps++] = *(int *)id; }

static void forks_and_joins_keep_their_order(void) {
    static int ids[] = {0, 1, 2, 3};
    hipStream_t s, side;
    hipEvent_t fork, join;
    OK(hipStreamCreateWithFlags(&s, hipStreamNonBlocking));
    OK(hipStreamCreateWithFlags(&side, hipStreamNonBlocking));
    OK(hipEventCreateWithFlags(&fork, hipEventDisableTiming));
    OK(hipEventCreateWithFlags(&join, hipEventDisableTiming));
    hipGraph_t graph;
    hipGraphExec_t exec;
    OK(hipStreamBeginCapture(s, hipStreamCaptureModeThreadLocal));
    OK(hipLaunchHostFunc(s, step_a, &ids[0]));
    OK(hipEventRecord(fork, s));
    EXPECT(hipErrorCapturedEvent, hipEventQuery(fork));
    OK(hipStreamWaitEvent(side, fork, 0));
    OK(hipLaunchHostFunc(s, step_a, &ids[1]));
    OK(hipLaunchHostFunc(side, step_a, &ids[2]));
    EXPECT(hipErrorStreamCaptureUnmatched, hipStreamEndCapture(side, &graph));
    OK(hipEventRecord(join, side));
    OK(hipStreamWaitEvent(s, join, 0));
    OK(hipLaunchHostFunc(s, step_a, &ids[3]));
    OK(hipStreamEndCapture(s, &graph));
    OK(hipGraphInstantiate(&exec, graph, NULL, NULL, 0));
    CHECK(num_steps == 0);
    OK(hipGraphLaunch(exec, s));
    OK(hipStreamSynchronize(s));
    CHECK(num_steps == 4 && steps[0] == 0 && steps[3] == 3 && steps[1] + steps[2] == 3);
    printf("middle: %d\n", steps[1]);
    // Forgetting the way back is an error.
    OK(hipStreamBeginCapture(s, hipStreamCaptureModeThreadLocal));
    OK(hipEventRecord(fork, s));
    OK(hipStreamWaitEvent(side, fork, 0));
    OK(hipLaunchHostFunc(side, step_a, &ids[0]));
    EXPECT(hipErrorStreamCaptureUnjoined, hipStreamEndCapture(s, &graph));
    CHECK(graph == NULL);
    OK(hipStreamSynchronize(side));
    CHECK(num_steps == 4);
}

// Begins a capture, lets `call` fail in it with `code`, and sees the capture broken.
#define BREAKS(mode, code, call)                                                     \
    do {                                                                             \
        hipGraph_t graph_;                                                           \
        hipStreamCaptureStatus status_;                                              \
        OK(hipStreamBeginCapture(t.s, mode));                                        \
        EXPECT(code, call);                                                          \
        OK(hipStreamIsCapturing(t.s, &status_));                                     \
        CHECK(status_ == hipStreamCaptureStatusInvalidated);                         \
        EXPECT(hipErrorStreamCaptureInvalidated, chain(&t, 1));                      \
        EXPECT(hipErrorStreamCaptureInvalidated, hipStreamEndCapture(t.s, &graph_)); \
        CHECK(graph_ == NULL);                                                       \
    } while (0)

static void *other_thread(void *code) {
    void *a;
    *(hipError_t *)code = hipMalloc(&a, 4);
    return NULL;
}
static hipError_t malloc_elsewhere(void) {
    pthread_t thread;
    hipError_t code;
    CHECK(pthread_create(&thread, NULL, other_thread, &code) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return code;
}

static void captures_forbid_calls(void) {
    setup_t t = setup();
    void *a;
    uint32_t word;
    hipEvent_t outside;
    hipGraph_t graph;
    const hipError_t no = hipErrorStreamCaptureUnsupported;
    OK(hipEventCreate(&outside));
    OK(hipEventRecord(outside, NULL));
    hipStreamCaptureMode global = hipStreamCaptureModeGlobal, local = hipStreamCaptureModeThreadLocal;
    BREAKS(global, no, hipMalloc(&a, 4));
    BREAKS(local, no, hipMalloc(&a, 4));
    BREAKS(global, no, hipHostMalloc(&a, 4, 0));
    BREAKS(global, no, hipFree(t.data));
    BREAKS(hipStreamCaptureModeRelaxed, no, hipMallocAsync(&a, 4, t.s));
    BREAKS(global, no, hipMemcpy(&word, t.data, 4, hipMemcpyDeviceToHost));
    BREAKS(global, no, hipMemset(t.data, 0, 4));
    BREAKS(global, no, hipDeviceSynchronize());
    BREAKS(local, no, hipStreamSynchronize(t.s));
    BREAKS(local, no, hipStreamQuery(t.s));
    BREAKS(local, hipErrorStreamCaptureIsolation, hipStreamWaitEvent(t.s, outside, 0));
    BREAKS(global, no, hipEventQuery(outside));
    BREAKS(global, no, malloc_elsewhere());
    // Elsewhere, or relaxed, it does no harm.
    OK(hipStreamBeginCapture(t.s, local));
    OK(malloc_elsewhere());
    OK(hipEventQuery(outside));
    OK(hipStreamEndCapture(t.s, &graph));
    OK(hipStreamBeginCapture(t.s, hipStreamCaptureModeRelaxed));
    OK(hipMalloc(&a, 4));
    OK(hipStreamEndCapture(t.s, &graph));
    OK(hipStreamBeginCapture(t.s, global));
    hipStreamCaptureMode mode = hipStreamCaptureModeRelaxed;
    OK(hipThreadExchangeStreamCaptureMode(&mode));
    CHECK(mode == global);
    OK(hipMalloc(&a, 4));
    OK(hipThreadExchangeStreamCaptureMode(&mode));
    CHECK(mode == hipStreamCaptureModeRelaxed);
    OK(hipStreamEndCapture(t.s, &graph));
    // The null stream would wait for a capturing blocking stream.
    hipStream_t blocking;
    OK(hipStreamCreate(&blocking));
    EXPECT(hipErrorStreamCaptureImplicit, hipStreamBeginCapture(NULL, local));
    OK(hipStreamBeginCapture(blocking, local));
    EXPECT(hipErrorStreamCaptureImplicit, hipMemsetAsync(t.data, 0, 4, NULL));
    EXPECT(hipErrorIllegalState, hipStreamBeginCapture(blocking, local));
    OK(hipStreamEndCapture(blocking, &graph));
    EXPECT(hipErrorIllegalState, hipStreamEndCapture(blocking, &graph));
}

static void graphs_of_freed_memory_fault(void) {
    setup_t t = setup();
    hipGraph_t graph;
    hipGraphExec_t exec;
    OK(hipStreamBeginCapture(t.s, hipStreamCaptureModeThreadLocal));
    OK(hipMemsetAsync(t.data, 0, 4, t.s));
    OK(hipStreamEndCapture(t.s, &graph));
    OK(hipGraphInstantiate(&exec, graph, NULL, NULL, 0));
    OK(hipFree(t.data));
    OK(hipGraphLaunch(exec, t.s));
    EXPECT(hipErrorIllegalAddress, hipStreamSynchronize(t.s));
}

const scenario_t graph_scenarios[] = {
    {"graphs_replay_and_change", graphs_replay_and_change},
    {"forks_and_joins_keep_their_order", forks_and_joins_keep_their_order},
    {"captures_forbid_calls", captures_forbid_calls},
    {"graphs_of_freed_memory_fault", graphs_of_freed_memory_fault},
    {NULL, NULL},
};

// Streams, events, the null stream. Gates, not clocks, show what waits for what.
#include "harness.h"

static void work_runs_later_and_in_order(void) {
    hipStream_t s;
    OK(hipStreamCreateWithFlags(&s, hipStreamNonBlocking));
    uint32_t *device = device_words(1), *pinned;
    OK(hipHostMalloc((void **)&pinned, 8, hipHostMallocDefault));
    pinned[0] = 1;
    pinned[1] = 0;
    gate_t gate = GATE;
    OK(hipStreamQuery(s));
    OK(hipLaunchHostFunc(s, gate_wait, &gate));
    OK(hipMemcpyAsync(device, pinned, 4, hipMemcpyHostToDevice, s));
    OK(hipMemcpyAsync(pinned + 1, device, 4, hipMemcpyDeviceToHost, s));
    EXPECT(hipErrorNotReady, hipStreamQuery(s));
    CHECK(pinned[1] == 0);  // Nothing can have run.
    pinned[0] = 2;          // A source that is changed too early: the copy takes what it finds.
    gate_open(&gate);
    OK(hipStreamSynchronize(s));
    OK(hipStreamQuery(s));
    CHECK(pinned[1] == 2);
    OK(hipStreamDestroy(s));
    EXPECT(hipErrorInvalidHandle, hipStreamSynchronize(s));
    EXPECT(hipErrorInvalidHandle, hipStreamDestroy(s));
}

static void pageable_copies_are_done_on_return(void) {
    hipStream_t s;
    OK(hipStreamCreateWithFlags(&s, hipStreamNonBlocking));
    uint32_t *device = device_words(1), word = 5, back = 0;
    OK(hipMemcpyAsync(device, &word, 4, hipMemcpyHostToDevice, s));
    OK(hipStreamQuery(s));
    word = 6;
    OK(hipMemcpyAsync(&back, device, 4, hipMemcpyDeviceToHost, s));
    CHECK(back == 5);
}

static void null_stream_waits_for_blocking_streams_only(void) {
    hipStream_t blocking, own;
    OK(hipStreamCreateWithFlags(&blocking, hipStreamDefault));
    OK(hipStreamCreateWithFlags(&own, hipStreamNonBlocking));
    uint32_t *a = device_words(1);
    gate_t gate = GATE, other = GATE;
    OK(hipLaunchHostFunc(blocking, gate_wait, &gate));
    OK(hipMemsetAsync(a, 0, 4, NULL));
    EXPECT(hipErrorNotReady, hipStreamQuery(NULL));
    OK(hipMemsetAsync(a, 1, 4, own));
    OK(hipStreamSynchronize(own));  // Does not wait for the gate.
    EXPECT(hipErrorNotReady, hipStreamQuery(NULL));
    gate_open(&gate);
    OK(hipStreamSynchronize(NULL));
    // And the other way round.
    OK(hipLaunchHostFunc(NULL, gate_wait, &other));
    OK(hipMemsetAsync(a, 2, 4, blocking));
    OK(hipMemsetAsync(a, 3, 4, own));
    OK(hipStreamSynchronize(own));
    EXPECT(hipErrorNotReady, hipStreamQuery(blocking));
    gate_open(&other);
    OK(hipDeviceSynchronize());
    OK(hipStreamQuery(blocking));
}

static void events_order_streams(void) {
    hipStream_t a, b;
    OK(hipStreamCreateWithFlags(&a, hipStreamNonBlocking));
    OK(hipStreamCreateWithPriority(&b, hipStreamNonBlocking, 0));
    hipEvent_t event, never, stop;
    OK(hipEventCreateWithFlags(&event, hipEventDefault));
    OK(hipEventCreate(&never));
    OK(hipEventCreate(&stop));
    OK(hipEventQuery(never));  // As HIP: an event that was never recorded is done.
    OK(hipStreamWaitEvent(b, never, 0));
    gate_t gate = GATE;
    float ms;
    EXPECT(hipErrorInvalidHandle, hipEventElapsedTime(&ms, event, never));
    OK(hipLaunchHostFunc(a, gate_wait, &gate));
    OK(hipEventRecord(event, a));
    OK(hipStreamWaitEvent(b, event, 0));
    OK(hipEventRecord(stop, b));
    EXPECT(hipErrorNotReady, hipEventQuery(event));
    EXPECT(hipErrorNotReady, hipEventQuery(stop));
    EXPECT(hipErrorNotReady, hipStreamQuery(b));
    EXPECT(hipErrorNotReady, hipEventElapsedTime(&ms, event, stop));
    gate_open(&gate);
    OK(hipEventSynchronize(stop));
    OK(hipEventQuery(event));
    OK(hipEventElapsedTime(&ms, event, stop));
    CHECK(ms >= 0);
    OK(hipEventElapsedTime(&ms, stop, event));
    CHECK(ms <= 0);
    hipEvent_t untimed;
    OK(hipEventCreateWithFlags(&untimed, hipEventDisableTiming));
    OK(hipEventRecord(untimed, a));
    OK(hipEventSynchronize(untimed));
    EXPECT(hipErrorInvalidHandle, hipEventElapsedTime(&ms, event, untimed));
    OK(hipEventDestroy(event));
    EXPECT(hipErrorInvalidHandle, hipEventRecord(event, a));
    EXPECT(hipErrorInvalidHandle, hipEventDestroy(event));
    EXPECT(hipErrorInvalidValue, hipEventCreateWithFlags(&event, 0x100));
}

static void values_in_memory_order_streams(void) {
    hipStream_t a, b;
    OK(hipStreamCreateWithFlags(&a, hipStreamNonBlocking));
    OK(hipStreamCreateWithFlags(&b, hipStreamNonBlocking));
    uint32_t *flag;
    OK(hipHostMalloc((void **)&flag, 4, hipHostMallocDefault));
    *flag = 0;
    OK(hipStreamWaitValue32(b, flag, 3, hipStreamWaitValueGte, 0xffffffff));
    OK(hipStreamWriteValue32(a, flag, 2, 0));
    OK(hipStreamSynchronize(a));
    CHECK(*(volatile uint32_t *)flag == 2);
    EXPECT(hipErrorNotReady, hipStreamQuery(b));
    OK(hipStreamWriteValue32(a, flag, 3, 0));
    OK(hipStreamSynchronize(b));
    OK(hipStreamWaitValue32(b, flag, 0x13, hipStreamWaitValueEq, 0x0f));
    OK(hipStreamSynchronize(b));
    uint32_t *a_word = device_words(1);
    EXPECT(hipErrorInvalidValue, hipStreamWriteValue32(a, (char *)a_word + 2, 1, 0));
    EXPECT(hipErrorInvalidValue, hipStreamWriteValue32(a, a_word + 1, 1, 0));
}

static void async_memory_lives_in_stream_order(void) {
    hipStream_t s;
    OK(hipStreamCreateWithFlags(&s, hipStreamNonBlocking));
    void *a;
    OK(hipMallocAsync(&a, 64, s));
    gate_t gate = GATE;
    OK(hipLaunchHostFunc(s, gate_wait, &gate));
    OK(hipFreeAsync(a, s));
    OK(hipMemset(a, 0, 64));  // Another stream, before the free: allowed, if unwise.
    gate_open(&gate);
    OK(hipStreamSynchronize(s));
    EXPECT(hipErrorInvalidValue, hipMemset(a, 0, 64));
}

const scenario_t stream_scenarios[] = {
    {"work_runs_later_and_in_order", work_runs_later_and_in_order},
    {"pageable_copies_are_done_on_return", pageable_copies_are_done_on_return},
    {"null_stream_waits_for_blocking_streams_only", null_stream_waits_for_blocking_streams_only},
    {"events_order_streams", events_order_streams},
    {"values_in_memory_order_streams", values_in_memory_order_streams},
    {"async_memory_lives_in_stream_order", async_memory_lives_in_stream_order},
    {NULL, NULL},
};

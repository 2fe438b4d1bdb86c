// What the scenarios share: checks that stop the program, the module of test kernels, a gate.
#pragma once

#define __HIP_PLATFORM_AMD__
#include <hip/hip_runtime_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Stops with the place unless a call gives that code.
#define EXPECT(expected, call)                                                                     \
    do {                                                                                           \
        hipError_t code_ = (call);                                                                 \
        if (code_ != (expected)) {                                                                 \
            fprintf(stderr, "%s:%d: %s gives %d (%s), not %d\n", __FILE__, __LINE__, #call, code_, \
                    hipGetErrorName(code_), (int)(expected));                                      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)
#define OK(call) EXPECT(hipSuccess, call)
#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);    \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

// The code objects: the kernels, the same for another GPU, one with many registers, and the first
// two in a bundle.
extern const char *kernels_path, *other_gpu_path, *registers_path, *bundle_path;

hipModule_t load_kernels(void);
hipFunction_t kernel(hipModule_t module, const char *name);
void *read_file(const char *path, size_t *size);
uint32_t *device_words(size_t count);

// Launches on `groups` groups of 256 with arguments by pointers.
hipError_t launch(hipFunction_t f, unsigned groups, hipStream_t stream, void **params);

// A host function that holds a stream up until the gate is opened.
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int is_open, was_reached;
} gate_t;
#define GATE {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0}
void gate_wait(void *gate);
void gate_open(gate_t *gate);

typedef struct {
    const char *name;
    void (*run)(void);
} scenario_t;
extern const scenario_t memory_scenarios[], stream_scenarios[], launch_scenarios[],
    graph_scenarios[], device_scenarios[];

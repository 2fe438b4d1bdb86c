// Runs one scenario by name: `scenarios NAME KERNELS OTHER_GPU REGISTERS BUNDLE`. Exit code 0: all was as expected.
#include "harness.h"

const char *kernels_path, *other_gpu_path, *registers_path, *bundle_path;

void *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    *size = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(*size);
    CHECK(fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

hipModule_t load_kernels(void) {
    size_t size;
    void *image = read_file(kernels_path, &size);
    hipModule_t module;
    OK(hipModuleLoadData(&module, image));
    free(image);  // The module must not need it any more.
    return module;
}

hipFunction_t kernel(hipModule_t module, const char *name) {
    hipFunction_t function;
    OK(hipModuleGetFunction(&function, module, name));
    return function;
}

uint32_t *device_words(size_t count) {
    void *words;
    OK(hipMalloc(&words, 4 * count));
    return words;
}

hipError_t launch(hipFunction_t f, unsigned groups, hipStream_t stream, void **params) {
    return hipModuleLaunchKernel(f, groups, 1, 1, 256, 1, 1, 0, stream, params, NULL);
}

void gate_wait(void *arg) {
    gate_t *gate = arg;
    pthread_mutex_lock(&gate->lock);
    gate->was_reached = 1;
    while (!gate->is_open) pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void gate_open(gate_t *gate) {
    pthread_mutex_lock(&gate->lock);
    gate->is_open = 1;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: %s SCENARIO KERNELS OTHER_GPU REGISTERS BUNDLE\n", argv[0]);
        return 2;
    }
    kernels_path = argv[2];
    other_gpu_path = argv[3];
    registers_path = argv[4];
    bundle_path = argv[5];
    const scenario_t *lists[] = {memory_scenarios, stream_scenarios, launch_scenarios,
                                 graph_scenarios, device_scenarios};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (const scenario_t *s = lists[i]; s->name; s++) {
            if (strcmp(s->name, argv[1]) == 0) {
                s->run();
                printf("%s: done\n", s->name);
                return 0;
            }
        }
    }
    fprintf(stderr, "no scenario is called %s\n", argv[1]);
    return 2;
}

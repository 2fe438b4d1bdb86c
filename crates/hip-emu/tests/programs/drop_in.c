// Loads the runtime by its usual name, as a server does, and looks up every function it may use.
#include <dlfcn.h>
#include <stdio.h>

static const char *const names[] = {
    "hipInit", "hipGetDeviceCount", "hipSetDevice", "hipGetDevice", "hipDeviceGetAttribute",
    "hipDeviceGetName", "hipDeviceGetPCIBusId", "hipDeviceTotalMem", "hipMemGetInfo",
    "hipRuntimeGetVersion", "hipDriverGetVersion", "hipDeviceSynchronize", "hipSetDeviceFlags",
    "hipGetDevicePropertiesR0600", "hipGetErrorName", "hipGetErrorString", "hipGetLastError",
    "hipPeekAtLastError", "hipStreamCreateWithFlags", "hipStreamCreateWithPriority",
    "hipDeviceGetStreamPriorityRange", "hipStreamDestroy", "hipStreamSynchronize",
    "hipStreamQuery", "hipStreamWaitEvent", "hipEventCreateWithFlags", "hipEventRecord",
    "hipEventQuery", "hipEventSynchronize", "hipEventElapsedTime", "hipEventDestroy",
    "hipLaunchHostFunc", "hipMalloc", "hipFree", "hipExtMallocWithFlags", "hipHostMalloc",
    "hipHostFree", "hipHostGetDevicePointer", "hipHostRegister", "hipHostUnregister",
    "hipMemcpyAsync", "hipMemcpyHtoDAsync", "hipMemcpyDtoHAsync", "hipMemcpyDtoDAsync",
    "hipMemcpyPeerAsync", "hipMemsetAsync", "hipMemsetD32Async", "hipModuleLoadData",
    "hipModuleUnload", "hipModuleGetFunction", "hipModuleGetGlobal", "hipModuleLaunchKernel",
    "hipFuncGetAttribute", "hipFuncSetAttribute",
    "hipModuleOccupancyMaxActiveBlocksPerMultiprocessor", "hipStreamBeginCapture",
    "hipStreamEndCapture", "hipStreamIsCapturing", "hipThreadExchangeStreamCaptureMode",
    "hipGraphInstantiateWithFlags", "hipGraphInstantiate", "hipGraphUpload", "hipGraphLaunch",
    "hipGraphExecUpdate", "hipGraphGetNodes", "hipGraphExecKernelNodeSetParams",
    "hipGraphExecDestroy", "hipGraphDestroy", "hipDeviceCanAccessPeer",
    "hipDeviceEnablePeerAccess", "hipIpcGetMemHandle", "hipIpcOpenMemHandle",
    "hipIpcCloseMemHandle", "hipIpcGetEventHandle", "hipIpcOpenEventHandle",
    "hipStreamWriteValue32", "hipStreamWaitValue32",
};

int main(void) {
    void *library = dlopen("libamdhip64.so.6", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (!dlsym(library, names[i])) {
            fprintf(stderr, "missing: %s\n", names[i]);
            return 1;
        }
    }
    int count = 0;
    int (*get_count)(int *) = (int (*)(int *))dlsym(library, "hipGetDeviceCount");
    if (get_count(&count) != 0) return 1;
    printf("%d devices\n", count);
    return 0;
}

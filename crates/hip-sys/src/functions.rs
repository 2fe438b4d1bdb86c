//! The functions of HIP that the table holds, in the header's own names, as a list for macros.
//!
//! Owns the signatures and nothing else. The list is a macro so that the table and the tests read the
//! same text: a test puts another crate's types behind the names and lets the compiler compare.
//! Source: kernels and runtime of ROCm 5 to 7, `hip/hip_runtime_api.h`.

/// Calls `$apply!` with every function: those that the program cannot work without, then groups of
/// optional ones, each with the reason why the table has it.
#[macro_export]
macro_rules! hip_functions {
    ($apply:ident) => {
        $apply! {
            required:
            fn hipInit(c_uint) -> hipError_t;
            fn hipGetDeviceCount(*mut c_int) -> hipError_t;
            fn hipSetDevice(c_int) -> hipError_t;
            fn hipDeviceGetAttribute(*mut c_int, hipDeviceAttribute_t, c_int) -> hipError_t;
            fn hipDeviceGetName(*mut c_char, c_int, hipDevice_t) -> hipError_t;
            fn hipDeviceGetPCIBusId(*mut c_char, c_int, c_int) -> hipError_t;
            fn hipMemGetInfo(*mut usize, *mut usize) -> hipError_t;
            fn hipRuntimeGetVersion(*mut c_int) -> hipError_t;
            fn hipDeviceSynchronize() -> hipError_t;
            fn hipGetErrorName(hipError_t) -> *const c_char;
            fn hipGetErrorString(hipError_t) -> *const c_char;
            fn hipStreamCreateWithFlags(*mut hipStream_t, c_uint) -> hipError_t;
            fn hipStreamDestroy(hipStream_t) -> hipError_t;
            fn hipStreamSynchronize(hipStream_t) -> hipError_t;
            fn hipStreamWaitEvent(hipStream_t, hipEvent_t, c_uint) -> hipError_t;
            fn hipEventCreateWithFlags(*mut hipEvent_t, c_uint) -> hipError_t;
            fn hipEventRecord(hipEvent_t, hipStream_t) -> hipError_t;
            fn hipEventQuery(hipEvent_t) -> hipError_t;
            fn hipEventSynchronize(hipEvent_t) -> hipError_t;
            fn hipEventElapsedTime(*mut f32, hipEvent_t, hipEvent_t) -> hipError_t;
            fn hipEventDestroy(hipEvent_t) -> hipError_t;
            fn hipMalloc(*mut *mut c_void, usize) -> hipError_t;
            fn hipFree(*mut c_void) -> hipError_t;
            fn hipHostMalloc(*mut *mut c_void, usize, c_uint) -> hipError_t;
            fn hipHostFree(*mut c_void) -> hipError_t;
            fn hipHostGetDevicePointer(*mut *mut c_void, *mut c_void, c_uint) -> hipError_t;
            fn hipMemcpyAsync(
                *mut c_void, *const c_void, usize, hipMemcpyKind, hipStream_t
            ) -> hipError_t;
            fn hipMemsetAsync(*mut c_void, c_int, usize, hipStream_t) -> hipError_t;
            fn hipMemsetD32Async(hipDeviceptr_t, c_int, usize, hipStream_t) -> hipError_t;
            fn hipModuleLoadData(*mut hipModule_t, *const c_void) -> hipError_t;
            fn hipModuleUnload(hipModule_t) -> hipError_t;
            fn hipModuleGetFunction(*mut hipFunction_t, hipModule_t, *const c_char) -> hipError_t;
            fn hipModuleLaunchKernel(
                hipFunction_t, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, hipStream_t,
                *mut *mut c_void, *mut *mut c_void
            ) -> hipError_t;
            fn hipStreamBeginCapture(hipStream_t, hipStreamCaptureMode) -> hipError_t;
            fn hipStreamEndCapture(hipStream_t, *mut hipGraph_t) -> hipError_t;
            fn hipStreamIsCapturing(hipStream_t, *mut hipStreamCaptureStatus) -> hipError_t;
            fn hipGraphInstantiate(
                *mut hipGraphExec_t, hipGraph_t, *mut hipGraphNode_t, *mut c_char, usize
            ) -> hipError_t;
            fn hipGraphLaunch(hipGraphExec_t, hipStream_t) -> hipError_t;
            fn hipGraphExecDestroy(hipGraphExec_t) -> hipError_t;
            fn hipGraphDestroy(hipGraph_t) -> hipError_t;

            optional "the architecture's name: ROCm 6 and newer have the first, ROCm 5 the second":
            fn hipGetDevicePropertiesR0600(*mut hipDeviceProp_tR0600, c_int) -> hipError_t;
            fn hipGetDeviceProperties(*mut hipDeviceProp_t, c_int) -> hipError_t;

            optional "what a support case asks about the driver and its state":
            fn hipGetDevice(*mut c_int) -> hipError_t;
            fn hipDeviceTotalMem(*mut usize, hipDevice_t) -> hipError_t;
            fn hipDriverGetVersion(*mut c_int) -> hipError_t;
            fn hipSetDeviceFlags(c_uint) -> hipError_t;
            fn hipGetLastError() -> hipError_t;
            fn hipPeekAtLastError() -> hipError_t;
            fn hipStreamQuery(hipStream_t) -> hipError_t;

            optional "a stream that goes before others, for copies beside a step":
            fn hipStreamCreateWithPriority(*mut hipStream_t, c_uint, c_int) -> hipError_t;
            fn hipDeviceGetStreamPriorityRange(*mut c_int, *mut c_int) -> hipError_t;
            fn hipLaunchHostFunc(hipStream_t, hipHostFn_t, *mut c_void) -> hipError_t;

            optional "host memory of others pinned in place, and copies that name their direction":
            fn hipHostRegister(*mut c_void, usize, c_uint) -> hipError_t;
            fn hipHostUnregister(*mut c_void) -> hipError_t;
            fn hipMemcpyHtoDAsync(
                hipDeviceptr_t, hipConstPointer, usize, hipStream_t
            ) -> hipError_t;
            fn hipMemcpyDtoHAsync(*mut c_void, hipDeviceptr_t, usize, hipStream_t) -> hipError_t;
            fn hipMemcpyDtoDAsync(
                hipDeviceptr_t, hipDeviceptr_t, usize, hipStream_t
            ) -> hipError_t;

            optional "limits of a kernel as the runtime sees them, and its global variables":
            fn hipModuleGetGlobal(
                *mut hipDeviceptr_t, *mut usize, hipModule_t, *const c_char
            ) -> hipError_t;
            fn hipFuncGetAttribute(
                *mut c_int, hipFunction_attribute, hipFunction_t
            ) -> hipError_t;
            fn hipFuncSetAttribute(*const c_void, hipFuncAttribute, c_int) -> hipError_t;
            fn hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(
                *mut c_int, hipFunction_t, c_int, usize
            ) -> hipError_t;

            optional "graphs that are changed in place instead of captured again":
            fn hipGraphInstantiateWithFlags(
                *mut hipGraphExec_t, hipGraph_t, c_ulonglong
            ) -> hipError_t;
            fn hipGraphUpload(hipGraphExec_t, hipStream_t) -> hipError_t;
            fn hipGraphExecUpdate(
                hipGraphExec_t, hipGraph_t, *mut hipGraphNode_t, *mut hipGraphExecUpdateResult
            ) -> hipError_t;
            fn hipGraphGetNodes(hipGraph_t, *mut hipGraphNode_t, *mut usize) -> hipError_t;
            fn hipGraphExecKernelNodeSetParams(
                hipGraphExec_t, hipGraphNode_t, *const hipKernelNodeParams
            ) -> hipError_t;
            fn hipThreadExchangeStreamCaptureMode(*mut hipStreamCaptureMode) -> hipError_t;

            optional "tensor parallelism: another GPU's memory, and signals between GPUs":
            fn hipDeviceCanAccessPeer(*mut c_int, c_int, c_int) -> hipError_t;
            fn hipDeviceEnablePeerAccess(c_int, c_uint) -> hipError_t;
            fn hipMemcpyPeerAsync(
                *mut c_void, c_int, *const c_void, c_int, usize, hipStream_t
            ) -> hipError_t;
            fn hipExtMallocWithFlags(*mut *mut c_void, usize, c_uint) -> hipError_t;
            fn hipIpcGetMemHandle(*mut hipIpcMemHandle_t, *mut c_void) -> hipError_t;
            fn hipIpcOpenMemHandle(*mut *mut c_void, hipIpcMemHandle_t, c_uint) -> hipError_t;
            fn hipIpcCloseMemHandle(*mut c_void) -> hipError_t;
            fn hipIpcGetEventHandle(*mut hipIpcEventHandle_t, hipEvent_t) -> hipError_t;
            fn hipIpcOpenEventHandle(*mut hipEvent_t, hipIpcEventHandle_t) -> hipError_t;
            fn hipStreamWriteValue32(hipStream_t, *mut c_void, u32, c_uint) -> hipError_t;
            fn hipStreamWaitValue32(hipStream_t, *mut c_void, u32, c_uint, u32) -> hipError_t;

            optional "a KV cache that grows in place: addresses apart from memory":
            fn hipMemAddressReserve(
                *mut *mut c_void, usize, usize, *mut c_void, c_ulonglong
            ) -> hipError_t;
            fn hipMemAddressFree(*mut c_void, usize) -> hipError_t;
            fn hipMemCreate(
                *mut hipMemGenericAllocationHandle_t, usize, *const hipMemAllocationProp, c_ulonglong
            ) -> hipError_t;
            fn hipMemRelease(hipMemGenericAllocationHandle_t) -> hipError_t;
            fn hipMemMap(
                *mut c_void, usize, usize, hipMemGenericAllocationHandle_t, c_ulonglong
            ) -> hipError_t;
            fn hipMemUnmap(*mut c_void, usize) -> hipError_t;
            fn hipMemSetAccess(*mut c_void, usize, *const hipMemAccessDesc, usize) -> hipError_t;
        }
    };
}

// Kernels of the emulator's own tests: small, each made to show one thing.
typedef unsigned int u32;
typedef unsigned long long u64;
#define KERNEL extern "C" __attribute__((global))
#define DEVICE __attribute__((device))

static DEVICE u32 index() {
    return __builtin_amdgcn_workgroup_id_x() * __builtin_amdgcn_workgroup_size_x() +
           __builtin_amdgcn_workitem_id_x();
}

// out[i] = a[i] * factor + i, for i < n: ragged tails, three kinds of arguments.
KERNEL void scale(u32 *out, const u32 *a, u32 factor, u32 n) {
    u32 i = index();
    if (i < n) out[i] = a[i] * factor + i;
}

// Adds 1 to each: order between launches shows.
KERNEL void increment(u32 *data, u32 n) {
    u32 i = index();
    if (i < n) data[i] += 1;
}

// data[i] = data[i] * 3 + add: does not commute with another of its kind.
KERNEL void chain(u32 *data, u32 n, u32 add) {
    u32 i = index();
    if (i < n) data[i] = data[i] * 3 + add;
}

// Writes one value anywhere.
KERNEL void poke(u32 *at, u32 value) {
    if (index() == 0) *at = value;
}

// Sums each group's ids through dynamic LDS.
extern __attribute__((shared)) u32 pool[];
KERNEL void group_sum(u32 *out) {
    u32 t = __builtin_amdgcn_workitem_id_x(), n = __builtin_amdgcn_workgroup_size_x();
    pool[t] = index();
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
    if (t == 0) {
        u32 sum = 0;
        for (u32 i = 0; i < n; i++) sum += pool[i];
        out[__builtin_amdgcn_workgroup_id_x()] = sum;
    }
}

// A variable of the device that the host can find, and its use.
extern "C" __attribute__((device, used, visibility("protected"))) u32 counter = 41;
KERNEL void bump(u32 *out) {
    if (index() == 0) {
        counter += 1;
        *out = counter;
    }
}

// Compiled for small groups only.
KERNEL __attribute__((amdgpu_flat_work_group_size(1, 64))) void small_groups(u32 *out) {
    out[index()] = 1;
}

// More static LDS than a quarter of a compute unit.
static __attribute__((shared)) u32 big[10000];
KERNEL void big_lds(u32 *out) {
    big[__builtin_amdgcn_workitem_id_x()] = 7;
    __builtin_amdgcn_s_barrier();
    out[index()] = big[__builtin_amdgcn_workitem_id_x() ^ 1];
}

// A constant: it lies in memory that kernels cannot write.
extern "C" __attribute__((constant, used, visibility("protected"))) const u32 fixed = 12345;

// Each group takes the next number: their order shows.
KERNEL void take_numbers(u32 *next, u32 *out) {
    if (__builtin_amdgcn_workitem_id_x() == 0)
        out[__builtin_amdgcn_workgroup_id_x()] =
            __hip_atomic_fetch_add(next, 1, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

// Waits until `wanted` groups are here: they must run at the same time.
KERNEL void meet(u32 *here, u32 wanted) {
    if (__builtin_amdgcn_workitem_id_x() == 0) {
        __hip_atomic_fetch_add(here, 1, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
        while (__hip_atomic_load(here, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT) < wanted) {
        }
    }
}

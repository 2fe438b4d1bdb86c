// A kernel that says it takes 1,024 work-items with 200 registers each, which no compute unit has.
    .text
    .globl many_registers
    .p2align 8
    .type many_registers,@function
many_registers:
    v_mov_b32_e32 v199, 0
    s_endpgm
.size many_registers, .-many_registers

    .rodata
    .p2align 6
    .amdhsa_kernel many_registers
        .amdhsa_next_free_vgpr 200
        .amdhsa_next_free_sgpr 8
        .amdhsa_accum_offset 200
    .end_amdhsa_kernel

    .amdgpu_metadata
---
amdhsa.version: [1, 2]
amdhsa.target: amdgcn-amd-amdhsa--gfx942
amdhsa.kernels:
  - .name: many_registers
    .symbol: many_registers.kd
    .kernarg_segment_size: 0
    .kernarg_segment_align: 8
    .group_segment_fixed_size: 0
    .private_segment_fixed_size: 0
    .wavefront_size: 64
    .sgpr_count: 8
    .vgpr_count: 200
    .agpr_count: 0
    .max_flat_workgroup_size: 1024
    .args: []
...
    .end_amdgpu_metadata

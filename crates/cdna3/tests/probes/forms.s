s_add_u32 s28, s32, s46
s_add_u32 s28, vcc_lo, -16
s_add_u32 vcc_lo, s20, s94
s_add_u32 vcc_lo, 4.0, 0xffffff00
s_sub_u32 vcc_lo, 4.0, vcc_lo
s_sub_u32 vcc_lo, s74, -16
s_sub_u32 s32, exec_lo, s72
s_sub_u32 s36, s8, 0x1f4
s_add_i32 vcc_lo, s14, 64
s_add_i32 vcc_lo, s12, s70
s_add_i32 s68, exec_lo, exec_lo
s_add_i32 vcc_lo, s48, 0x12345678
s_sub_i32 vcc_lo, s66, exec_lo
s_sub_i32 vcc_lo, exec_lo, vcc_lo
s_sub_i32 vcc_lo, 64, s94
s_sub_i32 vcc_lo, exec_lo, 0x1f4
s_addc_u32 vcc_lo, exec_lo, vcc_lo
s_addc_u32 vcc_lo, vcc_lo, s22
s_addc_u32 s56, s72, vcc_lo
s_addc_u32 s4, s40, 0x1f4
s_subb_u32 s72, s52, -16
s_subb_u32 s52, vcc_lo, 1
s_subb_u32 vcc_lo, s28, exec_lo
s_subb_u32 s28, s54, 0x12345678
s_min_i32 vcc_lo, -16, exec_lo
s_min_i32 s4, s6, 64
s_min_i32 s68, exec_lo, s20
s_min_i32 vcc_lo, s78, 0xffffff00
s_min_u32 s40, s8, s6
s_min_u32 vcc_lo, exec_lo, exec_lo
s_min_u32 s32, vcc_lo, s16
s_min_u32 vcc_lo, s58, 0xffffff00
s_max_i32 vcc_lo, vcc_lo, -4.0
s_max_i32 vcc_lo, s46, -1
s_max_i32 s32, s40, s84
s_max_i32 s68, vcc_lo, 0xffffff00
s_max_u32 s4, s2, vcc_lo
s_max_u32 vcc_lo, vcc_lo, s88
s_max_u32 s12, vcc_lo, s40
s_max_u32 vcc_lo, exec_lo, 0xffffff00
s_cselect_b32 vcc_lo, vcc_lo, vcc_lo
s_cselect_b32 vcc_lo, vcc_lo, 0
s_cselect_b32 vcc_lo, exec_lo, s74
s_cselect_b32 vcc_lo, s76, 0x1f4
s_cselect_b64 vcc, 1, vcc
s_cselect_b64 s[88:89], vcc, s[58:59]
s_cselect_b64 s[80:81], s[16:17], exec
s_cselect_b64 s[32:33], s[4:5], 0x12345678
s_and_b32 s12, exec_lo, 0
s_and_b32 vcc_lo, s16, s26
s_and_b32 s40, s12, s34
s_and_b32 vcc_lo, exec_lo, 0x12345678
s_and_b64 vcc, exec, -16
s_and_b64 s[84:85], exec, 1
s_and_b64 vcc, s[60:61], 2.0
s_and_b64 s[12:13], -16, 0x1f4
s_or_b32 vcc_lo, s30, s34
s_or_b32 vcc_lo, exec_lo, s50
s_or_b32 s72, -16, s86
s_or_b32 s92, s24, 0xbf490fdb
s_or_b64 s[72:73], s[40:41], s[24:25]
s_or_b64 vcc, vcc, exec
s_or_b64 s[92:93], s[24:25], s[22:23]
s_or_b64 s[24:25], exec, 0xbf490fdb
s_xor_b32 vcc_lo, s62, s46
s_xor_b32 vcc_lo, exec_lo, vcc_lo
s_xor_b32 s24, 0, vcc_lo
s_xor_b32 s8, -1, 0x12345678
s_xor_b64 vcc, -1, 64
s_xor_b64 vcc, vcc, exec
s_xor_b64 vcc, 1, vcc
s_xor_b64 s[64:65], s[14:15], 0xbf490fdb
s_andn2_b32 vcc_lo, s40, 0
s_andn2_b32 vcc_lo, vcc_lo, vcc_lo
s_andn2_b32 vcc_lo, exec_lo, s14
s_andn2_b32 s60, exec_lo, 0x1f4
s_andn2_b64 s[8:9], s[0:1], s[74:75]
s_andn2_b64 s[0:1], 64, vcc
s_andn2_b64 vcc, vcc, s[38:39]
s_andn2_b64 s[52:53], s[42:43], 0xffffff00
s_orn2_b32 vcc_lo, -1, 1
s_orn2_b32 vcc_lo, vcc_lo, s96
s_orn2_b32 s20, s40, s58
s_orn2_b32 s76, exec_lo, 0x1f4
s_orn2_b64 s[0:1], vcc, s[42:43]
s_orn2_b64 s[28:29], s[28:29], s[18:19]
s_orn2_b64 vcc, s[14:15], -16
s_orn2_b64 s[0:1], 0, 0xffffff00
s_nand_b32 s28, s36, exec_lo
s_nand_b32 vcc_lo, vcc_lo, -16
s_nand_b32 s60, exec_lo, s70
s_nand_b32 vcc_lo, exec_lo, 0xbf490fdb
s_nand_b64 s[40:41], vcc, s[26:27]
s_nand_b64 vcc, s[36:37], s[60:61]
s_nand_b64 s[92:93], exec, -16
s_nand_b64 vcc, vcc, 0x1f4
s_nor_b32 s16, exec_lo, s56
s_nor_b32 vcc_lo, exec_lo, 64
s_nor_b32 s36, s16, vcc_lo
s_nor_b32 s16, 0, 0x1f4
s_nor_b64 s[44:45], s[76:77], exec
s_nor_b64 vcc, s[52:53], 1
s_nor_b64 s[52:53], exec, vcc
s_nor_b64 s[68:69], s[34:35], 0xffffff00
s_xnor_b32 s80, vcc_lo, s84
s_xnor_b32 s36, exec_lo, -16
s_xnor_b32 vcc_lo, 0, exec_lo
s_xnor_b32 vcc_lo, s40, 0x12345678
s_xnor_b64 s[60:61], -16, s[34:35]
s_xnor_b64 vcc, s[40:41], 1.0
s_xnor_b64 vcc, s[16:17], s[78:79]
s_xnor_b64 s[60:61], s[24:25], 0x12345678
s_lshl_b32 s80, s68, -1
s_lshl_b32 s4, 1.0, vcc_lo
s_lshl_b32 s80, vcc_lo, vcc_lo
s_lshl_b32 s4, s68, 0xffffff00
s_lshl_b64 s[48:49], exec, s2
s_lshl_b64 s[76:77], 64, 64
s_lshl_b64 vcc, -16, s44
s_lshl_b64 vcc, -16, 0xbf490fdb
s_lshr_b32 vcc_lo, s6, exec_lo
s_lshr_b32 vcc_lo, exec_lo, s78
s_lshr_b32 vcc_lo, vcc_lo, -16
s_lshr_b32 vcc_lo, s40, 0x1f4
s_lshr_b64 vcc, vcc, exec_lo
s_lshr_b64 vcc, s[42:43], exec_lo
s_lshr_b64 vcc, 0, 0
s_lshr_b64 s[48:49], s[8:9], 0xffffff00
s_ashr_i32 vcc_lo, exec_lo, exec_lo
s_ashr_i32 vcc_lo, s40, vcc_lo
s_ashr_i32 s76, s2, 1
s_ashr_i32 vcc_lo, vcc_lo, 0xffffff00
s_ashr_i64 s[40:41], s[38:39], vcc_lo
s_ashr_i64 s[20:21], vcc, s54
s_ashr_i64 s[48:49], s[54:55], exec_lo
s_ashr_i64 vcc, exec, 0xffffff00
s_bfm_b32 s52, 1, s52
s_bfm_b32 s8, 1, s64
s_bfm_b32 vcc_lo, exec_lo, s84
s_bfm_b32 s72, s78, 0x1f4
s_bfm_b64 s[40:41], vcc_lo, exec_lo
s_bfm_b64 vcc, vcc_lo, exec_lo
s_bfm_b64 s[48:49], exec_lo, vcc_lo
s_bfm_b64 vcc, exec_lo, 0xffffff00
s_mul_i32 s20, vcc_lo, vcc_lo
s_mul_i32 vcc_lo, s80, vcc_lo
s_mul_i32 vcc_lo, vcc_lo, exec_lo
s_mul_i32 vcc_lo, vcc_lo, 0x12345678
s_bfe_u32 vcc_lo, 1, s42
s_bfe_u32 s80, s10, s4
s_bfe_u32 vcc_lo, s54, -16
s_bfe_u32 vcc_lo, vcc_lo, 0xbf490fdb
s_bfe_i32 s36, 64, exec_lo
s_bfe_i32 vcc_lo, s6, s70
s_bfe_i32 s60, -16, s20
s_bfe_i32 vcc_lo, exec_lo, 0x1f4
s_bfe_u64 vcc, vcc, exec_lo
s_bfe_u64 s[32:33], vcc, exec_lo
s_bfe_u64 s[96:97], 1, exec_lo
s_bfe_u64 s[32:33], s[54:55], 0xffffff00
s_bfe_i64 vcc, 0, 64
s_bfe_i64 s[80:81], s[4:5], vcc_lo
s_bfe_i64 vcc, vcc, s24
s_bfe_i64 vcc, s[84:85], 0x12345678
s_absdiff_i32 s84, s84, s10
s_absdiff_i32 vcc_lo, s42, 0
s_absdiff_i32 vcc_lo, exec_lo, 0
s_absdiff_i32 s80, exec_lo, 0xbf490fdb
s_mul_hi_u32 s28, s84, exec_lo
s_mul_hi_u32 vcc_lo, s58, s2
s_mul_hi_u32 vcc_lo, s66, vcc_lo
s_mul_hi_u32 vcc_lo, s36, 0xbf490fdb
s_mul_hi_i32 s56, 0, exec_lo
s_mul_hi_i32 vcc_lo, s90, s30
s_mul_hi_i32 s60, exec_lo, exec_lo
s_mul_hi_i32 vcc_lo, s80, 0x12345678
s_lshl1_add_u32 s84, vcc_lo, 1
s_lshl1_add_u32 vcc_lo, exec_lo, s64
s_lshl1_add_u32 vcc_lo, exec_lo, s54
s_lshl1_add_u32 vcc_lo, exec_lo, 0xffffff00
s_lshl2_add_u32 vcc_lo, s6, s42
s_lshl2_add_u32 s48, 64, vcc_lo
s_lshl2_add_u32 vcc_lo, vcc_lo, 0
s_lshl2_add_u32 s16, s24, 0xffffff00
s_lshl3_add_u32 vcc_lo, s78, -16
s_lshl3_add_u32 s80, s16, s2
s_lshl3_add_u32 s12, 1, 1
s_lshl3_add_u32 vcc_lo, exec_lo, 0x12345678
s_lshl4_add_u32 vcc_lo, 0, s40
s_lshl4_add_u32 s28, vcc_lo, exec_lo
s_lshl4_add_u32 vcc_lo, exec_lo, vcc_lo
s_lshl4_add_u32 s44, vcc_lo, 0x12345678
s_pack_ll_b32_b16 vcc_lo, -16, exec_lo
s_pack_ll_b32_b16 vcc_lo, s98, 0
s_pack_ll_b32_b16 vcc_lo, s44, s94
s_pack_ll_b32_b16 s20, exec_lo, 0x12345678
s_pack_lh_b32_b16 vcc_lo, s98, 0
s_pack_lh_b32_b16 s12, exec_lo, s48
s_pack_lh_b32_b16 vcc_lo, s72, -16
s_pack_lh_b32_b16 s60, s28, 0x12345678
s_pack_hh_b32_b16 s84, s68, exec_lo
s_pack_hh_b32_b16 s76, s56, s82
s_pack_hh_b32_b16 vcc_lo, vcc_lo, s82
s_pack_hh_b32_b16 vcc_lo, s10, 0xffffff00
s_mov_b32 s4, 64
s_mov_b32 vcc_lo, vcc_lo
s_mov_b32 s88, exec_lo
s_mov_b32 vcc_lo, 0xffffff00
s_mov_b64 vcc, vcc
s_mov_b64 vcc, s[66:67]
s_mov_b64 vcc, exec
s_mov_b64 s[8:9], 0xffffff00
s_cmov_b32 vcc_lo, -1
s_cmov_b32 s24, exec_lo
s_cmov_b32 s56, s84
s_cmov_b32 vcc_lo, 0xffffff00
s_cmov_b64 s[96:97], -0.5
s_cmov_b64 vcc, vcc
s_cmov_b64 s[56:57], 0x1f4
s_not_b32 s44, 0
s_not_b32 vcc_lo, exec_lo
s_not_b32 vcc_lo, 64
s_not_b32 s40, 0x12345678
s_not_b64 s[24:25], s[46:47]
s_not_b64 s[20:21], vcc
s_not_b64 s[44:45], s[60:61]
s_not_b64 s[0:1], 0x1f4
s_brev_b32 vcc_lo, s44
s_brev_b32 s48, 4.0
s_brev_b32 vcc_lo, s88
s_brev_b32 vcc_lo, 0xffffff00
s_brev_b64 vcc, 1
s_brev_b64 s[92:93], s[50:51]
s_brev_b64 s[52:53], exec
s_brev_b64 s[52:53], 0xbf490fdb
s_bcnt0_i32_b32 vcc_lo, exec_lo
s_bcnt0_i32_b32 vcc_lo, s36
s_bcnt0_i32_b32 s28, s16
s_bcnt0_i32_b32 vcc_lo, 0xbf490fdb
s_bcnt0_i32_b64 vcc_lo, s[32:33]
s_bcnt0_i32_b64 vcc_lo, s[96:97]
s_bcnt0_i32_b64 vcc_lo, 2.0
s_bcnt0_i32_b64 vcc_lo, 0xbf490fdb
s_bcnt1_i32_b32 vcc_lo, s40
s_bcnt1_i32_b32 vcc_lo, 1
s_bcnt1_i32_b32 s80, exec_lo
s_bcnt1_i32_b32 vcc_lo, 0xffffff00
s_bcnt1_i32_b64 s28, s[94:95]
s_bcnt1_i32_b64 vcc_lo, exec
s_bcnt1_i32_b64 vcc_lo, vcc
s_bcnt1_i32_b64 vcc_lo, 0x1f4
s_ff0_i32_b32 s64, exec_lo
s_ff0_i32_b32 vcc_lo, s6
s_ff0_i32_b32 vcc_lo, s44
s_ff0_i32_b32 s48, 0xffffff00
s_ff0_i32_b64 s24, s[86:87]
s_ff0_i32_b64 s32, vcc
s_ff0_i32_b64 vcc_lo, s[52:53]
s_ff0_i32_b64 s16, 0xbf490fdb
s_ff1_i32_b32 s80, s24
s_ff1_i32_b32 vcc_lo, exec_lo
s_ff1_i32_b32 vcc_lo, s52
s_ff1_i32_b32 s88, 0x1f4
s_ff1_i32_b64 s84, exec
s_ff1_i32_b64 vcc_lo, vcc
s_ff1_i32_b64 vcc_lo, 0x1f4
s_flbit_i32_b32 s8, vcc_lo
s_flbit_i32_b32 s12, vcc_lo
s_flbit_i32_b32 vcc_lo, vcc_lo
s_flbit_i32_b32 vcc_lo, 0xbf490fdb
s_flbit_i32_b64 vcc_lo, s[84:85]
s_flbit_i32_b64 s32, s[2:3]
s_flbit_i32_b64 s48, vcc
s_flbit_i32_b64 s8, 0xffffff00
s_flbit_i32 s0, -16
s_flbit_i32 vcc_lo, s44
s_flbit_i32 s72, s2
s_flbit_i32 vcc_lo, 0x12345678
s_flbit_i32_i64 vcc_lo, -4.0
s_flbit_i32_i64 vcc_lo, s[18:19]
s_flbit_i32_i64 s44, exec
s_flbit_i32_i64 vcc_lo, 0xbf490fdb
s_sext_i32_i8 vcc_lo, s84
s_sext_i32_i8 vcc_lo, s92
s_sext_i32_i8 vcc_lo, s28
s_sext_i32_i8 vcc_lo, 0xffffff00
s_sext_i32_i16 vcc_lo, s90
s_sext_i32_i16 s0, -1
s_sext_i32_i16 vcc_lo, exec_lo
s_sext_i32_i16 vcc_lo, 0x1f4
s_bitset0_b32 vcc_lo, -1
s_bitset0_b32 vcc_lo, s58
s_bitset0_b32 vcc_lo, -16
s_bitset0_b32 vcc_lo, 0x1f4
s_bitset0_b64 vcc, s16
s_bitset0_b64 s[24:25], -1
s_bitset0_b64 vcc, s54
s_bitset0_b64 vcc, 0xffffff00
s_bitset1_b32 s12, s22
s_bitset1_b32 vcc_lo, exec_lo
s_bitset1_b32 s44, s82
s_bitset1_b32 vcc_lo, 0x12345678
s_bitset1_b64 s[32:33], 64
s_bitset1_b64 vcc, s80
s_bitset1_b64 vcc, vcc_lo
s_bitset1_b64 vcc, 0x12345678
s_getpc_b64 s[8:9]
s_getpc_b64 vcc
s_getpc_b64 s[40:41]
v_cndmask_b32_e32 v0, v244, v0, vcc
s_setpc_b64 s[30:31]
s_setpc_b64 vcc
s_swappc_b64 vcc, exec
s_swappc_b64 vcc, s[60:61]
s_swappc_b64 vcc, -16
s_swappc_b64 s[8:9], 0x12345678
s_and_saveexec_b64 s[8:9], vcc
s_and_saveexec_b64 s[20:21], exec
s_and_saveexec_b64 s[96:97], s[8:9]
s_and_saveexec_b64 vcc, 0x1f4
s_or_saveexec_b64 vcc, exec
s_or_saveexec_b64 vcc, vcc
s_or_saveexec_b64 vcc, 1
s_or_saveexec_b64 s[36:37], 0x1f4
s_xor_saveexec_b64 vcc, vcc
s_xor_saveexec_b64 s[40:41], exec
s_xor_saveexec_b64 s[0:1], s[22:23]
s_xor_saveexec_b64 s[56:57], 0xbf490fdb
s_andn2_saveexec_b64 vcc, exec
s_andn2_saveexec_b64 vcc, s[28:29]
s_andn2_saveexec_b64 vcc, s[72:73]
s_andn2_saveexec_b64 vcc, 0x1f4
s_orn2_saveexec_b64 vcc, s[26:27]
s_orn2_saveexec_b64 s[0:1], vcc
s_orn2_saveexec_b64 s[92:93], exec
s_orn2_saveexec_b64 vcc, 0x12345678
s_nand_saveexec_b64 s[48:49], exec
s_nand_saveexec_b64 vcc, s[20:21]
s_nand_saveexec_b64 s[20:21], -1
s_nand_saveexec_b64 vcc, 0xbf490fdb
s_nor_saveexec_b64 vcc, s[32:33]
s_nor_saveexec_b64 s[44:45], s[94:95]
s_nor_saveexec_b64 vcc, s[76:77]
s_nor_saveexec_b64 vcc, 0xffffff00
s_xnor_saveexec_b64 vcc, s[20:21]
s_xnor_saveexec_b64 vcc, s[46:47]
s_xnor_saveexec_b64 s[12:13], s[18:19]
s_xnor_saveexec_b64 vcc, 0xffffff00
s_abs_i32 vcc_lo, exec_lo
s_abs_i32 s16, s60
s_abs_i32 s80, 0x12345678
s_andn1_saveexec_b64 vcc, s[84:85]
s_andn1_saveexec_b64 vcc, 64
s_andn1_saveexec_b64 s[88:89], vcc
s_andn1_saveexec_b64 s[72:73], 0xbf490fdb
s_orn1_saveexec_b64 vcc, s[64:65]
s_orn1_saveexec_b64 vcc, vcc
s_orn1_saveexec_b64 s[0:1], s[40:41]
s_orn1_saveexec_b64 vcc, 0xffffff00
s_andn1_wrexec_b64 s[12:13], vcc
s_andn1_wrexec_b64 s[16:17], -1.0
s_andn1_wrexec_b64 s[36:37], exec
s_andn1_wrexec_b64 vcc, 0xbf490fdb
s_andn2_wrexec_b64 vcc, vcc
s_andn2_wrexec_b64 vcc, s[58:59]
s_andn2_wrexec_b64 vcc, exec
s_andn2_wrexec_b64 vcc, 0x12345678
s_mov_b32 s4, m0
s_mov_b32 s4, flat_scratch_lo
s_mov_b64 s[4:5], flat_scratch
s_mov_b32 s4, xnack_mask_lo
s_mov_b64 s[4:5], xnack_mask
s_mov_b32 s4, ttmp0
s_mov_b64 s[4:5], ttmp[0:1]
s_mov_b32 s4, src_shared_base
s_mov_b64 s[4:5], src_shared_base
s_mov_b32 s4, src_shared_limit
s_mov_b64 s[4:5], src_shared_limit
s_mov_b32 s4, src_private_base
s_mov_b64 s[4:5], src_private_base
s_mov_b32 s4, src_private_limit
s_mov_b64 s[4:5], src_private_limit
s_mov_b32 s4, src_vccz
s_mov_b64 s[4:5], src_vccz
s_mov_b32 s4, src_execz
s_mov_b64 s[4:5], src_execz
s_mov_b32 s4, src_scc
s_mov_b64 s[4:5], src_scc
s_cmp_eq_i32 64, s94
s_cmp_eq_i32 s38, exec_lo
s_cmp_eq_i32 -16, s94
s_cmp_lg_i32 vcc_lo, -1.0
s_cmp_lg_i32 s38, -0.5
s_cmp_lg_i32 exec_lo, exec_lo
s_cmp_gt_i32 s94, s8
s_cmp_gt_i32 s42, -1
s_cmp_gt_i32 s12, exec_lo
s_cmp_ge_i32 -16, s44
s_cmp_ge_i32 exec_lo, s68
s_cmp_ge_i32 -1.0, exec_lo
s_cmp_lt_i32 s10, s44
s_cmp_lt_i32 s10, vcc_lo
s_cmp_lt_i32 vcc_lo, s50
s_cmp_le_i32 s92, s82
s_cmp_le_i32 vcc_lo, -0.5
s_cmp_le_i32 exec_lo, exec_lo
s_cmp_eq_u32 s40, -16
s_cmp_eq_u32 exec_lo, s54
s_cmp_eq_u32 s56, s62
s_cmp_lg_u32 vcc_lo, exec_lo
s_cmp_lg_u32 -16, -1
s_cmp_lg_u32 64, vcc_lo
s_cmp_gt_u32 exec_lo, exec_lo
s_cmp_gt_u32 exec_lo, s0
s_cmp_gt_u32 s88, exec_lo
s_cmp_ge_u32 exec_lo, s4
s_cmp_ge_u32 s34, -4.0
s_cmp_ge_u32 s50, s76
s_cmp_lt_u32 exec_lo, exec_lo
s_cmp_lt_u32 exec_lo, -4.0
s_cmp_lt_u32 vcc_lo, 0
s_cmp_le_u32 vcc_lo, s2
s_cmp_le_u32 s2, vcc_lo
s_cmp_le_u32 vcc_lo, -16
s_bitcmp0_b32 vcc_lo, 0
s_bitcmp0_b32 vcc_lo, s92
s_bitcmp0_b32 exec_lo, vcc_lo
s_bitcmp1_b32 vcc_lo, vcc_lo
s_bitcmp1_b32 s68, exec_lo
s_bitcmp1_b32 vcc_lo, s70
s_bitcmp0_b64 vcc, exec_lo
s_bitcmp0_b64 s[76:77], s74
s_bitcmp1_b64 s[76:77], vcc_lo
s_bitcmp1_b64 1, exec_lo
s_bitcmp1_b64 exec, vcc_lo
s_cmp_eq_u64 s[64:65], vcc
s_cmp_eq_u64 -1.0, exec
s_cmp_eq_u64 s[44:45], vcc
s_cmp_lg_u64 s[18:19], vcc
s_cmp_lg_u64 exec, vcc
s_cmp_lg_u64 vcc, 1
s_movk_i32 s32, 0x5fec
s_movk_i32 vcc_lo, 0x5860
s_movk_i32 vcc_lo, 0xbd04
s_cmovk_i32 vcc_lo, 0xe266
s_cmovk_i32 s40, 0xbb38
s_cmovk_i32 vcc_lo, 0x13f4
s_cmpk_eq_i32 s48, 0x9ba8
s_cmpk_eq_i32 vcc_lo, 0x56a4
s_cmpk_eq_i32 s8, 0x1aea
s_cmpk_lg_i32 s28, 0x9681
s_cmpk_lg_i32 s96, 0x9554
s_cmpk_lg_i32 vcc_lo, 0x9cfb
s_cmpk_gt_i32 vcc_lo, 0xb830
s_cmpk_gt_i32 s40, 0x213d
s_cmpk_gt_i32 vcc_lo, 0xda12
s_cmpk_ge_i32 vcc_lo, 0x8ecb
s_cmpk_ge_i32 vcc_lo, 0xd74b
s_cmpk_ge_i32 s92, 0x979c
s_cmpk_lt_i32 vcc_lo, 0x5b02
s_cmpk_lt_i32 vcc_lo, 0x5345
s_cmpk_lt_i32 vcc_lo, 0xcf9f
s_cmpk_le_i32 s28, 0x3c88
s_cmpk_le_i32 vcc_lo, 0x755b
s_cmpk_le_i32 vcc_lo, 0x2893
s_cmpk_eq_u32 vcc_lo, 0xd48d
s_cmpk_eq_u32 s96, 0x4c66
s_cmpk_eq_u32 vcc_lo, 0x159a
s_cmpk_lg_u32 s68, 0xff06
s_cmpk_lg_u32 vcc_lo, 0xfa5a
s_cmpk_lg_u32 s68, 0x1dbd
s_cmpk_gt_u32 vcc_lo, 0x485f
s_cmpk_gt_u32 vcc_lo, 0x107f
s_cmpk_gt_u32 vcc_lo, 0x84b4
s_cmpk_ge_u32 vcc_lo, 0x478e
s_cmpk_ge_u32 s28, 0xb65
s_cmpk_ge_u32 vcc_lo, 0x7fda
s_cmpk_lt_u32 s68, 0x1e73
s_cmpk_lt_u32 vcc_lo, 0xb480
s_cmpk_lt_u32 vcc_lo, 0x2d8d
s_cmpk_le_u32 s56, 0x302c
s_cmpk_le_u32 s32, 0x778f
s_cmpk_le_u32 s0, 0x30ff
s_addk_i32 s8, 0xb62e
s_addk_i32 s56, 0xa3de
s_addk_i32 s16, 0x5aa6
s_mulk_i32 vcc_lo, 0x9c8b
s_mulk_i32 s72, 0x911e
s_mulk_i32 s72, 0x44c5
s_getreg_b32 s52, hwreg(HW_REG_XCC_ID)
s_getreg_b32 s16, hwreg(HW_REG_TRAPSTS, 3, 4)
s_getreg_b32 s96, hwreg(HW_REG_MODE)
s_setreg_b32 hwreg(HW_REG_TRAPSTS, 3, 4), s4
s_setreg_b32 hwreg(HW_REG_XCC_ID), s84
s_setreg_b32 hwreg(HW_REG_XCC_ID), vcc_lo
s_setreg_imm32_b32 hwreg(HW_REG_XCC_ID), 0x12345678
s_setreg_imm32_b32 hwreg(HW_REG_TRAPSTS, 3, 4), 0xbf490fdb
s_setreg_imm32_b32 hwreg(HW_REG_XCC_ID), 0xbf490fdb
s_call_b64 s[32:33], 2
s_call_b64 vcc, 2
s_nop 0
s_nop 3
s_endpgm
s_endpgm 3
s_branch 0
s_branch 1
s_wakeup
s_cbranch_scc0 0
s_cbranch_scc0 1
s_cbranch_scc1 0
s_cbranch_scc1 1
s_cbranch_vccz 0
s_cbranch_vccz 1
s_cbranch_vccnz 0
s_cbranch_vccnz 1
s_cbranch_execz 0
s_cbranch_execz 1
s_cbranch_execnz 0
s_cbranch_execnz 1
s_barrier
s_waitcnt vmcnt(0) lgkmcnt(0)
s_waitcnt lgkmcnt(0)
s_waitcnt vmcnt(0)
s_waitcnt vmcnt(0) expcnt(0) lgkmcnt(0)
s_waitcnt vmcnt(63) expcnt(7) lgkmcnt(15)
s_waitcnt vmcnt(41)
s_waitcnt vmcnt(1) lgkmcnt(1)
s_sethalt 0
s_sethalt 3
s_sleep 0
s_sleep 3
s_setprio 0
s_setprio 3
s_trap 0
s_trap 3
s_icache_inv
s_load_dword s64, s[76:77], 0xc2ce
s_load_dword s64, s[76:77], s16
s_load_dword s64, s[76:77], s21 offset:0x40
s_load_dword s64, s[76:77], 0x10 glc
s_load_dwordx2 s[48:49], s[68:69], 0xca201
s_load_dwordx2 s[48:49], s[68:69], s16
s_load_dwordx2 s[48:49], s[68:69], s21 offset:0x40
s_load_dwordx2 s[48:49], s[68:69], 0x10 glc
s_load_dwordx4 s[64:67], s[64:65], 0xfcab5
s_load_dwordx4 s[64:67], s[64:65], s16
s_load_dwordx4 s[64:67], s[64:65], s21 offset:0x40
s_load_dwordx4 s[64:67], s[64:65], 0x10 glc
s_load_dwordx8 s[32:39], s[16:17], 0xbcd25
s_load_dwordx8 s[32:39], s[16:17], s16
s_load_dwordx8 s[32:39], s[16:17], s21 offset:0x40
s_load_dwordx8 s[32:39], s[16:17], 0x10 glc
s_load_dwordx16 s[64:79], s[24:25], 0xd2f43
s_load_dwordx16 s[64:79], s[24:25], s16
s_load_dwordx16 s[64:79], s[24:25], s21 offset:0x40
s_load_dwordx16 s[64:79], s[24:25], 0x10 glc
s_buffer_load_dword s16, s[28:31], 0xf106c
s_buffer_load_dword s16, s[28:31], s16
s_buffer_load_dword s16, s[28:31], s21 offset:0x40
s_buffer_load_dword s16, s[28:31], 0x10 glc
s_buffer_load_dwordx2 s[32:33], s[40:43], 0xe08ac
s_buffer_load_dwordx2 s[32:33], s[40:43], s16
s_buffer_load_dwordx2 s[32:33], s[40:43], s21 offset:0x40
s_buffer_load_dwordx2 s[32:33], s[40:43], 0x10 glc
s_buffer_load_dwordx4 s[64:67], s[52:55], 0xfded2
s_buffer_load_dwordx4 s[64:67], s[52:55], s16
s_buffer_load_dwordx4 s[64:67], s[52:55], s21 offset:0x40
s_buffer_load_dwordx4 s[64:67], s[52:55], 0x10 glc
s_buffer_load_dwordx8 s[48:55], s[8:11], 0xc58f
s_buffer_load_dwordx8 s[48:55], s[8:11], s16
s_buffer_load_dwordx8 s[48:55], s[8:11], s21 offset:0x40
s_buffer_load_dwordx8 s[48:55], s[8:11], 0x10 glc
s_buffer_load_dwordx16 s[0:15], s[32:35], 0xbf922
s_buffer_load_dwordx16 s[0:15], s[32:35], s16
s_buffer_load_dwordx16 s[0:15], s[32:35], s21 offset:0x40
s_buffer_load_dwordx16 s[0:15], s[32:35], 0x10 glc
v_cndmask_b32_e32 v2, 37, v102, vcc
s_dcache_inv
v_xor_b32_e32 v0, s64, v0
v_cndmask_b32_e32 v3, 16, v229, vcc
s_dcache_wb
v_cndmask_b32_e32 v1, v209, v233, vcc
s_dcache_inv_vol
v_cndmask_b32_e32 v2, v191, v225, vcc
s_dcache_wb_vol
v_cndmask_b32_e32 v3, 37, v239, vcc
s_memtime s[0:1]
s_memrealtime s[0:1]
v_cndmask_b32_e32 v166, v226, v152, vcc
v_cndmask_b32_e32 v68, v30, v132, vcc
v_cndmask_b32_dpp v102, v214, -v164, vcc wave_rol:1 row_mask:0xf bank_mask:0xf
v_add_f32_e32 v132, ttmp14, v24
v_cndmask_b32_dpp v96, -v46, v182, vcc row_bcast:15 row_mask:0xf bank_mask:0xf
v_subrev_f32_e32 v14, xnack_mask_lo, v144
v_cndmask_b32_dpp v92, v128, v156, vcc wave_shl:1 row_mask:0xa bank_mask:0x5 bound_ctrl:1
s_xor_b32 s1, 40, s11
v_add_f32_e32 v78, v196, v8
v_add_f32_e32 v112, v198, v88
v_add_f32_e32 v60, v114, v130
v_add_f32_e32 v66, 0x1f4, v2
v_add_f32_dpp v192, v208, v56 row_ror:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_add_f32_sdwa v26, -v96, v164 dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:WORD_0 src1_sel:WORD_0
v_add_f32_dpp v74, v192, -v176 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0xf
v_mul_i32_i24_e32 v130, v12, v10
v_add_f32_dpp v84, -v54, v70 row_newbcast:15 row_mask:0xa bank_mask:0x5
v_add_f32_sdwa v182, v38, neg(40) dst_sel:WORD_0 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3 src1_sel:BYTE_3
v_sub_f32_e32 v118, v166, v120
v_sub_f32_e32 v118, v34, v154
v_sub_f32_e32 v170, v94, v122
v_sub_f32_e32 v2, 0x1f4, v180
v_sub_f32_dpp v144, v4, v132 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0x5
v_max_u32_e32 v76, s98, v149
v_sub_f32_dpp v38, -v60, |v44| row_half_mirror row_mask:0xa bank_mask:0x5
v_sub_f32_sdwa v112, |16|, -v160 clamp dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:BYTE_2 src1_sel:WORD_1
v_sub_f32_dpp v156, v126, v44 wave_ror:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_sub_f32_sdwa v88, -v192, 42 dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:DWORD src1_sel:DWORD
v_subrev_f32_e32 v136, v234, v62
v_subrev_f32_e32 v102, s46, v198
v_subrev_f32_e32 v42, s26, v112
v_subrev_f32_e32 v62, 0x1f4, v112
v_subrev_f32_dpp v20, v18, -v2 row_shr:8 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_subrev_f32_sdwa v146, v224, v130 dst_sel:BYTE_0 dst_unused:UNUSED_SEXT src0_sel:BYTE_2 src1_sel:BYTE_3
v_subrev_f32_dpp v62, |v72|, v10 row_bcast:31 row_mask:0xf bank_mask:0x5
v_ashrrev_i32_e32 v69, s82, v130
v_subrev_f32_dpp v2, v54, -v84 row_shl:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_mul_f32_e32 v137, v32, v9
v_fmac_f64_e32 v[166:167], exec, v[10:11]
v_fmac_f64_e32 v[190:191], exec, v[32:33]
v_fmac_f64_e32 v[116:117], v[32:33], v[100:101]
v_fmac_f64_e32 v[84:85], 0x1f4, v[168:169]
s_xnor_b32 s22, -16, s3
v_mul_u32_u24_e32 v65, v94, v4
v_mul_f32_e32 v190, v86, v32
v_mul_f32_e32 v2, s84, v90
v_mul_f32_e32 v26, v124, v74
v_mul_f32_e32 v130, 0xbf490fdb, v120
v_mul_f32_dpp v182, -v14, |v186| row_bcast:15 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_mul_f32_sdwa v38, v16, vcc_lo dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:DWORD src1_sel:DWORD
v_mul_f32_dpp v90, |v12|, v98 quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0x5
v_mul_f32_sdwa v50, |v86|, -v104 dst_sel:BYTE_0 dst_unused:UNUSED_PAD src0_sel:WORD_0 src1_sel:WORD_1
v_mul_f32_dpp v16, -v158, |v8| row_ror:1 row_mask:0xf bank_mask:0xf
v_mul_i32_i24_e32 v80, v102, v104
v_mul_i32_i24_e32 v6, v140, v104
v_mul_i32_i24_e32 v108, exec_lo, v20
v_mul_i32_i24_e32 v124, 0x1f4, v68
v_mul_u32_u24_e32 v197, 38, v146
v_mul_i32_i24_dpp v60, v214, v36 quad_perm:[2,3,0,1] row_mask:0xa bank_mask:0xf bound_ctrl:1
v_or_b32_e32 v78, v218, v1
v_mul_hi_i32_i24_e32 v72, s40, v68
v_mul_hi_i32_i24_e32 v14, v168, v50
v_mul_hi_i32_i24_e32 v20, v70, v188
v_mul_hi_i32_i24_e32 v98, 0xffffff00, v102
v_max_f32_e32 v4, s48, v22
v_mul_hi_i32_i24_dpp v14, v200, v4 row_shr:8 row_mask:0xf bank_mask:0x5
v_mul_i32_i24_e32 v215, s60, v18
v_mul_u32_u24_e32 v80, v56, v100
v_mul_u32_u24_e32 v144, exec_lo, v90
v_mul_u32_u24_e32 v88, v62, v52
v_mul_u32_u24_e32 v94, 0x12345678, v34
v_mul_u32_u24_dpp v58, v96, v148 wave_rol:1 row_mask:0xf bank_mask:0xf
v_mul_u32_u24_e32 v16, s80, v18
v_mul_hi_u32_u24_e32 v32, v122, v50
v_mul_hi_u32_u24_e32 v4, v80, v188
v_mul_hi_u32_u24_e32 v120, s48, v132
v_mul_hi_u32_u24_e32 v110, 0x1f4, v124
v_max_i32_e32 v130, s70, v132
v_lshrrev_b32_e32 v192, 30, v6
v_min_f32_e32 v6, v78, v38
v_min_f32_e32 v168, 0, v46
v_min_f32_e32 v4, v222, v30
v_min_f32_e32 v84, 0xbf490fdb, v86
v_min_f32_dpp v82, -v236, |v194| row_bcast:31 row_mask:0xf bank_mask:0x5
v_min_f32_dpp v136, v64, -v8 wave_shr:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_min_f32_sdwa v22, 38, v168 clamp dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_2 src1_sel:DWORD
v_min_f32_dpp v94, -v68, |v160| row_mirror row_mask:0xf bank_mask:0x5
v_fmac_f64_e32 v[16:17], v[76:77], v[2:3]
v_max_f32_e32 v4, v146, v82
v_max_f32_e32 v40, v34, v36
v_max_f32_e32 v188, v196, v180
v_max_f32_e32 v184, 0xbf490fdb, v4
v_max_f32_dpp v70, v28, v48 row_bcast:31 row_mask:0xf bank_mask:0x5
v_max_f32_sdwa v34, |v228|, |ttmp2| dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_2 src1_sel:BYTE_0
v_max_f32_dpp v106, |v186|, v78 wave_ror:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_xor_b32_e32 v64, s94, v137
v_max_f32_dpp v14, v60, v106 row_ror:1 row_mask:0xf bank_mask:0xf
v_mul_u32_u24_e32 v198, 18, v139
v_min_i32_e32 v24, v136, v112
v_min_i32_e32 v184, exec_lo, v134
v_min_i32_e32 v160, v110, v140
v_min_i32_e32 v8, 0x12345678, v36
v_min_i32_dpp v176, v54, v112 wave_shl:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
s_absdiff_i32 s3, s76, s54
v_min_i32_dpp v70, v166, v80 wave_shr:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_max_f32_e32 v1, v104, v132
v_max_i32_e32 v50, v100, v194
v_max_i32_e32 v42, v12, v128
v_max_i32_e32 v164, v174, v128
v_max_i32_e32 v96, 0xbf490fdb, v130
v_max_i32_sdwa v30, v86, v104 dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2 src1_sel:BYTE_2
v_max_i32_sdwa v50, sext(s80), v16 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PAD src0_sel:BYTE_2 src1_sel:DWORD
v_min_u32_e32 v108, v66, v132
v_min_u32_e32 v102, v222, v114
v_min_u32_e32 v136, v52, v140
v_min_u32_e32 v74, 0xffffff00, v142
v_mul_u32_u24_e32 v194, v62, v134
v_min_u32_dpp v194, v130, v18 row_newbcast:15 row_mask:0xf bank_mask:0xf
v_min_u32_dpp v104, v16, v92 wave_shr:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_lshlrev_b32_e32 v75, s82, v9
v_max_u32_e32 v124, 1, v44
v_max_u32_e32 v88, v80, v32
v_max_u32_e32 v184, v20, v54
v_max_u32_e32 v34, 0x1f4, v84
v_max_u32_dpp v132, v170, v58 wave_ror:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_max_u32_dpp v150, v32, v72 quad_perm:[2,3,0,1] row_mask:0xa bank_mask:0x5
v_lshrrev_b32_e32 v18, v88, v136
v_max_u32_dpp v68, v152, v128 wave_ror:1 row_mask:0xf bank_mask:0x5
v_xor_b32_e32 v14, v238, v6
v_lshrrev_b32_e32 v38, v144, v198
v_lshrrev_b32_e32 v186, -1, v60
v_lshrrev_b32_e32 v186, v64, v154
v_lshrrev_b32_e32 v146, 0xbf490fdb, v70
v_lshrrev_b32_sdwa v4, sext(s68), v64 clamp dst_sel:WORD_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_3 src1_sel:DWORD
v_lshrrev_b32_dpp v94, v148, v42 row_ror:1 row_mask:0xf bank_mask:0xf
s_bfe_i64 s[30:31], s[20:21], s49
v_ashrrev_i32_e32 v160, v74, v10
v_ashrrev_i32_e32 v78, v138, v58
v_ashrrev_i32_e32 v142, v232, v60
v_ashrrev_i32_e32 v114, 0x1f4, v198
v_ashrrev_i32_dpp v58, v30, v54 wave_rol:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_ashrrev_i32_sdwa v176, v128, sext(v80) clamp dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:BYTE_2 src1_sel:WORD_0
v_ashrrev_i32_sdwa v24, v98, v68 dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2 src1_sel:DWORD
v_ashrrev_i32_e32 v13, s50, v130
v_lshlrev_b32_e32 v174, v224, v144
v_lshlrev_b32_e32 v2, v26, v120
v_lshlrev_b32_e32 v134, v34, v52
v_lshlrev_b32_e32 v38, 0xbf490fdb, v198
s_xor_b32 s41, s38, s9
v_lshlrev_b32_sdwa v156, sext(v36), v188 dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:WORD_1 src1_sel:DWORD
v_lshlrev_b32_dpp v132, v82, v172 row_half_mirror row_mask:0xa bank_mask:0xf bound_ctrl:1
v_lshlrev_b32_sdwa v66, v186, v86 clamp dst_sel:WORD_0 dst_unused:UNUSED_PRESERVE src0_sel:WORD_1 src1_sel:BYTE_1
v_and_b32_e32 v120, 0, v170
v_and_b32_e32 v50, v228, v118
v_and_b32_e32 v164, v88, v54
v_and_b32_e32 v32, 0x12345678, v156
v_and_b32_dpp v28, v216, v66 row_shl:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
s_mul_hi_u32 s34, s20, s34
s_bfe_i32 s38, s80, s49
v_or_b32_e32 v164, s20, v82
v_or_b32_e32 v32, v110, v132
v_or_b32_e32 v50, -16, v28
v_or_b32_e32 v78, 0xbf490fdb, v80
v_or_b32_dpp v94, v62, v156 row_shr:8 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_ashrrev_i32_e32 v16, 62, v25
v_max_u32_e32 v74, s64, v16
v_or_b32_dpp v48, v146, v52 wave_ror:1 row_mask:0xf bank_mask:0x5
s_add_i32 s16, ttmp8, s16
v_xor_b32_e32 v6, vcc_lo, v138
v_xor_b32_e32 v8, v12, v198
v_xor_b32_e32 v78, v154, v16
v_xor_b32_e32 v128, 0x1f4, v50
v_xor_b32_dpp v196, v226, v12 wave_shl:1 row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v20, v42, v133, vcc
v_lshrrev_b32_e32 v150, v64, v153
v_fmamk_f32 v184, v80, 0x1f4, v40
v_fmamk_f32 v10, v166, 0x1f4, v68
s_and_b32 s16, s30, s41
v_min_i32_e32 v1, s36, v147
v_fmaak_f32 v178, -16, v18, 0x1f4
v_fmaak_f32 v148, v144, v76, 0x1f4
s_ashr_i32 s9, s74, s6
v_lshrrev_b32_e32 v134, v24, v130
s_and_b32 s5, ttmp0, s42
v_add_co_u32_e32 v170, vcc, v72, v18
v_add_co_u32_e32 v196, vcc, vcc_lo, v110
v_add_co_u32_e32 v66, vcc, exec_lo, v118
v_add_co_u32_e32 v146, vcc, 0xffffff00, v2
v_add_co_u32_dpp v146, vcc, v82, v52 wave_shl:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
s_add_i32 s32, 48, s2
v_add_co_u32_dpp v36, vcc, v56, v112 row_mirror row_mask:0xa bank_mask:0x5
v_max_f32_e32 v13, v220, v18
v_sub_co_u32_e32 v138, vcc, v224, v108
v_sub_co_u32_e32 v112, vcc, v76, v144
v_sub_co_u32_e32 v158, vcc, v44, v152
v_sub_co_u32_e32 v40, vcc, 0x1f4, v134
v_sub_co_u32_dpp v172, vcc, v98, v104 row_bcast:15 row_mask:0xf bank_mask:0xf
v_sub_co_u32_sdwa v70, vcc, sext(58), sext(v70) dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_2 src1_sel:BYTE_0
v_sub_co_u32_sdwa v14, vcc, v204, 60 clamp dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:WORD_1 src1_sel:BYTE_2
v_max_i32_e32 v76, v12, v26
v_subrev_co_u32_e32 v70, vcc, s6, v86
v_subrev_co_u32_e32 v166, vcc, v68, v72
v_subrev_co_u32_e32 v14, vcc, v70, v190
v_subrev_co_u32_e32 v50, vcc, 0xbf490fdb, v90
v_subrev_co_u32_dpp v174, vcc, v36, v4 row_newbcast:15 row_mask:0xa bank_mask:0xf
v_lshlrev_b32_e32 v131, v146, v1
v_addc_co_u32_e32 v24, vcc, v78, v170, vcc
v_addc_co_u32_e32 v46, vcc, v0, v186, vcc
v_addc_co_u32_e32 v26, vcc, v210, v152, vcc
v_addc_co_u32_dpp v74, vcc, v42, v64, vcc wave_rol:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_mul_hi_u32_u24_e32 v1, -6, v23
v_subb_co_u32_e32 v104, vcc, -1, v58, vcc
v_subb_co_u32_e32 v176, vcc, v154, v116, vcc
v_subb_co_u32_e32 v28, vcc, v160, v48, vcc
v_subb_co_u32_dpp v72, vcc, v160, v102, vcc row_bcast:15 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_subb_co_u32_dpp v196, vcc, v216, v72, vcc row_newbcast:15 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_subbrev_co_u32_e32 v104, vcc, v12, v92, vcc
v_subbrev_co_u32_e32 v16, vcc, v232, v118, vcc
v_subbrev_co_u32_e32 v128, vcc, v12, v30, vcc
v_subbrev_co_u32_dpp v38, vcc, v38, v126, vcc row_bcast:31 row_mask:0xf bank_mask:0x5
v_mul_i32_i24_e32 v209, v74, v150
v_add_f16_e32 v94, vcc_lo, v60
v_add_f16_e32 v158, v168, v170
v_add_f16_e32 v152, v146, v26
v_add_f16_e32 v144, 0x5678, v106
v_add_f16_dpp v142, v14, v184 row_half_mirror row_mask:0xa bank_mask:0xf bound_ctrl:1
v_add_f16_sdwa v178, v158, -v184 clamp dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:BYTE_2 src1_sel:BYTE_0
v_add_f16_dpp v168, v86, v142 row_ror:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_add_f16_sdwa v30, -v196, s10 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PAD src0_sel:WORD_1 src1_sel:BYTE_1
v_add_f16_dpp v96, v104, -v36 wave_shr:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
s_max_i32 s25, 38, s16
v_sub_f16_e32 v70, 0.15915494, v6
v_sub_f16_e32 v118, v80, v14
v_sub_f16_e32 v88, v176, v124
v_sub_f16_e32 v16, 0x1f4, v8
v_sub_f16_dpp v12, v130, v142 row_shr:8 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_sub_f16_sdwa v16, v14, v144 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PAD src0_sel:BYTE_1 src1_sel:WORD_1
v_sub_f16_dpp v30, -v74, v40 wave_shl:1 row_mask:0xa bank_mask:0xf
v_sub_f16_dpp v32, |v70|, v106 wave_shr:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_lshlrev_b32_e32 v143, v236, v5
v_subrev_f16_e32 v66, s72, v196
v_subrev_f16_e32 v44, v94, v50
v_subrev_f16_e32 v126, v84, v44
v_subrev_f16_e32 v16, 0xfdb, v128
v_subrev_f16_dpp v94, -v96, v18 row_bcast:31 row_mask:0xa bank_mask:0x5 bound_ctrl:1
s_nor_b32 s12, ttmp14, s9
v_subrev_f16_dpp v74, v110, -v40 wave_ror:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_subrev_f16_sdwa v190, -10, v94 dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:BYTE_1 src1_sel:WORD_0
v_subrev_f16_dpp v84, -v138, |v190| row_mirror row_mask:0xa bank_mask:0xf bound_ctrl:1
v_subrev_f16_sdwa v54, v186, v78 dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:WORD_1 src1_sel:WORD_1
v_mul_f16_e32 v198, exec_lo, v106
v_mul_f16_e32 v70, s98, v158
v_mul_f16_e32 v142, vcc_lo, v124
v_mul_f16_e32 v196, 0xff00, v150
v_mul_f16_dpp v20, -v146, |v90| row_half_mirror row_mask:0xf bank_mask:0xf
v_mul_f16_sdwa v158, -s76, v6 dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:WORD_1 src1_sel:DWORD
v_mul_f16_dpp v58, v18, v136 row_newbcast:15 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_mul_f16_sdwa v98, v74, 30 dst_sel:BYTE_3 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2 src1_sel:DWORD
v_mul_f16_dpp v72, v186, v90 row_ror:1 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_mul_hi_i32_i24_e32 v22, -14, v132
v_mac_f16_e32 v86, v104, v34
v_mac_f16_e32 v60, v136, v108
v_mac_f16_e32 v102, v2, v70
v_mac_f16_e32 v38, 0xff00, v100
v_mac_f16_dpp v154, |v72|, v52 row_bcast:31 row_mask:0xf bank_mask:0xf
v_mul_i32_i24_e32 v133, v190, v152
v_mac_f16_dpp v8, v46, -v132 quad_perm:[3,2,1,0] row_mask:0xa bank_mask:0xf
v_lshrrev_b32_e32 v81, v144, v17
v_mac_f16_dpp v82, |v110|, v180 row_half_mirror row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_sub_f32_e32 v73, s46, v24
v_add_u16_e32 v140, v128, v114
v_add_u16_e32 v64, exec_lo, v20
v_add_u16_e32 v2, s8, v98
v_add_u16_e32 v44, 0x5678, v18
v_add_u16_dpp v94, v148, v180 wave_shl:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_and_b32_e32 v75, v182, v9
s_max_i32 s19, s56, s42
v_sub_u16_e32 v72, s70, v24
v_sub_u16_e32 v30, vcc_lo, v14
v_sub_u16_e32 v78, s44, v112
v_sub_u16_e32 v104, 0x1f4, v142
v_sub_u16_dpp v194, v86, v126 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0xf
v_add_f32_e32 v76, 32, v144
v_sub_u16_dpp v116, v78, v84 quad_perm:[2,3,0,1] row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_lshrrev_b32_e32 v193, v36, v153
v_subrev_u16_e32 v6, exec_lo, v122
v_subrev_u16_e32 v22, v230, v160
v_subrev_u16_e32 v42, v36, v172
v_subrev_u16_e32 v140, 0xff00, v116
v_mul_u32_u24_e32 v87, 2, v1
v_subrev_u16_dpp v72, v72, v20 row_bcast:15 row_mask:0xf bank_mask:0x5
v_ashrrev_i32_e32 v148, v178, v129
v_cndmask_b32_e32 v20, -14, v146, vcc
v_mul_lo_u16_e32 v62, v172, v36
v_mul_lo_u16_e32 v130, v216, v192
v_mul_lo_u16_e32 v98, s2, v116
v_mul_lo_u16_e32 v116, 0xfdb, v22
v_mul_lo_u16_dpp v30, v80, v84 wave_ror:1 row_mask:0xf bank_mask:0x5
v_sub_f32_e32 v145, s28, v17
s_addc_u32 s26, xnack_mask_lo, s46
v_lshlrev_b16_e32 v4, s56, v44
v_lshlrev_b16_e32 v64, v138, v110
v_lshlrev_b16_e32 v48, 0xc400, v16
v_lshlrev_b16_e32 v192, 0x1f4, v56
s_and_b32 s21, m0, s16
v_add_f32_e32 v64, v212, v133
v_lshlrev_b16_dpp v94, v34, v14 row_bcast:31 row_mask:0xf bank_mask:0xf
s_pack_ll_b32_b16 s32, 28, s36
v_lshrrev_b16_e32 v150, v164, v52
v_lshrrev_b16_e32 v158, s92, v130
v_lshrrev_b16_e32 v94, v236, v52
v_lshrrev_b16_e32 v96, 0x5678, v14
v_or_b32_e32 v21, s66, v145
v_lshrrev_b32_e32 v67, v154, v22
v_ashrrev_i16_e32 v188, vcc_lo, v188
v_ashrrev_i16_e32 v48, -16, v144
v_ashrrev_i16_e32 v56, v40, v26
v_ashrrev_i16_e32 v60, 0x5678, v138
v_ashrrev_i16_dpp v44, v86, v76 wave_shr:1 row_mask:0xf bank_mask:0xf
s_lshl_b32 s36, 60, s1
v_ashrrev_i16_dpp v64, v160, v128 wave_shr:1 row_mask:0xa bank_mask:0xf
v_ashrrev_i16_sdwa v10, s62, v138 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3 src1_sel:WORD_1
v_ashrrev_i16_dpp v8, v62, v82 row_half_mirror row_mask:0xa bank_mask:0xf bound_ctrl:1
v_mul_u32_u24_e32 v135, v22, v17
v_max_f16_e32 v92, v78, v58
v_max_f16_e32 v96, v128, v138
v_max_f16_e32 v108, s94, v160
v_max_f16_e32 v50, 0x5678, v60
v_max_f16_dpp v108, -v56, |v164| row_half_mirror row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_max_f16_sdwa v130, -v4, -v106 dst_sel:WORD_0 dst_unused:UNUSED_PAD src0_sel:BYTE_3 src1_sel:WORD_0
v_max_f16_dpp v4, v102, v142 wave_shl:1 row_mask:0xf bank_mask:0x5
v_min_u32_e32 v193, 30, v7
v_max_f16_dpp v178, -v152, v144 wave_ror:1 row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v151, v238, v8, vcc
v_min_f16_e32 v170, s46, v124
v_min_f16_e32 v22, s78, v192
v_min_f16_e32 v28, -1, v138
v_min_f16_e32 v64, 0xff00, v96
v_min_f16_dpp v184, -v26, v126 row_newbcast:15 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_min_f16_dpp v88, v128, v28 row_shr:8 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_ashrrev_i32_e32 v5, v146, v26
v_min_f16_dpp v156, v80, -v112 wave_shl:1 row_mask:0xa bank_mask:0xf
v_min_f16_sdwa v4, v42, |v158| clamp dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:DWORD src1_sel:BYTE_1
v_max_u16_e32 v50, v140, v86
v_max_u16_e32 v24, s16, v68
v_max_u16_e32 v46, v180, v56
v_max_u16_e32 v120, 0x1f4, v54
v_add_f32_e32 v77, 30, v145
v_min_u32_e32 v1, s14, v131
v_max_i16_e32 v124, v200, v138
v_max_i16_e32 v8, v210, v90
v_max_i16_e32 v186, exec_lo, v70
v_max_i16_e32 v174, 0x5678, v74
v_sub_f32_e32 v213, v54, v150
s_mul_hi_u32 s37, vcc_lo, s4
v_max_i16_dpp v76, v122, v178 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_min_i32_e32 v4, v22, v26
v_min_u16_e32 v80, v236, v14
v_min_u16_e32 v144, v82, v154
v_min_u16_e32 v86, 1, v66
v_min_u16_e32 v84, 0x5678, v190
v_min_u16_dpp v20, v56, v18 row_ror:1 row_mask:0xf bank_mask:0x5
v_min_u16_sdwa v114, v234, sext(v102) dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2 src1_sel:BYTE_3
v_min_u16_dpp v108, v98, v50 wave_ror:1 row_mask:0xf bank_mask:0xf
v_mul_hi_u32_u24_e32 v18, v166, v130
v_min_u16_dpp v22, v140, v132 wave_rol:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_min_u16_sdwa v22, sext(v142), v198 dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:DWORD src1_sel:WORD_0
v_min_i16_e32 v86, vcc_lo, v196
v_min_i16_e32 v32, s44, v44
v_min_i16_e32 v138, s70, v48
v_min_i16_e32 v88, 0x1f4, v28
v_min_i16_dpp v198, v118, v120 row_shr:8 row_mask:0xf bank_mask:0x5 bound_ctrl:1
s_mul_i32 s33, ttmp0, s19
v_min_i16_dpp v48, v62, v44 row_bcast:31 row_mask:0xf bank_mask:0xf bound_ctrl:1
s_add_i32 s17, ttmp6, s44
v_ldexp_f16_e32 v84, v118, v134
v_ldexp_f16_e32 v36, s30, v62
v_ldexp_f16_e32 v66, v102, v168
v_ldexp_f16_e32 v150, 0x5678, v34
v_ldexp_f16_dpp v60, -v80, v150 row_shr:8 row_mask:0xa bank_mask:0x5
v_ldexp_f16_dpp v64, v6, v96 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0xf bound_ctrl:1
v_xor_b32_e32 v198, v86, v22
v_ldexp_f16_dpp v196, |v222|, v194 row_shl:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_min_u32_e32 v72, 28, v26
v_add_u32_e32 v130, v10, v148
v_add_u32_e32 v76, v148, v154
v_add_u32_e32 v28, v44, v18
v_add_u32_e32 v146, 0x1f4, v44
s_lshl3_add_u32 s18, flat_scratch_lo, s11
v_add_u32_sdwa v140, v176, s4 clamp dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:WORD_0 src1_sel:WORD_1
v_add_u32_sdwa v120, v208, sext(46) clamp dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3 src1_sel:BYTE_1
v_sub_u32_e32 v90, v234, v168
v_sub_u32_e32 v198, v82, v96
v_sub_u32_e32 v164, v198, v52
v_sub_u32_e32 v172, 0x1f4, v102
v_sub_u32_dpp v192, v114, v108 quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0x5
v_sub_u32_sdwa v174, sext(v158), v192 dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:BYTE_1 src1_sel:BYTE_1
v_max_f32_e32 v72, s92, v136
v_subrev_u32_e32 v150, v62, v66
v_subrev_u32_e32 v10, v114, v148
v_subrev_u32_e32 v10, v196, v134
v_subrev_u32_e32 v104, 0xffffff00, v92
v_subrev_u32_dpp v168, v8, v166 quad_perm:[2,3,0,1] row_mask:0xa bank_mask:0xf bound_ctrl:1
v_subrev_u32_sdwa v184, v100, v186 clamp dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:BYTE_2 src1_sel:DWORD
v_dot2c_f32_f16_e32 v72, v62, v144
v_dot2c_f32_f16_e32 v162, s54, v146
v_dot2c_f32_f16_e32 v136, 64, v62
v_dot2c_f32_f16_e32 v14, 0xbf490fdb, v42
v_dot2c_f32_f16_dpp v180, v138, -v62 row_bcast:15 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_mul_hi_u32_u24_e32 v134, v138, v136
v_dot2c_f32_f16_dpp v180, -v62, |v118| row_shl:1 row_mask:0xa bank_mask:0x5
v_or_b32_e32 v64, 0, v17
v_dot2c_f32_f16_dpp v36, v114, -v188 row_newbcast:15 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_dot2c_i32_i16_e32 v74, v108, v150
v_dot2c_i32_i16_e32 v112, 0, v140
v_dot2c_i32_i16_e32 v78, s10, v30
v_dot2c_i32_i16_e32 v44, 0x12345678, v130
v_dot2c_i32_i16_dpp v22, v68, v118 quad_perm:[3,2,1,0] row_mask:0xa bank_mask:0xf
v_dot2c_i32_i16_dpp v22, v218, v132 row_mirror row_mask:0xa bank_mask:0xf
s_bfe_i64 s[36:37], ttmp[0:1], s43
v_dot2c_i32_i16_dpp v110, v96, v44 row_bcast:31 row_mask:0xf bank_mask:0xf bound_ctrl:1
s_bfe_i32 s20, s12, s41
v_dot4c_i32_i8_e32 v164, v72, v80
v_dot4c_i32_i8_e32 v124, v112, v104
v_dot4c_i32_i8_e32 v8, s66, v50
v_dot4c_i32_i8_e32 v34, 0xbf490fdb, v160
v_dot4c_i32_i8_dpp v180, v234, v46 row_shr:8 row_mask:0xa bank_mask:0x5
s_add_u32 s6, s8, s11
v_dot4c_i32_i8_dpp v92, v196, v186 row_shr:8 row_mask:0xf bank_mask:0xf
v_add_f32_e32 v196, s76, v136
v_dot4c_i32_i8_dpp v54, v186, v54 quad_perm:[3,2,1,0] row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_mul_hi_u32_u24_e32 v144, v180, v154
v_dot8c_i32_i4_e32 v14, v184, v160
v_dot8c_i32_i4_e32 v194, -1, v108
v_dot8c_i32_i4_e32 v6, v184, v92
v_dot8c_i32_i4_e32 v94, 0xbf490fdb, v118
v_dot8c_i32_i4_dpp v120, v52, v12 row_half_mirror row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_dot8c_i32_i4_dpp v118, v142, v26 row_ror:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
s_mul_hi_u32 s4, 14, s19
v_dot8c_i32_i4_dpp v142, v182, v120 wave_rol:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_mul_i32_i24_e32 v17, v60, v8
v_fmac_f32_e32 v8, vcc_lo, v192
v_fmac_f32_e32 v164, 64, v128
v_fmac_f32_e32 v116, vcc_lo, v158
v_fmac_f32_e32 v198, 0x12345678, v132
v_fmac_f32_dpp v84, v72, -v22 row_shl:1 row_mask:0xa bank_mask:0x5 bound_ctrl:1
s_bfm_b32 s37, s52, s0
v_fmac_f32_dpp v106, v130, v70 row_bcast:15 row_mask:0xf bank_mask:0x5
v_fmac_f32_dpp v172, v52, v14 row_shl:1 row_mask:0xa bank_mask:0x5
v_or_b32_e32 v134, s56, v17
v_pk_fmac_f16_e32 v82, v108, v8
v_pk_fmac_f16_e32 v60, v214, v178
v_pk_fmac_f16_e32 v14, exec_lo, v114
v_pk_fmac_f16_e32 v160, 0x1f4, v158
v_mul_u32_u24_e32 v203, s62, v16
s_pack_hh_b32_b16 s43, -12, s18
v_mul_hi_u32_u24_e32 v82, v70, v5
v_xnor_b32_e32 v172, s84, v110
v_xnor_b32_e32 v76, v108, v2
v_xnor_b32_e32 v46, v204, v52
v_xnor_b32_e32 v100, 0x1f4, v142
v_xnor_b32_dpp v28, v96, v80 wave_shl:1 row_mask:0xf bank_mask:0x5
v_mul_hi_u32_u24_e32 v9, v8, v153
v_xnor_b32_sdwa v106, 32, sext(v112) dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:WORD_0 src1_sel:BYTE_2
v_mul_hi_u32_u24_e32 v26, ttmp12, v43
v_cndmask_b32_e32 v86, v108, v145, vcc
v_cndmask_b32_e32 v80, 58, v135, vcc
v_mov_b32_e32 v140, v188
v_mov_b32_e32 v174, v216
v_mov_b32_e32 v52, v106
v_mov_b32_e32 v110, 0x1f4
v_cndmask_b32_e32 v21, 26, v26, vcc
v_mov_b32_dpp v28, v100 row_ror:1 row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v76, 2, v139, vcc
v_readfirstlane_b32 s54, v142
v_cndmask_b32_e32 v4, v92, v5, vcc
v_cndmask_b32_e32 v0, v30, v138, vcc
v_cvt_i32_f64_e32 v194, v[22:23]
v_cvt_i32_f64_e32 v36, 1
v_cvt_i32_f64_e32 v44, 1
v_cvt_i32_f64_e32 v98, 0xbf490fdb
v_cndmask_b32_e32 v65, 10, v129, vcc
v_cndmask_b32_e32 v19, v18, v8, vcc
v_cndmask_b32_e32 v10, 58, v138, vcc
v_cvt_f64_i32_e32 v[70:71], vcc_lo
v_cvt_f64_i32_e32 v[106:107], v60
v_cvt_f64_i32_e32 v[160:161], v230
v_cvt_f64_i32_e32 v[52:53], 0xbf490fdb
v_cndmask_b32_e32 v12, v22, v150, vcc
v_cndmask_b32_e32 v0, v188, v10, vcc
v_cvt_f32_i32_e32 v84, v90
v_cvt_f32_i32_e32 v44, v104
v_cvt_f32_i32_e32 v132, v4
v_cvt_f32_i32_e32 v164, 0x1f4
v_cvt_f32_i32_sdwa v148, v146 clamp dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:BYTE_1
v_cndmask_b32_e32 v14, 28, v25, vcc
v_cvt_f32_u32_e32 v12, v156
v_cvt_f32_u32_e32 v182, v192
v_cvt_f32_u32_e32 v86, v78
v_cvt_f32_u32_e32 v96, 0xbf490fdb
v_cndmask_b32_e32 v22, v148, v136, vcc
v_cvt_f32_u32_dpp v34, v64 row_ror:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_cvt_f32_u32_dpp v138, v204 wave_ror:1 row_mask:0xf bank_mask:0xf
v_cvt_u32_f32_e32 v16, v116
v_cvt_u32_f32_e32 v90, vcc_lo
v_cvt_u32_f32_e32 v160, s8
v_cvt_u32_f32_e32 v110, 0x12345678
v_cvt_u32_f32_sdwa v26, -v220 clamp dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_cvt_u32_f32_dpp v24, v104 quad_perm:[3,2,1,0] row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cvt_u32_f32_sdwa v128, v56 clamp dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_cvt_u32_f32_dpp v148, v148 wave_shr:1 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cvt_u32_f32_sdwa v188, |s84| clamp dst_sel:WORD_0 dst_unused:UNUSED_PAD src0_sel:BYTE_0
v_cvt_i32_f32_e32 v76, v182
v_cvt_i32_f32_e32 v100, v196
v_cvt_i32_f32_e32 v80, v110
v_cvt_i32_f32_e32 v118, 0xffffff00
v_cvt_i32_f32_dpp v28, v186 row_bcast:31 row_mask:0xa bank_mask:0xf
v_cvt_i32_f32_dpp v58, -v236 quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v4, v96, v152, vcc
v_cvt_f16_f32_e32 v44, v78
v_cvt_f16_f32_e32 v40, v62
v_cvt_f16_f32_e32 v18, s40
v_cvt_f16_f32_e32 v40, 0xffffff00
v_cvt_f16_f32_sdwa v78, v16 clamp dst_sel:WORD_1 dst_unused:UNUSED_PAD src0_sel:DWORD
v_cvt_f16_f32_dpp v104, v210 quad_perm:[2,3,0,1] row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v14, 40, v132, vcc
v_cvt_f16_f32_dpp v2, v230 row_ror:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cvt_f16_f32_sdwa v142, -v170 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:DWORD
v_cvt_f32_f16_e32 v2, 2.0
v_cvt_f32_f16_e32 v88, vcc_lo
v_cvt_f32_f16_e32 v44, v196
v_cvt_f32_f16_e32 v142, 0xff00
v_cvt_f32_f16_dpp v176, |v88| wave_shr:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cvt_f32_f16_sdwa v54, |s18| dst_sel:WORD_0 dst_unused:UNUSED_PRESERVE src0_sel:WORD_0
v_cvt_f32_f16_sdwa v98, 24 dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:BYTE_2
v_cndmask_b32_e32 v74, v222, v0, vcc
v_cvt_rpi_i32_f32_e32 v154, v222
v_cvt_rpi_i32_f32_e32 v10, v98
v_cvt_rpi_i32_f32_e32 v20, v206
v_cvt_rpi_i32_f32_e32 v90, 0xbf490fdb
v_cvt_rpi_i32_f32_dpp v178, -v218 row_shl:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cvt_rpi_i32_f32_sdwa v128, |v216| clamp dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2
v_cvt_rpi_i32_f32_dpp v178, |v206| row_newbcast:15 row_mask:0xf bank_mask:0xf
v_cndmask_b32_e32 v71, 6, v23, vcc
v_cvt_rpi_i32_f32_dpp v110, v46 row_shr:8 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cvt_rpi_i32_f32_sdwa v188, v78 dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:BYTE_2
v_cvt_flr_i32_f32_e32 v84, v168
v_cvt_flr_i32_f32_e32 v180, vcc_lo
v_cvt_flr_i32_f32_e32 v52, v222
v_cvt_flr_i32_f32_e32 v166, 0x1f4
v_cvt_flr_i32_f32_dpp v82, v216 row_mirror row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v14, v66, v137, vcc
v_cvt_flr_i32_f32_dpp v130, -v178 row_bcast:15 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cvt_flr_i32_f32_dpp v114, |v110| wave_rol:1 row_mask:0xf bank_mask:0xf
v_cvt_flr_i32_f32_sdwa v28, -v220 clamp dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:WORD_0
v_cvt_off_f32_i4_e32 v92, exec_lo
v_cvt_off_f32_i4_e32 v144, vcc_lo
v_cvt_off_f32_i4_e32 v122, s38
v_cvt_off_f32_i4_e32 v54, 0x12345678
v_cvt_off_f32_i4_dpp v156, v14 wave_ror:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cvt_off_f32_i4_sdwa v52, v170 clamp dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:BYTE_2
v_cvt_off_f32_i4_dpp v4, v136 wave_shr:1 row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v23, v8, v1, vcc
v_cvt_f32_f64_e32 v190, v[182:183]
v_cvt_f32_f64_e32 v102, v[130:131]
v_cvt_f32_f64_e32 v90, v[44:45]
v_cvt_f32_f64_e32 v84, 0x12345678
v_cndmask_b32_e32 v70, 18, v11, vcc
v_cndmask_b32_e32 v0, v212, v17, vcc
v_cvt_f64_f32_e32 v[34:35], v204
v_cvt_f64_f32_e32 v[160:161], v166
v_cvt_f64_f32_e32 v[38:39], 0
v_cvt_f64_f32_e32 v[98:99], 0xffffff00
v_cndmask_b32_e32 v81, v176, v130, vcc
v_cndmask_b32_e32 v80, v134, v153, vcc
v_cvt_f32_ubyte0_e32 v16, s64
v_cvt_f32_ubyte0_e32 v4, v32
v_cvt_f32_ubyte0_e32 v138, v74
v_cvt_f32_ubyte0_e32 v108, 0xbf490fdb
v_cvt_f32_ubyte0_sdwa v66, v184 dst_sel:WORD_0 dst_unused:UNUSED_PRESERVE src0_sel:WORD_1
v_cvt_f32_ubyte0_sdwa v56, sext(26) clamp dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:BYTE_2
v_cvt_f32_ubyte0_sdwa v186, v58 dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:BYTE_3
v_cvt_f32_ubyte1_e32 v16, -16
v_cvt_f32_ubyte1_e32 v48, vcc_lo
v_cvt_f32_ubyte1_e32 v106, v112
v_cvt_f32_ubyte1_e32 v92, 0x12345678
v_cvt_f32_ubyte1_dpp v88, v226 wave_ror:1 row_mask:0xa bank_mask:0xf
v_cvt_f32_ubyte1_sdwa v154, v120 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:WORD_1
v_cndmask_b32_e32 v9, v32, v130, vcc
v_cvt_f32_ubyte1_sdwa v182, s76 clamp dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:WORD_0
v_cvt_f32_ubyte2_e32 v172, exec_lo
v_cvt_f32_ubyte2_e32 v76, v106
v_cvt_f32_ubyte2_e32 v60, v76
v_cvt_f32_ubyte2_e32 v162, 0xbf490fdb
v_cvt_f32_ubyte2_dpp v102, v164 quad_perm:[3,2,1,0] row_mask:0xa bank_mask:0xf
v_cvt_f32_ubyte2_sdwa v138, v144 clamp dst_sel:DWORD dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2
v_cvt_f32_ubyte2_dpp v12, v174 wave_shl:1 row_mask:0xa bank_mask:0x5
v_cndmask_b32_e32 v21, 18, v24, vcc
v_cvt_f32_ubyte2_sdwa v72, sext(s26) dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:BYTE_0
v_cvt_f32_ubyte3_e32 v94, v210
v_cvt_f32_ubyte3_e32 v130, v18
v_cvt_f32_ubyte3_e32 v32, s10
v_cvt_f32_ubyte3_e32 v128, 0x1f4
v_cvt_f32_ubyte3_sdwa v178, v14 clamp dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:BYTE_3
v_cvt_f32_ubyte3_dpp v108, v156 row_newbcast:15 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cvt_f32_ubyte3_sdwa v180, s32 clamp dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:BYTE_2
v_cvt_f32_ubyte3_dpp v160, v90 wave_rol:1 row_mask:0xa bank_mask:0xf
v_cndmask_b32_e32 v8, v36, v18, vcc
v_cvt_u32_f64_e32 v126, v[54:55]
v_cvt_u32_f64_e32 v40, 64
v_cvt_u32_f64_e32 v166, v[36:37]
v_cvt_u32_f64_e32 v196, 0xbf490fdb
v_cndmask_b32_e32 v64, v144, v134, vcc
v_cvt_u32_f64_dpp v50, v[164:165] row_newbcast:15 row_mask:0xa bank_mask:0xf
v_cndmask_b32_e32 v19, -16, v20, vcc
v_cvt_f64_u32_e32 v[50:51], v236
v_cvt_f64_u32_e32 v[92:93], v46
v_cvt_f64_u32_e32 v[96:97], v80
v_cvt_f64_u32_e32 v[118:119], 0xbf490fdb
v_cndmask_b32_e32 v0, v170, v138, vcc
v_cndmask_b32_e32 v10, v20, v21, vcc
v_trunc_f64_e32 v[114:115], s[74:75]
v_trunc_f64_e32 v[60:61], v[72:73]
v_trunc_f64_e32 v[106:107], s[6:7]
v_trunc_f64_e32 v[22:23], 0xffffff00
v_cndmask_b32_e32 v3, 0, v1, vcc
v_cndmask_b32_e32 v8, 38, v148, vcc
v_ceil_f64_e32 v[46:47], s[18:19]
v_ceil_f64_e32 v[30:31], s[76:77]
v_ceil_f64_e32 v[146:147], v[160:161]
v_ceil_f64_e32 v[134:135], 0xbf490fdb
v_cndmask_b32_e32 v5, v84, v0, vcc
v_cndmask_b32_e32 v14, -6, v136, vcc
v_cndmask_b32_e32 v1, v102, v24, vcc
v_rndne_f64_e32 v[176:177], v[102:103]
v_rndne_f64_e32 v[176:177], v[10:11]
v_rndne_f64_e32 v[18:19], 1
v_rndne_f64_e32 v[110:111], 0xbf490fdb
v_rndne_f64_dpp v[156:157], v[194:195] row_newbcast:15 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v11, v76, v5, vcc
v_cndmask_b32_e32 v8, 52, v8, vcc
v_floor_f64_e32 v[188:189], vcc
v_floor_f64_e32 v[10:11], exec
v_floor_f64_e32 v[182:183], v[226:227]
v_floor_f64_e32 v[2:3], 0xffffff00
v_cndmask_b32_e32 v84, 40, v1, vcc
v_fract_f32_e32 v188, s20
v_fract_f32_e32 v22, v136
v_fract_f32_e32 v138, v112
v_fract_f32_e32 v146, 0xffffff00
v_cndmask_b32_e32 v5, 22, v146, vcc
v_fract_f32_dpp v98, |v214| row_ror:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_fract_f32_dpp v42, -v118 row_newbcast:15 row_mask:0xf bank_mask:0xf
v_fract_f32_sdwa v150, v112 dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_trunc_f32_e32 v194, v188
v_trunc_f32_e32 v90, v70
v_trunc_f32_e32 v96, v176
v_trunc_f32_e32 v176, 0x1f4
v_trunc_f32_dpp v10, v62 row_bcast:31 row_mask:0xa bank_mask:0x5
v_trunc_f32_sdwa v192, -v234 clamp dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:BYTE_0
v_trunc_f32_dpp v66, |v166| wave_shr:1 row_mask:0xf bank_mask:0xf
v_trunc_f32_sdwa v12, neg(-8) clamp dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:BYTE_0
v_trunc_f32_dpp v96, v218 row_mirror row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_trunc_f32_sdwa v26, -16 dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:WORD_1
v_ceil_f32_e32 v44, s14
v_ceil_f32_e32 v130, v152
v_ceil_f32_e32 v158, v214
v_ceil_f32_e32 v82, 0xffffff00
v_ceil_f32_dpp v58, v174 wave_ror:1 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_ceil_f32_sdwa v102, -s30 dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:WORD_0
v_cndmask_b32_e32 v5, v24, v134, vcc
v_ceil_f32_sdwa v60, |v102| dst_sel:BYTE_3 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3
v_rndne_f32_e32 v178, v28
v_rndne_f32_e32 v184, vcc_lo
v_rndne_f32_e32 v128, s0
v_rndne_f32_e32 v82, 0x1f4
v_rndne_f32_dpp v112, |v158| wave_rol:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v4, v156, v144, vcc
v_rndne_f32_dpp v176, v182 quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0xf
v_floor_f32_e32 v36, v72
v_floor_f32_e32 v36, v150
v_floor_f32_e32 v40, -16
v_floor_f32_e32 v78, 0xbf490fdb
v_floor_f32_dpp v136, v56 row_ror:1 row_mask:0xf bank_mask:0xf
v_floor_f32_sdwa v52, v140 clamp dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_floor_f32_dpp v148, |v66| wave_rol:1 row_mask:0xf bank_mask:0x5
v_floor_f32_sdwa v84, v38 clamp dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_2
v_cndmask_b32_e32 v22, v188, v22, vcc
v_exp_f32_e32 v142, v8
v_exp_f32_e32 v116, v196
v_exp_f32_e32 v70, v70
v_exp_f32_e32 v22, 0x12345678
v_exp_f32_dpp v38, |v122| row_bcast:31 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_exp_f32_sdwa v72, v84 clamp dst_sel:BYTE_3 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3
v_exp_f32_dpp v158, -v92 row_newbcast:15 row_mask:0xa bank_mask:0x5
v_cndmask_b32_e32 v5, v192, v5, vcc
v_exp_f32_dpp v18, v14 wave_shr:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_exp_f32_sdwa v164, s58 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_0
v_log_f32_e32 v64, s8
v_log_f32_e32 v178, v12
v_log_f32_e32 v98, v86
v_log_f32_e32 v28, 0xbf490fdb
v_log_f32_dpp v12, v22 quad_perm:[2,3,0,1] row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_log_f32_sdwa v178, v54 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_2
v_log_f32_dpp v68, v40 quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0x5
v_log_f32_sdwa v154, |v124| clamp dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2
v_log_f32_sdwa v32, -v194 dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:WORD_0
v_rcp_f32_e32 v128, vcc_lo
v_rcp_f32_e32 v18, v196
v_rcp_f32_e32 v124, s52
v_rcp_f32_e32 v158, 0x12345678
v_rcp_f32_dpp v90, -v138 row_bcast:31 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_rcp_f32_sdwa v78, v68 dst_sel:DWORD dst_unused:UNUSED_PRESERVE src0_sel:WORD_1
v_rcp_f32_dpp v174, v120 row_bcast:15 row_mask:0xf bank_mask:0x5
v_rcp_f32_sdwa v122, v34 dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_cndmask_b32_e32 v5, v44, v133, vcc
v_rcp_iflag_f32_e32 v166, v100
v_rcp_iflag_f32_e32 v32, v66
v_rcp_iflag_f32_e32 v52, v150
v_rcp_iflag_f32_e32 v160, 0xffffff00
v_rcp_iflag_f32_sdwa v90, s62 clamp dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:BYTE_0
v_rcp_iflag_f32_dpp v18, |v98| row_newbcast:15 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_rcp_iflag_f32_sdwa v188, v164 dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:BYTE_1
v_rcp_iflag_f32_dpp v66, v192 wave_rol:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_rcp_iflag_f32_sdwa v94, s6 clamp dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:WORD_1
v_rsq_f32_e32 v128, v224
v_rsq_f32_e32 v130, v134
v_rsq_f32_e32 v182, v170
v_rsq_f32_e32 v8, 0x12345678
v_rsq_f32_dpp v182, v48 row_shr:8 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_rsq_f32_sdwa v40, s54 dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:WORD_1
v_rsq_f32_dpp v198, v108 wave_shr:1 row_mask:0xf bank_mask:0x5
v_rsq_f32_sdwa v6, v112 clamp dst_sel:BYTE_3 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3
v_rsq_f32_dpp v24, v162 wave_rol:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_rsq_f32_sdwa v148, |v186| dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:BYTE_0
v_rcp_f64_e32 v[170:171], s[16:17]
v_rcp_f64_e32 v[190:191], v[218:219]
v_rcp_f64_e32 v[150:151], -1.0
v_rcp_f64_e32 v[168:169], 0xbf490fdb
v_cndmask_b32_e32 v10, v40, v134, vcc
v_cndmask_b32_e32 v1, v148, v9, vcc
v_rsq_f64_e32 v[46:47], v[4:5]
v_rsq_f64_e32 v[172:173], v[44:45]
v_rsq_f64_e32 v[148:149], v[108:109]
v_rsq_f64_e32 v[40:41], 0x12345678
v_rsq_f64_dpp v[116:117], v[212:213] row_newbcast:15 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_cndmask_b32_e32 v0, v68, v0, vcc
v_sqrt_f32_e32 v76, exec_lo
v_sqrt_f32_e32 v160, v74
v_sqrt_f32_e32 v116, v138
v_sqrt_f32_e32 v90, 0xbf490fdb
v_sqrt_f32_dpp v10, |v236| row_bcast:31 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_sqrt_f32_sdwa v74, v76 clamp dst_sel:WORD_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_0
v_sqrt_f32_dpp v90, v22 row_newbcast:15 row_mask:0xf bank_mask:0xf
v_cndmask_b32_e32 v6, 54, v20, vcc
v_sqrt_f32_dpp v156, v114 row_shr:8 row_mask:0xf bank_mask:0xf
v_sqrt_f32_sdwa v32, v132 dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:DWORD
v_sqrt_f64_e32 v[58:59], s[52:53]
v_sqrt_f64_e32 v[86:87], v[94:95]
v_sqrt_f64_e32 v[106:107], v[16:17]
v_sqrt_f64_e32 v[56:57], 0x12345678
v_cndmask_b32_e32 v68, v2, v8, vcc
v_cndmask_b32_e32 v18, v60, v6, vcc
v_sin_f32_e32 v68, v34
v_sin_f32_e32 v138, v76
v_sin_f32_e32 v64, v68
v_sin_f32_e32 v64, 0x1f4
v_sin_f32_dpp v174, v150 wave_rol:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_cndmask_b32_e32 v20, v108, v9, vcc
v_sin_f32_sdwa v48, v114 dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_sin_f32_dpp v36, v226 row_shr:8 row_mask:0xa bank_mask:0xf
v_sin_f32_sdwa v166, |v2| clamp dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:BYTE_2
v_cos_f32_e32 v148, v104
v_cos_f32_e32 v16, v4
v_cos_f32_e32 v78, s4
v_cos_f32_e32 v50, 0x12345678
v_cos_f32_dpp v94, v216 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0x5
v_cos_f32_sdwa v94, v208 clamp dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:BYTE_3
v_cos_f32_dpp v178, |v68| quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v5, v236, v2, vcc
v_cos_f32_sdwa v44, v34 dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:WORD_0
v_not_b32_e32 v156, v134
v_not_b32_e32 v90, v124
v_not_b32_e32 v58, v126
v_not_b32_e32 v84, 0x12345678
v_not_b32_dpp v186, v218 row_bcast:31 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_not_b32_sdwa v98, v184 dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:BYTE_1
v_not_b32_dpp v160, v174 row_bcast:31 row_mask:0xa bank_mask:0x5
v_not_b32_sdwa v24, v170 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2
v_cndmask_b32_e32 v18, v144, v130, vcc
v_bfrev_b32_e32 v70, v68
v_bfrev_b32_e32 v2, v24
v_bfrev_b32_e32 v134, v122
v_bfrev_b32_e32 v190, 0x1f4
v_cndmask_b32_e32 v77, v202, v26, vcc
v_cndmask_b32_e32 v85, v194, v136, vcc
v_bfrev_b32_dpp v16, v196 quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v19, v78, v6, vcc
v_ffbh_u32_e32 v8, v58
v_ffbh_u32_e32 v90, v96
v_ffbh_u32_e32 v62, exec_lo
v_ffbh_u32_e32 v100, 0xffffff00
v_cndmask_b32_e32 v9, 8, v137, vcc
v_ffbh_u32_sdwa v44, v228 dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:WORD_0
v_ffbl_b32_e32 v194, v166
v_ffbl_b32_e32 v70, v82
v_ffbl_b32_e32 v64, v222
v_ffbl_b32_e32 v32, 0x1f4
v_cndmask_b32_e32 v9, 46, v146, vcc
v_ffbl_b32_dpp v78, v166 row_mirror row_mask:0xf bank_mask:0xf
v_ffbl_b32_sdwa v110, sext(v104) clamp dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_1
v_ffbl_b32_dpp v134, v116 wave_ror:1 row_mask:0xf bank_mask:0xf
v_ffbl_b32_sdwa v96, v204 clamp dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_1
v_ffbh_i32_e32 v36, v132
v_ffbh_i32_e32 v10, v186
v_ffbh_i32_e32 v22, exec_lo
v_ffbh_i32_e32 v56, 0xbf490fdb
v_ffbh_i32_dpp v148, v228 row_bcast:31 row_mask:0xa bank_mask:0x5
v_ffbh_i32_sdwa v76, v218 dst_sel:BYTE_0 dst_unused:UNUSED_SEXT src0_sel:BYTE_3
v_cndmask_b32_e32 v18, v138, v130, vcc
v_cndmask_b32_e32 v8, 38, v24, vcc
v_frexp_exp_i32_f64_e32 v28, v[148:149]
v_frexp_exp_i32_f64_e32 v122, v[70:71]
v_frexp_exp_i32_f64_e32 v126, v[192:193]
v_frexp_exp_i32_f64_e32 v182, 0x12345678
v_cndmask_b32_e32 v80, v174, v0, vcc
v_frexp_mant_f64_e32 v[160:161], v[202:203]
v_frexp_mant_f64_e32 v[174:175], s[22:23]
v_frexp_mant_f64_e32 v[164:165], v[232:233]
v_frexp_mant_f64_e32 v[102:103], 0xffffff00
v_cndmask_b32_e32 v64, v140, v148, vcc
v_cndmask_b32_e32 v84, v118, v6, vcc
v_fract_f64_e32 v[178:179], v[6:7]
v_fract_f64_e32 v[146:147], v[198:199]
v_fract_f64_e32 v[108:109], 64
v_fract_f64_e32 v[44:45], 0xffffff00
v_cndmask_b32_e32 v0, v54, v145, vcc
v_cndmask_b32_e32 v0, v200, v5, vcc
v_cndmask_b32_e32 v18, v218, v150, vcc
v_frexp_exp_i32_f32_e32 v34, v172
v_frexp_exp_i32_f32_e32 v68, v130
v_frexp_exp_i32_f32_e32 v22, v110
v_frexp_exp_i32_f32_e32 v180, 0x12345678
v_cndmask_b32_e32 v23, 4, v26, vcc
v_frexp_exp_i32_f32_dpp v128, v216 wave_ror:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_frexp_exp_i32_f32_sdwa v100, |s56| clamp dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2
v_frexp_exp_i32_f32_dpp v110, |v92| quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0xf
v_cndmask_b32_e32 v6, v90, v1, vcc
v_frexp_mant_f32_e32 v28, s22
v_frexp_mant_f32_e32 v172, v122
v_frexp_mant_f32_e32 v60, v88
v_frexp_mant_f32_e32 v78, 0xbf490fdb
v_frexp_mant_f32_dpp v62, v210 row_shr:8 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_frexp_mant_f32_sdwa v160, |v44| dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:BYTE_0
v_frexp_mant_f32_dpp v48, v202 quad_perm:[2,3,0,1] row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v20, v132, v152, vcc
v_frexp_mant_f32_dpp v22, v200 row_half_mirror row_mask:0xa bank_mask:0xf
v_frexp_mant_f32_sdwa v154, |v122| dst_sel:BYTE_0 dst_unused:UNUSED_PAD src0_sel:BYTE_2
v_mov_b64_e32 v[148:149], s[68:69]
v_mov_b64_e32 v[8:9], v[62:63]
v_mov_b64_e32 v[102:103], v[74:75]
v_mov_b64_e32 v[104:105], 0x1f4
v_cndmask_b32_e32 v4, v148, v150, vcc
v_cndmask_b32_e32 v20, 20, v131, vcc
v_cvt_f16_u16_e32 v58, v146
v_cvt_f16_u16_e32 v174, v146
v_cvt_f16_u16_e32 v160, exec_lo
v_cvt_f16_u16_e32 v182, 0x5678
v_cvt_f16_u16_sdwa v188, v34 dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:BYTE_2
v_cvt_f16_u16_dpp v156, v24 wave_ror:1 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cvt_f16_u16_sdwa v42, v226 clamp dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3
v_cndmask_b32_e32 v87, -2, v7, vcc
v_cvt_f16_i16_e32 v78, exec_lo
v_cvt_f16_i16_e32 v146, v82
v_cvt_f16_i16_e32 v76, v34
v_cvt_f16_i16_e32 v120, 0xfdb
v_cvt_f16_i16_dpp v172, v98 wave_shl:1 row_mask:0xf bank_mask:0xf
v_cndmask_b32_e32 v9, 10, v22, vcc
v_cvt_f16_i16_sdwa v118, v160 clamp dst_sel:BYTE_0 dst_unused:UNUSED_PAD src0_sel:BYTE_2
v_cvt_f16_i16_dpp v64, v14 wave_shr:1 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_cndmask_b32_e32 v72, v202, v153, vcc
v_cvt_u16_f16_e32 v94, vcc_lo
v_cvt_u16_f16_e32 v64, v110
v_cvt_u16_f16_e32 v104, v164
v_cvt_u16_f16_e32 v78, 0x5678
v_cvt_u16_f16_sdwa v140, |v224| clamp dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:WORD_0
v_cndmask_b32_e32 v4, v160, v149, vcc
v_cvt_u16_f16_dpp v104, v18 row_bcast:15 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_cvt_u16_f16_sdwa v26, s8 dst_sel:BYTE_3 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3
v_cvt_i16_f16_e32 v6, v36
v_cvt_i16_f16_e32 v54, v0
v_cvt_i16_f16_e32 v192, v188
v_cvt_i16_f16_e32 v32, 0x1f4
v_cvt_i16_f16_dpp v172, |v52| row_bcast:31 row_mask:0xf bank_mask:0x5
v_cvt_i16_f16_sdwa v62, v214 clamp dst_sel:WORD_0 dst_unused:UNUSED_PAD src0_sel:BYTE_3
v_cvt_i16_f16_dpp v116, v18 row_ror:1 row_mask:0xf bank_mask:0x5
v_cvt_i16_f16_sdwa v88, -v198 clamp dst_sel:DWORD dst_unused:UNUSED_PRESERVE src0_sel:WORD_0
v_rcp_f16_e32 v186, v80
v_rcp_f16_e32 v146, v62
v_rcp_f16_e32 v14, v178
v_rcp_f16_e32 v140, 0x5678
v_rcp_f16_dpp v16, -v146 row_newbcast:15 row_mask:0xf bank_mask:0xf
v_cndmask_b32_e32 v14, 4, v9, vcc
v_rcp_f16_dpp v128, v190 wave_shl:1 row_mask:0xa bank_mask:0x5
v_rcp_f16_sdwa v132, flat_scratch_lo clamp dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:BYTE_0
v_rcp_f16_dpp v166, |v230| row_bcast:31 row_mask:0xf bank_mask:0x5
v_rcp_f16_sdwa v76, -v128 clamp dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:BYTE_3
v_sqrt_f16_e32 v86, v60
v_sqrt_f16_e32 v162, v184
v_sqrt_f16_e32 v190, v4
v_sqrt_f16_e32 v66, 0x1f4
v_sqrt_f16_dpp v16, -v60 row_mirror row_mask:0xf bank_mask:0x5
v_sqrt_f16_dpp v100, |v136| wave_ror:1 row_mask:0xf bank_mask:0x5
v_sqrt_f16_sdwa v144, v12 clamp dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:DWORD
v_sqrt_f16_dpp v154, v18 row_bcast:15 row_mask:0xa bank_mask:0x5
v_rsq_f16_e32 v132, v38
v_rsq_f16_e32 v44, v12
v_rsq_f16_e32 v20, vcc_lo
v_rsq_f16_e32 v168, 0xff00
v_rsq_f16_dpp v98, v110 wave_shr:1 row_mask:0xf bank_mask:0xf
v_cndmask_b32_e32 v76, 24, v149, vcc
v_rsq_f16_dpp v70, |v238| wave_shr:1 row_mask:0xf bank_mask:0x5
v_rsq_f16_sdwa v156, v120 clamp dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:WORD_1
v_rsq_f16_dpp v94, v186 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0xf bound_ctrl:1
v_rsq_f16_sdwa v16, -s28 dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:DWORD
v_log_f16_e32 v162, v222
v_log_f16_e32 v92, v228
v_log_f16_e32 v136, v26
v_log_f16_e32 v34, 0xff00
v_log_f16_dpp v152, |v94| row_shr:8 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v23, v22, v4, vcc
v_log_f16_dpp v6, -v134 row_shr:8 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v69, 42, v1, vcc
v_log_f16_dpp v42, v102 row_mirror row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_exp_f16_e32 v20, v118
v_exp_f16_e32 v28, -16
v_exp_f16_e32 v136, s54
v_exp_f16_e32 v34, 0x5678
v_cndmask_b32_e32 v86, 44, v11, vcc
v_exp_f16_sdwa v68, |v122| clamp dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:DWORD
v_frexp_mant_f16_e32 v94, v42
v_frexp_mant_f16_e32 v160, v172
v_frexp_mant_f16_e32 v50, 1
v_frexp_mant_f16_e32 v90, 0xff00
v_frexp_mant_f16_dpp v60, v194 row_ror:1 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v4, 40, v145, vcc
v_frexp_mant_f16_dpp v58, v112 row_mirror row_mask:0xa bank_mask:0xf bound_ctrl:1
v_frexp_mant_f16_sdwa v88, |v114| clamp dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_1
v_frexp_exp_i16_f16_e32 v166, v152
v_frexp_exp_i16_f16_e32 v92, v50
v_frexp_exp_i16_f16_e32 v158, v154
v_frexp_exp_i16_f16_e32 v78, 0xff00
v_frexp_exp_i16_f16_dpp v196, v192 row_bcast:15 row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v7, v238, v0, vcc
v_frexp_exp_i16_f16_dpp v194, v106 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_frexp_exp_i16_f16_sdwa v82, |v8| clamp dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_2
v_frexp_exp_i16_f16_dpp v88, v222 wave_shl:1 row_mask:0xf bank_mask:0xf
v_cndmask_b32_e32 v23, v224, v20, vcc
v_floor_f16_e32 v90, v62
v_floor_f16_e32 v182, s12
v_floor_f16_e32 v170, exec_lo
v_floor_f16_e32 v122, 0x5678
v_cndmask_b32_e32 v78, v16, v134, vcc
v_floor_f16_dpp v152, v98 wave_shl:1 row_mask:0xf bank_mask:0xf
v_floor_f16_sdwa v184, v166 clamp dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:DWORD
v_floor_f16_dpp v36, v142 row_ror:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_floor_f16_sdwa v196, |v72| dst_sel:BYTE_2 dst_unused:UNUSED_SEXT src0_sel:WORD_0
v_ceil_f16_e32 v34, exec_lo
v_ceil_f16_e32 v6, vcc_lo
v_ceil_f16_e32 v162, v40
v_ceil_f16_e32 v90, 0xff00
v_ceil_f16_dpp v46, v214 row_shr:8 row_mask:0xf bank_mask:0xf
v_ceil_f16_sdwa v44, |v50| clamp dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:WORD_1
v_ceil_f16_dpp v136, v214 row_bcast:15 row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_ceil_f16_sdwa v190, -v88 clamp dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_ceil_f16_sdwa v94, v76 clamp dst_sel:BYTE_3 dst_unused:UNUSED_SEXT src0_sel:WORD_1
v_trunc_f16_e32 v136, s28
v_trunc_f16_e32 v120, s66
v_trunc_f16_e32 v4, v172
v_trunc_f16_e32 v162, 0xfdb
v_cndmask_b32_e32 v77, v118, v144, vcc
v_trunc_f16_dpp v160, v120 row_bcast:15 row_mask:0xa bank_mask:0xf bound_ctrl:1
v_cndmask_b32_e32 v6, v138, v17, vcc
v_cndmask_b32_e32 v68, v204, v25, vcc
v_rndne_f16_e32 v42, s84
v_rndne_f16_e32 v100, v102
v_rndne_f16_e32 v6, vcc_lo
v_rndne_f16_e32 v86, 0xff00
v_rndne_f16_sdwa v8, v10 dst_sel:BYTE_0 dst_unused:UNUSED_PAD src0_sel:BYTE_3
v_rndne_f16_dpp v82, v156 wave_ror:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_rndne_f16_sdwa v182, |v126| clamp dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:WORD_1
v_rndne_f16_dpp v114, -v184 row_ror:1 row_mask:0xa bank_mask:0xf
v_rndne_f16_sdwa v82, m0 clamp dst_sel:BYTE_2 dst_unused:UNUSED_PAD src0_sel:WORD_1
v_fract_f16_e32 v96, v140
v_fract_f16_e32 v68, v228
v_fract_f16_e32 v174, v60
v_fract_f16_e32 v120, 0x5678
v_fract_f16_dpp v80, v90 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0xf bound_ctrl:1
v_fract_f16_sdwa v166, v148 dst_sel:WORD_0 dst_unused:UNUSED_SEXT src0_sel:DWORD
v_fract_f16_dpp v62, -v104 wave_shl:1 row_mask:0xa bank_mask:0xf
v_fract_f16_sdwa v24, s8 dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0
v_fract_f16_dpp v8, v144 row_ror:1 row_mask:0xa bank_mask:0x5
v_cndmask_b32_e32 v15, v22, v0, vcc
v_sin_f16_e32 v140, v52
v_sin_f16_e32 v88, v116
v_sin_f16_e32 v24, v100
v_sin_f16_e32 v78, 0x5678
v_sin_f16_dpp v152, v26 quad_perm:[3,2,1,0] row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_sin_f16_sdwa v194, |48| clamp dst_sel:DWORD dst_unused:UNUSED_SEXT src0_sel:DWORD
v_sin_f16_dpp v184, |v196| row_half_mirror row_mask:0xa bank_mask:0x5 bound_ctrl:1
v_sin_f16_sdwa v172, v204 clamp dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_1
v_sin_f16_dpp v8, -v18 row_mirror row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_sin_f16_sdwa v168, v204 dst_sel:BYTE_0 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3
v_cos_f16_e32 v112, v184
v_cos_f16_e32 v194, vcc_lo
v_cos_f16_e32 v114, v118
v_cos_f16_e32 v18, 0x5678
v_cos_f16_sdwa v164, s36 dst_sel:WORD_1 dst_unused:UNUSED_PAD src0_sel:BYTE_1
v_cos_f16_dpp v152, v100 wave_shr:1 row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cos_f16_sdwa v84, s22 dst_sel:BYTE_3 dst_unused:UNUSED_PAD src0_sel:BYTE_3
v_cos_f16_dpp v130, v98 wave_ror:1 row_mask:0xf bank_mask:0xf bound_ctrl:1
v_cos_f16_sdwa v20, neg(62) dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_2
v_swap_b32 v40, v64
v_accvgpr_mov_b32 a32, a226
v_accvgpr_mov_b32 a94, a64
v_cndmask_b32_e32 v66, v174, v149, vcc
v_cndmask_b32_e32 v0, v214, v132, vcc
v_cndmask_b32_e32 v77, 54, v23, vcc
v_cvt_f32_fp8_e32 v34, exec_lo
v_cvt_f32_fp8_e32 v76, v96
v_cvt_f32_fp8_e32 v118, v68
v_cvt_f32_fp8_e32 v14, 0xffffff00
v_cvt_f32_fp8_dpp v54, v210 row_mirror row_mask:0xf bank_mask:0x5
v_cndmask_b32_e32 v19, 58, v5, vcc
v_cndmask_b32_e32 v18, v136, v144, vcc
v_cvt_f32_bf8_e32 v24, v172
v_cvt_f32_bf8_e32 v108, v116
v_cvt_f32_bf8_e32 v10, v52
v_cvt_f32_bf8_e32 v2, 0x12345678
v_cvt_f32_bf8_dpp v88, v152 row_half_mirror row_mask:0xf bank_mask:0x5 bound_ctrl:1
v_cndmask_b32_e32 v65, -8, v129, vcc
v_cvt_pk_f32_fp8_e32 v[54:55], -1
v_cvt_pk_f32_fp8_e32 v[184:185], s80
v_cvt_pk_f32_fp8_e32 v[42:43], v150
v_cvt_pk_f32_fp8_e32 v[154:155], 0xbf490fdb
v_cndmask_b32_e32 v73, 14, v5, vcc
v_cndmask_b32_e32 v13, v222, v5, vcc
v_cvt_pk_f32_bf8_e32 v[132:133], v4
v_cvt_pk_f32_bf8_e32 v[6:7], v36
v_cvt_pk_f32_bf8_e32 v[40:41], s66
v_cvt_pk_f32_bf8_e32 v[28:29], 0xbf490fdb
v_cmp_class_f32_e32 vcc, v182, v166
v_cmp_class_f32_sdwa vcc, v14, v24 src0_sel:WORD_0 src1_sel:BYTE_0
v_cmp_class_f32_e64 vcc, -16, v58
v_cmpx_class_f32_e32 vcc, v142, v16
v_cmpx_class_f32_sdwa s[12:13], v14, v184 src0_sel:BYTE_1 src1_sel:BYTE_2
v_cmpx_class_f32_e64 s[48:49], exec_lo, v136
v_cmp_class_f64_e32 vcc, v[38:39], v144
v_cmp_class_f64_e32 vcc, 0xbf490fdb, v100
v_sub_f32_e32 v128, s14, v198
v_cmp_class_f64_e64 vcc, -vcc, v204
v_cmpx_class_f64_e32 vcc, v[76:77], v232
v_subrev_f32_e32 v3, s14, v70
v_cmpx_class_f64_e64 s[36:37], v[120:121], v72
v_cmp_class_f16_e32 vcc, exec_lo, v12
v_cmp_class_f16_sdwa vcc, v14, v136 src0_sel:DWORD src1_sel:DWORD
v_cmp_class_f16_e64 vcc, v192, v136
v_cmpx_class_f16_e32 vcc, v130, v212
v_cmpx_class_f16_e32 vcc, 0x5678, v60
v_cmpx_class_f16_sdwa s[12:13], v14, v164 src0_sel:BYTE_2 src1_sel:WORD_1
v_cmpx_class_f16_e64 s[76:77], -4.0, v14
v_cmp_f_f16_e32 vcc, v38, v98
v_cmp_f_f16_sdwa s[12:13], v14, v10 src0_sel:BYTE_1 src1_sel:WORD_1
v_cmp_f_f16_e64 vcc, -s90, v126
v_cmp_lt_f16_e32 vcc, v228, v120
v_cmp_lt_f16_e32 vcc, 0xfdb, v40
v_cmp_lt_f16_sdwa s[12:13], v14, v30 src0_sel:WORD_0 src1_sel:BYTE_1
v_cmp_lt_f16_e64 vcc, v12, v214
v_cmp_eq_f16_e32 vcc, exec_lo, v182
v_cmp_eq_f16_sdwa s[12:13], v14, v16 src0_sel:WORD_1 src1_sel:WORD_1
v_cmp_eq_f16_e64 s[0:1], v118, v64
v_cmp_le_f16_e32 vcc, vcc_lo, v194
v_cmp_le_f16_sdwa vcc, v14, v42 src0_sel:BYTE_1 src1_sel:BYTE_3
v_cmp_le_f16_e64 s[56:57], v190, v114
v_cmp_gt_f16_e32 vcc, v238, v92
v_cmp_gt_f16_e32 vcc, 0xff00, v66
v_cmp_gt_f16_sdwa vcc, v14, v102 src0_sel:DWORD src1_sel:WORD_0
v_cmp_gt_f16_e64 vcc, v228, v176
v_cmp_lg_f16_e32 vcc, v34, v100
v_cmp_lg_f16_sdwa vcc, v14, v144 src0_sel:BYTE_3 src1_sel:WORD_0
v_cmp_lg_f16_e64 vcc, -v60, v136
v_cmp_ge_f16_e32 vcc, v160, v134
v_cmp_ge_f16_sdwa vcc, v14, v192 src0_sel:BYTE_1 src1_sel:WORD_0
v_cmp_ge_f16_e64 vcc, -exec_lo, v34
v_cmp_o_f16_e32 vcc, exec_lo, v174
v_cmp_o_f16_e32 vcc, 0xfdb, v158
v_cmp_o_f16_sdwa vcc, v14, v22 src0_sel:BYTE_2 src1_sel:BYTE_0
v_cmp_o_f16_e64 s[44:45], v12, v160
v_cmp_u_f16_e32 vcc, v226, v124
v_cmp_u_f16_sdwa s[12:13], v14, v116 src0_sel:BYTE_3 src1_sel:BYTE_1
v_cmp_u_f16_e64 vcc, -v192, v210
v_cmp_nge_f16_e32 vcc, v178, v42
v_cmp_nge_f16_sdwa vcc, v14, v172 src0_sel:WORD_1 src1_sel:BYTE_1
v_cmp_nge_f16_e64 s[64:65], -v216, v226
v_cmp_nlg_f16_e32 vcc, v20, v144
v_cmp_nlg_f16_e32 vcc, 0x1f4, v188
v_cmp_nlg_f16_sdwa s[12:13], v14, v10 src0_sel:BYTE_1 src1_sel:BYTE_1
v_cmp_nlg_f16_e64 vcc, -vcc_lo, v142
v_cmp_ngt_f16_e32 vcc, exec_lo, v56
v_cmp_ngt_f16_sdwa s[12:13], v14, v160 src0_sel:BYTE_1 src1_sel:BYTE_0
v_cmp_ngt_f16_e64 vcc, v152, v212
v_cmp_nle_f16_e32 vcc, v202, v30
v_cmp_nle_f16_sdwa s[12:13], v14, v124 src0_sel:WORD_0 src1_sel:WORD_1
v_cmp_nle_f16_e64 vcc, -exec_lo, v210
v_cmp_neq_f16_e32 vcc, s10, v148
v_cmp_neq_f16_e32 vcc, 0x1f4, v14
v_cmp_neq_f16_sdwa s[12:13], v14, v98 src0_sel:WORD_1 src1_sel:BYTE_2
v_cmp_neq_f16_e64 vcc, -v112, v222
v_cmp_nlt_f16_e32 vcc, vcc_lo, v124
v_cmp_nlt_f16_sdwa vcc, v14, v156 src0_sel:BYTE_1 src1_sel:DWORD
v_cmp_nlt_f16_e64 vcc, s92, v46
v_cmp_tru_f16_e32 vcc, s12, v94
v_cmp_tru_f16_sdwa vcc, v14, v56 src0_sel:BYTE_1 src1_sel:BYTE_0
v_cmp_tru_f16_e64 s[32:33], vcc_lo, v206
v_cmpx_f_f16_e32 vcc, v202, v92
v_cmpx_f_f16_e32 vcc, 0xff00, v140
v_cmpx_f_f16_sdwa vcc, v14, v134 src0_sel:DWORD src1_sel:BYTE_2
v_cmpx_f_f16_e64 vcc, v76, v142
v_cmpx_lt_f16_e32 vcc, s60, v218
v_cmpx_lt_f16_sdwa s[12:13], v14, v180 src0_sel:WORD_0 src1_sel:BYTE_1
v_cmpx_lt_f16_e64 s[16:17], v226, v166
v_cmpx_eq_f16_e32 vcc, v74, v198
v_cmpx_eq_f16_sdwa s[12:13], v14, v178 src0_sel:BYTE_0 src1_sel:BYTE_1
v_cmpx_eq_f16_e64 s[48:49], -s90, v116
v_cmpx_le_f16_e32 vcc, v150, v54
v_cmpx_le_f16_e32 vcc, 0xff00, v102
v_cmpx_le_f16_sdwa vcc, v14, v34 src0_sel:BYTE_2 src1_sel:DWORD
v_cmpx_le_f16_e64 vcc, -exec_lo, v188
v_cmpx_gt_f16_e32 vcc, v46, v80
v_cmpx_gt_f16_sdwa s[12:13], v14, v58 src0_sel:WORD_1 src1_sel:BYTE_2
v_cmpx_gt_f16_e64 vcc, s86, v10
v_cmpx_lg_f16_e32 vcc, v52, v134
v_cmpx_lg_f16_sdwa s[12:13], v14, v182 src0_sel:BYTE_3 src1_sel:BYTE_0
v_cmpx_lg_f16_e64 s[32:33], -s88, v22
v_cmpx_ge_f16_e32 vcc, 0, v116
v_cmpx_ge_f16_e32 vcc, 0x1f4, v172
v_cmpx_ge_f16_sdwa vcc, v14, v4 src0_sel:BYTE_2 src1_sel:BYTE_3
v_cmpx_ge_f16_e64 vcc, v128, v8
v_cmpx_o_f16_e32 vcc, v130, v140
v_cmpx_o_f16_sdwa vcc, v14, v194 src0_sel:DWORD src1_sel:BYTE_3
v_cmpx_o_f16_e64 s[72:73], -s12, v116
v_cmpx_u_f16_e32 vcc, s36, v226
v_cmpx_u_f16_sdwa s[12:13], v14, v216 src0_sel:WORD_1 src1_sel:BYTE_2
v_cmpx_u_f16_e64 s[36:37], -v136, v232
v_cmpx_nge_f16_e32 vcc, v80, v48
v_cmpx_nge_f16_e32 vcc, 0x1f4, v24
v_cmpx_nge_f16_sdwa vcc, v14, v164 src0_sel:BYTE_3 src1_sel:BYTE_2
v_cmpx_nge_f16_e64 s[4:5], -s58, v174
v_cmpx_nlg_f16_e32 vcc, v234, v88
v_cmpx_nlg_f16_sdwa s[12:13], v14, v140 src0_sel:BYTE_1 src1_sel:BYTE_2
v_cmpx_nlg_f16_e64 vcc, -v86, v204
v_cmpx_ngt_f16_e32 vcc, vcc_lo, v44
v_cmpx_ngt_f16_sdwa vcc, v14, v156 src0_sel:WORD_1 src1_sel:WORD_0
v_cmpx_ngt_f16_e64 vcc, v54, v144
v_cmpx_nle_f16_e32 vcc, v96, v170
v_cmpx_nle_f16_e32 vcc, 0x1f4, v48
v_cmpx_nle_f16_sdwa s[12:13], v14, v110 src0_sel:WORD_1 src1_sel:BYTE_0
v_cmpx_nle_f16_e64 s[44:45], v80, v116
v_cmpx_neq_f16_e32 vcc, v154, v50
v_cmpx_neq_f16_sdwa vcc, v14, v92 src0_sel:WORD_0 src1_sel:WORD_0
v_cmpx_neq_f16_e64 vcc, exec_lo, v122
v_cmpx_nlt_f16_e32 vcc, v16, v20
v_cmpx_nlt_f16_sdwa s[12:13], v14, v112 src0_sel:BYTE_1 src1_sel:BYTE_2
v_cmpx_nlt_f16_e64 vcc, v128, v18
v_cmpx_tru_f16_e32 vcc, v2, v4
v_cmpx_tru_f16_e32 vcc, 0xff00, v218
v_cmpx_tru_f16_sdwa vcc, v14, v144 src0_sel:BYTE_0 src1_sel:BYTE_0
v_cmpx_tru_f16_e64 vcc, exec_lo, v122
v_cmp_f_f32_e32 vcc, -1, v94
v_cmp_f_f32_sdwa s[12:13], v14, v232 src0_sel:BYTE_2 src1_sel:WORD_1
v_cmp_f_f32_e64 vcc, -exec_lo, v212
v_cmp_lt_f32_e32 vcc, v152, v204
v_cmp_lt_f32_sdwa vcc, v14, v2 src0_sel:DWORD src1_sel:BYTE_1
v_cmp_lt_f32_e64 vcc, -16, v210
v_cmp_eq_f32_e32 vcc, v202, v224
v_cmp_eq_f32_e32 vcc, 0xbf490fdb, v104
v_cmp_eq_f32_sdwa vcc, v14, v28 src0_sel:WORD_0 src1_sel:WORD_1
v_cmp_eq_f32_e64 vcc, -v110, v60
v_cmp_le_f32_e32 vcc, v210, v62
v_cmp_le_f32_sdwa vcc, v14, v216 src0_sel:BYTE_1 src1_sel:BYTE_1
v_cmp_le_f32_e64 vcc, v12, v28
v_cmp_gt_f32_e32 vcc, v226, v158
v_cmp_gt_f32_sdwa s[12:13], v14, v18 src0_sel:BYTE_0 src1_sel:BYTE_0
v_cmp_gt_f32_e64 vcc, vcc_lo, v146
v_cmp_lg_f32_e32 vcc, vcc_lo, v134
v_cmp_lg_f32_e32 vcc, 0xffffff00, v148
v_cmp_lg_f32_sdwa s[12:13], v14, v100 src0_sel:DWORD src1_sel:BYTE_0
v_cmp_lg_f32_e64 vcc, -v140, v98
v_cmp_ge_f32_e32 vcc, vcc_lo, v234
v_cmp_ge_f32_sdwa vcc, v14, v118 src0_sel:BYTE_3 src1_sel:BYTE_2
v_cmp_ge_f32_e64 vcc, v82, v16
v_cmp_o_f32_e32 vcc, v118, v134
v_cmp_o_f32_sdwa vcc, v14, v110 src0_sel:BYTE_2 src1_sel:DWORD
v_cmp_o_f32_e64 s[0:1], v160, v142
v_cmp_u_f32_e32 vcc, v100, v132
v_cmp_u_f32_e32 vcc, 0x12345678, v138
v_cmp_u_f32_sdwa s[12:13], v14, v210 src0_sel:BYTE_3 src1_sel:BYTE_2
v_cmp_u_f32_e64 vcc, -16, v40
v_cmp_nge_f32_e32 vcc, v104, v52
v_cmp_nge_f32_sdwa vcc, v14, v74 src0_sel:WORD_0 src1_sel:WORD_1
v_cmp_nge_f32_e64 vcc, v178, v150
v_cmp_nlg_f32_e32 vcc, s62, v204
v_cmp_nlg_f32_sdwa s[12:13], v14, v234 src0_sel:WORD_0 src1_sel:WORD_1
v_cmp_nlg_f32_e64 vcc, -s4, v84
v_cmp_ngt_f32_e32 vcc, v150, v14
v_cmp_ngt_f32_e32 vcc, 0x12345678, v164
v_cmp_ngt_f32_sdwa s[12:13], v14, v228 src0_sel:WORD_1 src1_sel:WORD_1
v_cmp_ngt_f32_e64 vcc, s54, v14
v_cmp_nle_f32_e32 vcc, v232, v116
v_cmp_nle_f32_sdwa s[12:13], v14, v188 src0_sel:BYTE_3 src1_sel:WORD_0
v_cmp_nle_f32_e64 vcc, -v170, v124
v_cmp_neq_f32_e32 vcc, v190, v226
v_cmp_neq_f32_sdwa vcc, v14, v120 src0_sel:BYTE_1 src1_sel:BYTE_2
v_cmp_neq_f32_e64 vcc, s78, v58
v_cmp_nlt_f32_e32 vcc, v164, v192
v_cmp_nlt_f32_e32 vcc, 0xffffff00, v198
v_cmp_nlt_f32_sdwa s[12:13], v14, v118 src0_sel:BYTE_2 src1_sel:DWORD
v_cmp_nlt_f32_e64 vcc, -v10, v200
v_cmp_tru_f32_e32 vcc, exec_lo, v122
v_cmp_tru_f32_sdwa s[12:13], v14, v92 src0_sel:BYTE_0 src1_sel:BYTE_1
v_cmp_tru_f32_e64 vcc, s80, v162
v_cmpx_f_f32_e32 vcc, v108, v126
v_cmpx_f_f32_sdwa vcc, v14, v214 src0_sel:DWORD src1_sel:BYTE_2
v_cmpx_f_f32_e64 s[80:81], v190, v86
v_cmpx_lt_f32_e32 vcc, v36, v36
v_cmpx_lt_f32_e32 vcc, 0xbf490fdb, v208
v_cmpx_lt_f32_sdwa vcc, v14, v40 src0_sel:BYTE_1 src1_sel:DWORD
v_cmpx_lt_f32_e64 vcc, -v132, v126
v_cmpx_eq_f32_e32 vcc, v168, v118
v_cmpx_eq_f32_sdwa vcc, v14, v102 src0_sel:WORD_0 src1_sel:BYTE_0
v_cmpx_eq_f32_e64 vcc, -v56, v144
v_cmpx_le_f32_e32 vcc, v172, v30
v_cmpx_le_f32_sdwa s[12:13], v14, v124 src0_sel:WORD_1 src1_sel:BYTE_1
v_cmpx_le_f32_e64 s[36:37], v48, v206
v_cmpx_gt_f32_e32 vcc, s14, v92
v_cmpx_gt_f32_e32 vcc, 0x1f4, v70
v_cmpx_gt_f32_sdwa vcc, v14, v170 src0_sel:BYTE_0 src1_sel:BYTE_2
v_cmpx_gt_f32_e64 vcc, -v182, v132
v_cmpx_lg_f32_e32 vcc, v42, v8
v_cmpx_lg_f32_sdwa s[12:13], v14, v112 src0_sel:BYTE_0 src1_sel:WORD_0
v_cmpx_lg_f32_e64 vcc, s54, v196
v_cmpx_ge_f32_e32 vcc, exec_lo, v34
v_cmpx_ge_f32_sdwa vcc, v14, v192 src0_sel:BYTE_1 src1_sel:DWORD
v_cmpx_ge_f32_e64 vcc, v230, v66
v_cmpx_o_f32_e32 vcc, v68, v32
v_cmpx_o_f32_e32 vcc, 0x12345678, v96
v_cmpx_o_f32_sdwa vcc, v14, v92 src0_sel:BYTE_3 src1_sel:BYTE_0
v_cmpx_o_f32_e64 vcc, -s20, v206
v_cmpx_u_f32_e32 vcc, v186, v72
v_cmpx_u_f32_sdwa s[12:13], v14, v152 src0_sel:WORD_1 src1_sel:BYTE_1
v_cmpx_u_f32_e64 s[84:85], exec_lo, v166
v_cmpx_nge_f32_e32 vcc, exec_lo, v24
v_cmpx_nge_f32_sdwa s[12:13], v14, v72 src0_sel:BYTE_1 src1_sel:BYTE_1
v_cmpx_nge_f32_e64 vcc, -16, v144
v_cmpx_nlg_f32_e32 vcc, v138, v84
v_cmpx_nlg_f32_e32 vcc, 0x12345678, v116
v_cmpx_nlg_f32_sdwa vcc, v14, v214 src0_sel:WORD_0 src1_sel:WORD_1
v_cmpx_nlg_f32_e64 vcc, v172, v224
v_cmpx_ngt_f32_e32 vcc, v222, v170
v_cmpx_ngt_f32_sdwa s[12:13], v14, v168 src0_sel:BYTE_3 src1_sel:WORD_0
v_cmpx_ngt_f32_e64 s[76:77], v50, v164
v_cmpx_nle_f32_e32 vcc, s30, v210
v_cmpx_nle_f32_sdwa s[12:13], v14, v228 src0_sel:BYTE_0 src1_sel:BYTE_0
v_cmpx_nle_f32_e64 vcc, v154, v96
v_cmpx_neq_f32_e32 vcc, vcc_lo, v188
v_cmpx_neq_f32_e32 vcc, 0xbf490fdb, v196
v_cmpx_neq_f32_sdwa s[12:13], v14, v70 src0_sel:WORD_0 src1_sel:BYTE_3
v_cmpx_neq_f32_e64 s[56:57], -v218, v28
v_cmpx_nlt_f32_e32 vcc, v182, v44
v_cmpx_nlt_f32_sdwa s[12:13], v14, v78 src0_sel:WORD_0 src1_sel:BYTE_1
v_cmpx_nlt_f32_e64 s[32:33], -v178, v120
v_cmpx_tru_f32_e32 vcc, v234, v200
v_cmpx_tru_f32_sdwa s[12:13], v14, v46 src0_sel:BYTE_1 src1_sel:WORD_0
v_cmpx_tru_f32_e64 vcc, -v216, v90
v_cmp_f_f64_e32 vcc, v[100:101], v[176:177]
v_cmp_f_f64_e32 vcc, 0xbf490fdb, v[68:69]
v_add_f32_e32 v128, s14, v70
v_cmp_f_f64_e64 s[16:17], v[80:81], v[32:33]
v_cmp_lt_f64_e32 vcc, v[10:11], v[186:187]
v_cmp_lt_f64_e64 vcc, -v[102:103], v[164:165]
v_cmp_eq_f64_e32 vcc, v[212:213], v[112:113]
v_add_f32_e32 v2, s14, v0
v_cmp_eq_f64_e64 vcc, neg(0), v[18:19]
v_cmp_le_f64_e32 vcc, v[40:41], v[128:129]
v_cmp_le_f64_e32 vcc, 0x12345678, v[116:117]
v_cmp_le_f64_e64 vcc, -s[2:3], v[48:49]
v_cmp_gt_f64_e32 vcc, v[156:157], v[210:211]
v_add_f32_e32 v2, s14, v198
v_cmp_gt_f64_e64 vcc, -exec, v[110:111]
v_cmp_lg_f64_e32 vcc, v[2:3], v[160:161]
v_sub_f32_e32 v0, s14, v198
v_cmp_lg_f64_e64 s[56:57], v[158:159], v[120:121]
v_cmp_ge_f64_e32 vcc, v[140:141], v[192:193]
v_cmp_ge_f64_e32 vcc, 0xbf490fdb, v[184:185]
v_cmp_ge_f64_e64 s[60:61], v[60:61], v[174:175]
v_cmp_o_f64_e32 vcc, v[222:223], v[144:145]
v_sub_f32_e32 v2, s14, v128
v_cmp_o_f64_e64 s[80:81], v[120:121], v[60:61]
v_cmp_u_f64_e32 vcc, vcc, v[96:97]
v_subrev_f32_e32 v2, s14, v198
v_cmp_u_f64_e64 s[92:93], -s[96:97], v[72:73]
v_cmp_nge_f64_e32 vcc, exec, v[236:237]
v_cmp_nge_f64_e32 vcc, 0x12345678, v[88:89]
v_subrev_f32_e32 v2, s14, v70
v_cmp_nge_f64_e64 vcc, -v[78:79], v[38:39]
v_cmp_nlg_f64_e32 vcc, v[200:201], v[110:111]
v_cmp_nlg_f64_e64 vcc, -v[64:65], v[14:15]
v_cmp_ngt_f64_e32 vcc, v[10:11], v[4:5]
v_add_f32_e32 v0, s14, v128
v_cmp_ngt_f64_e64 s[44:45], -exec, v[180:181]
v_cmp_nle_f64_e32 vcc, v[214:215], v[190:191]
v_cmp_nle_f64_e32 vcc, 0xffffff00, v[176:177]
v_sub_f32_e32 v2, s14, v0
v_cmp_nle_f64_e64 s[76:77], -v[208:209], v[66:67]
v_cmp_neq_f64_e32 vcc, v[160:161], v[30:31]
v_sub_f32_e32 v129, s14, v70
v_cmp_neq_f64_e64 vcc, exec, v[52:53]
v_cmp_nlt_f64_e32 vcc, 1, v[174:175]
v_cmp_nlt_f64_e64 s[4:5], s[88:89], v[232:233]
v_cmp_tru_f64_e32 vcc, v[200:201], v[178:179]
v_cmp_tru_f64_e32 vcc, 0x1f4, v[64:65]
v_subrev_f32_e32 v0, s14, v70
v_cmp_tru_f64_e64 s[16:17], v[54:55], v[172:173]
v_cmpx_f_f64_e32 vcc, 0, v[234:235]
v_cmpx_f_f64_e64 vcc, vcc, v[204:205]
v_cmpx_lt_f64_e32 vcc, v[226:227], v[40:41]
v_sub_f32_e32 v128, s14, v70
v_cmpx_lt_f64_e64 s[96:97], -v[124:125], v[226:227]
v_cmpx_eq_f64_e32 vcc, v[218:219], v[102:103]
v_cmpx_eq_f64_e32 vcc, 0x12345678, v[148:149]
v_cmpx_eq_f64_e64 s[40:41], 1, v[138:139]
v_cmpx_le_f64_e32 vcc, v[90:91], v[104:105]
v_cmpx_le_f64_e64 s[56:57], -v[132:133], v[232:233]
v_cmpx_gt_f64_e32 vcc, v[228:229], v[76:77]
v_cmpx_gt_f64_e64 vcc, -v[8:9], v[138:139]
v_cmpx_lg_f64_e32 vcc, v[150:151], v[98:99]
v_cmpx_lg_f64_e32 vcc, 0x12345678, v[82:83]
v_sub_f32_e32 v1, s14, v70
v_cmpx_lg_f64_e64 vcc, -v[226:227], v[4:5]
v_cmpx_ge_f64_e32 vcc, s[2:3], v[124:125]
v_sub_f32_e32 v128, s14, v0
v_cmpx_ge_f64_e64 vcc, -s[68:69], v[190:191]
v_cmpx_o_f64_e32 vcc, v[48:49], v[64:65]
v_add_f32_e32 v131, s14, v70
v_cmpx_o_f64_e64 vcc, -v[160:161], v[158:159]
v_cmpx_u_f64_e32 vcc, v[228:229], v[6:7]
v_cmpx_u_f64_e32 vcc, 0xffffff00, v[66:67]
v_cmpx_u_f64_e64 s[88:89], s[18:19], v[50:51]
v_cmpx_nge_f64_e32 vcc, v[4:5], v[46:47]
v_add_f32_e32 v0, s14, v198
v_cmpx_nge_f64_e64 s[84:85], v[218:219], v[92:93]
v_cmpx_nlg_f64_e32 vcc, v[104:105], v[148:149]
v_sub_f32_e32 v1, s14, v0
v_cmpx_nlg_f64_e64 vcc, -v[138:139], v[144:145]
v_cmpx_ngt_f64_e32 vcc, s[10:11], v[218:219]
v_cmpx_ngt_f64_e32 vcc, 0x12345678, v[204:205]
v_subrev_f32_e32 v3, s14, v0
v_cmpx_ngt_f64_e64 vcc, -v[80:81], v[68:69]
v_cmpx_nle_f64_e32 vcc, v[86:87], v[232:233]
v_cmpx_nle_f64_e64 vcc, -v[196:197], v[234:235]
v_cmpx_neq_f64_e32 vcc, v[14:15], v[208:209]
v_sub_f32_e32 v0, s14, v128
v_cmpx_neq_f64_e64 s[92:93], -s[48:49], v[224:225]
v_cmpx_nlt_f64_e32 vcc, v[60:61], v[168:169]
v_cmpx_nlt_f64_e32 vcc, 0x12345678, v[80:81]
v_cmpx_nlt_f64_e64 s[52:53], s[58:59], v[190:191]
v_cmpx_tru_f64_e32 vcc, s[90:91], v[18:19]
v_add_f32_e32 v129, s14, v0
v_cmpx_tru_f64_e64 s[28:29], v[194:195], v[230:231]
v_cmp_f_i16_e32 vcc, exec_lo, v188
v_cmp_f_i16_sdwa vcc, v14, v140 src0_sel:BYTE_0 src1_sel:WORD_1
v_cmp_f_i16_e64 s[8:9], s58, v238
v_cmp_lt_i16_e32 vcc, v222, v22
v_cmp_lt_i16_sdwa vcc, v14, v44 src0_sel:BYTE_1 src1_sel:BYTE_3
v_cmp_lt_i16_e64 vcc, v100, v168
v_cmp_eq_i16_e32 vcc, v34, v200
v_cmp_eq_i16_e32 vcc, 0x1f4, v212
v_cmp_eq_i16_sdwa vcc, v14, v80 src0_sel:BYTE_3 src1_sel:BYTE_1
v_cmp_eq_i16_e64 s[92:93], 1, v204
v_cmp_le_i16_e32 vcc, v76, v184
v_cmp_le_i16_sdwa s[12:13], v14, v98 src0_sel:WORD_0 src1_sel:BYTE_0
v_lshrrev_b32_e32 v1, v68, v160
v_cmp_gt_i16_e32 vcc, s22, v54
v_cmp_gt_i16_sdwa s[12:13], v14, v130 src0_sel:DWORD src1_sel:DWORD
v_cmp_gt_i16_e64 vcc, v28, v8
v_cmp_ne_i16_e32 vcc, v200, v234
v_cmp_ne_i16_e32 vcc, 0x5678, v224
v_cmp_ne_i16_sdwa s[12:13], v14, v96 src0_sel:WORD_1 src1_sel:WORD_0
v_cmp_ne_i16_e64 s[80:81], v80, v226
v_cmp_ge_i16_e32 vcc, vcc_lo, v120
v_cmp_ge_i16_sdwa s[12:13], v14, v98 src0_sel:DWORD src1_sel:BYTE_0
v_cmp_ge_i16_e64 vcc, v22, v104
v_cmp_t_i16_e32 vcc, v56, v214
v_cmp_t_i16_sdwa vcc, v14, v54 src0_sel:WORD_1 src1_sel:WORD_1
v_cmp_t_i16_e64 vcc, v158, v174
v_cmp_f_u16_e32 vcc, s4, v204
v_cmp_f_u16_e32 vcc, 0xff00, v24
v_cmp_f_u16_sdwa vcc, v14, v78 src0_sel:BYTE_1 src1_sel:DWORD
v_lshrrev_b32_e32 v1, s60, v138
v_cmp_lt_u16_e32 vcc, v144, v234
v_cmp_lt_u16_sdwa vcc, v14, v44 src0_sel:WORD_1 src1_sel:DWORD
v_cmp_lt_u16_e64 s[92:93], v38, v18
v_cmp_eq_u16_e32 vcc, v78, v132
v_cmp_eq_u16_sdwa vcc, v14, v98 src0_sel:BYTE_0 src1_sel:BYTE_1
v_lshrrev_b32_e32 v1, v188, v166
v_cmp_le_u16_e32 vcc, v54, v22
v_cmp_le_u16_e32 vcc, 0x1f4, v162
v_cmp_le_u16_sdwa s[12:13], v14, v90 src0_sel:BYTE_0 src1_sel:WORD_0
v_cmp_le_u16_e64 vcc, 1, v226
v_cmp_gt_u16_e32 vcc, v212, v204
v_cmp_gt_u16_sdwa vcc, v14, v112 src0_sel:BYTE_2 src1_sel:WORD_1
v_cmp_gt_u16_e64 s[92:93], s46, v2
v_cmp_ne_u16_e32 vcc, vcc_lo, v212
v_cmp_ne_u16_sdwa vcc, v14, v96 src0_sel:BYTE_3 src1_sel:BYTE_1
v_cmp_ne_u16_e64 vcc, s14, v76
v_cmp_ge_u16_e32 vcc, v176, v140
v_cmp_ge_u16_e32 vcc, 0x5678, v226
v_cmp_ge_u16_sdwa s[12:13], v14, v154 src0_sel:DWORD src1_sel:DWORD
v_lshrrev_b32_e32 v1, v98, v26
v_cmp_t_u16_e32 vcc, v120, v174
v_cmp_t_u16_sdwa vcc, v14, v210 src0_sel:BYTE_0 src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v20, v180
v_cmpx_f_i16_e32 vcc, v172, v168
v_cmpx_f_i16_sdwa s[12:13], v14, v110 src0_sel:DWORD src1_sel:BYTE_0
v_cmpx_f_i16_e64 s[88:89], v14, v188
v_cmpx_lt_i16_e32 vcc, s4, v220
v_cmpx_lt_i16_e32 vcc, 0xff00, v114
v_cmpx_lt_i16_sdwa vcc, v14, v182 src0_sel:DWORD src1_sel:BYTE_3
v_cmpx_lt_i16_e64 s[56:57], 0, v186
v_cmpx_eq_i16_e32 vcc, v142, v216
v_cmpx_eq_i16_sdwa vcc, v14, v116 src0_sel:BYTE_3 src1_sel:BYTE_2
v_cmpx_eq_i16_e64 s[48:49], s62, v162
v_cmpx_le_i16_e32 vcc, v52, v168
v_cmpx_le_i16_sdwa vcc, v14, v14 src0_sel:DWORD src1_sel:BYTE_0
v_lshrrev_b32_e32 v1, v232, v76
v_cmpx_gt_i16_e32 vcc, vcc_lo, v210
v_cmpx_gt_i16_e32 vcc, 0x5678, v40
v_cmpx_gt_i16_sdwa vcc, v14, v116 src0_sel:DWORD src1_sel:BYTE_2
v_lshrrev_b32_e32 v1, 1, v148
v_cmpx_ne_i16_e32 vcc, v110, v144
v_cmpx_ne_i16_sdwa vcc, v14, v116 src0_sel:WORD_1 src1_sel:BYTE_1
v_lshrrev_b32_e32 v1, v162, v28
v_cmpx_ge_i16_e32 vcc, v86, v60
v_cmpx_ge_i16_sdwa vcc, v14, v112 src0_sel:BYTE_0 src1_sel:BYTE_0
v_lshrrev_b32_e32 v1, v210, v178
v_cmpx_t_i16_e32 vcc, vcc_lo, v20
v_cmpx_t_i16_e32 vcc, 0xfdb, v202
v_cmpx_t_i16_sdwa vcc, v14, v234 src0_sel:WORD_0 src1_sel:WORD_1
v_cmpx_t_i16_e64 vcc, vcc_lo, v74
v_cmpx_f_u16_e32 vcc, v86, v198
v_cmpx_f_u16_sdwa vcc, v14, v72 src0_sel:BYTE_3 src1_sel:WORD_0
v_lshrrev_b32_e32 v1, -1, v110
v_cmpx_lt_u16_e32 vcc, s30, v42
v_cmpx_lt_u16_sdwa s[12:13], v14, v188 src0_sel:BYTE_1 src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v174, v130
v_cmpx_eq_u16_e32 vcc, v180, v162
v_cmpx_eq_u16_e32 vcc, 0x5678, v80
v_cmpx_eq_u16_sdwa vcc, v14, v4 src0_sel:WORD_0 src1_sel:BYTE_1
v_lshrrev_b32_e32 v1, exec_lo, v144
v_cmpx_le_u16_e32 vcc, v104, v74
v_cmpx_le_u16_sdwa vcc, v14, v102 src0_sel:BYTE_3 src1_sel:BYTE_0
v_lshrrev_b32_e32 v1, v66, v108
v_cmpx_gt_u16_e32 vcc, vcc_lo, v102
v_cmpx_gt_u16_sdwa vcc, v14, v78 src0_sel:DWORD src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v168, v166
v_cmpx_ne_u16_e32 vcc, v134, v36
v_cmpx_ne_u16_e32 vcc, 0x1f4, v10
v_cmpx_ne_u16_sdwa s[12:13], v14, v96 src0_sel:BYTE_1 src1_sel:WORD_1
v_cmpx_ne_u16_e64 vcc, s78, v172
v_cmpx_ge_u16_e32 vcc, v28, v50
v_cmpx_ge_u16_sdwa vcc, v14, v60 src0_sel:BYTE_2 src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v138, v130
v_cmpx_t_u16_e32 vcc, v6, v204
v_cmpx_t_u16_sdwa vcc, v14, v138 src0_sel:BYTE_2 src1_sel:BYTE_2
v_cmpx_t_u16_e64 vcc, v194, v28
v_cmp_f_i32_e32 vcc, vcc_lo, v192
v_cmp_f_i32_e32 vcc, 0xffffff00, v98
v_cmp_f_i32_sdwa vcc, v14, v66 src0_sel:BYTE_2 src1_sel:BYTE_1
v_lshrrev_b32_e32 v1, v104, v236
v_cmp_lt_i32_e32 vcc, v4, v204
v_cmp_lt_i32_sdwa vcc, v14, v76 src0_sel:DWORD src1_sel:WORD_0
v_lshrrev_b32_e32 v1, vcc_lo, v28
v_cmp_eq_i32_e32 vcc, v158, v32
v_cmp_eq_i32_sdwa vcc, v14, v178 src0_sel:DWORD src1_sel:BYTE_0
v_cmp_eq_i32_e64 s[8:9], v44, v120
v_cmp_le_i32_e32 vcc, v238, v228
v_cmp_le_i32_e32 vcc, 0xffffff00, v166
v_cmp_le_i32_sdwa vcc, v14, v156 src0_sel:DWORD src1_sel:BYTE_2
v_lshrrev_b32_e32 v1, v2, v210
v_cmp_gt_i32_e32 vcc, v212, v170
v_cmp_gt_i32_sdwa vcc, v14, v76 src0_sel:BYTE_1 src1_sel:BYTE_2
v_lshrrev_b32_e32 v1, v102, v154
v_cmp_ne_i32_e32 vcc, v54, v78
v_cmp_ne_i32_sdwa s[12:13], v14, v218 src0_sel:BYTE_1 src1_sel:BYTE_1
v_cmp_ne_i32_e64 s[96:97], v208, v164
v_cmp_ge_i32_e32 vcc, v94, v42
v_cmp_ge_i32_e32 vcc, 0xbf490fdb, v210
v_cmp_ge_i32_sdwa vcc, v14, v14 src0_sel:DWORD src1_sel:BYTE_3
v_lshrrev_b32_e32 v1, s58, v210
v_cmp_t_i32_e32 vcc, v62, v124
v_cmp_t_i32_sdwa vcc, v14, v162 src0_sel:BYTE_2 src1_sel:BYTE_1
v_cmp_t_i32_e64 vcc, v78, v162
v_cmp_f_u32_e32 vcc, v32, v110
v_cmp_f_u32_sdwa vcc, v14, v236 src0_sel:BYTE_0 src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v126, v212
v_cmp_lt_u32_e32 vcc, v66, v114
v_cmp_lt_u32_e32 vcc, 0xbf490fdb, v236
v_cmp_lt_u32_sdwa vcc, v14, v28 src0_sel:WORD_1 src1_sel:BYTE_3
v_lshrrev_b32_e32 v1, s30, v190
v_cmp_eq_u32_e32 vcc, s40, v126
v_cmp_eq_u32_sdwa vcc, v14, v52 src0_sel:DWORD src1_sel:WORD_1
v_cmp_eq_u32_e64 vcc, 64, v234
v_cmp_le_u32_e32 vcc, s40, v122
v_cmp_le_u32_sdwa vcc, v14, v130 src0_sel:BYTE_1 src1_sel:BYTE_3
v_lshrrev_b32_e32 v1, vcc_lo, v134
v_cmp_gt_u32_e32 vcc, v166, v158
v_cmp_gt_u32_e32 vcc, 0x1f4, v84
v_cmp_gt_u32_sdwa vcc, v14, v158 src0_sel:BYTE_0 src1_sel:WORD_0
v_cmp_gt_u32_e64 vcc, v110, v42
v_cmp_ne_u32_e32 vcc, exec_lo, v182
v_cmp_ne_u32_sdwa vcc, v14, v56 src0_sel:BYTE_3 src1_sel:BYTE_1
v_lshrrev_b32_e32 v1, vcc_lo, v210
v_cmp_ge_u32_e32 vcc, v232, v236
v_cmp_ge_u32_sdwa s[12:13], v14, v172 src0_sel:BYTE_0 src1_sel:BYTE_3
v_cmp_ge_u32_e64 vcc, v22, v138
v_cmp_t_u32_e32 vcc, v192, v38
v_cmp_t_u32_e32 vcc, 0x12345678, v10
v_cmp_t_u32_sdwa vcc, v14, v70 src0_sel:BYTE_1 src1_sel:BYTE_1
v_lshrrev_b32_e32 v1, v178, v90
v_cmpx_f_i32_e32 vcc, s12, v12
v_cmpx_f_i32_sdwa s[12:13], v14, v232 src0_sel:BYTE_3 src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v134, v14
v_cmpx_lt_i32_e32 vcc, v104, v166
v_cmpx_lt_i32_sdwa s[12:13], v14, v228 src0_sel:WORD_0 src1_sel:WORD_0
v_cmpx_lt_i32_e64 vcc, v68, v66
v_cmpx_eq_i32_e32 vcc, v176, v178
v_cmpx_eq_i32_e32 vcc, 0xbf490fdb, v172
v_cmpx_eq_i32_sdwa vcc, v14, v160 src0_sel:WORD_1 src1_sel:BYTE_1
v_cmpx_eq_i32_e64 s[20:21], v114, v214
v_cmpx_le_i32_e32 vcc, vcc_lo, v148
v_cmpx_le_i32_sdwa vcc, v14, v116 src0_sel:WORD_1 src1_sel:WORD_0
v_lshrrev_b32_e32 v1, v138, v206
v_cmpx_gt_i32_e32 vcc, v18, v150
v_cmpx_gt_i32_sdwa s[12:13], v14, v186 src0_sel:BYTE_1 src1_sel:WORD_0
v_lshrrev_b32_e32 v1, -16, v170
v_cmpx_ne_i32_e32 vcc, v80, v112
v_cmpx_ne_i32_e32 vcc, 0xbf490fdb, v166
v_cmpx_ne_i32_sdwa s[12:13], v14, v30 src0_sel:DWORD src1_sel:WORD_0
v_cmpx_ne_i32_e64 vcc, v8, v148
v_cmpx_ge_i32_e32 vcc, s64, v144
v_cmpx_ge_i32_sdwa s[12:13], v14, v140 src0_sel:BYTE_3 src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v138, v178
v_cmpx_t_i32_e32 vcc, s90, v114
v_cmpx_t_i32_sdwa s[12:13], v14, v68 src0_sel:BYTE_3 src1_sel:BYTE_1
v_cmpx_t_i32_e64 s[4:5], 0, v168
v_cmpx_f_u32_e32 vcc, v30, v132
v_cmpx_f_u32_e32 vcc, 0xbf490fdb, v210
v_cmpx_f_u32_sdwa s[12:13], v14, v170 src0_sel:BYTE_0 src1_sel:WORD_0
v_lshrrev_b32_e32 v1, v134, v220
v_cmpx_lt_u32_e32 vcc, exec_lo, v112
v_cmpx_lt_u32_sdwa s[12:13], v14, v130 src0_sel:WORD_0 src1_sel:BYTE_0
v_cmpx_lt_u32_e64 vcc, v52, v6
v_cmpx_eq_u32_e32 vcc, exec_lo, v82
v_cmpx_eq_u32_sdwa s[12:13], v14, v156 src0_sel:WORD_1 src1_sel:BYTE_3
v_cmpx_eq_u32_e64 vcc, v158, v180
v_cmpx_le_u32_e32 vcc, vcc_lo, v184
v_cmpx_le_u32_e32 vcc, 0xffffff00, v82
v_cmpx_le_u32_sdwa s[12:13], v14, v106 src0_sel:BYTE_0 src1_sel:WORD_0
v_cmpx_le_u32_e64 s[8:9], v14, v186
v_cmpx_gt_u32_e32 vcc, vcc_lo, v86
v_cmpx_gt_u32_sdwa s[12:13], v14, v82 src0_sel:BYTE_2 src1_sel:WORD_1
v_cmpx_gt_u32_e64 vcc, v232, v28
v_cmpx_ne_u32_e32 vcc, 4.0, v106
v_cmpx_ne_u32_sdwa s[12:13], v14, v86 src0_sel:BYTE_2 src1_sel:WORD_1
v_lshrrev_b32_e32 v1, v82, v156
v_cmpx_ge_u32_e32 vcc, v212, v166
v_cmpx_ge_u32_e32 vcc, 0xbf490fdb, v46
v_cmpx_ge_u32_sdwa s[12:13], v14, v46 src0_sel:BYTE_1 src1_sel:WORD_1
v_cmpx_ge_u32_e64 s[36:37], 64, v162
v_cmpx_t_u32_e32 vcc, v98, v190
v_cmpx_t_u32_sdwa vcc, v14, v140 src0_sel:BYTE_2 src1_sel:BYTE_1
v_cmpx_t_u32_e64 vcc, v24, v72
v_cmp_f_i64_e32 vcc, v[68:69], v[132:133]
v_cmp_f_i64_e64 s[60:61], -1, v[126:127]
v_cmp_lt_i64_e32 vcc, vcc, v[154:155]
v_cmp_lt_i64_e32 vcc, 0xbf490fdb, v[192:193]
v_lshrrev_b32_e32 v1, v160, v64
v_cmp_eq_i64_e32 vcc, exec, v[116:117]
v_lshrrev_b32_e32 v1, vcc_lo, v192
v_cmp_le_i64_e32 vcc, vcc, v[38:39]
v_lshrrev_b32_e32 v1, v216, v114
v_cmp_gt_i64_e32 vcc, s[4:5], v[82:83]
v_cmp_gt_i64_e32 vcc, 0xffffff00, v[196:197]
v_lshrrev_b32_e32 v1, v30, v158
v_cmp_ne_i64_e32 vcc, s[4:5], v[58:59]
v_lshrrev_b32_e32 v1, v60, v14
v_cmp_ge_i64_e32 vcc, v[136:137], v[32:33]
v_cmp_ge_i64_e64 vcc, vcc, v[136:137]
v_cmp_t_i64_e32 vcc, v[86:87], v[144:145]
v_cmp_t_i64_e32 vcc, 0xffffff00, v[70:71]
v_sub_f32_e32 v130, s14, v198
v_cmp_t_i64_e64 s[80:81], v[238:239], v[96:97]
v_cmp_f_u64_e32 vcc, s[14:15], v[62:63]
v_cmp_f_u64_e64 s[12:13], v[186:187], v[70:71]
v_cmp_lt_u64_e32 vcc, vcc, v[156:157]
v_add_f32_e32 v1, s14, v0
v_cmp_lt_u64_e64 s[72:73], s[52:53], v[32:33]
v_cmp_eq_u64_e32 vcc, v[58:59], v[100:101]
v_cmp_eq_u64_e32 vcc, 0x12345678, v[154:155]
v_add_f32_e32 v131, s14, v0
v_lshrrev_b32_e32 v1, s44, v14
v_cmp_le_u64_e32 vcc, v[70:71], v[148:149]
v_sub_f32_e32 v131, s14, v70
v_cmp_le_u64_e64 vcc, v[162:163], v[98:99]
v_cmp_gt_u64_e32 vcc, vcc, v[194:195]
v_cmp_gt_u64_e64 s[72:73], s[18:19], v[152:153]
v_cmp_ne_u64_e32 vcc, s[8:9], v[64:65]
v_cmp_ne_u64_e32 vcc, 0x12345678, v[200:201]
v_add_f32_e32 v130, s14, v0
v_lshrrev_b32_e32 v1, v138, v104
v_cmp_ge_u64_e32 vcc, exec, v[204:205]
v_subrev_f32_e32 v2, s14, v128
v_lshrrev_b32_e32 v1, v92, v216
v_cmp_t_u64_e32 vcc, v[14:15], v[176:177]
v_lshrrev_b32_e32 v1, v64, v128
v_cmpx_f_i64_e32 vcc, exec, v[16:17]
v_cmpx_f_i64_e32 vcc, 0xbf490fdb, v[164:165]
v_cmpx_f_i64_e64 vcc, v[174:175], v[74:75]
v_cmpx_lt_i64_e32 vcc, v[198:199], v[156:157]
v_sub_f32_e32 v130, s14, v70
v_lshrrev_b32_e32 v1, v28, v140
v_cmpx_eq_i64_e32 vcc, v[166:167], v[130:131]
v_lshrrev_b32_e32 v1, v44, v200
v_cmpx_le_i64_e32 vcc, v[216:217], v[126:127]
v_cmpx_le_i64_e32 vcc, 0x12345678, v[6:7]
v_lshrrev_b32_e32 v1, exec_lo, v156
v_cmpx_gt_i64_e32 vcc, v[146:147], v[114:115]
v_sub_f32_e32 v131, s14, v0
v_lshrrev_b32_e32 v1, v190, v154
v_cmpx_ne_i64_e32 vcc, s[30:31], v[22:23]
v_lshrrev_b32_e32 v1, v110, v12
v_cmpx_ge_i64_e32 vcc, v[68:69], v[108:109]
v_cmpx_ge_i64_e32 vcc, 0x12345678, v[152:153]
v_add_f32_e32 v3, s14, v70
v_lshrrev_b32_e32 v1, v20, v230
v_cmpx_t_i64_e32 vcc, v[108:109], v[132:133]
v_cmpx_t_i64_e64 vcc, v[80:81], v[154:155]
v_cmpx_f_u64_e32 vcc, v[204:205], v[202:203]
v_lshrrev_b32_e32 v1, v140, v104
v_cmpx_lt_u64_e32 vcc, v[194:195], v[54:55]
v_cmpx_lt_u64_e32 vcc, 0x1f4, v[170:171]
v_sub_f32_e32 v0, s14, v0
v_cmpx_lt_u64_e64 vcc, s[66:67], v[194:195]
v_cmpx_eq_u64_e32 vcc, v[198:199], v[70:71]
v_cmpx_eq_u64_e64 s[88:89], v[52:53], v[144:145]
v_cmpx_le_u64_e32 vcc, v[82:83], v[172:173]
v_subrev_f32_e32 v1, s14, v70
v_cmpx_le_u64_e64 s[92:93], v[102:103], v[100:101]
v_cmpx_gt_u64_e32 vcc, v[148:149], v[214:215]
v_cmpx_gt_u64_e32 vcc, 0x1f4, v[72:73]
v_add_f32_e32 v1, s14, v70
v_lshrrev_b32_e32 v1, v16, v50
v_cmpx_ne_u64_e32 vcc, 2.0, v[146:147]
v_lshrrev_b32_e32 v1, v38, v38
v_cmpx_ge_u64_e32 vcc, v[46:47], v[126:127]
v_cmpx_ge_u64_e64 vcc, v[90:91], v[58:59]
v_cmpx_t_u64_e32 vcc, v[14:15], v[70:71]
v_cmpx_t_u64_e32 vcc, 0x12345678, v[200:201]
v_cmpx_t_u64_e64 vcc, exec, v[232:233]
v_min_i32_e32 v25, v146, v12
v_mul_u32_u24_e32 v25, exec_lo, v152
v_mul_u32_u24_e32 v25, exec_lo, v214
v_add_f32_e64 v160, v230, v128 mul:4
v_add_f32_e64 v160, v58, v28 mul:2
v_add_f32_e64 v156, v88, v68
v_add_f32_e64 v72, v194, v202
v_add_f32_e64 v108, -1, v86
v_sub_f32_e64 v196, v198, v184
v_sub_f32_e64 v216, v194, v92 clamp
v_sub_f32_e64 v64, v92, v230
v_cndmask_b32_e32 v1, v126, v220, vcc
v_sub_f32_e64 v172, v236, v90
v_subrev_f32_e64 v108, v104, v36
v_subrev_f32_e64 v84, v10, v76 mul:2
v_subrev_f32_e64 v120, v60, -v108 clamp
v_fmac_f64_e64 v[172:173], |v[122:123]|, v[34:35]
v_fmac_f64_e64 v[128:129], v[56:57], v[110:111] clamp mul:4
v_fmac_f64_e64 v[52:53], |v[144:145]|, |v[140:141]| div:2
v_fmac_f64_e64 v[60:61], 64, v[212:213]
v_fmac_f64_e64 v[132:133], v[88:89], v[90:91] clamp
v_mul_f32_e64 v184, v24, v68
v_mul_f32_e64 v148, v156, v198 mul:2
v_mul_f32_e64 v16, |v50|, |v108| mul:2
v_mul_f32_e64 v136, |v102|, |v62| clamp
s_add_u32 s3, -10, 29
v_addc_co_u32_e32 v1, vcc, v102, v36, vcc
v_min_i32_e32 v1, v72, v184
v_mul_i32_i24_e64 v52, v44, v78
s_movk_i32 s3, 0xa46a
v_mul_hi_i32_i24_e64 v16, v66, v168
v_mul_hi_i32_i24_e64 v220, v210, v28
v_mul_hi_i32_i24_e64 v128, v42, v64
v_cndmask_b32_e32 v1, v72, v230, vcc
v_or_b32_e32 v1, s34, v126
v_min_i32_e32 v1, v234, v194
v_mul_u32_u24_e64 v84, v180, v114 clamp
v_mul_hi_u32_u24_e64 v16, exec_lo, v228
v_mul_u32_u24_e32 v1, exec_lo, v106
v_min_f32_e64 v76, -2.0, v22
s_add_u32 s2, 42, 45
s_xor_b32 s3, s90, s24
v_min_f32_e64 v132, v78, v88
v_max_f32_e64 v216, vcc_lo, v90 div:2
v_max_f32_e64 v188, v94, v170 clamp div:2
v_max_f32_e64 v220, v22, |v168| mul:2
v_max_f32_e64 v108, -v28, -v228
v_cndmask_b32_e32 v1, v180, v122, vcc
v_mul_u32_u24_e32 v1, exec_lo, v220
v_pk_fmac_f16_e32 v1, v140, v120
v_sub_f16_e32 v1, v122, v166
v_cndmask_b32_e32 v1, v48, v232, vcc
v_max_i16_e32 v1, v38, v136
v_cndmask_b32_e32 v1, v220, v234, vcc
v_min_i32_e32 v1, v54, v64
v_sub_f16_e32 v1, s12, v42
v_sub_f16_e32 v1, v184, v42
s_movk_i32 s3, 0x9550
v_ashrrev_i16_e32 v1, s78, v116
v_mul_u32_u24_e32 v1, exec_lo, v178
v_min_i32_e32 v1, v20, v144
v_min_i32_e32 v1, v184, v216
v_max_u32_e64 v32, 0, v198
v_max_i16_e32 v1, v212, v42
v_min_i32_e32 v1, v42, v70
v_mul_u32_u24_e32 v1, v224, v12
v_cndmask_b32_e32 v1, v78, v118, vcc
v_cndmask_b32_e32 v1, v222, v66, vcc
v_cndmask_b32_e32 v1, v156, v54, vcc
v_ashrrev_i32_e64 v76, v114, v28
v_lshlrev_b32_e64 v204, v58, v212
v_min_i32_e32 v1, v158, v156
v_and_b32_e64 v180, v124, v2
v_min_i32_e32 v1, vcc_lo, v200
v_and_b32_e64 v16, v118, v152
s_ashr_i32 s3, ttmp0, s53
v_or_b32_e64 v36, v208, v42
v_cndmask_b32_e32 v1, v130, v132, vcc
v_min_i32_e32 v1, v142, v84
v_mul_u32_u24_e32 v1, v140, v134
v_lshrrev_b32_e32 v1, v136, v182
v_max_f32_e32 v69, s76, v160
v_max_f32_e32 v17, 1, v86
v_min_u32_e32 v69, exec_lo, v94
v_max_i16_e32 v165, s30, v18
v_add_f32_e32 v231, exec_lo, v84
v_add_f32_e32 v129, v14, v52
v_mul_u32_u24_e32 v65, v70, v158
v_subrev_f32_e32 v65, vcc_lo, v174
v_sub_f32_e32 v241, v232, v138
v_cndmask_b32_e32 v133, v46, v210, vcc
v_sub_f32_e32 v173, v82, v96
v_mul_u32_u24_e32 v25, v50, v160
v_addc_co_u32_e64 v64, vcc, v158, v176, s[12:13] clamp
v_mul_u32_u24_e32 v25, v186, v172
s_add_u32 s50, s12, 25
v_mul_u32_u24_e32 v25, v194, v238
v_subb_co_u32_e64 v128, vcc, v2, v36, s[12:13] clamp
v_pk_fmac_f16_e32 v25, v198, v46
v_min_i32_e32 v25, s52, v170
v_subbrev_co_u32_e64 v224, vcc, v6, v122, s[12:13] clamp
v_mul_u32_u24_e32 v25, vcc_lo, v54
v_lshrrev_b32_e32 v25, v166, v22
v_add_f16_e64 v220, v180, v44 clamp mul:4
v_add_f16_e64 v72, v202, v100 clamp div:2
v_add_f16_e64 v152, v96, |v152| clamp
v_add_f16_e64 v176, -s50, v170 mul:4
v_sub_f16_e64 v76, exec_lo, v152
v_sub_f16_e64 v28, v166, v154 clamp
s_load_dword s81, s[84:85], 0x90e0
v_subrev_f16_e64 v184, -vcc_lo, v202 clamp div:2
v_subrev_f16_e64 v120, 1, v118
v_subrev_f16_e64 v12, s12, v92 clamp
v_subrev_f16_e64 v120, 0, v36 clamp
v_mul_f16_e64 v180, v40, v208 mul:4
v_mul_f16_e64 v12, |s36|, |v222| div:2
v_cndmask_b32_e32 v1, v120, v234, vcc
v_mul_f16_e64 v12, exec_lo, -v40
v_mac_f16_e64 v168, v142, |v16| clamp
v_mac_f16_e64 v88, v10, v186
v_mac_f16_e64 v188, v120, v176 clamp mul:2
v_mac_f16_e64 v236, v60, v30 div:2
v_mac_f16_e64 v36, v134, v104 mul:2
v_ashrrev_i16_e32 v1, v196, v46
v_mul_u32_u24_e32 v1, v40, v138
v_min_i32_e32 v1, s46, v6
v_cndmask_b32_e32 v1, v206, v100, vcc
s_load_dword s37, s[64:65], xnack_mask_lo offset:0x784cc
v_lshrrev_b32_e32 v1, v146, v236
v_mul_u32_u24_e32 v1, v126, v42
v_sub_u16_e64 v40, v174, v130
v_mul_u32_u24_e32 v1, exec_lo, v18
v_mul_u32_u24_e32 v1, v92, v152
v_mul_u32_u24_e32 v1, v182, v232
v_mul_u32_u24_e32 v1, v36, v14
v_lshrrev_b32_e32 v1, v158, v220
v_mul_lo_u16_e64 v140, v236, v28
v_lshrrev_b32_e32 v1, v160, v110
v_mul_u32_u24_e32 v1, v58, v110
v_min_i32_e32 v1, exec_lo, v62
v_mul_u32_u24_e32 v1, v84, v124
s_xor_b32 s3, s80, s13
s_lshl3_add_u32 s3, 0, s49
v_lshrrev_b32_e32 v1, v140, v88
v_min_i32_e32 v1, -1, v170
v_cndmask_b32_e32 v1, -1, v206, vcc
v_pk_fmac_f16_e32 v1, 1, v198
v_mul_u32_u24_e32 v1, -16, v106
v_max_f16_e64 v200, v136, v54 div:2
v_max_f16_e64 v164, s20, v186
v_max_f16_e64 v4, exec_lo, |v50| mul:2
v_max_f16_e64 v60, -1, v224 clamp mul:2
v_max_f16_e64 v72, s36, v120 clamp div:2
v_min_f16_e64 v148, -vcc_lo, v106
v_min_f16_e64 v32, v12, v146 mul:4
v_min_f16_e64 v92, s58, v34 clamp mul:4
v_mul_u32_u24_e32 v1, v66, v86
v_cndmask_b32_e32 v1, v86, v128, vcc
v_mul_u32_u24_e32 v1, s98, v26
v_sub_f16_e32 v1, v190, v48
v_cndmask_b32_e32 v1, v60, v16, vcc
v_min_i32_e32 v1, s48, v20
v_or_b32_e32 v1, v128, v218
v_max_i16_e64 v132, v90, v164
v_min_i32_e32 v1, s52, v148
v_min_i32_e32 v1, v50, v40
v_mul_u32_u24_e32 v1, v4, v2
v_mul_u32_u24_e32 v1, v126, v214
v_min_i16_e64 v116, v108, v192
v_ldexp_f16_e64 v72, -v192, v14 clamp mul:4
v_ldexp_f16_e64 v132, s96, v28 div:2
v_add_u32_e64 v108, v160, v168
v_mul_u32_u24_e32 v1, v120, v226
v_cndmask_b32_e32 v1, v208, v36, vcc
v_cndmask_b32_e32 v1, -16, v60, vcc
v_or_b32_e32 v1, v204, v96
v_sub_u32_e64 v204, s52, v206 clamp
v_cndmask_b32_e32 v1, v58, v238, vcc
v_mul_u32_u24_e32 v1, v224, v32
v_min_i32_e32 v1, vcc_lo, v28
v_dot2c_f32_f16_e64 v32, v174, v96 mul:4
v_dot2c_f32_f16_e64 v68, v150, v140 clamp mul:4
v_dot2c_f32_f16_e64 v96, v108, v28
v_min_i32_e32 v1, exec_lo, v54
v_dot2c_i32_i16_e64 v132, 2.0, v36 clamp
v_subrev_u16_e32 v1, exec_lo, v12
v_min_i32_e32 v1, v12, v208
s_xor_b32 s2, s10, 21
v_dot4c_i32_i8_e64 v104, v50, v190
v_dot8c_i32_i4_e64 v80, s60, v14
v_dot8c_i32_i4_e64 v112, v40, v60 clamp
v_fmac_f32_e64 v140, vcc_lo, |v50| mul:2
v_fmac_f32_e64 v224, s76, v168 clamp mul:4
v_fmac_f32_e64 v20, v112, v124 mul:4
v_fmac_f32_e64 v92, |v0|, |v114| div:2
v_mul_u32_u24_e32 v1, s58, v132
v_mul_u32_u24_e32 v1, v70, v12
v_min_i32_e32 v1, v164, v234
v_cndmask_b32_e32 v1, v132, v28, vcc
v_cndmask_b32_e32 v1, v52, v42, vcc
v_min_i32_e32 v185, v158, v214
v_min_i32_e32 v213, v76, v134
v_min_i32_e32 v65, s42, v150
v_min_u32_e32 v13, v90, v160
v_mul_u32_u24_e32 v121, vcc_lo, v80
v_mul_hi_i32_i24_e32 v13, v24, v76
v_mad_u32_u24 v108, v78, v162, s98 clamp
v_mul_i32_i24_e32 v217, -16, v60
v_sub_f32_e32 v85, v158, v14
v_bfe_u32 v128, v28, v38, s76
v_min_i32_e32 v29, v204, v70
v_subbrev_co_u32_e32 v169, vcc, v158, v132, vcc
v_sub_f32_e32 v49, v44, v56
v_mul_hi_u32_u24_e32 v1, v132, v228
v_mul_u32_u24_e32 v33, v84, v112
v_bfe_i32 v116, v40, v62, vcc_lo
v_add_u16_e32 v101, exec_lo, v52
v_min_i32_e32 v37, v116, v52
v_max_u32_e32 v205, v142, v130
v_bfi_b32 v220, vcc_lo, v184, vcc_lo
v_fma_f32 v220, -v34, v98, -s92 clamp
v_fma_f32 v72, exec_lo, v226, exec_lo mul:2
v_fma_f32 v32, s48, |v98|, |v126| clamp div:2
v_fma_f64 v[228:229], v[30:31], v[180:181], vcc clamp
v_fma_f64 v[200:201], |v[62:63]|, |v[66:67]|, |vcc| clamp mul:4
v_fma_f64 v[140:141], v[14:15], v[172:173], v[60:61] clamp mul:2
v_fma_f64 v[40:41], s[28:29], v[68:69], v[158:159] mul:2
v_fma_f64 v[172:173], v[184:185], v[102:103], vcc mul:2
v_min_i32_e32 v253, s8, v0
v_sub_f32_e32 v145, v148, v212
v_sub_f32_e32 v137, v202, v234
s_nor_b64 s[82:83], -16, 36
v_alignbit_b32 v52, v120, v184, v198
v_min_i32_e32 v65, v28, v6
v_cndmask_b32_e32 v213, v42, v216, vcc
v_min_f32_e32 v149, vcc_lo, v38
v_min_u32_e32 v17, v88, v130
v_alignbyte_b32 v104, exec_lo, v194, v194
v_add_co_u32_e32 v1, vcc, v16, v104
v_min_f32_e32 v57, vcc_lo, v200
v_mul_i32_i24_e32 v29, v114, v70
v_min3_f32 v44, v14, v58, vcc_lo
v_min3_f32 v144, v12, v16, v50 div:2
v_min3_f32 v188, |v8|, v16, |v124| mul:2
v_min3_f32 v172, v2, v94, v134 clamp mul:4
v_min3_f32 v4, v74, v188, exec_lo
v_min3_i32 v184, 1, v108, v104
v_add_f16_e32 v129, v184, v194
v_mul_f32_e32 v1, v18, v96
v_min_i32_e32 v45, s4, v168
v_cndmask_b32_e32 v253, v112, v200, vcc
v_min_f32_e32 v109, v52, v64
v_min_i32_e32 v73, v168, v164
v_min_f32_e32 v189, v38, v84
v_min_f32_e32 v169, s44, v158
v_max3_f32 v212, -v174, v228, v152 mul:4
v_max3_f32 v236, v234, v162, v182 clamp div:2
v_max3_f32 v36, s36, v92, v206 clamp div:2
v_max3_f32 v4, v24, v160, exec_lo mul:2
v_max3_f32 v8, v126, v42, v86 mul:4
v_max3_i32 v48, exec_lo, v208, v64
v_mul_u32_u24_e32 v213, -1, v74
v_max3_i32 v144, v80, v224, s54
v_lshlrev_b32_e32 v213, v118, v98
v_mul_u32_u24_e32 v253, v236, v192
v_max3_u32 v56, -1, v10, v96
v_min_f32_e32 v109, v132, v80
v_max_f32_e32 v73, v198, v56
v_med3_f32 v228, -16, v174, v164 mul:4
v_med3_f32 v216, v38, v66, exec_lo mul:4
v_med3_f32 v84, v58, v178, v194 clamp
v_med3_f32 v128, v34, v114, exec_lo
v_med3_f32 v80, v188, v40, v136 div:2
v_min_f32_e32 v217, v198, v222
v_min_i32_e32 v213, s86, v100
v_min_f32_e32 v245, v140, v226
v_min_u32_e32 v89, v174, v52
v_min_f32_e32 v113, v84, v202
v_max_u32_e32 v173, v110, v228
v_sub_f32_e32 v193, v158, v14
s_cmpk_le_u32 s82, 0x81e8
v_addc_co_u32_e32 v253, vcc, v194, v0, vcc
v_min_i32_e32 v213, v58, v136
s_pack_lh_b32_b16 ttmp14, s44, ttmp1
v_mul_i32_i24_e32 v41, s40, v54
v_min_u32_e32 v177, v96, v226
v_max_u32_e32 v89, v158, v190
v_mul_i32_i24_e32 v253, v162, v100
v_mul_u32_u24_e32 v185, v74, v228
v_mul_i32_i24_e32 v153, v212, v106
v_sub_f32_e32 v229, exec_lo, v194
v_addc_co_u32_e32 v57, vcc, v32, v30, vcc
v_min_u32_e32 v169, v76, v40
v_sad_u32 v132, v70, v142, v116 clamp
v_min_i32_e32 v253, v28, v94
s_pack_lh_b32_b16 ttmp15, s78, s33
v_lshlrev_b16_e32 v225, 64, v62
v_cvt_pk_u8_f32 v92, v106, v64, exec_lo
v_min_u32_e32 v153, v76, v234
v_min_i32_e32 v149, v132, v66
v_cvt_pk_u8_f32 v120, v72, v142, v160 clamp
v_add_f16_e32 v41, -1, v160
v_div_fixup_f32 v96, v174, v126, v24 clamp
v_div_fixup_f32 v180, -v144, v134, s56 mul:2
v_div_fixup_f32 v196, v206, v6, s96 mul:4
v_div_fixup_f32 v52, v32, v176, s8
v_div_fixup_f64 v[224:225], s[46:47], v[52:53], v[222:223]
v_div_fixup_f64 v[68:69], s[58:59], v[110:111], v[106:107]
v_div_fixup_f64 v[72:73], |v[98:99]|, |v[8:9]|, v[38:39]
v_div_fixup_f64 v[124:125], v[16:17], v[82:83], v[144:145]
v_div_scale_f32 v100, vcc, -v158, v10, -exec_lo
v_div_scale_f32 v76, vcc, v32, v128, s56 clamp mul:2
v_div_scale_f32 v160, vcc, exec_lo, v194, 1 clamp mul:4
v_div_scale_f32 v32, vcc, -v48, v36, v156
v_div_scale_f32 v208, s[12:13], v42, v98, v114
v_div_scale_f64 v[12:13], s[32:33], s[30:31], v[146:147], v[116:117] mul:4
v_div_scale_f64 v[192:193], s[0:1], v[154:155], v[206:207], s[80:81] div:2
v_div_scale_f64 v[176:177], s[0:1], 0, v[154:155], s[48:49] clamp mul:2
v_div_scale_f64 v[172:173], s[0:1], -v[142:143], v[30:31], -v[172:173] clamp mul:4
v_div_fmas_f32 v60, v142, v216, v228 div:2
v_div_fmas_f32 v84, v120, v94, v6 clamp mul:2
v_div_fmas_f64 v[96:97], |v[132:133]|, v[218:219], |v[102:103]| mul:2
v_div_fmas_f64 v[200:201], 1, v[56:57], |v[2:3]| mul:4
v_div_fmas_f64 v[208:209], v[228:229], v[156:157], v[86:87] mul:4
v_mad_u64_u32 v[152:153], s[2:3], v236, v124, v[82:83]
v_mad_u64_u32 v[192:193], s[0:1], v78, v26, v[86:87]
v_max_f32_e32 v41, 64, v124
v_mad_u64_u32 v[80:81], s[0:1], v158, v138, v[8:9]
v_and_b32_e32 v1, v80, v52
v_subrev_co_u32_e32 v197, vcc, 4.0, v166
v_mad_i64_i32 v[124:125], s[8:9], v178, v126, v[16:17] clamp
v_max_u32_e32 v197, v164, v78
v_mul_i32_i24_e32 v249, exec_lo, v206
v_or_b32_e32 v253, s64, v136
v_mul_i32_i24_e32 v217, v28, v68
s_sub_i32 ttmp14, exec_lo, 36
v_max_f32_e32 v57, v28, v204
v_sub_u32_e32 v131, v42, v40
v_mad_u32_u16 v64, vcc_lo, v14, vcc_lo clamp
v_min_u32_e32 v181, v50, v76
v_mad_u32_u16 v220, v146, v140, s22
v_mad_i32_i16 v44, v120, v50, v130
v_mad_i32_i16 v148, v188, v70, v228 op_sel:[0,0,1,0]
v_min_i32_e32 v169, v162, v34
v_mad_i32_i16 v132, v0, v222, v122
v_mad_i32_i16 v12, v68, v0, s30
v_fmamk_f32 v217, v188, 0xd1f30324, v136
v_sub_f32_e32 v133, v162, v220
v_mul_hi_u32_u24_e32 v129, v114, v116
v_sub_f32_e32 v221, exec_lo, v200
v_sub_f32_e32 v125, v74, v232
v_min3_f16 v24, -v26, -v206, 0 clamp
v_min3_f16 v36, -v226, v108, -v154 clamp mul:2
v_min3_f16 v60, v18, v234, v184 op_sel:[1,1,0,1] clamp div:2
v_min3_f16 v148, s80, v178, 1 clamp
v_min3_f16 v52, v158, v226, exec_lo
v_max_i32_e32 v131, v178, v18
s_lshl1_add_u32 s75, exec_lo, 17
v_subrev_u32_e32 v153, s74, v46
v_min3_i16 v188, v8, v140, s96
v_min3_i16 v24, 0, v16, v228 op_sel:[1,1,0,1]
v_min3_u16 v4, v132, v22, v90 op_sel:[0,0,0,1]
v_mul_i32_i24_e32 v233, v206, v192
v_min3_u16 v52, v116, v100, v120
v_max_u32_e32 v29, v122, v46
v_max3_f16 v200, 64, v18, v90 op_sel:[0,1,0,0] clamp
v_max3_f16 v216, v198, v56, v206 clamp
v_max3_f16 v196, v86, v120, v32
v_max3_f16 v48, v82, v196, s14
v_max3_i16 v128, v228, v24, vcc_lo op_sel:[1,0,0,0]
v_min_u32_e32 v129, v200, v194
v_max3_i16 v48, v106, v120, v194
v_max3_u16 v140, v10, v40, v208
v_max_u32_e32 v213, v216, v212
v_min_i32_e32 v253, v6, v172
v_mul_hi_i32_i24_e32 v165, v178, v114
v_min_f32_e32 v129, v114, v26
v_med3_f16 v32, vcc_lo, v72, v216 op_sel:[1,1,0,1]
v_med3_f16 v156, v8, v148, v28 div:2
v_med3_f16 v88, -v66, -v54, v198 mul:2
v_med3_f16 v104, exec_lo, v82, v42
v_mul_u32_u24_e32 v253, v236, v2
v_min_i32_e32 v13, 0, v176
v_med3_i16 v108, s4, v130, v30 op_sel:[0,0,0,1]
v_min_i32_e32 v69, v32, v76
v_min_f32_e32 v73, 1, v148
v_mul_hi_i32_i24_e32 v217, exec_lo, v48
v_max_i32_e32 v131, v236, v114
v_med3_u16 v232, v12, v26, s82 op_sel:[1,1,0,1] clamp
v_med3_u16 v200, v92, v134, 0 op_sel:[0,0,1,0]
v_mul_hi_i32_i24_e32 v161, v102, v100
v_min_i32_e32 v145, s58, v200
v_subrev_f32_e32 v117, v136, v192
v_min_i32_e32 v161, -16, v64
v_mul_i32_i24_e32 v41, v138, v222
v_subrev_u16_e32 v253, v56, v198
v_add_lshl_u32 v148, v218, v226, v4
v_cndmask_b32_e32 v253, v144, v226, vcc
s_and_b32 s58, ttmp8, s45
v_add3_u32 v156, v104, v130, v174
v_mul_u32_u24_e32 v253, v182, v224
v_add3_u32 v160, s18, v8, v216
v_min_f32_e32 v57, v54, v194
v_fmac_f32_e32 v49, v14, v236
v_mul_f32_e32 v129, v194, v46
v_max_u32_e32 v137, s78, v106
v_mul_hi_u32_u24_e32 v129, v90, v174
v_lshl_or_b32 v28, v186, v72, vcc_lo
v_and_or_b32 v104, exec_lo, v238, v90
v_max_i16_e32 v117, v128, v118
v_and_or_b32 v48, v136, v144, exec_lo
s_or_b64 s[58:59], s[70:71], ttmp[4:5]
v_mul_hi_u32_u24_e32 v3, vcc_lo, v76
v_or3_b32 v64, v150, v136, s90
v_subrev_f32_e32 v49, v200, v50
v_mad_f16 v32, -s46, v88, -v80 clamp
v_mad_f16 v204, -v50, v130, v224 op_sel:[0,0,1,0]
v_mad_f16 v144, v180, v178, -16 clamp mul:4
v_mad_f16 v124, -v76, v162, -vcc_lo mul:2
v_mad_f16 v152, |v204|, -v176, -s92 mul:2
v_subrev_co_u32_e32 v65, vcc, v170, v186
v_lshlrev_b16_e32 v5, v180, v30
v_max_u32_e32 v157, v26, v114
v_mad_u16 v116, 0, v44, s40
v_max_f32_e32 v145, v72, v6
v_sub_co_u32_e32 v169, vcc, v18, v226
v_fma_f16 v32, |v10|, v108, |v72|
v_fma_f16 v236, exec_lo, v90, v220 mul:2
v_fma_f16 v52, v154, -v230, -vcc_lo op_sel:[0,0,1,0] mul:4
v_fma_f16 v200, exec_lo, v90, v96 op_sel:[1,0,0,0] clamp
v_fma_f16 v72, v68, |v154|, |vcc_lo| clamp div:2
v_div_fixup_f16 v56, v26, v114, 64 div:2
v_div_fixup_f16 v100, v72, v232, v4 clamp mul:4
v_div_fixup_f16 v36, v30, v228, s52 op_sel:[1,0,0,0] mul:4
v_div_fixup_f16 v100, -16, v196, v124 mul:2
v_div_fixup_f16 v148, v222, v204, 64 clamp div:2
v_dot8c_i32_i4_e32 v125, 64, v218
v_max_f32_e32 v65, v112, v180
v_mul_u32_u24_e32 v137, v196, v12
v_lshl_add_u64 v[220:221], v[138:139], v10, s[78:79]
v_add_f64 v[124:125], v[224:225], v[118:119]
v_add_f64 v[220:221], v[44:45], v[186:187] clamp mul:4
v_min_i32_e32 v1, v202, v150
s_load_dword ttmp10, s[68:69], xnack_mask_hi offset:0x18058 glc
v_mul_f64 v[140:141], v[86:87], v[150:151] clamp mul:4
v_mul_f64 v[176:177], v[200:201], v[104:105] clamp
v_mul_f64 v[100:101], neg(0.5), -v[18:19]
v_min_f64 v[144:145], |v[10:11]|, v[166:167] clamp
v_min_f64 v[164:165], -v[94:95], -v[56:57] mul:2
v_min_f64 v[88:89], exec, v[92:93]
v_min_f64 v[96:97], -2.0, v[236:237] mul:2
v_min_f64 v[16:17], -16, |v[58:59]| clamp mul:4
v_max_f64 v[220:221], 1, v[118:119] div:2
v_max_f64 v[44:45], v[134:135], v[114:115] mul:4
v_max_f64 v[64:65], v[214:215], v[122:123] mul:2
v_max_f64 v[24:25], exec, -v[200:201] div:2
v_max_f64 v[160:161], exec, v[98:99] clamp mul:4
s_lshl3_add_u32 s2, exec_lo, 44
v_ldexp_f64 v[184:185], v[14:15], v16 div:2
v_ldexp_f64 v[4:5], -16, v68
v_ldexp_f64 v[100:101], 1, v96 mul:2
v_ldexp_f64 v[184:185], v[186:187], v222 mul:4
v_fmaak_f32 v1, v20, v114, 0xd285001c
v_mul_u32_u24_e32 v1, v116, v102
v_max_i16_e32 v1, v120, v108
v_mul_u32_u24_e32 v1, v198, v186
v_mul_u32_u24_e32 v1, v146, v168
v_cndmask_b32_e32 v1, v42, v162, vcc
v_min_i32_e32 v1, v134, v132
v_ldexp_f32 v212, v146, v124
v_ldexp_f32 v188, s0, v222
v_ldexp_f32 v40, v86, v24 div:2
v_sub_f16_e32 v0, v80, v12
v_ashrrev_i16_e32 v0, v206, v135
v_cndmask_b32_e32 v0, v222, v12, vcc
s_add_u32 s1, 36, s15
v_sub_f16_e32 v0, 7, v135
v_min_i32_e32 v0, 7, v12
s_xor_b32 s3, s92, -9
v_bcnt_u32_b32 v60, 0, v78
v_mul_u32_u24_e32 v1, v40, v146
v_subrev_u16_e32 v1, v12, v140
v_min_i32_e32 v1, v230, v218
v_mul_u32_u24_e32 v1, v130, v14
v_mul_u32_u24_e32 v1, v50, v4
v_mbcnt_lo_u32_b32 v32, v40, v66
v_mul_u32_u24_e32 v1, s90, v112
v_mul_u32_u24_e32 v1, v34, v74
v_lshlrev_b64 v[172:173], v138, v[62:63]
v_lshlrev_b64 v[120:121], s4, v[92:93]
v_mul_u32_u24_e32 v1, v88, v116
v_mul_u32_u24_e32 v1, exec_lo, v36
v_mul_u32_u24_e32 v1, v8, v122
v_ashrrev_i16_e32 v1, v112, v196
v_add_u32_e32 v1, s96, v68
v_add_u32_e32 v1, -1, v142
v_min_i32_e32 v1, -1, v102
v_max_i16_e32 v1, -16, v58
v_dot2c_i32_i16_e32 v1, v222, v30
s_xor_b32 s2, exec_lo, -2.0
s_load_dword s23, s[0:1], xnack_mask_hi offset:-0xcfe64
v_mul_u32_u24_e32 v1, exec_lo, v230
v_min_i32_e32 v1, v0, v90
v_cvt_pknorm_i16_f32 v36, exec_lo, v200
v_cvt_pknorm_i16_f32 v92, v124, v238
v_min_i32_e32 v1, v136, v216
v_min_i32_e32 v1, v54, v62
v_cvt_pknorm_u16_f32 v236, v88, v130 clamp
v_mul_u32_u24_e32 v1, -1.0, v168
v_cvt_pkrtz_f16_f32 v164, neg(-1), v18
v_cvt_pkrtz_f16_f32 v120, |v188|, v58
v_cvt_pkrtz_f16_f32 v204, s18, -v120 clamp mul:4
v_cvt_pkrtz_f16_f32 v92, s62, v202 mul:4
s_add_u32 s3, s32, s37
v_min_i32_e32 v1, s34, v238
s_load_dword ttmp4, s[36:37], xnack_mask_hi offset:-0x8ff8c glc
v_mul_u32_u24_e32 v1, -0.5, v224
v_sub_f16_e32 v1, 64, v232
v_mul_u32_u24_e32 v1, vcc_lo, v142
v_mul_u32_u24_e32 v1, s54, v188
v_cvt_pk_i16_i32 v148, 0.15915494, v46
v_min_i32_e32 v1, v112, v178
s_movk_i32 s2, 0x287e
v_min_i32_e32 v1, exec_lo, v172
v_min_i32_e32 v1, v62, v128
v_dot2c_i32_i16_e32 v1, s18, v16
v_cndmask_b32_e32 v1, v78, v168, vcc
v_add_u32_e32 v1, v160, v34
v_ashrrev_i16_e32 v1, v186, v24
v_mul_u32_u24_e32 v1, exec_lo, v4
v_min_i32_e32 v1, v218, v4
v_add_i32 v164, exec_lo, v154 clamp
v_sub_i32 v184, s48, v118
v_cndmask_b32_e32 v1, v6, v10, vcc
v_mul_u32_u24_e32 v1, v138, v144
s_add_u32 s3, -2, 49
v_min_i32_e32 v1, v132, v52
s_ashr_i32 s3, s18, ttmp12
v_add_i16 v108, v22, v48
v_cndmask_b32_e32 v1, v190, v42, vcc
v_pack_b32_f16 v160, v192, |v168|
v_pack_b32_f16 v12, s90, -v68
v_dot2c_i32_i16_e32 v1, v44, v224
v_pack_b32_f16 v104, v108, v10 op_sel:[0,1,0]
v_mul_u32_u24_e32 v1, 1, v128
v_cvt_pk_fp8_f32 v168, v120, v170 op_sel:[0,1,0]
v_cvt_pk_fp8_f32 v172, v32, v112
v_min_i32_e32 v1, v136, v150
v_cvt_sr_fp8_f32 v132, s18, v232
v_mul_u32_u24_e32 v1, exec_lo, v104
v_cndmask_b32_e32 v1, v84, v10, vcc
v_mul_u32_u24_e32 v1, s38, v138
v_cvt_sr_bf8_f32 v196, v206, v62
v_add_f32_e64 v80, s90, v90
v_add_f32_e64 v224, v64, v146
v_sub_f32_e64 v20, v10, v196
v_sub_f32_e64 v212, v228, v188
v_subrev_f32_e64 v152, -1, v4
v_subrev_f32_e64 v176, v114, v152
v_fmac_f64_e64 v[152:153], exec, v[198:199]
v_fmac_f64_e64 v[192:193], v[110:111], v[70:71]
v_mul_f32_e64 v88, v58, v16
v_mul_f32_e64 v228, v24, v46
v_mul_i32_i24_e64 v48, s46, v48
v_mul_i32_i24_e64 v168, v102, v164
v_mul_hi_i32_i24_e64 v132, v226, v40
v_mul_hi_i32_i24_e64 v36, v180, v76
v_mul_u32_u24_e64 v160, v78, v156
v_mul_u32_u24_e64 v212, v180, v220
v_mul_hi_u32_u24_e64 v64, v146, v36
v_mul_hi_u32_u24_e64 v44, v190, v64
v_min_f32_e64 v164, v108, v180
v_min_f32_e64 v108, v172, v170
v_max_f32_e64 v148, exec_lo, v98
v_max_f32_e64 v192, v150, v132
v_min_i32_e64 v96, 1, v0
v_min_i32_e64 v56, v122, v46
v_max_i32_e64 v52, v10, v56
v_max_i32_e64 v96, exec_lo, v74
v_min_u32_e64 v64, s14, v230
v_min_u32_e64 v160, v48, v154
v_max_u32_e64 v128, vcc_lo, v164
v_max_u32_e64 v232, v192, v0
v_lshrrev_b32_e64 v212, v120, v150
v_lshrrev_b32_e64 v88, v22, v140
v_ashrrev_i32_e64 v208, v16, v218
v_ashrrev_i32_e64 v176, v140, v20
v_lshlrev_b32_e64 v148, v222, v66
v_lshlrev_b32_e64 v120, exec_lo, v212
v_and_b32_e64 v136, exec_lo, v130
v_and_b32_e64 v148, s84, v144
v_or_b32_e64 v104, s74, v194
v_or_b32_e64 v100, v62, v24
v_xor_b32_e64 v88, v208, v94
v_xor_b32_e64 v80, v188, v226
v_subrev_f32_e32 v81, exec_lo, v64
v_sub_f32_e32 v153, v22, v94
v_subrev_f32_e32 v21, v208, v206
v_sub_f32_e32 v93, v218, v232
v_sub_f32_e32 v81, s6, v172
v_subrev_f32_e32 v141, v178, v158
v_add_f16_e64 v28, v214, v120
v_add_f16_e64 v48, v12, v146
v_sub_f16_e64 v96, v50, v200
v_sub_f16_e64 v84, s48, v46
v_subrev_f16_e64 v64, v202, v218
v_subrev_f16_e64 v200, v164, v154
v_mul_f16_e64 v80, v134, v112
v_mul_f16_e64 v76, v28, v6
v_mac_f16_e64 v212, s16, v226
v_mac_f16_e64 v164, v90, v62
v_add_u16_e64 v160, v64, v156
v_add_u16_e64 v100, -1, v106
v_sub_u16_e64 v104, v52, v14
v_sub_u16_e64 v168, v190, v124
v_subrev_u16_e64 v108, s52, v218
v_subrev_u16_e64 v108, exec_lo, v208
v_mul_lo_u16_e64 v132, v80, v138
v_mul_lo_u16_e64 v76, s30, v58
v_lshlrev_b16_e64 v176, s4, v44
v_lshlrev_b16_e64 v112, v16, v106
v_lshrrev_b16_e64 v96, v86, v88
v_lshrrev_b16_e64 v28, v114, v150
v_ashrrev_i16_e64 v160, v142, v174
v_ashrrev_i16_e64 v200, v90, v178
v_max_f16_e64 v32, v168, v30
v_max_f16_e64 v156, exec_lo, v100
v_min_f16_e64 v160, v96, v206
v_min_f16_e64 v220, v222, v116
v_max_u16_e64 v36, v2, v234
v_max_u16_e64 v172, exec_lo, v72
v_max_i16_e64 v204, v114, v134
v_max_i16_e64 v188, -16, v64
v_min_u16_e64 v164, v204, v124
v_min_u16_e64 v16, v18, v186
v_min_i16_e64 v100, v208, v230
v_min_i16_e64 v44, -16, v152
v_ldexp_f16_e64 v108, v62, v2
v_ldexp_f16_e64 v56, v114, v142
v_add_u32_e64 v208, 1, v136
v_add_u32_e64 v216, v102, v152
v_sub_u32_e64 v116, v22, v12
v_sub_u32_e64 v192, vcc_lo, v90
v_subrev_u32_e64 v220, v24, v50
v_subrev_u32_e64 v104, vcc_lo, v8
v_dot2c_f32_f16_e64 v96, s18, v220
v_dot2c_f32_f16_e64 v192, v92, v178
v_dot2c_i32_i16_e64 v32, v156, v132
v_dot2c_i32_i16_e64 v44, v50, v36
v_dot4c_i32_i8_e64 v48, v222, v4
v_dot4c_i32_i8_e64 v76, v234, v24
v_dot8c_i32_i4_e64 v144, v108, v168
v_dot8c_i32_i4_e64 v184, v228, v86
v_fmac_f32_e64 v108, vcc_lo, v126
v_fmac_f32_e64 v80, v152, v150
v_xnor_b32_e64 v124, exec_lo, v12
v_xnor_b32_e64 v92, v2, v122
v_mad_i32_i24 v52, v166, v52, v196
v_mad_i32_i24 v200, -1, v20, v36
v_mad_u32_u24 v60, v46, v222, v196
v_mad_u32_u24 v64, v48, v152, v114
v_bfe_u32 v132, v92, v0, v12
v_bfe_u32 v156, v120, v226, v196
v_bfe_i32 v108, 64, v190, v232
v_bfe_i32 v192, v134, v160, v14
v_bfi_b32 v236, v212, v156, v160
v_bfi_b32 v188, v140, v160, v140
v_fma_f32 v228, v188, v4, v206
v_fma_f32 v160, v216, v192, v122
v_fma_f64 v[92:93], v[216:217], v[28:29], v[236:237]
v_fma_f64 v[92:93], s[30:31], v[66:67], v[200:201]
v_lerp_u8 v136, s64, v146, v184
v_lerp_u8 v148, v34, v150, v42
v_alignbit_b32 v164, s78, v132, v168
v_alignbit_b32 v36, v234, v134, v38
v_alignbyte_b32 v116, v62, v142, v42
v_alignbyte_b32 v208, v236, v210, v156
v_min3_f32 v196, v202, v154, v176
v_min3_f32 v64, vcc_lo, v58, v86
v_min3_i32 v168, v44, v224, v198
v_min3_i32 v12, v98, v60, v224
v_min3_u32 v224, v138, v172, v112
v_min3_u32 v172, v158, v194, v184
v_max3_f32 v52, v0, v42, v238
v_max3_f32 v160, v66, v102, v8
v_max3_i32 v100, v214, v224, v66
v_max3_i32 v68, v46, v96, v48
v_max3_u32 v12, s28, v232, v16
v_max3_u32 v132, v50, v4, v2
v_med3_f32 v4, s84, v40, v96
v_med3_f32 v140, s60, v238, v164
v_med3_i32 v212, exec_lo, v154, v82
v_med3_i32 v156, vcc_lo, v14, v190
v_med3_u32 v160, v120, v12, v102
v_med3_u32 v216, s12, v104, v38
v_sad_u8 v140, -16, v46, v164
v_sad_u8 v172, s44, v236, v226
v_sad_hi_u8 v108, v192, v188, v238
v_sad_hi_u8 v212, v110, v84, v66
v_sad_u16 v36, s22, v232, v32
v_sad_u16 v148, s32, v228, v100
v_sad_u32 v20, v222, v146, v50
v_sad_u32 v216, s34, v138, v30
v_cvt_pk_u8_f32 v176, v208, v14, v238
v_cvt_pk_u8_f32 v64, v104, v216, v120
v_div_fixup_f32 v92, 1, v30, v226
v_div_fixup_f32 v4, v238, v208, v84
v_div_fixup_f64 v[236:237], 64, v[110:111], v[122:123]
v_div_fixup_f64 v[96:97], v[126:127], v[84:85], v[28:29]
v_div_scale_f32 v220, s[0:1], vcc_lo, v70, v146
v_div_scale_f32 v160, s[0:1], s30, v164, v86
v_div_scale_f64 v[88:89], s[0:1], v[234:235], v[48:49], v[76:77]
v_div_scale_f64 v[116:117], s[0:1], v[114:115], v[222:223], v[30:31]
v_div_fmas_f32 v76, v34, v170, v164
v_div_fmas_f32 v192, -16, v208, v24
v_div_fmas_f64 v[12:13], v[202:203], v[210:211], v[236:237]
v_mad_u64_u32 v[108:109], s[0:1], v204, v142, v[116:117]
v_mad_u64_u32 v[64:65], s[0:1], v72, v28, v[46:47]
v_mad_i64_i32 v[116:117], s[0:1], v192, v96, v[8:9]
v_mad_i64_i32 v[224:225], s[0:1], v224, v132, v[180:181]
v_perm_b32 v24, v120, v54, v128
v_perm_b32 v56, v110, v60, v92
v_mad_u32_u16 v48, -16, v236, v146
v_mad_u32_u16 v224, v18, v160, v178
v_mad_i32_i16 v120, v6, v72, v58
v_mad_i32_i16 v12, v34, v170, v110
v_xad_u32 v8, v12, v88, v76
v_xad_u32 v12, v144, v30, v212
v_min3_f16 v32, v170, v84, v132
v_min3_f16 v160, vcc_lo, v110, v140
v_min3_i16 v184, v158, v2, v44
v_min3_i16 v96, s82, v96, v132
v_min3_u16 v20, v58, v206, v100
v_min3_u16 v196, v118, v12, v12
v_max3_f16 v72, v170, v122, v80
v_max3_f16 v100, v236, v6, v226
v_max3_i16 v76, v178, v184, v18
v_max3_i16 v72, v152, v116, v62
v_max3_u16 v72, v8, v216, v108
v_max3_u16 v232, v86, v74, v8
v_med3_f16 v212, v104, v20, v88
v_med3_f16 v220, v172, v46, v204
v_med3_i16 v48, v198, v184, v172
v_med3_i16 v120, v206, v188, v92
v_med3_u16 v160, s76, v206, v160
v_med3_u16 v224, v216, v64, v142
v_lshl_add_u32 v88, exec_lo, v14, v222
v_lshl_add_u32 v124, v216, v30, v62
v_add_lshl_u32 v20, s98, v38, v184
v_add_lshl_u32 v108, v216, v236, v84
v_add3_u32 v28, s98, v10, v52
v_add3_u32 v44, v166, v162, v136
v_lshl_or_b32 v144, v176, v116, v126
v_lshl_or_b32 v160, v232, v136, v202
v_and_or_b32 v120, v56, v8, v14
v_and_or_b32 v96, s24, v8, v26
v_or3_b32 v204, v26, v34, v70
v_or3_b32 v152, vcc_lo, v202, v106
v_mad_f16 v120, v86, v166, v68
v_mad_f16 v204, v190, v112, v132
v_mad_u16 v56, s26, v82, v52
v_mad_u16 v172, v174, v10, v6
v_mad_i16 v84, v136, v78, v26
v_mad_i16 v180, v138, v106, v90
v_fma_f16 v136, s52, v24, v166
v_fma_f16 v4, v32, v36, v238
v_div_fixup_f16 v208, v220, v62, v216
v_div_fixup_f16 v116, v0, v192, v24
v_lshl_add_u64 v[32:33], v[192:193], v212, v[66:67]
v_lshl_add_u64 v[128:129], v[122:123], v168, v[4:5]
v_add_f64 v[32:33], v[24:25], v[124:125]
v_add_f64 v[192:193], exec, v[138:139]
v_mul_f64 v[92:93], vcc, v[76:77]
v_mul_f64 v[80:81], v[162:163], v[30:31]
v_min_f64 v[204:205], v[106:107], v[98:99]
v_min_f64 v[112:113], v[222:223], v[154:155]
v_max_f64 v[80:81], v[142:143], v[114:115]
v_max_f64 v[140:141], exec, v[96:97]
v_ldexp_f64 v[132:133], v[4:5], v62
v_ldexp_f64 v[88:89], v[216:217], v236
v_mul_lo_u32 v124, v66, v34
v_mul_lo_u32 v232, v86, v204
v_mul_hi_u32 v76, v174, v28
v_mul_hi_u32 v180, exec_lo, v170
v_mul_hi_i32 v184, v128, v104
v_mul_hi_i32 v100, v108, v172
v_ldexp_f32 v32, v38, v58
v_ldexp_f32 v40, 0, v98
v_readlane_b32 s10, v0, s12
v_readlane_b32 s70, v166, s12
v_writelane_b32 v76, s14, 7
v_writelane_b32 v4, 9, s12
v_bcnt_u32_b32 v216, vcc_lo, v142
v_bcnt_u32_b32 v124, v24, v202
v_mbcnt_lo_u32_b32 v220, -1, v206
v_mbcnt_lo_u32_b32 v228, v198, v56
v_mbcnt_hi_u32_b32 v28, 0, v124
v_mbcnt_hi_u32_b32 v120, v68, v174
v_lshlrev_b64 v[156:157], v216, v[190:191]
v_lshlrev_b64 v[196:197], v156, v[40:41]
v_lshrrev_b64 v[156:157], vcc_lo, v[2:3]
v_lshrrev_b64 v[196:197], v152, v[156:157]
v_ashrrev_i64 v[112:113], v68, v[116:117]
v_ashrrev_i64 v[148:149], v108, v[214:215]
v_bfm_b32 v104, v56, v200
v_bfm_b32 v28, v8, v96
v_cvt_pknorm_i16_f32 v20, v106, v210
v_cvt_pknorm_i16_f32 v188, v170, v94
v_cvt_pknorm_u16_f32 v228, v0, v94
v_cvt_pknorm_u16_f32 v168, v146, v24
v_cvt_pkrtz_f16_f32 v156, vcc_lo, v48
v_cvt_pkrtz_f16_f32 v160, s64, v138
v_cvt_pk_u16_u32 v12, s58, v104
v_cvt_pk_u16_u32 v80, 0, v192
v_cvt_pk_i16_i32 v128, v70, v40
v_cvt_pk_i16_i32 v92, s32, v58
v_cvt_pknorm_i16_f16 v140, v182, v60
v_cvt_pknorm_i16_f16 v204, v8, v104
v_cvt_pknorm_u16_f16 v68, v76, v170
v_cvt_pknorm_u16_f16 v68, vcc_lo, v224
v_add_i32 v128, vcc_lo, v138
v_add_i32 v152, v10, v140
v_sub_i32 v200, v150, v146
v_sub_i32 v32, s58, v176
v_add_i16 v40, v208, v138
v_add_i16 v24, s42, v116
v_sub_i16 v132, v100, v98
v_sub_i16 v68, v120, v120
v_pack_b32_f16 v28, s44, v234
v_pack_b32_f16 v20, s0, v112
v_cvt_pk_fp8_f32 v136, v212, v154
v_cvt_pk_fp8_f32 v136, v60, v136
v_cvt_pk_bf8_f32 v148, s96, v56
v_cvt_pk_bf8_f32 v208, v98, v14
v_cvt_sr_fp8_f32 v84, v216, v80
v_cvt_sr_fp8_f32 v32, v30, v172
v_cvt_sr_bf8_f32 v140, v26, v146
v_cvt_sr_bf8_f32 v200, v34, v104
v_nop
v_fmac_f64_e32 v[0:1], v[34:35], v[0:1]
v_cndmask_b32_e32 v0, v148, v0, vcc
v_lshrrev_b32_e32 v0, exec_lo, v0
v_or_b32_e32 v0, vcc_lo, v0
v_cndmask_b32_e32 v0, v82, v0, vcc
v_or_b32_e32 v0, v122, v0
v_or_b32_e32 v0, v170, v0
v_lshrrev_b32_e32 v0, v76, v0
v_or_b32_e32 v0, s70, v0
v_cvt_i32_f64_e64 v128, exec
v_cvt_i32_f64_e64 v98, -|1| clamp
v_cvt_i32_f64_e64 v72, -|v[118:119]| clamp
v_cndmask_b32_e32 v0, v26, v0, vcc
v_lshrrev_b32_e32 v0, v226, v0
v_fmac_f64_e32 v[0:1], v[28:29], v[0:1]
v_or_b32_e32 v0, v104, v0
v_or_b32_e32 v0, v86, v0
v_cndmask_b32_e32 v0, v156, v0, vcc
v_cvt_u32_f32_e64 v186, 1
v_cvt_u32_f32_e64 v136, |v14| clamp
v_cvt_u32_f32_e64 v180, -v92
v_cvt_i32_f32_e64 v154, -|exec_lo| clamp
v_cvt_i32_f32_e64 v54, |vcc_lo| mul:2
v_cvt_i32_f32_e64 v110, v238
v_cvt_f16_f32_e64 v90, -|v122| mul:2
v_cvt_f16_f32_e64 v162, -v160
v_cvt_f16_f32_e64 v18, -|vcc_lo| clamp
v_cvt_f32_f16_e64 v194, exec_lo
v_cvt_f32_f16_e64 v146, -v156 clamp
v_cvt_f32_f16_e64 v62, v216 clamp
v_cvt_rpi_i32_f32_e64 v158, -v76
v_cvt_rpi_i32_f32_e64 v166, |s76|
v_or_b32_e32 v0, v164, v0
v_cvt_flr_i32_f32_e64 v92, v218 clamp
v_cvt_flr_i32_f32_e64 v14, v14
v_cvt_flr_i32_f32_e64 v186, v128
v_lshrrev_b32_e32 v0, s6, v0
v_lshrrev_b32_e32 v0, v36, v0
v_or_b32_e32 v0, -1, v0
v_cvt_f32_f64_e64 v164, exec
v_cvt_f32_f64_e64 v72, -|v[168:169]| mul:2
v_cvt_f32_f64_e64 v146, -|v[80:81]| clamp
v_cvt_f64_f32_e64 v[74:75], -v8
v_cvt_f64_f32_e64 v[92:93], -|s86|
v_cvt_f64_f32_e64 v[10:11], -|v104| mul:2
v_or_b32_e32 v0, v220, v0
v_fmac_f64_e32 v[0:1], v[172:173], v[0:1]
v_lshrrev_b32_e32 v0, s82, v0
v_cvt_f32_ubyte1_e64 v6, v10
v_lshrrev_b32_e32 v0, s64, v0
v_lshrrev_b32_e32 v0, v196, v0
v_lshrrev_b32_e32 v0, v218, v0
v_cvt_f32_ubyte2_e64 v78, v178
v_cvt_f32_ubyte2_e64 v162, v150
v_fmac_f64_e32 v[0:1], exec, v[0:1]
v_cndmask_b32_e32 v0, v114, v0, vcc
v_cvt_u32_f64_e64 v164, |v[150:151]| clamp
v_cvt_u32_f64_e64 v46, |exec|
v_cvt_u32_f64_e64 v130, v[196:197] clamp
v_or_b32_e32 v0, v172, v0
v_lshrrev_b32_e32 v0, s50, v0
v_trunc_f64_e64 v[108:109], |vcc|
v_trunc_f64_e64 v[104:105], -s[54:55]
v_trunc_f64_e64 v[104:105], v[154:155]
v_ceil_f64_e64 v[30:31], v[10:11]
v_ceil_f64_e64 v[62:63], |64| clamp
v_ceil_f64_e64 v[94:95], s[54:55]
v_rndne_f64_e64 v[96:97], |v[10:11]|
v_rndne_f64_e64 v[78:79], |v[134:135]| clamp
v_rndne_f64_e64 v[128:129], v[148:149] clamp
v_floor_f64_e64 v[106:107], v[26:27] clamp
v_floor_f64_e64 v[22:23], |v[108:109]| clamp mul:2
v_floor_f64_e64 v[54:55], |v[30:31]|
v_fract_f32_e64 v90, -|v232| clamp mul:2
v_fract_f32_e64 v14, v28 clamp
v_fract_f32_e64 v128, -|4.0|
v_trunc_f32_e64 v16, -|0.15915494| clamp
v_trunc_f32_e64 v30, |v90|
v_trunc_f32_e64 v158, -v12 mul:2
v_ceil_f32_e64 v20, -v238
v_ceil_f32_e64 v2, -|v34|
v_ceil_f32_e64 v178, -|v210| clamp
v_rndne_f32_e64 v28, -|v218|
v_rndne_f32_e64 v92, -|vcc_lo| clamp
v_rndne_f32_e64 v18, -v186 mul:2
v_floor_f32_e64 v136, -|-1| mul:2
v_floor_f32_e64 v172, -v88 clamp
v_floor_f32_e64 v10, v58
v_exp_f32_e64 v174, v80 clamp
v_exp_f32_e64 v62, |1.0| clamp mul:2
v_exp_f32_e64 v116, v132
v_log_f32_e64 v148, exec_lo mul:2
v_log_f32_e64 v12, -v184 clamp
v_log_f32_e64 v126, -|v202|
v_rcp_f32_e64 v56, -|v156| clamp
v_rcp_f32_e64 v22, |v212| mul:2
v_rcp_f32_e64 v78, exec_lo
v_rcp_iflag_f32_e64 v42, -v0 mul:2
v_rcp_iflag_f32_e64 v22, |s94| mul:2
v_rcp_iflag_f32_e64 v6, v228
v_rsq_f32_e64 v152, -|vcc_lo|
v_rsq_f32_e64 v144, |v2|
v_rsq_f32_e64 v20, |v182| clamp
v_rcp_f64_e64 v[110:111], -v[32:33]
v_rcp_f64_e64 v[62:63], |s[74:75]|
v_rcp_f64_e64 v[30:31], |v[156:157]|
v_rsq_f64_e64 v[170:171], |v[194:195]|
v_rsq_f64_e64 v[152:153], |v[190:191]|
v_rsq_f64_e64 v[64:65], |v[24:25]| mul:2
v_sqrt_f32_e64 v66, s32 mul:2
v_sqrt_f32_e64 v142, |v30| clamp
v_sqrt_f32_e64 v78, -|v238|
v_sqrt_f64_e64 v[42:43], |v[110:111]|
v_sqrt_f64_e64 v[8:9], 0 mul:2
v_sqrt_f64_e64 v[150:151], -|v[188:189]|
v_sin_f32_e64 v28, -v208
v_sin_f32_e64 v30, -|v70| clamp mul:2
v_sin_f32_e64 v78, -|vcc_lo|
v_cos_f32_e64 v92, -v160 mul:2
v_cos_f32_e64 v172, -vcc_lo clamp
v_cos_f32_e64 v136, -|v66| clamp
v_or_b32_e32 v0, v82, v0
v_cndmask_b32_e32 v0, v60, v0, vcc
v_lshrrev_b32_e32 v0, v94, v0
v_or_b32_e32 v0, v212, v0
v_lshrrev_b32_e32 v0, v70, v0
v_lshrrev_b32_e32 v0, vcc_lo, v0
v_ffbh_u32_e64 v134, v116
v_or_b32_e32 v0, v84, v0
v_lshrrev_b32_e32 v0, v68, v0
v_lshrrev_b32_e32 v0, s54, v0
v_cndmask_b32_e32 v0, v36, v0, vcc
v_ffbh_i32_e64 v96, v90
v_ffbh_i32_e64 v136, v144
v_lshrrev_b32_e32 v0, v170, v0
v_frexp_exp_i32_f64_e64 v146, vcc clamp
v_frexp_exp_i32_f64_e64 v158, |v[18:19]|
v_frexp_exp_i32_f64_e64 v154, |v[58:59]|
v_frexp_mant_f64_e64 v[60:61], |v[82:83]|
v_frexp_mant_f64_e64 v[160:161], -|v[40:41]| clamp
v_frexp_mant_f64_e64 v[146:147], v[56:57]
v_fract_f64_e64 v[16:17], |v[46:47]| mul:2
v_fract_f64_e64 v[22:23], v[52:53]
v_fract_f64_e64 v[166:167], -v[168:169]
v_fmac_f64_e32 v[0:1], v[170:171], v[0:1]
v_or_b32_e32 v0, v48, v0
v_or_b32_e32 v0, s30, v0
v_frexp_mant_f32_e64 v28, neg(4.0)
v_frexp_mant_f32_e64 v12, |v92| mul:2
v_frexp_mant_f32_e64 v76, -|v62| mul:2
v_lshrrev_b32_e32 v0, v144, v0
v_lshrrev_b32_e32 v0, -2.0, v0
v_mov_b64_e64 v[72:73], v[166:167]
v_or_b32_e32 v0, v230, v0
v_or_b32_e32 v0, v12, v0
v_cndmask_b32_e32 v0, v24, v0, vcc
v_cndmask_b32_e32 v0, v190, v0, vcc
v_cvt_u16_f16_e64 v90, -|s24| clamp mul:2
v_cvt_u16_f16_e64 v128, -v22 mul:2
v_cvt_u16_f16_e64 v56, v40
v_cvt_i16_f16_e64 v96, -|v80|
v_cvt_i16_f16_e64 v168, |-2.0|
v_cvt_i16_f16_e64 v134, v160
v_rcp_f16_e64 v146, -|v34| clamp mul:2
v_rcp_f16_e64 v132, |vcc_lo|
v_rcp_f16_e64 v86, s16
v_sqrt_f16_e64 v8, |exec_lo| clamp
v_sqrt_f16_e64 v72, |v126| clamp
v_sqrt_f16_e64 v44, -|v184| mul:2
v_rsq_f16_e64 v78, |v24|
v_rsq_f16_e64 v172, v12
v_rsq_f16_e64 v112, |v106| mul:2
v_log_f16_e64 v52, -|v214| mul:2
v_log_f16_e64 v106, v8
v_log_f16_e64 v104, |s6| clamp
v_exp_f16_e64 v156, v150 clamp
v_exp_f16_e64 v84, s12 clamp
v_exp_f16_e64 v14, -|-1| clamp
v_frexp_mant_f16_e64 v26, |v20| clamp mul:2
v_frexp_mant_f16_e64 v98, -v114 clamp
v_frexp_mant_f16_e64 v40, v82 mul:2
v_frexp_exp_i16_f16_e64 v156, v44 mul:2
v_frexp_exp_i16_f16_e64 v154, -|v14| mul:2
v_frexp_exp_i16_f16_e64 v176, |v226| mul:2
v_floor_f16_e64 v120, |v26|
v_floor_f16_e64 v48, v76 mul:2
v_floor_f16_e64 v30, |s10|
v_ceil_f16_e64 v186, |v234|
v_ceil_f16_e64 v18, |v16|
v_ceil_f16_e64 v110, |4.0| clamp
v_trunc_f16_e64 v128, v144
v_trunc_f16_e64 v68, -|v142|
v_trunc_f16_e64 v164, -|v164| mul:2
v_rndne_f16_e64 v38, -|exec_lo|
v_rndne_f16_e64 v162, -v168
v_rndne_f16_e64 v84, v92 clamp mul:2
v_fract_f16_e64 v36, -|s8|
v_fract_f16_e64 v174, -vcc_lo
v_fract_f16_e64 v10, |v108|
v_sin_f16_e64 v14, |1|
v_sin_f16_e64 v138, v206
v_sin_f16_e64 v186, |v112| mul:2
v_cos_f16_e64 v38, |-1|
v_cos_f16_e64 v86, |v172| clamp mul:2
v_cos_f16_e64 v154, -|v184|
v_fmac_f64_e32 v[0:1], v[168:169], v[0:1]
v_cndmask_b32_e32 v0, v72, v0, vcc
v_lshrrev_b32_e32 v0, v140, v0
v_lshrrev_b32_e32 v0, -1, v0
v_lshrrev_b32_e32 v0, v2, v0
v_lshrrev_b32_e32 v0, v92, v0
v_cvt_f32_fp8_e64 v78, s16 clamp
v_cvt_f32_fp8_e64 v96, v66 clamp
v_or_b32_e32 v0, v26, v0
v_fmac_f64_e32 v[0:1], v[220:221], v[0:1]
v_lshrrev_b32_e32 v0, v116, v0
v_lshrrev_b32_e32 v0, v202, v0
v_cvt_pk_f32_fp8_e64 v[128:129], v174
v_cvt_pk_f32_fp8_e64 v[132:133], v24
v_cndmask_b32_e32 v0, v12, v0, vcc
v_cndmask_b32_e32 v0, v34, v0, vcc
v_fmac_f64_e32 v[0:1], v[98:99], v[0:1]
v_pk_mad_i16 v164, 1, v192, v22
v_pk_mad_i16 v196, v230, v170, v48 neg_hi:[0,1,1]
v_pk_mad_i16 v4, v98, v66, v8
v_pk_mad_i16 v76, v88, v118, exec_lo clamp
v_pk_mad_i16 v36, v168, v152, v132 op_sel:[0,1,1]
v_pk_mul_lo_u16 v64, v190, v194 op_sel:[1,1] clamp
v_pk_mul_lo_u16 v124, v140, v132 neg_lo:[1,1] clamp
v_pk_mul_lo_u16 v44, v212, v94 clamp
v_pk_mul_lo_u16 v144, v204, v188 neg_lo:[1,1] clamp
v_pk_mul_lo_u16 v28, v6, v142 clamp
v_pk_add_i16 v108, exec_lo, v158 op_sel_hi:[0,1]
v_pk_add_i16 v212, v92, v72 neg_lo:[0,1] neg_hi:[0,1] clamp
v_pk_add_i16 v88, vcc_lo, v26 neg_lo:[0,1] neg_hi:[1,1] clamp
v_pk_add_i16 v48, v122, v236 op_sel_hi:[1,0] clamp
v_pk_add_i16 v196, s40, v12 op_sel:[1,1] neg_lo:[0,1]
v_pk_sub_i16 v176, v14, v84
v_pk_sub_i16 v40, vcc_lo, v230 neg_lo:[1,1] clamp
v_pk_sub_i16 v152, v60, v8 op_sel_hi:[0,0] neg_lo:[1,1] clamp
v_pk_sub_i16 v64, s10, v122 neg_lo:[1,0] neg_hi:[0,1]
v_pk_sub_i16 v152, vcc_lo, v58 op_sel:[1,0]
v_pk_lshlrev_b16 v208, v220, v126 clamp
v_pk_lshlrev_b16 v160, v46, v50 op_sel_hi:[0,1]
v_pk_lshlrev_b16 v220, v232, v88 op_sel:[1,0] clamp
v_pk_lshlrev_b16 v56, v164, v218 op_sel_hi:[0,1]
v_pk_lshlrev_b16 v108, v182, v20 neg_lo:[1,0]
v_pk_lshrrev_b16 v140, v106, v28 op_sel:[0,1] neg_lo:[1,0]
v_pk_lshrrev_b16 v160, v192, v110 clamp
v_pk_lshrrev_b16 v96, vcc_lo, v148 neg_lo:[1,0] clamp
v_pk_lshrrev_b16 v208, v148, v88 op_sel:[1,1]
v_pk_lshrrev_b16 v180, v128, v126 op_sel_hi:[0,0] neg_lo:[1,1]
v_pk_ashrrev_i16 v136, -1, v170 neg_hi:[1,0]
v_pk_ashrrev_i16 v120, v86, v100 neg_hi:[1,1] clamp
v_pk_ashrrev_i16 v236, v234, v156 neg_lo:[0,1] clamp
v_pk_ashrrev_i16 v76, v126, v116
v_pk_ashrrev_i16 v236, v234, v30 clamp
v_pk_max_i16 v68, v210, v108 op_sel_hi:[0,1] neg_lo:[0,1] neg_hi:[1,0]
v_pk_max_i16 v180, v54, v138 neg_hi:[1,1]
v_pk_max_i16 v232, v10, v48
v_pk_max_i16 v80, exec_lo, v168 clamp
v_pk_max_i16 v120, v208, v232
v_pk_min_i16 v72, s10, v74 neg_lo:[1,1] clamp
v_pk_min_i16 v112, v116, v168 op_sel_hi:[0,0]
v_pk_min_i16 v48, vcc_lo, v12
v_pk_min_i16 v120, exec_lo, v24
v_pk_min_i16 v4, v230, v52 op_sel:[1,0] op_sel_hi:[0,1]
v_pk_mad_u16 v72, v14, v58, v182 op_sel:[0,1,1] clamp
v_pk_mad_u16 v72, v184, v178, v122 neg_hi:[1,1,1]
v_pk_mad_u16 v156, -1, v176, vcc_lo clamp
v_pk_mad_u16 v12, vcc_lo, v132, v102 neg_hi:[0,1,1]
v_pk_mad_u16 v76, vcc_lo, v78, v132 neg_hi:[0,1,0] clamp
v_pk_add_u16 v232, exec_lo, v124 neg_lo:[0,1]
v_pk_add_u16 v176, v52, v170 neg_lo:[1,1]
v_pk_add_u16 v76, vcc_lo, v58 op_sel:[1,1] op_sel_hi:[1,0] neg_lo:[0,1] neg_hi:[0,1] clamp
v_pk_add_u16 v104, exec_lo, v204 clamp
v_pk_add_u16 v56, -2.0, v116 neg_lo:[1,0] neg_hi:[0,1] clamp
v_pk_sub_u16 v28, vcc_lo, v90 op_sel:[1,0]
v_pk_sub_u16 v76, exec_lo, v40 op_sel:[1,0]
v_pk_sub_u16 v140, v236, v50 op_sel:[1,0] op_sel_hi:[0,1] clamp
v_pk_sub_u16 v128, v198, v164 op_sel:[1,1] op_sel_hi:[1,0] neg_hi:[1,0] clamp
v_pk_sub_u16 v40, -16, v0 clamp
v_pk_max_u16 v220, exec_lo, v196 neg_hi:[0,1]
v_pk_max_u16 v140, vcc_lo, v134 clamp
v_pk_max_u16 v172, s70, v214 clamp
v_pk_max_u16 v220, v202, v142 neg_lo:[0,1] neg_hi:[1,0] clamp
v_pk_max_u16 v212, exec_lo, v106 op_sel_hi:[0,1] clamp
v_pk_min_u16 v112, v160, v120 clamp
v_pk_min_u16 v56, vcc_lo, v38 op_sel:[1,1] clamp
v_pk_min_u16 v36, v122, v228 clamp
v_pk_min_u16 v172, v112, v104 op_sel_hi:[0,1] clamp
v_pk_min_u16 v224, s24, v48
v_pk_fma_f16 v32, s6, v144, -1 op_sel:[1,0,0] neg_lo:[0,1,1] clamp
v_pk_fma_f16 v216, v186, v84, s6
v_pk_fma_f16 v200, v216, v170, v186 op_sel_hi:[0,1,1] neg_lo:[1,1,1] clamp
v_pk_fma_f16 v204, vcc_lo, v226, v144 op_sel:[1,1,1] op_sel_hi:[0,1,0] neg_lo:[0,1,0] clamp
v_pk_fma_f16 v104, v72, v30, v14 clamp
v_pk_add_f16 v168, v118, v216
v_pk_add_f16 v132, v92, v222 op_sel:[1,0] op_sel_hi:[0,1]
v_pk_add_f16 v80, v16, v98 clamp
v_pk_add_f16 v136, v74, v206 op_sel_hi:[0,1]
v_pk_add_f16 v52, v208, v56 clamp
v_pk_mul_f16 v88, v62, v90 op_sel:[0,1] clamp
v_pk_mul_f16 v32, s84, v158 neg_lo:[0,1] clamp
v_pk_mul_f16 v68, v106, v144 op_sel:[1,0] neg_lo:[1,0] neg_hi:[1,0]
v_pk_mul_f16 v44, v228, v204 op_sel_hi:[0,1] neg_lo:[0,1]
v_pk_mul_f16 v208, s38, v226 op_sel:[0,1] neg_lo:[0,1]
v_pk_min_f16 v44, v142, v124
v_pk_min_f16 v100, v110, v124 clamp
v_pk_min_f16 v84, v192, v86 neg_hi:[1,1] clamp
v_pk_min_f16 v180, v70, v50 neg_hi:[1,0]
v_pk_min_f16 v192, v52, v170 op_sel:[1,0] op_sel_hi:[1,0] neg_lo:[1,1] neg_hi:[1,0]
v_pk_max_f16 v224, v98, v128 neg_hi:[0,1] clamp
v_pk_max_f16 v212, v40, v88 op_sel:[1,1] clamp
v_pk_max_f16 v212, v94, v224 op_sel:[1,1] op_sel_hi:[0,0]
v_pk_max_f16 v36, s92, v66 clamp
v_pk_max_f16 v216, v156, v214
v_fma_mix_f32 v192, v196, v212, exec_lo op_sel_hi:[1,1,1]
v_fma_mix_f32 v72, v48, v114, v88 op_sel_hi:[1,1,1]
v_fma_mix_f32 v64, v172, v228, v84 op_sel:[1,1,0] op_sel_hi:[1,1,1]
v_fma_mix_f32 v120, v190, v112, v86 op_sel_hi:[1,1,1]
v_fma_mix_f32 v184, |v78|, v84, -|v26| op_sel_hi:[1,1,1] clamp
v_fma_mixlo_f16 v64, s80, v168, v236 op_sel_hi:[0,1,1] clamp
v_fma_mixlo_f16 v88, v206, v108, v136 op_sel_hi:[1,0,0] clamp
v_fma_mixlo_f16 v156, v98, v46, v0 op_sel_hi:[1,1,1]
v_fma_mixlo_f16 v200, v12, v158, vcc_lo op_sel_hi:[1,1,1]
v_fma_mixhi_f16 v88, |v146|, |v238|, v70 op_sel_hi:[1,1,1] clamp
v_fma_mixhi_f16 v108, v44, v6, v140 op_sel_hi:[1,0,0]
v_fma_mixhi_f16 v68, v14, v8, s96 op_sel_hi:[1,1,1]
v_fma_mixhi_f16 v36, -|v164|, -v44, -|1| op_sel_hi:[1,1,1] clamp
v_dot2_f32_f16 v52, vcc_lo, v80, v236 neg_lo:[0,1,1]
v_dot2_f32_f16 v228, v184, v28, v80 neg_lo:[1,1,0]
v_dot2_f32_f16 v232, v172, v188, s14
v_dot2_u32_u16 v64, v128, v198, v88 neg_lo:[1,1,0]
v_dot2_u32_u16 v232, v130, v222, s46 clamp
v_dot4_i32_i8 v16, v6, v172, v0 neg_lo:[0,1,1] neg_hi:[1,0,0] clamp
v_dot4_u32_u8 v80, v140, v140, v56 neg_lo:[1,0,1] clamp
v_dot8_i32_i4 v24, v42, v12, v144
v_dot8_i32_i4 v160, s32, v44, v144 clamp
v_dot8_u32_u4 v40, v74, v198, v18 neg_hi:[0,1,0] clamp
v_dot8_u32_u4 v100, v18, v178, v232 neg_lo:[0,0,1] clamp
v_pk_fma_f32 v[152:153], s[92:93], v[142:143], 1 op_sel:[0,0,1] op_sel_hi:[1,0,1] clamp
v_pk_fma_f32 v[152:153], s[26:27], v[146:147], v[4:5] clamp
v_pk_fma_f32 v[172:173], v[154:155], v[66:67], v[234:235] op_sel:[1,1,1]
v_pk_fma_f32 v[8:9], v[144:145], v[206:207], v[118:119] op_sel_hi:[0,1,1] clamp
v_pk_fma_f32 v[60:61], v[120:121], v[114:115], s[18:19] op_sel:[0,0,1] neg_lo:[1,1,1]
v_pk_mul_f32 v[208:209], v[136:137], v[116:117] neg_lo:[0,1] clamp
v_pk_mul_f32 v[28:29], v[108:109], v[2:3] op_sel_hi:[0,0] neg_lo:[1,0] clamp
v_pk_mul_f32 v[128:129], v[114:115], v[102:103] neg_hi:[1,0] clamp
v_pk_mul_f32 v[96:97], vcc, v[200:201] op_sel_hi:[0,1]
v_pk_mul_f32 v[164:165], v[68:69], v[168:169] clamp
v_pk_add_f32 v[48:49], v[212:213], v[68:69] clamp
v_pk_add_f32 v[120:121], v[218:219], v[230:231] neg_lo:[1,0] neg_hi:[1,0]
v_pk_add_f32 v[84:85], v[4:5], v[78:79] clamp
v_pk_add_f32 v[132:133], v[68:69], v[12:13]
v_pk_add_f32 v[148:149], v[34:35], v[216:217] clamp
v_pk_mov_b32 v[60:61], v[54:55], v[146:147] op_sel:[0,1] neg_hi:[1,0]
v_pk_mov_b32 v[16:17], v[24:25], v[94:95]
v_pk_mov_b32 v[136:137], s[80:81], v[36:37] op_sel:[0,1] neg_lo:[0,1] clamp
v_pk_mov_b32 v[16:17], v[206:207], v[178:179]
v_pk_mov_b32 v[124:125], v[208:209], v[126:127] op_sel:[1,0]
v_mfma_f32_16x16x8_xf32 v[52:55], v[96:97], v[140:141], v[92:95] cbsz:1 blgp:2
v_mfma_f32_16x16x8_xf32 v[68:71], v[160:161], v[196:197], v[56:59]
v_mfma_f32_16x16x8_xf32 v[60:63], a[168:169], v[44:45], v[144:147]
v_mfma_f32_16x16x8_xf32 v[164:167], a[156:157], a[172:173], 0 cbsz:1 abid:2 blgp:1
v_mfma_f32_16x16x8_xf32 a[104:107], v[92:93], v[56:57], 1.0 abid:1
v_mfma_f32_16x16x8_xf32 a[132:135], a[112:113], v[28:29], 1.0 cbsz:1 abid:1
v_mfma_f32_32x32x4_xf32 v[100:115], v[84:85], a[48:49], v[164:179] abid:2
v_mfma_f32_32x32x4_xf32 a[80:95], v[64:65], a[132:133], 0 abid:2
v_mfma_f32_32x32x4_xf32 v[192:207], a[44:45], a[144:145], 0 abid:1
v_mfma_f32_32x32x4_xf32 v[8:23], a[20:21], v[184:185], v[148:163]
v_mfma_f32_32x32x4_xf32 a[172:187], v[16:17], a[60:61], 0 abid:1
v_mfma_f32_32x32x4_xf32 v[8:23], a[20:21], v[196:197], v[180:195] abid:2 blgp:1
v_mfma_f32_32x32x1_2b_f32 a[12:43], v40, v84, a[12:43] abid:2
v_mfma_f32_32x32x1_2b_f32 a[164:195], a144, a64, 1.0 blgp:2
v_mfma_f32_32x32x1_2b_f32 v[92:123], v92, v36, 1.0 blgp:2
v_mfma_f32_32x32x1_2b_f32 v[88:119], a180, v12, v[24:55] cbsz:1 abid:1
v_mfma_f32_16x16x1_4b_f32 v[60:75], v136, a156, v[92:107]
v_mfma_f32_16x16x1_4b_f32 a[160:175], v196, v28, a[8:23] abid:2
v_mfma_f32_16x16x1_4b_f32 v[68:83], v56, a48, 0 cbsz:1 abid:2 blgp:1
v_mfma_f32_16x16x1_4b_f32 v[36:51], v44, v20, 0 cbsz:1 abid:2
v_mfma_f32_16x16x1_4b_f32 a[124:139], a20, v184, 1.0 blgp:1
v_mfma_f32_16x16x1_4b_f32 a[172:187], a100, a20, 0
v_mfma_f32_4x4x1_16b_f32 v[20:23], v0, v144, 1.0 cbsz:1 abid:1 blgp:2
v_mfma_f32_4x4x1_16b_f32 v[100:103], v72, v152, v[192:195]
v_mfma_f32_4x4x1_16b_f32 a[4:7], v160, v88, a[132:135] blgp:1
v_mfma_f32_4x4x1_16b_f32 a[144:147], a76, a40, 0
v_mfma_f32_4x4x1_16b_f32 a[196:199], v140, a8, a[32:35] cbsz:1 abid:2
v_mfma_f32_4x4x1_16b_f32 v[144:147], v40, v132, 1.0
v_mfma_f32_32x32x2_f32 a[56:71], v156, a124, 1.0
v_mfma_f32_32x32x2_f32 v[4:19], a188, a20, v[72:87] abid:1 blgp:2
v_mfma_f32_32x32x2_f32 a[84:99], a48, v12, a[180:195] cbsz:1 blgp:1
v_mfma_f32_32x32x2_f32 a[36:51], a80, v16, 0
v_mfma_f32_32x32x2_f32 a[12:27], v76, v104, 1.0 blgp:2
v_mfma_f32_32x32x2_f32 v[180:195], v132, a100, 1.0 blgp:2
v_mfma_f32_16x16x4_f32 v[144:147], a24, a76, 1.0 abid:1
v_mfma_f32_16x16x4_f32 v[192:195], a160, a108, v[108:111]
v_mfma_f32_16x16x4_f32 v[160:163], v20, v88, 1.0
v_mfma_f32_16x16x4_f32 v[176:179], v60, a128, v[136:139] cbsz:1 abid:2
v_mfma_f32_16x16x4_f32 a[80:83], v192, a76, a[28:31] cbsz:1 abid:1 blgp:2
v_mfma_f32_16x16x4_f32 a[148:151], a12, a16, a[160:163]
v_mfma_f32_32x32x4_2b_f16 v[72:103], a[24:25], a[68:69], 0 blgp:2
v_mfma_f32_32x32x4_2b_f16 v[176:207], v[132:133], a[112:113], 1.0 cbsz:1
v_mfma_f32_32x32x4_2b_f16 a[172:203], a[72:73], a[36:37], a[4:35] abid:1
v_mfma_f32_32x32x4_2b_f16 a[120:151], a[156:157], v[32:33], 1.0
v_mfma_f32_32x32x4_2b_f16 a[180:211], v[48:49], a[28:29], a[24:55] cbsz:1 abid:2
v_mfma_f32_32x32x4_2b_f16 v[172:203], v[188:189], a[40:41], 0 cbsz:1 abid:2
v_mfma_f32_16x16x4_4b_f16 v[176:191], v[84:85], v[176:177], v[4:19] abid:1
v_mfma_f32_16x16x4_4b_f16 a[60:75], v[192:193], v[64:65], 1.0
v_mfma_f32_16x16x4_4b_f16 a[132:147], a[156:157], v[132:133], a[8:23] abid:1 blgp:1
v_mfma_f32_16x16x4_4b_f16 a[100:115], v[184:185], v[136:137], 1.0
v_mfma_f32_16x16x4_4b_f16 a[12:27], a[164:165], a[124:125], 0 cbsz:1
v_mfma_f32_4x4x4_16b_f16 a[80:83], v[188:189], v[148:149], a[8:11] cbsz:1
v_mfma_f32_4x4x4_16b_f16 a[104:107], v[164:165], a[32:33], a[176:179]
v_mfma_f32_4x4x4_16b_f16 a[152:155], a[72:73], a[80:81], 0 abid:1
v_mfma_f32_4x4x4_16b_f16 v[20:23], v[108:109], a[92:93], 0
v_mfma_f32_4x4x4_16b_f16 a[196:199], a[188:189], v[128:129], a[108:111] abid:1 blgp:2
v_mfma_f32_4x4x4_16b_f16 v[76:79], a[28:29], a[116:117], 1.0 blgp:1
v_mfma_f32_32x32x8_f16 v[116:131], a[128:129], a[152:153], 0
v_mfma_f32_32x32x8_f16 a[176:191], v[40:41], v[64:65], 1.0 cbsz:1 abid:2
v_mfma_f32_32x32x8_f16 a[4:19], a[84:85], a[60:61], 1.0
v_mfma_f32_32x32x8_f16 v[136:151], a[196:197], a[92:93], 1.0 blgp:2
v_mfma_f32_32x32x8_f16 a[48:63], a[40:41], a[64:65], a[136:151] abid:1
v_mfma_f32_32x32x8_f16 v[184:199], v[76:77], a[4:5], 1.0 cbsz:1 blgp:1
v_mfma_f32_16x16x16_f16 v[88:91], v[148:149], a[112:113], v[44:47] blgp:1
v_mfma_f32_16x16x16_f16 a[104:107], v[48:49], a[124:125], 0 blgp:1
v_mfma_f32_16x16x16_f16 a[152:155], v[76:77], v[116:117], 0 abid:2
v_mfma_f32_16x16x16_f16 v[136:139], v[96:97], a[16:17], 0 cbsz:1 blgp:2
v_mfma_f32_16x16x16_f16 a[36:39], v[0:1], v[8:9], 0 abid:2 blgp:2
v_mfma_f32_16x16x16_f16 v[176:179], a[32:33], a[32:33], 0 blgp:1
v_mfma_i32_32x32x4_2b_i8 a[96:127], v48, v16, 1.0 blgp:1
v_mfma_i32_32x32x4_2b_i8 a[112:143], v152, a0, a[160:191]
v_mfma_i32_32x32x4_2b_i8 v[120:151], v80, v124, 1.0 blgp:1
v_mfma_i32_32x32x4_2b_i8 a[152:183], v192, a80, a[96:127]
v_mfma_i32_32x32x4_2b_i8 a[120:151], v156, a60, 1.0 cbsz:1 abid:1
v_mfma_i32_16x16x4_4b_i8 v[148:163], v24, v32, 0 abid:1 blgp:2
v_mfma_i32_16x16x4_4b_i8 v[72:87], a168, a84, v[180:195] blgp:1
v_mfma_i32_16x16x4_4b_i8 v[148:163], v144, v64, 0 abid:2 blgp:2
v_mfma_i32_16x16x4_4b_i8 a[132:147], v108, v104, 1.0 blgp:1
v_mfma_i32_16x16x4_4b_i8 a[40:55], v116, v144, a[108:123]
v_mfma_i32_16x16x4_4b_i8 a[168:183], a8, v24, 0 cbsz:1 blgp:1
v_mfma_i32_4x4x4_16b_i8 v[88:91], a116, v32, 0 cbsz:1
v_mfma_i32_4x4x4_16b_i8 v[188:191], v4, v116, v[28:31] cbsz:1 blgp:2
v_mfma_i32_4x4x4_16b_i8 v[20:23], a60, v12, v[44:47] blgp:1
v_mfma_i32_4x4x4_16b_i8 v[40:43], a176, a60, v[188:191] abid:2
v_mfma_i32_4x4x4_16b_i8 v[152:155], a96, v92, v[20:23] abid:2 blgp:1
v_mfma_i32_4x4x4_16b_i8 v[20:23], v92, a56, v[140:143] blgp:2
v_mfma_i32_32x32x16_i8 a[32:47], a[120:121], v[12:13], a[80:95] abid:2
v_mfma_i32_32x32x16_i8 a[100:115], a[192:193], v[148:149], a[160:175] abid:1
v_mfma_i32_32x32x16_i8 a[120:135], a[84:85], a[124:125], a[120:135] cbsz:1 blgp:2
v_mfma_i32_32x32x16_i8 v[176:191], v[60:61], v[96:97], 1.0 abid:2 blgp:2
v_mfma_i32_32x32x16_i8 a[124:139], v[160:161], a[168:169], a[176:191]
v_mfma_i32_16x16x32_i8 a[188:191], a[176:177], v[36:37], a[92:95]
v_mfma_i32_16x16x32_i8 v[196:199], v[20:21], v[56:57], v[96:99]
v_mfma_i32_16x16x32_i8 v[92:95], a[60:61], a[120:121], v[104:107] cbsz:1 blgp:1
v_mfma_i32_16x16x32_i8 v[136:139], a[148:149], a[192:193], v[52:55] abid:2 blgp:1
v_mfma_i32_16x16x32_i8 v[112:115], a[36:37], a[172:173], 0
v_mfma_i32_16x16x32_i8 v[96:99], v[152:153], a[132:133], v[140:143] abid:2 blgp:1
v_accvgpr_read_b32 v47, a115
v_accvgpr_read_b32 v122, a139
v_accvgpr_read_b32 v55, a138
v_accvgpr_read_b32 v158, a4
v_accvgpr_read_b32 v100, a133
v_accvgpr_read_b32 v93, a28
v_accvgpr_write_b32 a157, 2
v_accvgpr_write_b32 a61, 0
v_accvgpr_write_b32 a176, 2
v_accvgpr_write_b32 a21, 0
v_accvgpr_write_b32 a178, v40
v_accvgpr_write_b32 a29, 0
v_mfma_f32_32x32x4_2b_bf16 v[76:107], a[72:73], v[28:29], 1.0 cbsz:1
v_mfma_f32_32x32x4_2b_bf16 a[128:159], v[180:181], a[12:13], 0 cbsz:1 blgp:2
v_mfma_f32_32x32x4_2b_bf16 a[196:227], v[80:81], a[32:33], 0
v_mfma_f32_32x32x4_2b_bf16 v[148:179], v[88:89], a[176:177], v[0:31] abid:2
v_mfma_f32_32x32x4_2b_bf16 v[80:111], a[92:93], a[92:93], 0 cbsz:1
v_mfma_f32_16x16x4_4b_bf16 a[152:167], v[36:37], a[160:161], a[44:59] abid:1
v_mfma_f32_16x16x4_4b_bf16 a[64:79], a[168:169], v[188:189], 1.0 abid:2 blgp:2
v_mfma_f32_16x16x4_4b_bf16 a[88:103], v[88:89], v[80:81], a[44:59] blgp:2
v_mfma_f32_16x16x4_4b_bf16 a[76:91], a[128:129], a[68:69], 0 cbsz:1
v_mfma_f32_16x16x4_4b_bf16 a[104:119], a[128:129], v[136:137], 1.0 blgp:2
v_mfma_f32_16x16x4_4b_bf16 v[168:183], v[120:121], v[192:193], v[8:23] cbsz:1
v_mfma_f32_4x4x4_16b_bf16 v[132:135], a[172:173], a[36:37], v[60:63] cbsz:1
v_mfma_f32_4x4x4_16b_bf16 a[32:35], v[188:189], a[64:65], a[156:159] abid:1 blgp:1
v_mfma_f32_4x4x4_16b_bf16 a[96:99], a[52:53], a[120:121], 1.0 abid:2 blgp:2
v_mfma_f32_4x4x4_16b_bf16 v[52:55], v[164:165], v[52:53], v[144:147] abid:2
v_mfma_f32_4x4x4_16b_bf16 v[132:135], a[120:121], v[16:17], v[36:39]
v_mfma_f32_4x4x4_16b_bf16 v[36:39], v[136:137], v[68:69], v[100:103] cbsz:1 blgp:1
v_mfma_f32_32x32x8_bf16 v[4:19], a[148:149], v[48:49], 1.0 abid:2 blgp:1
v_mfma_f32_32x32x8_bf16 v[184:199], a[148:149], a[140:141], v[168:183] abid:2 blgp:2
v_mfma_f32_32x32x8_bf16 v[56:71], a[16:17], a[196:197], 1.0 abid:1 blgp:2
v_mfma_f32_32x32x8_bf16 a[52:67], a[184:185], a[88:89], a[76:91] abid:2
v_mfma_f32_32x32x8_bf16 v[92:107], a[88:89], a[160:161], v[44:59] blgp:2
v_mfma_f32_16x16x16_bf16 a[116:119], a[172:173], v[144:145], 0
v_mfma_f32_16x16x16_bf16 v[60:63], a[8:9], v[16:17], 1.0 cbsz:1 abid:1
v_mfma_f32_16x16x16_bf16 v[76:79], v[188:189], a[20:21], 1.0 abid:1
v_mfma_f32_16x16x16_bf16 v[84:87], v[68:69], a[32:33], v[60:63] cbsz:1 abid:1 blgp:2
v_mfma_f32_16x16x16_bf16 a[36:39], v[16:17], v[176:177], 0 abid:2 blgp:1
v_mfma_f32_16x16x16_bf16 a[32:35], a[120:121], v[44:45], a[108:111] cbsz:1 abid:1 blgp:2
v_mfma_f64_16x16x4_f64 v[56:63], a[60:61], v[12:13], v[152:159] cbsz:1
v_mfma_f64_16x16x4_f64 v[12:19], v[32:33], a[76:77], v[112:119] abid:1
v_mfma_f64_16x16x4_f64 v[0:7], v[28:29], a[120:121], 0
v_mfma_f64_16x16x4_f64 v[164:171], a[32:33], v[128:129], 1.0
v_mfma_f64_16x16x4_f64 a[120:127], v[164:165], a[96:97], a[168:175]
v_mfma_f64_16x16x4_f64 v[144:151], v[4:5], a[36:37], 0 abid:2
v_mfma_f64_4x4x4_4b_f64 v[164:165], a[8:9], v[104:105], v[40:41] neg:[1,0,0]
v_mfma_f64_4x4x4_4b_f64 v[80:81], v[148:149], v[24:25], v[52:53] cbsz:1
v_mfma_f64_4x4x4_4b_f64 a[8:9], v[136:137], v[120:121], 0
v_mfma_f64_4x4x4_4b_f64 v[116:117], a[168:169], v[172:173], 1.0
v_mfma_f64_4x4x4_4b_f64 v[40:41], v[28:29], a[168:169], 1.0 abid:2
v_mfma_f64_4x4x4_4b_f64 a[20:21], v[136:137], a[52:53], 1.0
v_mfma_f32_16x16x32_bf8_bf8 a[132:135], a[120:121], v[88:89], a[16:19]
v_mfma_f32_16x16x32_bf8_bf8 v[120:123], v[8:9], v[180:181], v[116:119] abid:2 blgp:1
v_mfma_f32_16x16x32_bf8_bf8 a[80:83], v[100:101], v[12:13], 0 cbsz:1 abid:1 blgp:2
v_mfma_f32_16x16x32_bf8_bf8 a[172:175], v[116:117], v[88:89], a[148:151] blgp:1
v_mfma_f32_16x16x32_bf8_bf8 v[184:187], a[180:181], v[40:41], v[164:167] abid:1
v_mfma_f32_16x16x32_bf8_bf8 v[184:187], a[0:1], a[36:37], v[172:175] cbsz:1 abid:1 blgp:2
v_mfma_f32_16x16x32_bf8_fp8 a[84:87], v[8:9], v[96:97], a[0:3] cbsz:1 abid:1
v_mfma_f32_16x16x32_bf8_fp8 a[188:191], a[80:81], a[52:53], 1.0 cbsz:1 abid:2 blgp:2
v_mfma_f32_16x16x32_bf8_fp8 v[108:111], v[132:133], v[184:185], v[132:135] cbsz:1 blgp:1
v_mfma_f32_16x16x32_bf8_fp8 a[72:75], a[184:185], a[136:137], a[176:179] cbsz:1 abid:2
v_mfma_f32_16x16x32_bf8_fp8 a[8:11], a[48:49], v[4:5], 0 cbsz:1
v_mfma_f32_16x16x32_bf8_fp8 v[60:63], v[124:125], a[164:165], 0 abid:2 blgp:1
v_mfma_f32_16x16x32_fp8_bf8 v[120:123], a[40:41], v[184:185], 0
v_mfma_f32_16x16x32_fp8_bf8 v[60:63], v[172:173], v[48:49], v[48:51] cbsz:1
v_mfma_f32_16x16x32_fp8_bf8 v[76:79], a[4:5], v[132:133], 1.0
v_mfma_f32_16x16x32_fp8_bf8 a[104:107], v[116:117], a[136:137], a[108:111] abid:1
v_mfma_f32_16x16x32_fp8_bf8 v[180:183], v[196:197], v[40:41], v[92:95] blgp:2
v_mfma_f32_16x16x32_fp8_bf8 v[184:187], v[28:29], v[8:9], v[148:151] cbsz:1
v_mfma_f32_16x16x32_fp8_fp8 a[72:75], a[60:61], v[8:9], a[36:39] cbsz:1 abid:1 blgp:1
v_mfma_f32_16x16x32_fp8_fp8 v[116:119], v[132:133], a[28:29], v[196:199] abid:1
v_mfma_f32_16x16x32_fp8_fp8 a[28:31], a[12:13], a[120:121], 0 abid:1 blgp:1
v_mfma_f32_16x16x32_fp8_fp8 a[136:139], v[168:169], v[4:5], a[60:63]
v_mfma_f32_16x16x32_fp8_fp8 a[136:139], a[52:53], v[84:85], 0
v_mfma_f32_16x16x32_fp8_fp8 v[160:163], a[180:181], v[148:149], v[56:59] cbsz:1
v_mfma_f32_32x32x16_bf8_bf8 v[112:127], a[140:141], a[112:113], v[56:71] blgp:1
v_mfma_f32_32x32x16_bf8_bf8 a[16:31], v[164:165], v[192:193], 1.0
v_mfma_f32_32x32x16_bf8_bf8 v[72:87], v[20:21], a[196:197], 1.0 abid:2
v_mfma_f32_32x32x16_bf8_bf8 a[176:191], a[108:109], a[128:129], a[196:211] blgp:1
v_mfma_f32_32x32x16_bf8_bf8 v[92:107], a[152:153], a[152:153], v[156:171]
v_mfma_f32_32x32x16_bf8_bf8 v[152:167], a[180:181], v[192:193], v[76:91] abid:2 blgp:1
v_mfma_f32_32x32x16_bf8_fp8 a[48:63], a[176:177], v[156:157], 0 abid:1 blgp:1
v_mfma_f32_32x32x16_bf8_fp8 v[40:55], a[96:97], a[124:125], 0 cbsz:1 blgp:2
v_mfma_f32_32x32x16_bf8_fp8 v[184:199], a[116:117], a[104:105], v[80:95]
v_mfma_f32_32x32x16_bf8_fp8 a[56:71], a[40:41], v[108:109], a[104:119] abid:1 blgp:1
v_mfma_f32_32x32x16_bf8_fp8 a[184:199], v[192:193], v[68:69], a[52:67] cbsz:1 abid:1
v_mfma_f32_32x32x16_fp8_bf8 v[112:127], v[76:77], a[92:93], v[0:15] abid:1
v_mfma_f32_32x32x16_fp8_bf8 v[80:95], v[24:25], v[124:125], 1.0 cbsz:1
v_mfma_f32_32x32x16_fp8_bf8 a[8:23], a[116:117], v[0:1], 0 blgp:1
v_mfma_f32_32x32x16_fp8_bf8 a[108:123], a[32:33], a[68:69], a[160:175]
v_mfma_f32_32x32x16_fp8_bf8 a[188:203], a[164:165], v[156:157], 0 cbsz:1
v_mfma_f32_32x32x16_fp8_bf8 a[20:35], a[168:169], v[80:81], a[88:103] cbsz:1 abid:1 blgp:1
v_mfma_f32_32x32x16_fp8_fp8 v[160:175], a[48:49], v[136:137], 0 cbsz:1 abid:2
v_mfma_f32_32x32x16_fp8_fp8 a[108:123], v[192:193], a[68:69], a[140:155]
v_mfma_f32_32x32x16_fp8_fp8 a[4:19], a[64:65], a[124:125], a[28:43] abid:1
v_mfma_f32_32x32x16_fp8_fp8 a[72:87], a[100:101], a[144:145], 1.0 blgp:1
v_mfma_f32_32x32x16_fp8_fp8 a[84:99], a[120:121], v[188:189], a[172:187] cbsz:1 blgp:2
v_mfma_f32_32x32x16_fp8_fp8 v[112:127], v[116:117], a[92:93], 1.0 abid:1 blgp:2
ds_add_u32 v140, v224 offset:513
ds_add_u32 v79, a180 offset:57086
ds_add_u32 v207, v4 offset:29739
ds_sub_u32 v110, a120 offset:34927
ds_sub_u32 v139, v44
ds_sub_u32 v10, a88 offset:16
ds_rsub_u32 v197, a124
ds_rsub_u32 v140, a224 offset:16
ds_rsub_u32 v143, a48 offset:513
ds_inc_u32 v125, v216 offset:26932
ds_inc_u32 v245, v160 offset:18229
ds_inc_u32 v194, v68 offset:46404
ds_dec_u32 v239, a92
ds_dec_u32 v25, v8 offset:50373
ds_dec_u32 v25, v12
ds_min_i32 v22, v196 offset:513
ds_min_i32 v143, a12 offset:16
ds_min_i32 v232, a104
ds_max_i32 v244, v72 offset:16
ds_max_i32 v19, a140 offset:5628
ds_max_i32 v163, v144 offset:513
ds_min_u32 v31, v124 offset:55489
ds_min_u32 v23, v4 offset:513
ds_min_u32 v227, v236 offset:16
ds_max_u32 v237, v40 offset:8813
ds_max_u32 v155, a24 offset:16
ds_max_u32 v131, v28
ds_and_b32 v171, a152
ds_and_b32 v180, a108 offset:16
ds_and_b32 v168, a4 offset:7849
ds_or_b32 v209, v148 offset:16802
ds_or_b32 v33, v28 offset:3993
ds_or_b32 v104, v40 offset:16
ds_xor_b32 v200, v12 offset:513
ds_xor_b32 v60, v96
ds_xor_b32 v212, v36 offset:513
ds_write_b32 v4, v0 offset:32403
ds_write_b32 v132, a128 offset:16
ds_write_b32 v33, a44
ds_write2_b32 v79, v220, v188 offset0:136 offset1:13
ds_write2_b32 v24, v132, v96
ds_write2_b32 v225, v12, v68
ds_write2st64_b32 v151, v4, v184
ds_write2st64_b32 v163, a152, a136 offset0:184 offset1:144
ds_write2st64_b32 v175, v228, v140 offset0:94 offset1:246
ds_cmpst_b32 v247, v100, v36
ds_cmpst_b32 v70, v20, v0
ds_cmpst_b32 v110, a16, a4 offset:59442
ds_min_f32 v128, v84 offset:6926
ds_min_f32 v148, a80 offset:47553
ds_min_f32 v141, a84 offset:513
ds_max_f32 v208, v116
ds_max_f32 v38, v0 offset:16
ds_max_f32 v80, a32 offset:513
ds_add_f32 v12, a8
ds_add_f32 v90, a232 offset:16
ds_add_f32 v156, v152
ds_pk_add_f16 v114, a144
ds_pk_add_f16 v192, v48
ds_pk_add_f16 v103, a36 offset:48718
ds_pk_add_bf16 v83, v188 offset:25538
ds_pk_add_bf16 v80, a20 offset:61578
ds_pk_add_bf16 v173, v12 offset:513
ds_write_b8 v71, v164 offset:51824
ds_write_b8 v9, v88
ds_write_b8 v228, a100 offset:513
ds_write_b16 v14, a196 offset:36341
ds_write_b16 v18, v88 offset:16
ds_write_b16 v17, v28 offset:513
ds_add_rtn_u32 a184, v110, a76 offset:16
ds_add_rtn_u32 v36, v156, v132 offset:17714
ds_add_rtn_u32 a184, v203, a220 offset:16
ds_sub_rtn_u32 v96, v151, v172 offset:513
ds_sub_rtn_u32 a156, v218, a232 offset:39504
ds_sub_rtn_u32 v88, v209, v164
ds_rsub_rtn_u32 a32, v246, a188 offset:16
ds_rsub_rtn_u32 v0, v98, v36 offset:37622
ds_rsub_rtn_u32 v72, v35, v44 offset:16
ds_inc_rtn_u32 v84, v223, v56 offset:16
ds_inc_rtn_u32 a176, v52, a196 offset:8951
ds_inc_rtn_u32 a184, v90, a0 offset:513
ds_dec_rtn_u32 v212, v163, v236 offset:12686
ds_dec_rtn_u32 v212, v57, v172
ds_dec_rtn_u32 a156, v87, a36 offset:32156
ds_min_rtn_i32 v168, v46, v8 offset:49135
ds_min_rtn_i32 v20, v187, v48 offset:16
ds_min_rtn_i32 v48, v3, v212 offset:16
ds_max_rtn_i32 v60, v17, v64 offset:41317
ds_max_rtn_i32 v88, v50, v176 offset:16
ds_max_rtn_i32 a224, v101, a188 offset:19498
ds_min_rtn_u32 v136, v182, v184 offset:16
ds_min_rtn_u32 a208, v4, a228 offset:513
ds_min_rtn_u32 v188, v30, v140 offset:16
ds_max_rtn_u32 a112, v176, a80 offset:16
ds_max_rtn_u32 v84, v249, v196 offset:513
ds_max_rtn_u32 v152, v111, v172 offset:16
ds_and_rtn_b32 v36, v170, v144 offset:48300
ds_and_rtn_b32 v184, v4, v4 offset:16
ds_and_rtn_b32 a116, v117, a180 offset:16
ds_or_rtn_b32 a56, v2, a84 offset:38740
ds_or_rtn_b32 v24, v204, v88 offset:16
ds_or_rtn_b32 v80, v214, v156
ds_xor_rtn_b32 v208, v83, v108 offset:513
ds_xor_rtn_b32 a160, v40, a72 offset:59584
ds_xor_rtn_b32 a128, v212, a68 offset:16
ds_wrxchg_rtn_b32 v12, v137, v12 offset:513
ds_wrxchg_rtn_b32 v128, v88, v220
ds_wrxchg_rtn_b32 v88, v213, v20
ds_cmpst_rtn_b32 v148, v229, v28, v12 offset:513
ds_cmpst_rtn_b32 v208, v27, v220, v216 offset:513
ds_cmpst_rtn_b32 v84, v74, v56, v144
ds_min_rtn_f32 a196, v67, a188 offset:16
ds_min_rtn_f32 a96, v114, a220
ds_min_rtn_f32 v180, v116, v32 offset:16
ds_max_rtn_f32 v232, v125, v100 offset:16
ds_max_rtn_f32 v116, v22, v208 offset:513
ds_max_rtn_f32 v28, v45, v0
ds_add_rtn_f32 v20, v92, v180 offset:16
ds_add_rtn_f32 a24, v20, a36 offset:513
ds_add_rtn_f32 v60, v106, v88
ds_read_b32 v44, v134 offset:513
ds_read_b32 v96, v49 offset:49294
ds_read_b32 v192, v175
ds_read2_b32 a[188:189], v216 offset0:16
ds_read2_b32 a[220:221], v173 offset0:200 offset1:106
ds_read2_b32 a[8:9], v60 offset0:74 offset1:137
ds_read2st64_b32 v[168:169], v25 offset0:16
ds_read2st64_b32 v[68:69], v165
ds_read2st64_b32 v[16:17], v79 offset0:1 offset1:2
ds_read_i8 v76, v59 offset:16
ds_read_i8 a64, v215
ds_read_i8 v160, v145 offset:16
ds_read_u8 v0, v30
ds_read_u8 v148, v159 offset:513
ds_read_u8 a204, v32 offset:62231
ds_read_i16 a140, v239 offset:513
ds_read_i16 v36, v195 offset:53345
ds_read_i16 v52, v234 offset:47713
ds_read_u16 v228, v101 offset:16
ds_read_u16 a84, v66
ds_read_u16 v96, v234 offset:57255
ds_swizzle_b32 v84, v230 offset:swizzle(BROADCAST,16,0)
ds_swizzle_b32 v216, v167 offset:swizzle(BROADCAST,16,0)
ds_swizzle_b32 v24, v200 offset:swizzle(BROADCAST,16,0)
ds_permute_b32 v136, v7, v196
ds_permute_b32 a120, v158, a20 offset:513
ds_permute_b32 v112, v249, v132 offset:513
ds_bpermute_b32 v132, v117, v64 offset:36557
ds_bpermute_b32 v8, v89, v84
ds_bpermute_b32 a84, v164, a128
ds_add_u64 v65, v[132:133] offset:36204
ds_add_u64 v201, v[232:233] offset:16
ds_add_u64 v57, v[108:109] offset:16
ds_sub_u64 v222, v[188:189] offset:513
ds_sub_u64 v108, v[192:193] offset:54548
ds_sub_u64 v210, v[52:53] offset:513
ds_rsub_u64 v224, v[20:21]
ds_rsub_u64 v203, a[116:117] offset:513
ds_rsub_u64 v2, v[176:177] offset:513
ds_inc_u64 v9, a[100:101]
ds_inc_u64 v178, v[8:9] offset:40338
ds_inc_u64 v16, v[184:185] offset:513
ds_dec_u64 v228, v[0:1]
ds_dec_u64 v98, a[204:205] offset:513
ds_dec_u64 v96, v[200:201] offset:16
ds_min_i64 v3, v[68:69] offset:62706
ds_min_i64 v234, a[96:97]
ds_min_i64 v214, v[140:141] offset:40869
ds_max_i64 v180, v[12:13]
ds_max_i64 v23, a[4:5] offset:16
ds_max_i64 v202, a[176:177] offset:513
ds_min_u64 v79, a[20:21] offset:513
ds_min_u64 v15, v[28:29] offset:11627
ds_min_u64 v206, a[160:161] offset:60025
ds_max_u64 v172, v[184:185]
ds_max_u64 v132, v[152:153] offset:513
ds_max_u64 v87, v[120:121] offset:16
ds_and_b64 v211, v[224:225]
ds_and_b64 v79, v[0:1] offset:13704
ds_and_b64 v61, a[12:13] offset:21687
ds_or_b64 v88, v[8:9] offset:16
ds_or_b64 v218, v[196:197] offset:513
ds_or_b64 v14, a[84:85] offset:44867
ds_xor_b64 v41, a[68:69]
ds_xor_b64 v28, a[80:81] offset:16
ds_xor_b64 v213, v[20:21] offset:513
ds_write_b64 v44, v[220:221] offset:25177
ds_write_b64 v2, v[16:17]
ds_write_b64 v102, a[104:105] offset:513
ds_write2_b64 v187, v[60:61], v[24:25] offset0:16
ds_write2_b64 v162, v[4:5], v[156:157] offset0:1 offset1:2
ds_write2_b64 v164, a[232:233], a[56:57] offset0:254 offset1:103
ds_write2st64_b64 v29, v[224:225], v[92:93] offset0:7 offset1:247
ds_write2st64_b64 v158, a[232:233], a[220:221] offset0:16
ds_write2st64_b64 v202, v[168:169], v[28:29] offset0:1 offset1:2
ds_cmpst_b64 v159, a[96:97], a[56:57] offset:513
ds_cmpst_b64 v86, a[148:149], a[84:85] offset:12833
ds_cmpst_b64 v72, a[124:125], a[216:217] offset:16
ds_min_f64 v182, a[88:89] offset:39896
ds_min_f64 v214, v[232:233] offset:16
ds_min_f64 v137, v[28:29] offset:513
ds_max_f64 v164, a[76:77]
ds_max_f64 v240, v[208:209]
ds_max_f64 v95, v[92:93] offset:33124
ds_write_b8_d16_hi v2, v84 offset:3032
ds_write_b8_d16_hi v6, v152 offset:513
ds_write_b8_d16_hi v22, v212 offset:513
ds_write_b16_d16_hi v42, v212 offset:16
ds_write_b16_d16_hi v83, v196 offset:16
ds_write_b16_d16_hi v131, v84 offset:50721
ds_read_u8_d16 a20, v63 offset:513
ds_read_u8_d16 v164, v52 offset:9410
ds_read_u8_d16 v68, v72
ds_read_u8_d16_hi v144, v115 offset:16
ds_read_u8_d16_hi a32, v138 offset:2338
ds_read_u8_d16_hi v200, v143
ds_read_i8_d16 v188, v62 offset:16
ds_read_i8_d16 a120, v107 offset:33249
ds_read_i8_d16 v48, v124 offset:25518
ds_read_i8_d16_hi v28, v2 offset:16
ds_read_i8_d16_hi a0, v188
ds_read_i8_d16_hi v140, v200 offset:16
ds_read_u16_d16 a36, v174 offset:4757
ds_read_u16_d16 a64, v84 offset:8609
ds_read_u16_d16 a60, v86 offset:513
ds_read_u16_d16_hi a100, v111 offset:54549
ds_read_u16_d16_hi v232, v35 offset:8528
ds_read_u16_d16_hi a132, v102 offset:513
ds_add_f64 v86, v[72:73]
ds_add_f64 v108, a[60:61] offset:513
ds_add_f64 v82, v[128:129]
ds_add_rtn_u64 a[200:201], v54, a[224:225] offset:16
ds_add_rtn_u64 v[200:201], v233, v[52:53] offset:513
ds_add_rtn_u64 a[20:21], v114, a[132:133] offset:513
ds_sub_rtn_u64 v[124:125], v175, v[180:181] offset:513
ds_sub_rtn_u64 a[96:97], v64, a[128:129] offset:513
ds_sub_rtn_u64 v[148:149], v181, v[60:61] offset:16
ds_rsub_rtn_u64 a[180:181], v70, a[168:169] offset:513
ds_rsub_rtn_u64 v[140:141], v3, v[236:237] offset:16
ds_rsub_rtn_u64 v[32:33], v80, v[220:221] offset:52305
ds_inc_rtn_u64 v[112:113], v42, v[224:225]
ds_inc_rtn_u64 v[112:113], v212, v[192:193] offset:8910
ds_inc_rtn_u64 v[180:181], v170, v[32:33] offset:513
ds_dec_rtn_u64 v[84:85], v39, v[36:37]
ds_dec_rtn_u64 a[56:57], v183, a[184:185]
ds_dec_rtn_u64 v[104:105], v113, v[60:61] offset:513
ds_min_rtn_i64 a[172:173], v144, a[68:69] offset:513
ds_min_rtn_i64 v[188:189], v95, v[180:181] offset:28260
ds_min_rtn_i64 v[120:121], v72, v[8:9] offset:16
ds_max_rtn_i64 v[216:217], v26, v[68:69] offset:513
ds_max_rtn_i64 a[224:225], v62, a[56:57] offset:513
ds_max_rtn_i64 v[172:173], v233, v[144:145] offset:61931
ds_min_rtn_u64 v[184:185], v15, v[48:49] offset:513
ds_min_rtn_u64 a[20:21], v99, a[140:141] offset:16
ds_min_rtn_u64 a[64:65], v84, a[192:193] offset:513
ds_max_rtn_u64 v[232:233], v118, v[20:21] offset:513
ds_max_rtn_u64 a[220:221], v208, a[204:205]
ds_max_rtn_u64 v[96:97], v68, v[208:209]
ds_and_rtn_b64 a[184:185], v27, a[164:165] offset:4712
ds_and_rtn_b64 a[196:197], v100, a[120:121] offset:23714
ds_and_rtn_b64 v[224:225], v158, v[4:5] offset:5213
ds_or_rtn_b64 v[16:17], v9, v[204:205] offset:16733
ds_or_rtn_b64 a[196:197], v236, a[224:225] offset:52251
ds_or_rtn_b64 v[60:61], v147, v[144:145] offset:16
ds_xor_rtn_b64 v[232:233], v57, v[108:109] offset:16
ds_xor_rtn_b64 a[196:197], v246, a[164:165] offset:513
ds_xor_rtn_b64 v[56:57], v224, v[0:1] offset:513
ds_wrxchg_rtn_b64 v[52:53], v231, v[200:201]
ds_wrxchg_rtn_b64 v[100:101], v215, v[128:129]
ds_wrxchg_rtn_b64 a[212:213], v40, a[144:145] offset:16
ds_cmpst_rtn_b64 v[132:133], v188, v[24:25], v[88:89] offset:16
ds_cmpst_rtn_b64 v[48:49], v104, v[28:29], v[4:5] offset:35047
ds_cmpst_rtn_b64 v[108:109], v131, v[64:65], v[16:17]
ds_min_rtn_f64 v[56:57], v187, v[236:237] offset:51949
ds_min_rtn_f64 v[8:9], v75, v[152:153] offset:513
ds_min_rtn_f64 v[68:69], v200, v[232:233] offset:513
ds_max_rtn_f64 v[80:81], v213, v[56:57] offset:16
ds_max_rtn_f64 a[68:69], v75, a[156:157]
ds_max_rtn_f64 a[0:1], v12, a[236:237] offset:16
ds_read_b64 v[176:177], v227 offset:16
ds_read_b64 v[100:101], v218
ds_read_b64 v[100:101], v223 offset:11124
ds_read2_b64 v[168:171], v208 offset0:27 offset1:97
ds_read2_b64 v[144:147], v48
ds_read2_b64 v[32:35], v238 offset0:117 offset1:69
ds_read2st64_b64 v[144:147], v208 offset0:16
ds_read2st64_b64 a[28:31], v103 offset0:82 offset1:114
ds_read2st64_b64 v[132:135], v9 offset0:16
ds_add_rtn_f64 v[120:121], v220, v[192:193] offset:32807
ds_add_rtn_f64 v[160:161], v150, v[44:45]
ds_add_rtn_f64 v[36:37], v127, v[212:213] offset:513
ds_pk_add_rtn_f16 a52, v160, a148 offset:26788
ds_pk_add_rtn_f16 v172, v248, v68 offset:7175
ds_pk_add_rtn_f16 a48, v172, a180
ds_pk_add_rtn_bf16 v20, v34, v136
ds_pk_add_rtn_bf16 v8, v181, v56 offset:513
ds_pk_add_rtn_bf16 v136, v231, v148
ds_write_b96 v19, v[36:38] offset:513
ds_write_b96 v34, v[192:194] offset:63118
ds_write_b96 v225, v[128:130] offset:513
ds_write_b128 v185, v[128:131] offset:63118
ds_write_b128 v39, a[80:83] offset:513
ds_write_b128 v118, a[92:95] offset:16
ds_read_b96 a[236:238], v49 offset:13205
ds_read_b96 a[208:210], v89 offset:16
ds_read_b96 a[92:94], v85 offset:513
ds_read_b128 a[196:199], v211 offset:513
ds_read_b128 a[16:19], v121
ds_read_b128 a[76:79], v97 offset:513
ds_swizzle_b32 v5, v7 offset:swizzle(QUAD_PERM,3,2,1,0)
ds_swizzle_b32 v5, v7 offset:swizzle(BITMASK_PERM,"0000i")
ds_swizzle_b32 v5, v7 offset:swizzle(SWAP,1)
ds_swizzle_b32 v5, v7 offset:swizzle(REVERSE,32)
ds_swizzle_b32 v5, v7 offset:swizzle(REVERSE,4)
ds_swizzle_b32 v5, v7 offset:swizzle(SWAP,4)
ds_swizzle_b32 v5, v7 offset:swizzle(BROADCAST,16,0)
ds_swizzle_b32 v5, v7 offset:swizzle(BROADCAST,8,3)
ds_swizzle_b32 v5, v7 offset:swizzle(QUAD_PERM,0,1,2,3)
ds_swizzle_b32 v5, v7 offset:49152
flat_load_ubyte a232, v[142:143] sc0
flat_load_ubyte v52, v[154:155] offset:16 sc1
flat_load_ubyte v232, v[14:15] offset:4095 sc0
flat_load_ubyte a224, v[156:157] offset:16
flat_load_sbyte v212, v[62:63] offset:16
flat_load_sbyte v148, v[116:117]
flat_load_sbyte a192, v[168:169] offset:4095 sc1
flat_load_sbyte v228, v[138:139] offset:16 nt
flat_load_ushort v12, v[118:119] offset:16 sc0
flat_load_ushort v52, v[66:67] sc0 sc1
flat_load_ushort a232, v[88:89]
flat_load_ushort v20, v[2:3] offset:16
flat_load_sshort v32, v[194:195] sc1
flat_load_sshort v0, v[154:155]
flat_load_sshort v164, v[76:77]
flat_load_sshort v80, v[60:61] offset:16 nt sc1
flat_load_dword v56, v[114:115] offset:4095 sc1
flat_load_dword v32, v[180:181] offset:4095 nt
flat_load_dword a200, v[144:145] offset:16 sc1
flat_load_dword a100, v[76:77] offset:4095 nt
flat_load_dwordx2 a[160:161], v[66:67] offset:4095
flat_load_dwordx2 v[64:65], v[190:191] offset:16
flat_load_dwordx2 v[164:165], v[90:91] offset:4095 sc1
flat_load_dwordx2 v[96:97], v[130:131] nt
flat_load_dwordx3 v[192:194], v[94:95]
flat_load_dwordx3 v[168:170], v[186:187] offset:16
flat_load_dwordx3 v[12:14], v[54:55] offset:4095
flat_load_dwordx3 v[108:110], v[160:161] offset:16
flat_load_dwordx4 v[156:159], v[70:71] offset:4095 nt
flat_load_dwordx4 v[136:139], v[114:115]
flat_load_dwordx4 v[4:7], v[40:41] offset:16 sc0 sc1
flat_load_dwordx4 v[120:123], v[10:11] offset:4095 sc0
flat_store_byte v[46:47], v108 sc0
flat_store_byte v[134:135], a212 offset:4095 sc0
flat_store_byte v[16:17], v52
flat_store_byte v[110:111], v56
flat_store_byte_d16_hi v[134:135], v228
flat_store_byte_d16_hi v[84:85], a204 offset:4095
flat_store_byte_d16_hi v[170:171], v32 sc0 sc1
flat_store_byte_d16_hi v[38:39], a148 nt
flat_store_short v[76:77], v180 offset:16 sc0 sc1
flat_store_short v[10:11], a36 sc0 sc1
flat_store_short v[132:133], v216 offset:4095 sc1
flat_store_short v[134:135], a140 offset:4095
flat_store_short_d16_hi v[168:169], a44
flat_store_short_d16_hi v[138:139], a232 offset:16 sc0 sc1
flat_store_short_d16_hi v[76:77], v180 offset:16
flat_store_short_d16_hi v[20:21], v60 offset:4095 nt
flat_store_dword v[52:53], v8 offset:16 sc1
flat_store_dword v[10:11], v140 sc0 sc1
flat_store_dword v[6:7], v172
flat_store_dword v[120:121], v56 offset:16 nt sc1
flat_store_dwordx2 v[28:29], v[72:73] offset:16
flat_store_dwordx2 v[156:157], v[164:165] offset:16
flat_store_dwordx2 v[130:131], v[128:129] offset:16
flat_store_dwordx2 v[70:71], v[120:121] sc0
flat_store_dwordx3 v[78:79], v[96:98] offset:4095 sc0
flat_store_dwordx3 v[166:167], a[168:170] offset:16 sc0
flat_store_dwordx3 v[192:193], v[164:166] offset:4095 sc0
flat_store_dwordx3 v[106:107], a[216:218] offset:16 sc1
flat_store_dwordx4 v[30:31], v[192:195] offset:4095
flat_store_dwordx4 v[160:161], v[52:55]
flat_store_dwordx4 v[128:129], a[160:163] offset:4095 sc1
flat_store_dwordx4 v[150:151], v[92:95] sc0 sc1
flat_load_ubyte_d16 v172, v[42:43] offset:4095 nt sc1
flat_load_ubyte_d16 v36, v[38:39] offset:16 sc0
flat_load_ubyte_d16 v80, v[130:131] offset:4095 sc0
flat_load_ubyte_d16 a164, v[46:47] sc1
flat_load_ubyte_d16_hi v216, v[26:27] offset:16
flat_load_ubyte_d16_hi v196, v[42:43] sc1
flat_load_ubyte_d16_hi a8, v[92:93] offset:16 sc0
flat_load_ubyte_d16_hi v236, v[82:83] offset:4095
flat_load_sbyte_d16 a108, v[170:171] offset:4095 sc0
flat_load_sbyte_d16 v224, v[162:163] sc0 sc1
flat_load_sbyte_d16 v68, v[44:45] offset:4095
flat_load_sbyte_d16 a28, v[68:69] sc0
flat_load_sbyte_d16_hi a4, v[0:1] offset:4095
flat_load_sbyte_d16_hi a232, v[42:43]
flat_load_sbyte_d16_hi a0, v[186:187] offset:16
flat_load_sbyte_d16_hi a148, v[174:175] offset:4095 nt sc1
flat_load_short_d16 v188, v[36:37] sc0
flat_load_short_d16 v228, v[92:93]
flat_load_short_d16 v200, v[100:101] offset:4095
flat_load_short_d16 v112, v[74:75] offset:4095
flat_load_short_d16_hi v164, v[52:53] offset:4095
flat_load_short_d16_hi a44, v[128:129] nt
flat_load_short_d16_hi v64, v[42:43] nt
flat_load_short_d16_hi a4, v[124:125] offset:16
flat_atomic_swap v[192:193], v148 offset:16 nt sc1
flat_atomic_swap v[168:169], a0 offset:4095 nt
flat_atomic_swap v[110:111], v0
flat_atomic_swap v[142:143], v116 offset:16
flat_atomic_cmpswap v[180:181], v[236:237] offset:16
flat_atomic_cmpswap v[176:177], v[48:49] offset:16 sc1
flat_atomic_cmpswap v[176:177], v[132:133] offset:4095
flat_atomic_cmpswap v184, v[126:127], v[228:229] offset:16 sc0 sc1
flat_atomic_add v[174:175], v232 nt
flat_atomic_add v[124:125], a24 nt
flat_atomic_add v[36:37], a208 offset:4095 nt
flat_atomic_add v36, v[100:101], v48 offset:16 sc0 sc1
flat_atomic_sub v208, v[24:25], v136 offset:4095 sc0
flat_atomic_sub v[68:69], a188 nt
flat_atomic_sub v[182:183], a8 offset:16 nt sc1
flat_atomic_sub v[72:73], v68
flat_atomic_smin v[188:189], a160 offset:16
flat_atomic_smin v[18:19], v120 offset:16 nt sc1
flat_atomic_smin v180, v[114:115], v92 offset:16 sc0
flat_atomic_smin v[134:135], a12 offset:16 sc1
flat_atomic_umin v[184:185], a96
flat_atomic_umin v96, v[90:91], v144 sc0 sc1
flat_atomic_umin v[152:153], v212 offset:4095 nt
flat_atomic_umin v[36:37], v104 offset:4095
flat_atomic_smax v[0:1], a148 offset:4095 sc1
flat_atomic_smax v[118:119], a92 offset:4095
flat_atomic_smax v[128:129], v164 nt
flat_atomic_smax v160, v[120:121], v176 offset:4095 sc0 sc1
flat_atomic_umax v[24:25], v68
flat_atomic_umax v[154:155], a232 nt
flat_atomic_umax v[108:109], v92 nt
flat_atomic_umax v[116:117], v192 offset:4095 nt sc1
flat_atomic_and v[158:159], v100 offset:4095
flat_atomic_and v[72:73], v188 nt sc1
flat_atomic_and v[144:145], v184 sc1
flat_atomic_and v[84:85], v8
flat_atomic_or v[46:47], v172 sc1
flat_atomic_or v[104:105], v232 offset:16
flat_atomic_or v[98:99], a128 nt
flat_atomic_or v164, v[100:101], v104 sc0
flat_atomic_xor v200, v[188:189], v232 offset:4095 sc0
flat_atomic_xor v236, v[56:57], v192 offset:16 sc0
flat_atomic_xor v[88:89], v124 offset:4095 nt
flat_atomic_xor v184, v[46:47], v172 sc0 sc1
flat_atomic_inc v[136:137], a156 offset:16
flat_atomic_inc v40, v[22:23], v32 offset:16 sc0
flat_atomic_inc v[14:15], a8 offset:16 nt
flat_atomic_inc v132, v[78:79], v112 offset:16 sc0
flat_atomic_dec v200, v[28:29], v24 offset:16 sc0 sc1
flat_atomic_dec v108, v[132:133], v124 offset:4095 sc0
flat_atomic_dec v[88:89], v92 offset:16 nt
flat_atomic_dec a20, v[56:57], a48 sc0
flat_atomic_add_f32 v[48:49], v204 nt
flat_atomic_add_f32 v[96:97], a36 sc1
flat_atomic_add_f32 v[138:139], v20 offset:16 nt
flat_atomic_add_f32 v[106:107], a220 offset:16 nt
flat_atomic_pk_add_f16 v[136:137], a40 offset:4095 nt
flat_atomic_pk_add_f16 v72, v[180:181], v60 offset:4095 sc0
flat_atomic_pk_add_f16 v[42:43], v60 offset:4095 nt
flat_atomic_pk_add_f16 v[146:147], a64 nt
flat_atomic_add_f64 v[140:141], a[232:233] nt sc1
flat_atomic_add_f64 v[86:87], v[148:149] offset:4095 nt
flat_atomic_add_f64 v[196:197], a[148:149] offset:4095
flat_atomic_add_f64 v[128:129], a[32:33] offset:16 sc1
flat_atomic_min_f64 v[188:189], v[220:221] sc1
flat_atomic_min_f64 v[48:49], a[168:169] nt
flat_atomic_min_f64 v[102:103], a[36:37] offset:16
flat_atomic_min_f64 v[12:13], a[224:225]
flat_atomic_max_f64 v[104:105], v[132:133]
flat_atomic_max_f64 v[186:187], v[184:185] nt
flat_atomic_max_f64 v[188:189], v[118:119], v[196:197] sc0 sc1
flat_atomic_max_f64 v[128:129], v[160:161] offset:4095 nt
flat_atomic_pk_add_bf16 v[68:69], a0 offset:16 nt
flat_atomic_pk_add_bf16 v[60:61], v224 sc1
flat_atomic_pk_add_bf16 v[20:21], a92 offset:16 nt
flat_atomic_pk_add_bf16 v[84:85], v32 offset:4095 nt
flat_atomic_swap_x2 v[170:171], a[24:25] nt sc1
flat_atomic_swap_x2 v[52:53], v[204:205]
flat_atomic_swap_x2 v[166:167], a[180:181] offset:4095 sc1
flat_atomic_swap_x2 v[114:115], a[188:189] offset:16 nt sc1
flat_atomic_cmpswap_x2 v[10:11], v[100:103] offset:16
flat_atomic_cmpswap_x2 v[108:109], v[80:83] nt
flat_atomic_cmpswap_x2 v[124:125], v[112:115] nt sc1
flat_atomic_cmpswap_x2 v[38:39], v[196:199] sc1
flat_atomic_add_x2 v[20:21], a[16:17]
flat_atomic_add_x2 v[200:201], v[16:17], v[156:157] offset:4095 sc0
flat_atomic_add_x2 v[106:107], a[88:89] offset:4095
flat_atomic_add_x2 v[182:183], v[224:225] offset:16 nt
flat_atomic_sub_x2 v[190:191], v[120:121] offset:4095
flat_atomic_sub_x2 a[0:1], v[18:19], a[44:45] offset:4095 sc0 sc1
flat_atomic_sub_x2 v[150:151], v[116:117] offset:4095 nt
flat_atomic_sub_x2 v[162:163], v[180:181] offset:16 nt
flat_atomic_smin_x2 v[78:79], v[84:85] sc1
flat_atomic_smin_x2 v[4:5], v[144:145] offset:16
flat_atomic_smin_x2 v[212:213], v[50:51], v[168:169] sc0
flat_atomic_smin_x2 v[4:5], v[92:93] offset:4095 nt sc1
flat_atomic_umin_x2 v[36:37], v[152:153] offset:4095 nt
flat_atomic_umin_x2 v[44:45], v[200:201] offset:16
flat_atomic_umin_x2 v[132:133], a[52:53] offset:16 sc1
flat_atomic_umin_x2 v[158:159], v[100:101] offset:4095 nt
flat_atomic_smax_x2 v[26:27], v[36:37] offset:4095
flat_atomic_smax_x2 v[28:29], a[72:73] nt sc1
flat_atomic_smax_x2 v[18:19], v[236:237] offset:4095 sc1
flat_atomic_smax_x2 v[82:83], v[48:49] offset:16
flat_atomic_umax_x2 v[156:157], a[96:97] offset:4095 sc1
flat_atomic_umax_x2 v[196:197], v[44:45] offset:16 nt
flat_atomic_umax_x2 v[128:129], v[128:129] offset:16 nt
flat_atomic_umax_x2 v[12:13], v[138:139], v[216:217] offset:4095 sc0
flat_atomic_and_x2 v[18:19], v[192:193] offset:4095 nt
flat_atomic_and_x2 v[8:9], v[144:145], v[156:157] sc0 sc1
flat_atomic_and_x2 v[158:159], v[180:181] offset:4095
flat_atomic_and_x2 v[186:187], a[176:177] offset:4095 sc1
flat_atomic_or_x2 v[80:81], v[172:173] offset:16
flat_atomic_or_x2 v[34:35], a[116:117] sc1
flat_atomic_or_x2 v[172:173], v[64:65], v[92:93] offset:16 sc0 sc1
flat_atomic_or_x2 v[40:41], v[236:237] nt sc1
flat_atomic_xor_x2 v[0:1], v[2:3], v[232:233] offset:4095 sc0 sc1
flat_atomic_xor_x2 v[204:205], v[102:103], v[92:93] offset:16 sc0 sc1
flat_atomic_xor_x2 v[52:53], v[208:209] offset:16 sc1
flat_atomic_xor_x2 v[200:201], v[22:23], v[216:217] offset:4095 sc0
flat_atomic_inc_x2 v[88:89], v[224:225] offset:16
flat_atomic_inc_x2 v[124:125], a[16:17] offset:4095
flat_atomic_inc_x2 v[50:51], a[132:133] offset:16
flat_atomic_inc_x2 v[0:1], a[88:89] sc1
flat_atomic_dec_x2 v[84:85], a[4:5] offset:16 sc1
flat_atomic_dec_x2 v[96:97], v[56:57] offset:16
flat_atomic_dec_x2 a[124:125], v[138:139], a[8:9] offset:16 sc0
flat_atomic_dec_x2 v[14:15], v[124:125] sc1
scratch_load_ubyte v64, off, off offset:-1
scratch_load_ubyte a192, v162, s20
scratch_load_ubyte v200, v48, off offset:4095 nt
scratch_load_ubyte v36, v90, off offset:-16
scratch_load_sbyte v220, off, off offset:-1 nt sc1
scratch_load_sbyte a200, v116, off offset:16 nt sc1
scratch_load_sbyte a24, off, off offset:-16 sc1
scratch_load_sbyte a144, off, off offset:4095 sc0 sc1
scratch_load_ushort v152, off, s20 offset:4095 sc0
scratch_load_ushort a36, off, off offset:-1 sc1
scratch_load_ushort v196, v182, s20
scratch_load_ushort a24, off, off offset:-16
scratch_load_sshort v188, off, off offset:16 nt
scratch_load_sshort v8, v100, off offset:-16 sc0 sc1
scratch_load_sshort v200, v158, off offset:-1
scratch_load_sshort a0, v172, off offset:-16
scratch_load_dword a224, v180, off offset:4095
scratch_load_dword a224, v134, off nt
scratch_load_dword a168, v38, off offset:-1 sc0
scratch_load_dword a60, off, off offset:-1
scratch_load_dwordx2 v[72:73], v88, s20 offset:4095 sc0
scratch_load_dwordx2 a[180:181], v144, off offset:-16
scratch_load_dwordx2 v[236:237], v108, off offset:16 nt sc1
scratch_load_dwordx2 a[196:197], off, off offset:-1 nt
scratch_load_dwordx3 v[176:178], off, s20 offset:4095 nt
scratch_load_dwordx3 a[60:62], v132, off nt
scratch_load_dwordx3 v[36:38], off, s20 sc0
scratch_load_dwordx3 a[0:2], v20, off nt sc1
scratch_load_dwordx4 a[76:79], v118, off
scratch_load_dwordx4 v[60:63], off, off offset:4095
scratch_load_dwordx4 a[144:147], off, off sc1
scratch_load_dwordx4 v[40:43], v104, off offset:-1 sc1
scratch_store_byte v46, a144, off offset:16 sc0
scratch_store_byte off, a60, off offset:16 nt
scratch_store_byte v160, v84, off offset:-1
scratch_store_byte off, a152, s20 offset:-16 sc1
scratch_store_byte_d16_hi v88, a96, off offset:-1 sc0
scratch_store_byte_d16_hi v46, a0, s20 offset:-1 sc0
scratch_store_byte_d16_hi off, v24, s20 offset:4095 sc0
scratch_store_byte_d16_hi off, v96, off offset:16 nt sc1
scratch_store_short off, v132, off sc0
scratch_store_short off, v172, s20 offset:16
scratch_store_short off, v144, off
scratch_store_short off, a104, off sc0 sc1
scratch_store_short_d16_hi v82, v192, off offset:16 sc1
scratch_store_short_d16_hi v150, v172, off offset:4095 sc0
scratch_store_short_d16_hi v102, a100, off offset:4095 sc0
scratch_store_short_d16_hi off, v224, s20 offset:4095 nt
scratch_store_dword off, v144, off offset:-16
scratch_store_dword v46, v128, s20 offset:-16
scratch_store_dword v186, a104, s20 sc0 sc1
scratch_store_dword off, v60, off offset:-1 sc0
scratch_store_dwordx2 v162, v[28:29], off sc0
scratch_store_dwordx2 off, v[208:209], s20 offset:4095 nt sc1
scratch_store_dwordx2 off, a[72:73], s20 offset:4095 nt sc1
scratch_store_dwordx2 v184, v[176:177], off
scratch_store_dwordx3 v196, v[208:210], off offset:-1 sc1
scratch_store_dwordx3 v34, v[108:110], off offset:4095 nt sc1
scratch_store_dwordx3 v120, a[168:170], s20 offset:16
scratch_store_dwordx3 off, v[88:90], off offset:16 sc0
scratch_store_dwordx4 v124, a[224:227], s20 offset:-16 sc0
scratch_store_dwordx4 off, a[120:123], off offset:-16
scratch_store_dwordx4 v152, v[220:223], off offset:4095 sc1
scratch_store_dwordx4 v160, v[132:135], s20 offset:16 sc1
scratch_load_ubyte_d16 a232, v132, s20 offset:-1 sc0 sc1
scratch_load_ubyte_d16 a120, off, s20 offset:16 sc0 sc1
scratch_load_ubyte_d16 a224, off, off offset:-1 sc1
scratch_load_ubyte_d16 v228, v68, off offset:-1
scratch_load_ubyte_d16_hi v16, v40, s20 offset:16 sc0 sc1
scratch_load_ubyte_d16_hi v168, off, s20 offset:-16 sc1
scratch_load_ubyte_d16_hi v224, v68, off sc1
scratch_load_ubyte_d16_hi v220, off, off offset:4095
scratch_load_sbyte_d16 v180, off, off offset:16
scratch_load_sbyte_d16 v188, off, s20 nt
scratch_load_sbyte_d16 v184, off, off offset:4095
scratch_load_sbyte_d16 a132, off, s20 offset:-1
scratch_load_sbyte_d16_hi a60, v6, s20 offset:-1 nt
scratch_load_sbyte_d16_hi v228, v164, off offset:16 nt sc1
scratch_load_sbyte_d16_hi a204, off, off offset:4095
scratch_load_sbyte_d16_hi a92, off, s20 offset:4095 sc0 sc1
scratch_load_short_d16 v48, off, off offset:4095 nt
scratch_load_short_d16 a40, v198, off offset:16 sc0
scratch_load_short_d16 v164, off, off offset:-1 nt
scratch_load_short_d16 a92, v88, s20 offset:-1 nt
scratch_load_short_d16_hi v220, v192, s20
scratch_load_short_d16_hi a76, v32, off offset:-1
scratch_load_short_d16_hi a224, off, off offset:4095
scratch_load_short_d16_hi v148, off, off sc0 sc1
global_load_ubyte a76, v[116:117], off
global_load_ubyte v236, v[148:149], off offset:4095 sc1
global_load_ubyte v212, v116, s[20:21] offset:-16
global_load_ubyte v176, v[198:199], off
global_load_sbyte v116, v154, s[20:21] offset:-1
global_load_sbyte v60, v[52:53], off offset:16 sc1
global_load_sbyte v36, v[14:15], off offset:16
global_load_sbyte a32, v186, s[20:21] offset:16 sc0
global_load_ushort a104, v[90:91], off sc0
global_load_ushort v160, v[122:123], off offset:16 sc0
global_load_ushort a164, v[62:63], off offset:-1 nt sc1
global_load_ushort v232, v[180:181], off offset:4095
global_load_sshort v116, v[84:85], off offset:16 sc1
global_load_sshort v96, v[42:43], off offset:-16 nt
global_load_sshort v8, v[120:121], off
global_load_sshort a144, v158, s[20:21] offset:-16 sc1
global_load_dword a140, v[132:133], off offset:-1 sc0
global_load_dword a200, v[68:69], off offset:-16
global_load_dword a136, v[170:171], off offset:4095
global_load_dword v32, v[10:11], off
global_load_dwordx2 v[228:229], v[112:113], off offset:-16 sc1
global_load_dwordx2 a[40:41], v[84:85], off offset:-16 sc1
global_load_dwordx2 v[28:29], v[70:71], off offset:16
global_load_dwordx2 v[144:145], v[26:27], off offset:-1 nt
global_load_dwordx3 v[220:222], v[26:27], off offset:4095 sc0
global_load_dwordx3 v[220:222], v70, s[20:21] offset:-1
global_load_dwordx3 v[192:194], v[2:3], off
global_load_dwordx3 v[88:90], v[146:147], off nt
global_load_dwordx4 v[96:99], v[12:13], off offset:16
global_load_dwordx4 a[24:27], v[120:121], off offset:-16 sc1
global_load_dwordx4 a[228:231], v156, s[20:21] offset:-1 nt
global_load_dwordx4 v[32:35], v[10:11], off offset:16 sc0
global_store_byte v[62:63], a180, off sc1
global_store_byte v[96:97], v172, off offset:4095
global_store_byte v[32:33], v120, off offset:-1 sc1
global_store_byte v[102:103], v24, off sc1
global_store_byte_d16_hi v[134:135], v220, off offset:-16
global_store_byte_d16_hi v36, a176, s[20:21]
global_store_byte_d16_hi v88, a60, s[20:21] offset:4095 nt
global_store_byte_d16_hi v[0:1], v228, off nt
global_store_short v[190:191], v124, off offset:-16
global_store_short v[122:123], v236, off offset:-1
global_store_short v[78:79], a124, off offset:4095 sc1
global_store_short v[54:55], a120, off offset:16 nt
global_store_short_d16_hi v[48:49], a16, off offset:16 sc1
global_store_short_d16_hi v[102:103], v100, off offset:16 sc0
global_store_short_d16_hi v[70:71], a180, off offset:-16 sc0
global_store_short_d16_hi v94, a216, s[20:21] offset:-1 nt
global_store_dword v[100:101], v232, off offset:4095 nt
global_store_dword v[2:3], v100, off offset:4095 sc0 sc1
global_store_dword v60, v136, s[20:21] offset:16 nt
global_store_dword v[68:69], v72, off nt
global_store_dwordx2 v26, a[20:21], s[20:21] sc0 sc1
global_store_dwordx2 v[112:113], v[140:141], off offset:4095
global_store_dwordx2 v[140:141], v[180:181], off offset:16 sc0 sc1
global_store_dwordx2 v[150:151], v[20:21], off offset:-1 nt
global_store_dwordx3 v100, a[168:170], s[20:21]
global_store_dwordx3 v[94:95], v[80:82], off offset:4095 sc1
global_store_dwordx3 v[176:177], v[220:222], off offset:-1
global_store_dwordx3 v156, v[24:26], s[20:21] offset:16 nt
global_store_dwordx4 v[96:97], v[16:19], off offset:16 sc0
global_store_dwordx4 v[138:139], v[20:23], off sc0
global_store_dwordx4 v[86:87], v[172:175], off offset:-1 sc1
global_store_dwordx4 v78, v[96:99], s[20:21] offset:-1 nt sc1
global_load_ubyte_d16 v28, v170, s[20:21] offset:16 nt
global_load_ubyte_d16 a148, v[84:85], off sc1
global_load_ubyte_d16 v160, v[126:127], off
global_load_ubyte_d16 v204, v[42:43], off offset:16 nt
global_load_ubyte_d16_hi a28, v[134:135], off offset:4095 sc0
global_load_ubyte_d16_hi a188, v[172:173], off offset:16
global_load_ubyte_d16_hi a124, v24, s[20:21] offset:16 sc0
global_load_ubyte_d16_hi v88, v158, s[20:21] offset:16 nt
global_load_sbyte_d16 a48, v[176:177], off offset:16 nt
global_load_sbyte_d16 v4, v[112:113], off offset:16
global_load_sbyte_d16 a112, v[140:141], off
global_load_sbyte_d16 v236, v134, s[20:21] offset:16 nt
global_load_sbyte_d16_hi v72, v78, s[20:21] sc1
global_load_sbyte_d16_hi v96, v172, s[20:21] sc1
global_load_sbyte_d16_hi a196, v154, s[20:21] offset:16 sc1
global_load_sbyte_d16_hi a236, v124, s[20:21] offset:4095 nt
global_load_short_d16 a48, v138, s[20:21] offset:-1 nt
global_load_short_d16 v128, v[66:67], off
global_load_short_d16 a88, v112, s[20:21] offset:16
global_load_short_d16 a60, v[158:159], off offset:-16 nt sc1
global_load_short_d16_hi v188, v36, s[20:21] offset:-1 nt
global_load_short_d16_hi v60, v[158:159], off offset:16 nt
global_load_short_d16_hi v192, v72, s[20:21] offset:4095
global_load_short_d16_hi a72, v[190:191], off offset:-16 nt
global_load_lds_ubyte v[66:67], off offset:-1 nt sc1
global_load_lds_ubyte v[160:161], off sc0
global_load_lds_ubyte v[2:3], off offset:16 sc1
global_load_lds_ubyte v[38:39], off offset:-1
global_load_lds_ushort v[184:185], off offset:4095 nt
global_load_lds_ushort v[12:13], off offset:-1 sc0
global_load_lds_ushort v14, s[20:21] offset:4095 sc0 sc1
global_load_lds_ushort v160, s[20:21] offset:16
global_load_lds_dword v86, s[20:21] nt sc1
global_load_lds_dword v178, s[20:21] offset:4095 nt sc1
global_load_lds_dword v[66:67], off offset:-16
global_load_lds_dword v[74:75], off offset:-1 sc1
global_atomic_swap v[178:179], a12, off offset:-1 sc1
global_atomic_swap v104, a156, s[20:21] offset:-1 sc1
global_atomic_swap v112, v[36:37], v232, off offset:-16 sc0
global_atomic_swap v128, a184, s[20:21] offset:16 sc1
global_atomic_cmpswap v12, v[184:185], s[20:21] offset:16
global_atomic_cmpswap v[72:73], v[176:177], off offset:16
global_atomic_cmpswap v140, a[156:157], s[20:21] offset:-16
global_atomic_cmpswap v106, v[64:65], s[20:21] offset:-16
global_atomic_add v[54:55], v84, off offset:-16
global_atomic_add v[42:43], v88, off offset:16
global_atomic_add a216, v72, a112, s[20:21] sc0 sc1
global_atomic_add v[128:129], a36, off offset:4095 sc1
global_atomic_sub v[142:143], v144, off offset:-16 sc1
global_atomic_sub v[66:67], v152, off offset:-16
global_atomic_sub v108, v128, s[20:21] offset:4095 nt
global_atomic_sub v[74:75], a196, off offset:4095
global_atomic_smin v40, v162, v108, s[20:21] offset:-1 sc0
global_atomic_smin v190, v172, s[20:21]
global_atomic_smin v168, v160, s[20:21] offset:4095
global_atomic_smin v[34:35], v204, off nt
global_atomic_umin a52, v[124:125], a168, off offset:16 sc0
global_atomic_umin v[48:49], a52, off
global_atomic_umin v82, v104, s[20:21] offset:4095 nt
global_atomic_umin v[156:157], a88, off offset:-16
global_atomic_smax a168, v[84:85], a168, off offset:-1 sc0 sc1
global_atomic_smax v[158:159], a144, off offset:-1 sc1
global_atomic_smax a104, v[110:111], a164, off offset:-16 sc0 sc1
global_atomic_smax v[158:159], a180, off offset:4095 sc1
global_atomic_umax v114, a12, s[20:21] offset:-16 sc1
global_atomic_umax v80, v176, s[20:21] offset:-16
global_atomic_umax v[116:117], v48, off offset:-1
global_atomic_umax v[2:3], v236, off
global_atomic_and v[34:35], v120, off offset:4095 sc1
global_atomic_and v[88:89], v64, off offset:-16
global_atomic_and v196, v84, v156, s[20:21] offset:-16 sc0
global_atomic_and v[92:93], a216, off
global_atomic_or v172, v24, s[20:21] offset:-16
global_atomic_or v[132:133], v176, off offset:-1
global_atomic_or v184, v[182:183], v156, off offset:-1 sc0 sc1
global_atomic_or v216, v12, v120, s[20:21] offset:16 sc0
global_atomic_xor v56, a208, s[20:21] offset:4095 nt sc1
global_atomic_xor v[166:167], a28, off offset:-16
global_atomic_xor v[84:85], v60, off offset:-1
global_atomic_xor v[190:191], v64, off offset:16
global_atomic_inc v[144:145], a100, off nt
global_atomic_inc v132, v66, v12, s[20:21] offset:-1 sc0
global_atomic_inc v14, a8, s[20:21] sc1
global_atomic_inc v[182:183], a16, off offset:-1
global_atomic_dec v[18:19], v40, off offset:16
global_atomic_dec v162, v56, s[20:21] offset:16
global_atomic_dec v[90:91], v100, off offset:-1 nt sc1
global_atomic_dec v[32:33], v4, off offset:-16 sc1
global_atomic_add_f32 a52, v168, a36, s[20:21] offset:16 sc0 sc1
global_atomic_add_f32 v[68:69], v196, off offset:16 sc1
global_atomic_add_f32 v44, v76, v188, s[20:21] offset:4095 sc0
global_atomic_add_f32 v44, v188, s[20:21] sc1
global_atomic_pk_add_f16 v[42:43], v100, off
global_atomic_pk_add_f16 v[82:83], v136, off offset:4095 sc1
global_atomic_pk_add_f16 v34, a80, s[20:21] offset:4095 nt
global_atomic_pk_add_f16 v[142:143], v164, off offset:-1 nt
global_atomic_add_f64 v[32:33], v16, v[168:169], s[20:21] offset:16 sc0
global_atomic_add_f64 v116, v[8:9], s[20:21] offset:-16
global_atomic_add_f64 v134, v[192:193], s[20:21] offset:4095
global_atomic_add_f64 a[132:133], v10, a[148:149], s[20:21] offset:-1 sc0 sc1
global_atomic_min_f64 v[12:13], v[160:161], off offset:-1
global_atomic_min_f64 v[192:193], v164, v[136:137], s[20:21] offset:-1 sc0
global_atomic_min_f64 v6, v[204:205], s[20:21] offset:-16 sc1
global_atomic_min_f64 v[14:15], v[0:1], off offset:16 nt
global_atomic_max_f64 v[2:3], v[48:49], off offset:-1 nt
global_atomic_max_f64 v[6:7], v[200:201], off offset:4095 nt
global_atomic_max_f64 v[72:73], v[24:25], off offset:4095
global_atomic_max_f64 v[52:53], v[168:169], off sc1
global_atomic_pk_add_bf16 v[36:37], a4, off offset:16 nt sc1
global_atomic_pk_add_bf16 v[194:195], v200, off offset:-16
global_atomic_pk_add_bf16 v80, a204, s[20:21] offset:16
global_atomic_pk_add_bf16 v26, a88, s[20:21] offset:-16 sc1
global_atomic_swap_x2 a[200:201], v[78:79], a[20:21], off sc0
global_atomic_swap_x2 v[56:57], v[192:193], off sc1
global_atomic_swap_x2 v132, v[64:65], s[20:21] offset:4095
global_atomic_swap_x2 v[68:69], a[88:89], off offset:-16 nt
global_atomic_cmpswap_x2 v198, a[84:87], s[20:21] offset:16
global_atomic_cmpswap_x2 v[140:141], v[16:17], v[196:199], off offset:-16 sc0
global_atomic_cmpswap_x2 v44, v[24:27], s[20:21] offset:16
global_atomic_cmpswap_x2 v[42:43], v[152:155], off offset:4095
global_atomic_add_x2 v[198:199], a[64:65], off offset:-1 nt
global_atomic_add_x2 v[156:157], a[44:45], off nt sc1
global_atomic_add_x2 v[20:21], v[96:97], off offset:4095 sc1
global_atomic_add_x2 v[68:69], v[132:133], off offset:4095
global_atomic_sub_x2 v[42:43], v[132:133], off offset:-16
global_atomic_sub_x2 v156, a[24:25], s[20:21] offset:-16
global_atomic_sub_x2 v154, v[88:89], s[20:21] offset:16 nt
global_atomic_sub_x2 v[192:193], v[56:57], v[72:73], off offset:-1 sc0 sc1
global_atomic_smin_x2 v[104:105], v[106:107], v[112:113], off offset:4095 sc0
global_atomic_smin_x2 v12, a[132:133], s[20:21] offset:-1
global_atomic_smin_x2 v56, v[28:29], s[20:21]
global_atomic_smin_x2 v[106:107], v[144:145], off offset:-1 sc1
global_atomic_umin_x2 v[52:53], v[96:97], v[100:101], off offset:-1 sc0 sc1
global_atomic_umin_x2 v88, v[160:161], s[20:21] offset:-16 nt
global_atomic_umin_x2 v[196:197], v[164:165], off nt
global_atomic_umin_x2 v120, a[168:169], s[20:21] offset:-16
global_atomic_smax_x2 v[46:47], v[0:1], off nt
global_atomic_smax_x2 v[142:143], v[136:137], off offset:4095
global_atomic_smax_x2 v168, v[40:41], s[20:21] offset:4095 nt
global_atomic_smax_x2 v[62:63], v[88:89], off offset:4095
global_atomic_umax_x2 v[86:87], a[28:29], off offset:-16 sc1
global_atomic_umax_x2 v[142:143], v[228:229], off offset:-16 nt sc1
global_atomic_umax_x2 v[128:129], v[20:21], v[20:21], off offset:-1 sc0
global_atomic_umax_x2 v[140:141], v[180:181], v[232:233], off offset:-16 sc0
global_atomic_and_x2 v[148:149], v[60:61], off offset:16 nt sc1
global_atomic_and_x2 a[224:225], v60, a[64:65], s[20:21] offset:4095 sc0
global_atomic_and_x2 a[48:49], v[42:43], a[84:85], off offset:-1 sc0 sc1
global_atomic_and_x2 v[118:119], v[132:133], off offset:-1
global_atomic_or_x2 v50, v[52:53], s[20:21] offset:4095 nt
global_atomic_or_x2 v162, v[192:193], s[20:21] offset:16
global_atomic_or_x2 v114, v[180:181], s[20:21] offset:-1
global_atomic_or_x2 v88, v[68:69], s[20:21] offset:4095 nt
global_atomic_xor_x2 v[220:221], v106, v[92:93], s[20:21] offset:16 sc0
global_atomic_xor_x2 v[190:191], v[4:5], off offset:4095
global_atomic_xor_x2 v158, a[184:185], s[20:21] offset:-16
global_atomic_xor_x2 v[40:41], v[162:163], v[80:81], off offset:-16 sc0 sc1
global_atomic_inc_x2 v[120:121], v[54:55], v[100:101], off sc0
global_atomic_inc_x2 a[60:61], v[62:63], a[28:29], off offset:-1 sc0 sc1
global_atomic_inc_x2 v188, v[76:77], s[20:21] offset:4095
global_atomic_inc_x2 v[68:69], v[168:169], v[60:61], off offset:-1 sc0
global_atomic_dec_x2 v[140:141], a[104:105], off offset:4095
global_atomic_dec_x2 v[48:49], v[36:37], off offset:4095
global_atomic_dec_x2 v[186:187], v[100:101], off offset:4095
global_atomic_dec_x2 v[76:77], v[176:177], off offset:-16
buffer_load_ubyte v[112:113], s[4:7], 0 idxen offen sc1 lds
buffer_load_ubyte v46, s[24:27], s20 idxen sc1 lds
buffer_load_ubyte off, s[12:15], s20 offset:4095 nt lds
buffer_load_ubyte v42, s[28:31], 0 idxen lds
buffer_load_sbyte v160, v122, s[28:31], 0 idxen offset:4095
buffer_load_sbyte v176, s[32:35], 0 offen offset:4095 sc0 lds
buffer_load_sbyte v48, off, s[32:35], 1 sc1
buffer_load_sbyte v68, v78, s[28:31], 1 idxen offset:4095 nt sc1
buffer_load_ushort v184, v2, s[24:27], s20 offen
buffer_load_ushort v112, v24, s[28:31], 0 idxen offset:4095
buffer_load_ushort v94, s[12:15], s20 idxen sc0 nt lds
buffer_load_ushort a204, v82, s[28:31], 0 offen offset:4095 sc0 nt
buffer_load_sshort a168, v126, s[4:7], s20 idxen offset:4095
buffer_load_sshort v192, v40, s[12:15], s20 idxen offset:4095
buffer_load_sshort v108, v96, s[8:11], 0 offen offset:4095 sc1
buffer_load_sshort v20, v[82:83], s[8:11], 0 idxen offen offset:16 nt sc1
buffer_load_dword v72, v120, s[4:7], 1 offen offset:16 sc1
buffer_load_dword v188, s[24:27], 1 idxen nt sc1 lds
buffer_load_dword v24, v[4:5], s[28:31], m0 idxen offen nt sc1
buffer_load_dword v188, s[16:19], 1 idxen offset:16 sc1 lds
buffer_load_dwordx2 v[56:57], off, s[20:23], m0 sc0
buffer_load_dwordx2 v[216:217], v88, s[20:23], 0 idxen sc1
buffer_load_dwordx2 v[160:161], v26, s[8:11], 0 offen offset:16 sc1
buffer_load_dwordx2 v[188:189], v0, s[16:19], s20 offen offset:16 sc1
buffer_load_dwordx3 a[36:38], v142, s[8:11], s20 offen offset:4095
buffer_load_dwordx3 v[212:214], v[168:169], s[36:39], 0 idxen offen offset:16
buffer_load_dwordx3 v[128:130], v[122:123], s[12:15], m0 idxen offen nt
buffer_load_dwordx3 a[196:198], off, s[32:35], 0 offset:4095 sc1
buffer_load_dwordx4 v[4:7], v[90:91], s[16:19], m0 idxen offen offset:16 sc0
buffer_load_dwordx4 v[132:135], off, s[16:19], 0 offset:16 sc0
buffer_load_dwordx4 v[128:131], off, s[8:11], m0 offset:16 sc1
buffer_load_dwordx4 v[48:51], v182, s[24:27], m0 idxen offset:4095 sc1
buffer_store_byte a16, v174, s[24:27], m0 idxen offset:4095 nt
buffer_store_byte a72, off, s[12:15], s20 nt
buffer_store_byte a100, v24, s[32:35], 0 offen sc0
buffer_store_byte a4, off, s[8:11], 0
buffer_store_byte_d16_hi v180, v76, s[12:15], 0 idxen offset:16 sc0 nt
buffer_store_byte_d16_hi a104, off, s[4:7], 1 offset:4095 nt
buffer_store_byte_d16_hi a84, v194, s[28:31], 0 offen nt sc1
buffer_store_byte_d16_hi v68, off, s[32:35], m0 offset:16 sc0
buffer_store_short v32, v192, s[4:7], m0 idxen offset:16 nt sc1
buffer_store_short v196, off, s[4:7], 0 offset:4095 sc0
buffer_store_short a80, off, s[36:39], 1 offset:4095 sc0 nt
buffer_store_short v236, v12, s[24:27], 0 offen offset:4095 sc0
buffer_store_short_d16_hi a104, v[20:21], s[20:23], 1 idxen offen sc0
buffer_store_short_d16_hi v76, v142, s[28:31], 1 idxen offset:16
buffer_store_short_d16_hi v84, off, s[8:11], 0 offset:16 sc0
buffer_store_short_d16_hi v200, v[68:69], s[16:19], m0 idxen offen sc0
buffer_store_dword v188, v140, s[20:23], s20 offen offset:4095 sc1
buffer_store_dword v132, v154, s[32:35], m0 offen sc1
buffer_store_dword a108, off, s[4:7], 0
buffer_store_dword v76, v156, s[24:27], m0 idxen sc0
buffer_store_dwordx2 v[12:13], v[74:75], s[16:19], s20 idxen offen offset:4095 sc0 nt
buffer_store_dwordx2 v[12:13], v46, s[16:19], 0 offen offset:16 nt
buffer_store_dwordx2 a[76:77], off, s[36:39], 0 offset:16 sc0
buffer_store_dwordx2 v[88:89], v[90:91], s[28:31], m0 idxen offen offset:16 sc1
buffer_store_dwordx3 v[184:186], v78, s[8:11], 1 idxen sc0
buffer_store_dwordx3 v[148:150], off, s[12:15], m0 offset:16
buffer_store_dwordx3 a[132:134], v[136:137], s[20:23], 0 idxen offen offset:4095 nt
buffer_store_dwordx3 v[168:170], v[6:7], s[24:27], m0 idxen offen offset:16
buffer_store_dwordx4 v[20:23], off, s[24:27], 1 offset:4095 sc0
buffer_store_dwordx4 v[100:103], v110, s[28:31], 0 idxen offset:4095 sc1
buffer_store_dwordx4 a[156:159], v102, s[12:15], s20 idxen offset:16
buffer_store_dwordx4 v[76:79], v[188:189], s[36:39], 0 idxen offen offset:16 sc0
buffer_load_ubyte_d16 v4, v[196:197], s[32:35], 1 idxen offen nt sc1
buffer_load_ubyte_d16 a192, off, s[28:31], 1 offset:16
buffer_load_ubyte_d16 v192, v110, s[36:39], 1 idxen nt
buffer_load_ubyte_d16 v36, v120, s[12:15], s20 idxen offset:16 sc0
buffer_load_ubyte_d16_hi v192, v[86:87], s[12:15], s20 idxen offen offset:16 nt sc1
buffer_load_ubyte_d16_hi a172, v180, s[12:15], 0 offen offset:16 sc1
buffer_load_ubyte_d16_hi v188, v[118:119], s[12:15], 0 idxen offen nt sc1
buffer_load_ubyte_d16_hi v108, v[22:23], s[12:15], 0 idxen offen offset:16 nt
buffer_load_sbyte_d16 v176, v[194:195], s[8:11], 1 idxen offen offset:4095 sc0
buffer_load_sbyte_d16 a112, v[8:9], s[36:39], 0 idxen offen offset:4095 sc0
buffer_load_sbyte_d16 a104, v136, s[24:27], 0 offen nt
buffer_load_sbyte_d16 v176, v[142:143], s[20:23], s20 idxen offen offset:16
buffer_load_sbyte_d16_hi a220, off, s[24:27], m0 offset:4095
buffer_load_sbyte_d16_hi v20, v188, s[8:11], s20 offen offset:16 sc1
buffer_load_sbyte_d16_hi v100, off, s[28:31], 0 offset:4095 nt
buffer_load_sbyte_d16_hi v172, v194, s[32:35], m0 offen sc0 nt
buffer_load_short_d16 v96, v14, s[4:7], m0 idxen offset:4095 nt sc1
buffer_load_short_d16 a96, v158, s[32:35], s20 idxen
buffer_load_short_d16 v60, v150, s[8:11], 0 offen offset:4095 sc1
buffer_load_short_d16 a32, v[188:189], s[28:31], m0 idxen offen offset:16 nt sc1
buffer_load_short_d16_hi a96, v14, s[24:27], s20 offen offset:4095 sc0 nt
buffer_load_short_d16_hi v104, v[8:9], s[4:7], m0 idxen offen sc1
buffer_load_short_d16_hi v160, v[100:101], s[16:19], 1 idxen offen offset:4095 sc0
buffer_load_short_d16_hi v68, v72, s[20:23], m0 idxen
buffer_wbl2 sc1
buffer_wbl2 sc0 sc1
buffer_wbl2
buffer_inv sc1
buffer_inv
buffer_atomic_swap v220, off, s[12:15], 1 offset:16 nt sc1
buffer_atomic_swap a172, v162, s[12:15], m0 idxen offset:16 sc1
buffer_atomic_swap v120, v58, s[24:27], 0 offen
buffer_atomic_swap v176, v136, s[28:31], 0 offen offset:4095 nt
buffer_atomic_cmpswap v[52:53], v118, s[20:23], m0 offen offset:16
buffer_atomic_cmpswap v[164:165], v46, s[24:27], 1 offen sc0 nt
buffer_atomic_cmpswap v[176:177], v[144:145], s[28:31], 1 idxen offen offset:16
buffer_atomic_cmpswap v[28:29], off, s[12:15], 0 offset:4095 sc1
buffer_atomic_add a228, v[44:45], s[28:31], 1 idxen offen nt sc1
buffer_atomic_add v92, v32, s[24:27], s20 idxen nt sc1
buffer_atomic_add v20, v76, s[8:11], 0 offen sc0
buffer_atomic_add v224, v[92:93], s[16:19], 0 idxen offen offset:16 sc1
buffer_atomic_sub v164, off, s[36:39], m0 sc0 nt
buffer_atomic_sub v88, v2, s[36:39], 0 idxen offset:16 nt sc1
buffer_atomic_sub v192, v[194:195], s[20:23], 0 idxen offen offset:16 sc1
buffer_atomic_sub v40, v24, s[28:31], m0 offen offset:16
buffer_atomic_smin v72, v34, s[24:27], m0 offen offset:16 sc0
buffer_atomic_smin a28, v[64:65], s[32:35], s20 idxen offen
buffer_atomic_smin a136, v112, s[20:23], 1 idxen offset:16
buffer_atomic_smin v216, v[188:189], s[4:7], 1 idxen offen offset:4095 sc0
buffer_atomic_umin a204, v14, s[4:7], 0 idxen offset:16 sc0 nt
buffer_atomic_umin v232, v20, s[12:15], 1 idxen offset:4095
buffer_atomic_umin v116, off, s[24:27], 1 nt sc1
buffer_atomic_umin v68, v54, s[28:31], s20 idxen offset:16
buffer_atomic_smax v132, v[82:83], s[32:35], m0 idxen offen sc1
buffer_atomic_smax v168, off, s[24:27], m0 offset:16
buffer_atomic_smax v196, v[46:47], s[36:39], 1 idxen offen offset:4095
buffer_atomic_smax v128, v[4:5], s[36:39], 0 idxen offen sc0 nt
buffer_atomic_umax a76, off, s[16:19], 0 offset:4095 sc0
buffer_atomic_umax a200, v164, s[12:15], 0 idxen offset:4095
buffer_atomic_umax a220, off, s[24:27], s20 offset:4095
buffer_atomic_umax v64, off, s[4:7], 0
buffer_atomic_and v124, v44, s[16:19], s20 offen offset:4095 nt sc1
buffer_atomic_and v96, v[90:91], s[36:39], s20 idxen offen sc0 nt
buffer_atomic_and v108, v56, s[16:19], s20 offen offset:16 nt sc1
buffer_atomic_and a12, off, s[8:11], m0 sc0
buffer_atomic_or v72, v22, s[20:23], 0 idxen offset:16 sc0
buffer_atomic_or v128, off, s[8:11], m0 offset:4095 sc0 nt
buffer_atomic_or v232, v38, s[4:7], s20 offen nt sc1
buffer_atomic_or v28, v152, s[16:19], 0 offen offset:16 sc1
buffer_atomic_xor v60, v98, s[28:31], m0 offen offset:4095 nt
buffer_atomic_xor v176, v130, s[28:31], 1 idxen
buffer_atomic_xor v68, off, s[36:39], 0 offset:4095 sc0 nt
buffer_atomic_xor v220, off, s[4:7], 1 nt sc1
buffer_atomic_inc v180, off, s[28:31], 1 offset:4095 sc1
buffer_atomic_inc a216, v158, s[12:15], 1 idxen offset:16 sc0
buffer_atomic_inc v44, v72, s[8:11], 0 offen offset:4095
buffer_atomic_inc v12, v150, s[4:7], 0 idxen offset:16 sc1
buffer_atomic_dec a148, v58, s[20:23], 0 idxen offset:4095
buffer_atomic_dec v36, v40, s[4:7], 0 idxen offset:16 nt sc1
buffer_atomic_dec v100, v134, s[4:7], 1 offen nt
buffer_atomic_dec v108, v66, s[36:39], s20 idxen offset:16 sc0
buffer_atomic_add_f32 v116, v[28:29], s[36:39], 0 idxen offen offset:16 sc0
buffer_atomic_add_f32 v88, v122, s[36:39], 1 idxen sc0 nt
buffer_atomic_add_f32 a48, v164, s[32:35], 1 idxen
buffer_atomic_add_f32 v132, v136, s[16:19], s20 idxen nt
buffer_atomic_pk_add_f16 v36, v48, s[32:35], 0 offen sc1
buffer_atomic_pk_add_f16 v164, v62, s[24:27], m0 idxen offset:4095 sc0
buffer_atomic_pk_add_f16 v112, v84, s[32:35], s20 offen offset:4095
buffer_atomic_pk_add_f16 v172, v[150:151], s[20:23], 1 idxen offen offset:4095 sc1
buffer_atomic_add_f64 v[156:157], off, s[32:35], m0 sc0 nt
buffer_atomic_add_f64 v[188:189], v136, s[4:7], s20 idxen offset:4095 sc1
buffer_atomic_add_f64 v[176:177], v20, s[24:27], s20 offen offset:4095 sc0 nt
buffer_atomic_add_f64 a[128:129], v24, s[12:15], 0 offen offset:4095 sc0
buffer_atomic_min_f64 a[208:209], v102, s[8:11], 0 idxen offset:4095 nt sc1
buffer_atomic_min_f64 v[108:109], v170, s[32:35], 0 offen nt
buffer_atomic_min_f64 v[132:133], off, s[20:23], m0 offset:4095 sc1
buffer_atomic_min_f64 v[204:205], v[190:191], s[28:31], 0 idxen offen offset:16 sc0
buffer_atomic_max_f64 a[152:153], v172, s[36:39], s20 idxen offset:4095 nt sc1
buffer_atomic_max_f64 v[144:145], v120, s[12:15], 1 offen offset:4095
buffer_atomic_max_f64 v[128:129], off, s[36:39], 0
buffer_atomic_max_f64 v[24:25], v94, s[32:35], 0 offen
buffer_atomic_swap_x2 a[112:113], v18, s[16:19], m0 offen sc1
buffer_atomic_swap_x2 a[20:21], v[18:19], s[36:39], s20 idxen offen sc0
buffer_atomic_swap_x2 v[132:133], v86, s[16:19], m0 offen offset:16 sc0
buffer_atomic_swap_x2 a[80:81], v146, s[28:31], m0 offen offset:16
buffer_atomic_cmpswap_x2 v[12:15], v36, s[16:19], 0 idxen nt sc1
buffer_atomic_cmpswap_x2 a[4:7], v24, s[4:7], m0 idxen offset:4095 sc0
buffer_atomic_cmpswap_x2 a[192:195], v[118:119], s[20:23], m0 idxen offen sc1
buffer_atomic_cmpswap_x2 v[128:131], v138, s[32:35], m0 idxen offset:16 sc0
buffer_atomic_add_x2 a[68:69], v158, s[24:27], 1 offen
buffer_atomic_add_x2 v[40:41], v8, s[16:19], 0 idxen offset:16 sc1
buffer_atomic_add_x2 v[28:29], v84, s[24:27], 0 idxen offset:4095 sc0 nt
buffer_atomic_add_x2 a[160:161], v[38:39], s[4:7], 0 idxen offen offset:4095 sc0
buffer_atomic_sub_x2 v[28:29], off, s[32:35], 0 offset:4095 sc1
buffer_atomic_sub_x2 v[20:21], v40, s[36:39], m0 offen offset:4095 sc0
buffer_atomic_sub_x2 v[144:145], v22, s[28:31], 1 idxen offset:4095
buffer_atomic_sub_x2 a[64:65], off, s[36:39], 0 offset:4095 nt
buffer_atomic_smin_x2 a[232:233], v28, s[16:19], 1 idxen sc0 nt
buffer_atomic_smin_x2 v[88:89], v196, s[36:39], 0 idxen offset:16
buffer_atomic_smin_x2 a[156:157], off, s[16:19], m0
buffer_atomic_smin_x2 v[52:53], v[184:185], s[32:35], m0 idxen offen sc0
buffer_atomic_umin_x2 v[28:29], v[112:113], s[24:27], s20 idxen offen offset:4095
buffer_atomic_umin_x2 v[88:89], off, s[4:7], s20 offset:16
buffer_atomic_umin_x2 v[92:93], v116, s[4:7], 1 offen sc1
buffer_atomic_umin_x2 v[8:9], off, s[36:39], m0 nt
buffer_atomic_smax_x2 a[16:17], off, s[36:39], 0 nt sc1
buffer_atomic_smax_x2 v[220:221], v162, s[4:7], m0 idxen
buffer_atomic_smax_x2 a[196:197], v[140:141], s[32:35], 0 idxen offen offset:16 nt
buffer_atomic_smax_x2 v[120:121], v[54:55], s[28:31], 0 idxen offen offset:4095 sc0 nt
buffer_atomic_umax_x2 a[76:77], off, s[24:27], 1 offset:4095 sc1
buffer_atomic_umax_x2 v[44:45], off, s[4:7], 0 offset:4095 sc1
buffer_atomic_umax_x2 v[120:121], v92, s[28:31], 0 offen offset:4095 sc1
buffer_atomic_umax_x2 a[144:145], v[30:31], s[20:23], 1 idxen offen
buffer_atomic_and_x2 v[52:53], v16, s[32:35], m0 offen offset:16 nt
buffer_atomic_and_x2 v[8:9], v138, s[4:7], 0 idxen offset:16 sc0
buffer_atomic_and_x2 a[172:173], off, s[20:23], 0 nt sc1
buffer_atomic_and_x2 a[76:77], v184, s[20:23], 1 idxen sc1
buffer_atomic_or_x2 a[204:205], off, s[24:27], 0 offset:4095 sc0
buffer_atomic_or_x2 v[156:157], off, s[12:15], s20 offset:16 nt
buffer_atomic_or_x2 v[208:209], v132, s[32:35], s20 offen sc0 nt
buffer_atomic_or_x2 v[192:193], v130, s[24:27], s20 idxen offset:4095 sc1
buffer_atomic_xor_x2 v[224:225], v[102:103], s[24:27], s20 idxen offen sc0
buffer_atomic_xor_x2 v[200:201], v14, s[32:35], m0 offen offset:4095 nt
buffer_atomic_xor_x2 a[32:33], v144, s[16:19], 0 idxen offset:16
buffer_atomic_xor_x2 a[196:197], off, s[8:11], 0 sc0 nt
buffer_atomic_inc_x2 v[128:129], v94, s[12:15], 0 idxen offset:4095 sc0 nt
buffer_atomic_inc_x2 v[72:73], v[16:17], s[36:39], 0 idxen offen offset:16
buffer_atomic_inc_x2 a[176:177], off, s[8:11], 1 offset:16 sc0 nt
buffer_atomic_inc_x2 a[184:185], v88, s[24:27], 0 offen offset:4095 sc0 nt
buffer_atomic_dec_x2 v[8:9], v[162:163], s[20:23], 1 idxen offen offset:16
buffer_atomic_dec_x2 v[156:157], v22, s[28:31], 0 offen offset:16
buffer_atomic_dec_x2 a[16:17], v[86:87], s[4:7], 0 idxen offen offset:16 nt sc1
buffer_atomic_dec_x2 v[52:53], v[78:79], s[36:39], m0 idxen offen offset:4095
v_cvt_f32_fp8_sdwa v6, v7 src0_sel:BYTE_2
v_cvt_pk_f32_fp8_sdwa v[6:7], v7 src0_sel:WORD_1
v_cvt_pk_f32_bf8_sdwa v[6:7], v7 src0_sel:WORD_0
s_load_dword s2, s[2:3], s4 offset:0x0
v_dot2_i32_i16 v1, v2, v3, v4

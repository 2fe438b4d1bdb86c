//! Modules, functions, launches.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::slice;
use std::sync::Arc;

use cdna3::counters::machine::LDS_BYTES;
use cdna3::exec::Dim3;

use super::{call, put, wanted};
use crate::errors::{Code, Result};
use crate::module::{self, Function};

/// `HIP_LAUNCH_PARAM_BUFFER_POINTER`, `..._SIZE` and `..._END`.
const EXTRA_POINTER: usize = 1;
const EXTRA_SIZE: usize = 2;
const EXTRA_END: usize = 3;

/// An ELF header's and a section header's length.
const ELF_HEADER: usize = 64;
const SECTION_HEADER: usize = 64;

/// Copies bytes of an image whose length is not known.
///
/// # Safety
/// That many bytes are readable there.
unsafe fn peek(image: *const u8, offset: usize, num_bytes: usize) -> Vec<u8> {
    // SAFETY: by the contract.
    unsafe { slice::from_raw_parts(image.add(offset), num_bytes) }.to_vec()
}

/// The image's bytes. HIP passes no length: it follows from the ELF header, whose section table is
/// last in what linkers write, and from the sections.
///
/// # Safety
/// A whole image, ELF file or bundle, is readable there.
unsafe fn read_image(image: *const u8) -> Result<Vec<u8>> {
    // SAFETY: what is read lies in the image, by its own headers.
    let read = |offset: usize, num_bytes: usize| unsafe { peek(image, offset, num_bytes) };
    if let Some(place) = module::find_in_bundle(&read) {
        let (offset, size) = place?;
        return Ok(read(offset, size));
    }
    if read(0, 4) != *b"\x7fELF" {
        return Err(Code::INVALID_IMAGE);
    }
    let header = read(0, ELF_HEADER);
    let number = |bytes: &[u8], at: usize, num_bytes: usize| {
        bytes[at..at + num_bytes].iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte))
    };
    let (sections, count) = (number(&header, 40, 8) as usize, number(&header, 60, 2) as usize);
    let mut end = sections.saturating_add(count * SECTION_HEADER).max(ELF_HEADER);
    for index in 0..count {
        let section = read(sections + index * SECTION_HEADER, SECTION_HEADER);
        const NO_BITS: u64 = 8;
        if number(&section, 4, 4) != NO_BITS {
            let section_end = number(&section, 24, 8).saturating_add(number(&section, 32, 8));
            end = end.max(section_end as usize);
        }
    }
    Ok(read(0, end))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleLoadData(out: *mut usize, image: *const u8) -> i32 {
    call(|runtime| {
        wanted(out)?;
        if image.is_null() {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: HIP's contract, for both.
        unsafe {
            let bytes = read_image(image)?;
            put(out, runtime.load_module(&bytes)?)
        }
    })
}

/// Options are for compilers; there is nothing to compile.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleLoadDataEx(
    out: *mut usize,
    image: *const u8,
    _num_options: c_uint,
    _options: *mut c_void,
    _values: *mut *mut c_void,
) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { hipModuleLoadData(out, image) }
}

/// A text of the caller.
///
/// # Safety
/// `text` is null or a C string.
unsafe fn text<'a>(text: *const c_char) -> Result<&'a str> {
    if text.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    // SAFETY: not null, so a C string by the contract.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| Code::INVALID_VALUE)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleLoad(out: *mut usize, path: *const c_char) -> i32 {
    call(|runtime| {
        wanted(out)?;
        // SAFETY: HIP's contract.
        let path = unsafe { text(path)? };
        let bytes = std::fs::read(path).map_err(|_| Code::FILE_NOT_FOUND)?;
        // SAFETY: HIP's contract.
        unsafe { put(out, runtime.load_module(&bytes)?) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipModuleUnload(module: usize) -> i32 {
    call(|runtime| runtime.unload_module(module))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleGetFunction(
    out: *mut usize,
    module: usize,
    name: *const c_char,
) -> i32 {
    call(|runtime| {
        wanted(out)?;
        // SAFETY: HIP's contract, for both.
        unsafe { put(out, runtime.find_function(module, text(name)?)?) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleGetGlobal(
    address: *mut u64,
    size_bytes: *mut usize,
    module: usize,
    name: *const c_char,
) -> i32 {
    call(|runtime| {
        let module = runtime.modules.get(module)?;
        // SAFETY: HIP's contract.
        let name = unsafe { text(name)? };
        let global = module.object.global(name).ok_or(Code::NOT_FOUND)?;
        // SAFETY: HIP's contract, for both; either may be null.
        unsafe {
            if !address.is_null() {
                put(address, module.image_base + global.address)?;
            }
            if !size_bytes.is_null() {
                put(size_bytes, global.size_bytes as usize)?;
            }
        }
        Ok(())
    })
}

/// The caller's arguments, from an array of pointers to them or from one buffer.
///
/// # Safety
/// `params` is null or has a pointer for each explicit argument of the kernel; `extra` is null or a
/// list of keys and values that ends with `HIP_LAUNCH_PARAM_END`.
pub(super) unsafe fn arguments(
    function: &Function,
    params: *const *const u8,
    extra: *const *const c_void,
) -> Result<Vec<u8>> {
    let wanted = function.explicit_bytes();
    match (params.is_null(), extra.is_null()) {
        (false, false) => Err(Code::INVALID_VALUE),
        (true, true) if wanted == 0 => Ok(Vec::new()),
        (true, true) => Err(Code::INVALID_VALUE),
        (false, true) => {
            let mut args = vec![0; wanted];
            for (index, (offset, size)) in function.explicit_args().enumerate() {
                // SAFETY: by the contract, there are as many pointers as arguments.
                let from = unsafe { params.add(index).read_unaligned() };
                if from.is_null() {
                    return Err(Code::INVALID_VALUE);
                }
                // SAFETY: by the contract, it points to an argument of that size.
                let bytes = unsafe { slice::from_raw_parts(from, size) };
                args[offset..offset + size].copy_from_slice(bytes);
            }
            Ok(args)
        }
        // SAFETY: by the contract.
        (true, false) => unsafe { buffer(extra) },
    }
}

/// The buffer that a list of launch parameters names.
///
/// # Safety
/// As for `extra` of [`arguments`].
unsafe fn buffer(extra: *const *const c_void) -> Result<Vec<u8>> {
    let (mut from, mut size) = (std::ptr::null::<u8>(), 0_usize);
    let mut index = 0;
    loop {
        // SAFETY: the list has not ended yet.
        let key = unsafe { extra.add(index).read_unaligned() }.addr();
        if key == EXTRA_END {
            break;
        }
        // SAFETY: every key but the end has a value behind it.
        let value = unsafe { extra.add(index + 1).read_unaligned() };
        match key {
            EXTRA_POINTER => from = value.cast(),
            EXTRA_SIZE if !value.is_null() => {
                // SAFETY: the value of this key points to a size.
                size = unsafe { value.cast::<usize>().read_unaligned() };
            }
            _ => return Err(Code::INVALID_VALUE),
        }
        index += 2;
    }
    if from.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    // SAFETY: the list says that the buffer has that size.
    Ok(unsafe { slice::from_raw_parts(from, size) }.to_vec())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleLaunchKernel(
    function: usize,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    dynamic_lds: c_uint,
    stream: usize,
    params: *const *const u8,
    extra: *const *const c_void,
) -> i32 {
    call(|runtime| {
        let function: Arc<Function> = runtime.functions.get(function)?;
        // SAFETY: HIP's contract.
        let args = unsafe { arguments(&function, params, extra)? };
        let (grid, block) = (Dim3([grid_x, grid_y, grid_z]), Dim3([block_x, block_y, block_z]));
        let launch = runtime.prepare_launch(function, grid, block, dynamic_lds, args)?;
        runtime.launch(launch, stream)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipFuncGetAttribute(out: *mut c_int, number: i32, function: usize) -> i32 {
    call(|runtime| {
        let function = runtime.functions.get(function)?;
        let kernel = function.kernel();
        let value = match number {
            0 => kernel.max_workgroup_size,    // MAX_THREADS_PER_BLOCK
            1 => kernel.group_segment_bytes,   // SHARED_SIZE_BYTES
            2 => 0,                            // CONST_SIZE_BYTES
            3 => kernel.private_segment_bytes, // LOCAL_SIZE_BYTES
            4 => kernel.num_vgprs,             // NUM_REGS
            5 | 6 => 94,                       // PTX_VERSION, BINARY_VERSION
            7 => 0,                            // CACHE_MODE_CA
            8 => LDS_BYTES as u32 - kernel.group_segment_bytes.min(LDS_BYTES as u32), // MAX_DYNAMIC
            9 => 0,                            // PREFERRED_SHARED_MEMORY_CARVEOUT
            _ => return Err(Code::INVALID_VALUE),
        };
        // SAFETY: HIP's contract.
        unsafe { put(out, value.cast_signed()) }
    })
}

/// Has no effect, as on AMD devices: all LDS may be used without asking.
#[unsafe(no_mangle)]
extern "C" fn hipFuncSetAttribute(function: usize, attribute: i32, value: c_int) -> i32 {
    call(|runtime| {
        let function = runtime.functions.get(function);
        let function = function.map_err(|_| Code::INVALID_DEVICE_FUNCTION)?;
        let room = LDS_BYTES as i64 - i64::from(function.kernel().group_segment_bytes);
        match attribute {
            8 if (0..=room).contains(&i64::from(value)) => Ok(()),
            9 if (-1..=100).contains(&value) => Ok(()),
            _ => Err(Code::INVALID_VALUE),
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipModuleOccupancyMaxActiveBlocksPerMultiprocessor(
    out: *mut c_int,
    function: usize,
    block_size: c_int,
    dynamic_lds: usize,
) -> i32 {
    call(|runtime| {
        let function = runtime.functions.get(function)?;
        let size = u64::try_from(block_size).ok().filter(|&size| size > 0);
        let blocks = function.occupancy(size.ok_or(Code::INVALID_VALUE)?, dynamic_lds as u64);
        // SAFETY: HIP's contract.
        unsafe { put(out, blocks as c_int) }
    })
}

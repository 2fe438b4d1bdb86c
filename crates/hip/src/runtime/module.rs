//! Code objects, and kernels whose one argument has the type that they take.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};

use super::{Gpu, Stream};
use crate::error::HipFailure;

impl Gpu {
    /// Loads a code object for this device.
    pub(crate) fn module(&self, image: &'static [u8]) -> Result<Arc<Module>, HipFailure> {
        self.make_current()?;
        let mut handle = std::ptr::null_mut();
        // SAFETY: `image` is a whole code object, which tells its own length.
        let answer =
            unsafe { (self.hip().hipModuleLoadData)(&mut handle, image.as_ptr().cast::<c_void>()) };
        self.check(answer, "hipModuleLoadData")?;
        Ok(Arc::new(Module { gpu: self.clone(), handle: handle as usize }))
    }
}

/// A loaded code object.
pub(crate) struct Module {
    gpu: Gpu,
    handle: usize,
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: loaded by hipModuleLoadData and unloaded once, when no kernel of it is left.
        unsafe { (self.gpu.hip().hipModuleUnload)(self.handle as *mut c_void) };
    }
}

/// A kernel that takes one `P` by value.
pub(crate) struct Kernel<P> {
    handle: usize,
    _module: Arc<Module>,
    params: PhantomData<fn(P)>,
}

impl<P: Pod + Zeroable> Kernel<P> {
    /// Looks `name` up; `params_bytes` is what the code object's metadata says of its argument.
    pub(crate) fn find(
        module: &Arc<Module>,
        name: &'static str,
        params_bytes: usize,
    ) -> Result<Self, HipFailure> {
        if params_bytes != size_of::<P>() {
            let reason = format!("takes {params_bytes} bytes, we give {}", size_of::<P>());
            return Err(HipFailure::Kernel { kernel: name.to_owned(), reason });
        }
        let symbol = CString::new(name).expect("names of kernels have no zero");
        let mut handle = std::ptr::null_mut();
        // SAFETY: the module lives and `handle` is writable.
        let answer = unsafe {
            (module.gpu.hip().hipModuleGetFunction)(
                &mut handle,
                module.handle as *mut c_void,
                symbol.as_ptr(),
            )
        };
        module.gpu.check(answer, "hipModuleGetFunction")?;
        Ok(Self { handle: handle as usize, _module: Arc::clone(module), params: PhantomData })
    }
}

impl Stream {
    /// Starts a kernel; an empty grid is nothing to do.
    ///
    /// Memory safety on the device rests on the addresses in `params`; the device faults on others.
    pub(crate) fn launch<P: Pod>(
        &self,
        kernel: &Kernel<P>,
        grid: [usize; 3],
        threads: u32,
        params: &P,
    ) -> Result<(), HipFailure> {
        if grid.contains(&0) {
            return Ok(());
        }
        let [x, y, z] = grid.map(|size| u32::try_from(size).expect("grids are far smaller"));
        let mut params = *params;
        let mut arguments = [(&raw mut params).cast::<c_void>()];
        // SAFETY: the kernel has one argument of exactly this size (checked when it was looked up),
        // and HIP copies it before the call returns.
        let answer = unsafe {
            (self.gpu.hip().hipModuleLaunchKernel)(
                kernel.handle as *mut c_void,
                x,
                y,
                z,
                threads,
                1,
                1,
                0,
                self.raw(),
                arguments.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        self.gpu.check(answer, "hipModuleLaunchKernel")?;
        self.captured.set(self.captured.get().map(|num_nodes| num_nodes + 1));
        Ok(())
    }
}

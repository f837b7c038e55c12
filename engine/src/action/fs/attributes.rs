//! Extended attributes: access lists, labels, capabilities and what users add to a file.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{XattrFlags, fsetxattr, getxattr, listxattr};
use rustix::io::Errno;

/// A list of names or a value may have this many bytes; the kernel has no larger ones.
const BYTES_MAX: usize = 64 * 1024;

/// Gives `new` the attributes of the file at `old`. What only root or the system may set is left to it.
pub(super) fn keep(old: &Path, new: &File) -> io::Result<()> {
    let mut names = vec![0_u8; BYTES_MAX];
    let length = match listxattr(old, &mut names) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut value = vec![0_u8; BYTES_MAX];
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Ok(text) = CString::new(name) else { continue };
        let length = match getxattr(old, text.as_c_str(), &mut value) {
            Ok(length) => length,
            // Gone since it was listed, or not for us to see.
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS) => continue,
            Err(error) => return Err(error.into()),
        };
        match fsetxattr(new, text.as_c_str(), &value[..length], XattrFlags::empty()) {
            Ok(()) => {}
            Err(Errno::PERM | Errno::NOTSUP) if !name.starts_with(b"user.") => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

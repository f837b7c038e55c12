//! Files in PEM that a call names: the authorities that it trusts, and as whom it comes.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::child::plain;

/// What a file holds.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{} cannot be read: {}", file.display(), plain(&error)))
}

/// The certificates of authorities in a file: one at least.
pub(crate) fn authorities(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(file)?).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    found.ok_or_else(|| format!("{} holds no certificate of an authority (PEM)", file.display()))
}

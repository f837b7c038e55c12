//! `notify`: messages to people. They are never taken back, and their failure fails nothing.

mod file;

pub use file::File;

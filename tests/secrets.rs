//! No secret is found on disk or screen, whatever the programs that print it do to it.

mod encoders;
mod kept;

//! Whether a service runs, of which nothing is left, and who cannot tell: real programs that hide in the ways that
//! real programs do.

mod described;
mod desk;
mod ends;
mod hidden;
mod killed;
mod members;
mod started;

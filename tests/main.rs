//! Every test that needs no Docker engine, in one program. Those that do are in `with_docker.rs`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test stands at the edge: it starts processes and waits for them"
)]

mod backup;
mod cases;
mod ingress;
mod language;
mod processes;
mod program;
mod repository;
mod secrets;
mod simulation;
#[expect(dead_code, reason = "the other programs use the rest of it")]
mod support;
mod transcript;
mod world;

//! What tests share. A thing is here as soon as two folders of tests need it.

pub(crate) mod at_each;
pub(crate) mod attempt;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod chance;
pub(crate) mod daemon;
pub(crate) mod effort;
pub(crate) mod left_out;
pub(crate) mod proxy;
pub(crate) mod sandbox;
pub(crate) mod texts;
pub(crate) mod unsafe_texts;
pub(crate) mod worlds;

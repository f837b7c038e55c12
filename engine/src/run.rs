//! Running a plan: the machine decides, the driver performs.

pub mod machine;

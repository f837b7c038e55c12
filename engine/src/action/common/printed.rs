//! What programs printed, as a person or a runbook gets it.

use backstay_dsl::types::Type;

use crate::value::Value;

/// A value keeps so much of an output.
pub(crate) const VALUE_BYTES_MAX: usize = 64 * 1024;
/// A line in a message has so many characters at most.
pub(crate) const LINE_CHARACTERS_MAX: usize = 300;

/// An output as a value: without one final line end.
pub(crate) fn text_of(printed: &[u8]) -> String {
    let bytes = printed.strip_suffix(b"\n").unwrap_or(printed);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a question to a program gives.
pub(crate) fn program_result_type() -> Type {
    let fields = [
        ("ok", Type::Bool),
        ("status", Type::Int),
        ("stdout", Type::Text),
        ("stderr", Type::Text),
    ];
    Type::record("ExecResult", &fields)
}

/// A value of [`program_result_type`].
pub(crate) fn program_result(status: i64, stdout: String, stderr: String) -> Value {
    Value::record([
        ("ok", Value::Bool(status == 0)),
        ("status", Value::Int(status)),
        ("stdout", Value::Text(stdout)),
        ("stderr", Value::Text(stderr)),
    ])
}

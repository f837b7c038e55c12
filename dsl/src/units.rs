//! Durations and sizes as people write them: `1h30m`, `2GiB`. The same forms that the language reads.

/// A duration from milliseconds: the largest units first, zero parts left out.
pub fn duration(ms: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
        (1, "ms"),
    ];
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut rest = ms;
    let mut text = String::new();
    for (unit_ms, word) in UNITS {
        if rest >= unit_ms {
            text.push_str(&(rest / unit_ms).to_string());
            text.push_str(word);
            rest %= unit_ms;
        }
    }
    text
}

/// As [`duration`], from a `Duration`; what is less than a millisecond is left out.
pub fn duration_of(time: std::time::Duration) -> String {
    duration(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// A size from bytes: the largest binary unit that divides it, else plain bytes.
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, word) in UNITS {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{}{word}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

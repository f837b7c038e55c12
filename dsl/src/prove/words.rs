//! How amounts are written in messages.

/// A length of time as authors write it: `1h30m`, `2m`, `500ms`.
pub(super) fn duration(ms: u64) -> String {
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    let mut rest = ms;
    let mut words = String::new();
    for (unit, size) in units {
        if rest >= size {
            words = format!("{words}{}{unit}", rest / size);
            rest %= size;
        }
    }
    if words.is_empty() { "0s".to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_read_as_they_are_written() {
        for (ms, words) in [(0, "0s"), (1500, "1s500ms"), (5_400_000, "1h30m"), (60_000, "1m")] {
            assert_eq!(super::duration(ms), words);
        }
    }
}

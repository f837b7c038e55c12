//! Durations and sizes as people write them: `1h30m`, `2GiB`; in runbooks, in inputs, in what is shown.

const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// A number as written: a count, milliseconds, bytes; at most [`i64::MAX`].
pub enum Number {
    Int(i64),
    Duration(u64),
    Size(u64),
}

/// Why a number is refused: the message, and what to write.
pub struct Refusal(pub String, pub String);

/// A duration from milliseconds: the largest units first, zero parts left out.
pub fn duration(ms: u64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut rest = ms;
    let mut text = String::new();
    for (word, unit_ms) in DURATION_UNITS {
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
    for (word, unit) in &SIZE_UNITS[..4] {
        if bytes >= *unit && bytes.is_multiple_of(*unit) {
            return format!("{}{word}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

/// Reads a number with its unit, if it has one.
pub fn read(written: &str) -> Result<Number, Refusal> {
    if written.contains('.') {
        return Err(Refusal(
            format!("`{written}` has a fraction, and numbers here are whole"),
            "write a smaller unit: `1h30m` for an hour and a half, `1536MiB` for one and a half GiB".to_owned(),
        ));
    }
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = written.split_at(digits);
    if unit.is_empty() {
        return digits.parse().map(Number::Int).map_err(|_| too_large(written));
    }
    if let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) {
        return digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*factor))
            .filter(|bytes| i64::try_from(*bytes).is_ok())
            .map(Number::Size)
            .ok_or_else(|| too_large(written));
    }
    read_duration(written).map(Number::Duration)
}

fn too_large(written: &str) -> Refusal {
    Refusal(
        format!("`{written}` is too large"),
        format!("the largest number is {}", i64::MAX),
    )
}

/// `1h30m`: parts from the largest unit to the smallest, each once.
fn read_duration(written: &str) -> Result<u64, Refusal> {
    let mut rest = written;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(|byte| !byte.is_ascii_digit()).count();
        let (unit, after) = after.split_at(letters);
        let Some(place) = DURATION_UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(unknown_unit(written, count, unit));
        };
        if place < next_unit {
            return Err(Refusal(
                format!("the parts of `{written}` are out of order"),
                "write the larger unit first, each unit once, such as `1h30m`".to_owned(),
            ));
        }
        next_unit = place + 1;
        total = count
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(DURATION_UNITS[place].1))
            .and_then(|part| total.checked_add(part))
            .filter(|total| i64::try_from(*total).is_ok())
            .ok_or_else(|| too_large(written))?;
        rest = after;
    }
    Ok(total)
}

fn unknown_unit(written: &str, count: &str, unit: &str) -> Refusal {
    let binary = SIZE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let help = match unit {
        _ if binary.is_some() => format!("did you mean `{count}{}`?", binary.map_or("", |(name, _)| name)),
        "" => format!("give the last part its unit, such as `{written}s`"),
        "M" => format!("minutes are `{count}m`; months are not a fixed time and cannot be written"),
        "S" | "H" | "D" | "MS" | "Ms" => format!("units of time are small letters: `{count}{}`", unit.to_lowercase()),
        "sec" | "secs" | "second" | "seconds" => format!("write `{count}s`"),
        "min" | "mins" | "minute" | "minutes" => format!("write `{count}m`"),
        "hr" | "hrs" | "hour" | "hours" => format!("write `{count}h`"),
        "day" | "days" => format!("write `{count}d`"),
        "w" | "week" | "weeks" => format!("write weeks in days: `{count}w` is 7 times `{count}d`"),
        "month" | "months" | "y" | "year" | "years" => "months and years are not a fixed time; write days".to_owned(),
        "us" | "ns" => "the smallest unit of time is `ms`".to_owned(),
        "K" | "k" | "Ki" | "kb" | "kB" | "kib" => {
            format!("sizes are `{count}KiB` (1024 bytes) or `{count}KB` (1000 bytes)")
        }
        "Mi" | "mb" | "Mb" | "mib" => format!("sizes are `{count}MiB` (1024 × 1024 bytes) or `{count}MB` (a million)"),
        "G" | "g" | "Gi" | "gb" | "Gb" | "gib" => {
            format!("sizes are `{count}GiB` (1024³ bytes) or `{count}GB` (a thousand million)")
        }
        "T" | "t" | "Ti" | "tb" | "Tb" | "tib" => format!("sizes are `{count}TiB` or `{count}TB`"),
        _ => "units of time are `ms s m h d`; units of size `KiB MiB GiB TiB` and `KB MB GB TB`".to_owned(),
    };
    let message = if unit.is_empty() {
        format!("the last part of `{written}` has no unit")
    } else {
        format!("`{unit}` in `{written}` is not a unit")
    };
    Refusal(message, help)
}

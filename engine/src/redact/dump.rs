//! Dumps, as `xxd`, `hexdump`, `od` and Go print them: an address, bytes in groups, perhaps the text beside them.

use super::view::View;

/// An address has at least so many digits.
const ADDRESS_DIGITS_MIN: usize = 6;

/// Shows what the dumps in a view are of; each byte stands for its whole line, since the text beside it tells it too.
pub(super) fn decode(view: &View<'_>, show: &mut dyn FnMut(&View<'_>)) {
    let mut at = 0;
    let (mut straight, mut swapped) = (View::default(), View::default());
    for line in view.bytes.split_inclusive(|byte| *byte == b'\n') {
        let place = view.range(at, at + line.len().max(1));
        at += line.len();
        let groups = std::str::from_utf8(line).ok().and_then(groups);
        if groups.is_none() && !straight.bytes.is_empty() {
            show(&std::mem::take(&mut straight));
            show(&std::mem::take(&mut swapped));
        }
        for group in groups.unwrap_or_default() {
            for byte in &group {
                straight.push(*byte, place.clone());
            }
            for byte in group.iter().rev() {
                swapped.push(*byte, place.clone());
            }
        }
    }
    show(&straight);
    show(&swapped);
}

/// The bytes of a line in groups; `None` where it is no line of a dump.
fn groups(line: &str) -> Option<Vec<Vec<u8>>> {
    let (address, rest) = line.trim_start().split_once([' ', '\t'])?;
    let digits = address.strip_suffix(':').unwrap_or(address);
    if digits.len() < ADDRESS_DIGITS_MIN || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    // `xxd` sets off the text by two blanks, the others by a bar, and groups by two blanks.
    let bytes = if address.ends_with(':') {
        rest.split_once("  ").map_or(rest, |(bytes, _)| bytes)
    } else {
        rest
    };
    let groups = bytes.split_whitespace().map_while(group);
    Some(groups.collect())
}

fn group(digits: &str) -> Option<Vec<u8>> {
    if digits.len() > 8 || digits.len() % 2 == 1 {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

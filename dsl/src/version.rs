//! Versions with an order, as `semver.org` says; the one place that knows the library.
//!
//! What vendors call a version (`14.2-1~bookworm`, `2024.1`) has no order that everybody agrees on, and stays text.

use std::cmp::Ordering;

use semver::{Version, VersionReq};

/// The version that a text says, in its own form: without the spaces and the `v` that programs print around it.
pub fn read(text: &str) -> Result<String, String> {
    let bare = text.trim();
    let bare = bare.strip_prefix('v').unwrap_or(bare);
    Version::parse(bare)
        .map(|version| version.to_string())
        .map_err(|error| format!("a version is three numbers, `1.2.3` or `1.2.3-rc.1` ({error})"))
}

/// Which of two versions is newer; what stands behind `+` counts for nothing. `None` where one is no version.
pub fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (Version::parse(left).ok()?, Version::parse(right).ok()?);
    Some(left.cmp_precedence(&right))
}

/// What is wrong with a range; `None` where it can be used. Each part says what it means: `1.2` alone could be
/// "exactly" or "from here on".
pub fn wrong_range(range: &str) -> Option<String> {
    let is_said = |part: &str| part.starts_with(['<', '>', '=', '^', '~']) || part.contains('*');
    if !range.split(',').all(|part| is_said(part.trim())) {
        return Some(
            "each part begins with one of `<`, `<=`, `>`, `>=`, `=`, `^` and `~`, with a comma between two".to_owned(),
        );
    }
    VersionReq::parse(range).err().map(|error| error.to_string())
}

/// Whether a version lies in a range; `None` where one of them is none. A version before a release (`2.0.0-rc.1`)
/// lies only in a range that names one of the same three numbers.
pub fn lies_in(version: &str, range: &str) -> Option<bool> {
    let range = VersionReq::parse(range).ok()?;
    Some(range.matches(&Version::parse(version).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_order_of_numbers_and_the_candidates_before_the_release() {
        let rising = ["1.2.3-rc.1", "1.2.3", "1.10.0", "2.0.0"];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
        }
        assert_eq!(compare("1.2.3+a", "1.2.3+b"), Some(Ordering::Equal));
        assert_eq!(read(" v22.12.0\n"), Ok("22.12.0".to_owned()));
        for text in ["", "1.2", "14.2-1~deb12u1", "1.2.3.4", "01.2.3", "latest"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_range_says_what_each_part_means() {
        for (version, range, lies) in [
            ("22.12.0", ">=22.12, <23", true),
            ("23.0.0", ">=22.12, <23", false),
            ("1.9.0", "^1.2", true),
            ("2.0.0-rc.1", ">=1", false),
            ("1.4.9", "1.4.*", true),
        ] {
            assert_eq!(
                (wrong_range(range), lies_in(version, range)),
                (None, Some(lies)),
                "{version} {range}"
            );
        }
        for range in ["1.2.3", "", ">=1 <2", ">=x"] {
            assert!(wrong_range(range).is_some(), "{range:?}");
        }
    }
}

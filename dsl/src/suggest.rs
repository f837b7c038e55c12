//! "Did you mean": the nearest of some names.

/// The candidate nearest to what was written: at most `max(1, len / 3)` slips away (insertions,
/// deletions, replacements, swaps of neighbours). Of equally near ones the first wins.
pub fn closest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Comparing takes time that grows with the product of both lengths.
    if written.len() > LENGTH_MAX {
        return None;
    }
    let cut_off = (written.chars().count() / 3).max(1);
    let lower = written.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LENGTH_MAX && *candidate != written)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(slips, candidate)| *slips <= cut_off && *slips < candidate.chars().count())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

const LENGTH_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn the_nearest_name_within_a_third_is_found() {
        let words = ["budget", "check", "do", "as"];
        assert_eq!(closest("budgett", words), Some("budget"));
        assert_eq!(closest("chekc", words), Some("check"));
        assert_eq!(closest("CHECK", words), Some("check"));
        assert_eq!(closest("wibble", words), None);
        assert_eq!(closest("x", words), None);
    }
}

//! A damaged archive is refused before the live state is touched.

use std::fs;

use crate::support::backup::{Site, failure};

#[test]
fn every_flipped_byte_and_every_cut_is_refused() {
    let site = Site::new();
    fs::write(site.state().join("notes"), "some text").unwrap();
    let backup = site.create();
    let whole = fs::read(&backup.path).unwrap();
    fs::write(site.state().join("notes"), "newer text").unwrap();
    let live = site.seen();

    for position in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[position] ^= 1 << (position % 8);
        fs::write(&backup.path, &bytes).unwrap();
        assert!(failure(&site.restore(&backup)).contains("not what it was"));
    }
    for length in (0..whole.len()).step_by(13) {
        fs::write(&backup.path, &whole[..length]).unwrap();
        let (ok, reason) = site.verify(&backup);
        assert!(!ok && reason.contains("not what it was"), "{reason}");
        failure(&site.restore(&backup));
    }
    fs::write(&backup.path, [whole.as_slice(), b"more"].concat()).unwrap();
    failure(&site.restore(&backup));
    fs::remove_file(&backup.path).unwrap();
    assert!(failure(&site.restore(&backup)).contains("is not there"));
    assert!(!site.verify(&backup).0);
    assert_eq!(site.seen(), live);
    let names = site.names();
    assert!(!names.iter().any(|name| name.starts_with(".backstay")), "{names:?}");
}

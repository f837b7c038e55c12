//! Slots: what the automaton keeps one byte about, and what each byte says.

/// Names a slot of one [`super::universe::Universe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub(super) u32);

impl SlotId {
    /// Before every other.
    pub(crate) const FIRST: Self = Self(0);

    /// For columns that are kept beside the automaton: dense, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a slot holds, as its byte.
pub(super) trait Packed: Copy {
    fn pack(self) -> u8;
    /// Any byte is read: one that was never packed is read as the first value.
    fn unpack(byte: u8) -> Self;
}

/// Where the bytes of slots are: of all of them, or of one cell. A slot that is not there reads as 0 and
/// cannot be written.
pub(super) trait Bytes {
    fn byte(&self, slot: SlotId) -> u8;
    fn set_byte(&mut self, slot: SlotId, byte: u8);

    fn get<T: Packed>(&self, slot: SlotId) -> T {
        T::unpack(self.byte(slot))
    }

    fn put(&mut self, slot: SlotId, value: impl Packed) {
        self.set_byte(slot, value.pack());
    }
}

/// Which release runs or is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// That of the start.
    Old,
    /// Any other.
    New,
}

/// Whether users reach a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Traffic {
    /// They do.
    Open,
    /// They are turned away.
    Drained,
}

/// The byte of a member; its pin has a slot of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// With which it writes and serves.
    pub(super) release: Option<Release>,
    /// It runs as a standby; never with a release.
    pub(super) stands_by: bool,
    pub(super) is_drained: bool,
    pub(super) is_valid: bool,
}

/// Whose protected state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Data {
    /// Written by the old release only.
    Own,
    /// Changed by the change itself, at places that it names: never the byte of a slot, it follows from
    /// what those places hold.
    Edited,
    /// Perhaps migrated by the new release, or changed where nobody can say how.
    New,
    /// Partly restored, or partly changed.
    Mix,
}

/// A backup; all `false`: not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are the bits of the contract")]
pub(super) struct Backup {
    pub(super) is_made: bool,
    /// All of it was captured.
    pub(super) is_whole: bool,
    /// Every writer was stopped meanwhile.
    pub(super) is_cold: bool,
    /// It was restored on trial.
    pub(super) is_proven: bool,
    /// Nobody can have written since.
    pub(super) is_fresh: bool,
}

/// A resource that is neither a member, nor a pin, nor a part of protected state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plain {
    /// As at the start.
    AsWas,
    /// Of another value.
    Changed,
    /// Half of another value.
    Partial,
    /// It was there before.
    Gone,
    /// It was not there before.
    Added,
    /// Half made or half removed, and not there before.
    PartlyAdded,
    /// Changed, and out of sight: the link that it lies behind leads elsewhere by now.
    Behind,
}

impl Packed for Release {
    fn pack(self) -> u8 {
        self as u8
    }

    fn unpack(byte: u8) -> Self {
        if byte == 1 { Self::New } else { Self::Old }
    }
}

impl Packed for Run {
    fn pack(self) -> u8 {
        let run = self.release.map_or(0, |release| release as u8 + 1);
        run | u8::from(self.is_drained) << 2 | u8::from(self.is_valid) << 3 | u8::from(self.stands_by) << 4
    }

    fn unpack(byte: u8) -> Self {
        Self {
            release: match byte & 3 {
                1 => Some(Release::Old),
                2 => Some(Release::New),
                _ => None,
            },
            is_drained: byte & 4 != 0,
            is_valid: byte & 8 != 0,
            stands_by: byte & 16 != 0,
        }
    }
}

impl Packed for Data {
    fn pack(self) -> u8 {
        self as u8
    }

    fn unpack(byte: u8) -> Self {
        const ALL: [Data; 4] = [Data::Own, Data::Edited, Data::New, Data::Mix];
        ALL.get(usize::from(byte)).copied().unwrap_or(Self::Own)
    }
}

impl Packed for Backup {
    fn pack(self) -> u8 {
        let bits = [self.is_made, self.is_whole, self.is_cold, self.is_proven, self.is_fresh];
        bits.into_iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(bit))
    }

    fn unpack(byte: u8) -> Self {
        let bit = |place: u8| byte & (1 << place) != 0;
        Self {
            is_made: bit(0),
            is_whole: bit(1),
            is_cold: bit(2),
            is_proven: bit(3),
            is_fresh: bit(4),
        }
    }
}

impl Packed for Plain {
    fn pack(self) -> u8 {
        self as u8
    }

    fn unpack(byte: u8) -> Self {
        const ALL: [Plain; 7] = [
            Plain::AsWas,
            Plain::Changed,
            Plain::Partial,
            Plain::Gone,
            Plain::Added,
            Plain::PartlyAdded,
            Plain::Behind,
        ];
        ALL.get(usize::from(byte)).copied().unwrap_or(Self::AsWas)
    }
}

impl Packed for bool {
    fn pack(self) -> u8 {
        u8::from(self)
    }

    fn unpack(byte: u8) -> Self {
        byte != 0
    }
}

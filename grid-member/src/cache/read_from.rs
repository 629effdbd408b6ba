//! Where reads of a cache go.

/// Where reads of a cache by its keys go: gets, batches of gets, and whether a key is present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReadFrom {
    /// To the primary of the key: a read shows every change that was acknowledged before it began. The default.
    #[default]
    Primary,
    /// To the copy in this member, where it has one, and to the primary otherwise. A backup shows a change moments after
    /// it was acknowledged, in the order of changes, and only changes that are; while its primary does not answer and
    /// until that is voted out, about two and a half seconds with the default settings, it may lag that long. So what was
    /// just written may not be shown yet, and two reads at different members may differ.
    Closest,
}

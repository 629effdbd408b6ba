//! The one place that draws random numbers.

/// A number that nobody else has drawn or will draw.
pub(crate) fn draw() -> u128 {
    uuid::Uuid::new_v4().as_u128()
}

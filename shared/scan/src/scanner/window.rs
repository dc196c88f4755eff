/// The `N` bytes from `at` on, if there are so many.
///
/// The same as `bytes.get(at..)?.first_chunk()`, with one comparison, and with a number that stays the same from one
/// call to the next.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is a comparison, and takes less than a call")]
pub fn window<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    if at >= (bytes.len() + 1).saturating_sub(N) {
        return None;
    }
    // SAFETY: `at + N` is no more than the length.
    Some(unsafe { &*bytes.as_ptr().add(at).cast::<[u8; N]>() })
}

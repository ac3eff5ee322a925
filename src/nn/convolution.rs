//! What the settings of both convolutions have in common.

use crate::error::{Error, Result};
use crate::sizes;

/// Refuses sizes that no convolution, transposed or not, can have.
pub(super) fn check(
    channels: [usize; 2],
    kernel_size: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
) -> Result<()> {
    let sizes = [
        ("channels", channels),
        ("kernel_size", kernel_size),
        ("stride", stride),
        ("dilation", dilation),
    ];
    for (field, values) in sizes {
        for value in values {
            sizes::size(field, value)?;
        }
    }
    sizes::size("groups", groups)?;
    if channels.iter().any(|count| count % groups != 0) {
        return Err(Error::setting(
            "groups",
            groups,
            format!("must divide the channels {channels:?}"),
        ));
    }
    let weights = [channels[0], channels[1], kernel_size[0], kernel_size[1]];
    sizes::weights("channels", &weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_divide_the_channels_and_no_size_is_0() {
        let grouped = |groups| check([4, 6], [3, 3], [1, 1], [1, 1], groups);
        assert!(grouped(2).is_ok());
        assert!(grouped(4).is_err());
        assert!(grouped(0).is_err());
        assert!(check([4, 6], [3, 0], [1, 1], [1, 1], 1).is_err());
    }
}

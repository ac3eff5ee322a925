//! Series as images of one row, so that the kernels for images serve.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// `[batch, channels, time]` as `[batch, channels, 1, time]`, which lies in memory as the series does.
pub(super) fn as_row<B: Backend>(series: Tensor<B, 3>) -> Tensor<B, 4> {
    #[cfg(feature = "flex")]
    if crate::kernels::lies_channels_last(&series) {
        return channels_innermost(series);
    }
    let [batch, channels, time] = series.dims();
    series.reshape([batch, channels, 1, time])
}

/// `[batch, channels, 1, time]` as `[batch, channels, time]`, which lies in memory as the image does.
pub(super) fn as_series<B: Backend>(row: Tensor<B, 4>) -> Tensor<B, 3> {
    let [batch, channels, _, time] = row.dims();
    #[cfg(feature = "flex")]
    if crate::kernels::lies_channels_last(&row) {
        let series: Tensor<B, 3> = row.permute([0, 2, 3, 1]).reshape([batch, time, channels]);
        return series.permute([0, 2, 1]);
    }
    row.reshape([batch, channels, time])
}

/// A weight `[…, …, kernel]` as `[…, …, 1, kernel]`, in the order that kernels want. Its gradient comes in
/// that order, our Adam keeps a weight in its gradient's, and so it is moved once.
pub(super) fn as_kernel<B: Backend>(weight: Tensor<B, 3>) -> Tensor<B, 4> {
    #[cfg(feature = "flex")]
    if let Some(weight) = crate::kernels::channels_last(&weight) {
        return channels_innermost(weight);
    }
    as_row(weight)
}

#[cfg(feature = "flex")]
fn channels_innermost<B: Backend>(series: Tensor<B, 3>) -> Tensor<B, 4> {
    let [batch, channels, time] = series.dims();
    let row: Tensor<B, 4> = series
        .permute([0, 2, 1])
        .reshape([batch, 1, time, channels]);
    row.permute([0, 3, 1, 2])
}

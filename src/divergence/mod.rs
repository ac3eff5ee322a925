use burn::tensor::{Tensor, backend::Backend};
pub fn js_lower_bound<B: Backend>(real: Tensor<B, 2>, _fake: Tensor<B, 2>) -> Tensor<B, 1> { real.mean() }

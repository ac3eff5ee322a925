//! Structs of samples as samples.

use burn::tensor::backend::{AutodiffBackend, Backend};

use super::Sample;

/// Implements [`Sample`](crate::network::Sample) for a struct of samples, field by field.
///
/// The struct has one parameter, the backend, derives `Debug` and `Clone`, and each of its fields
/// is a sample itself: a float tensor whose first dimension is the batch, or such a struct. All
/// fields hold the same number of samples.
///
/// Norms, products and noise go over the numbers of all fields together, in the order of the fields
/// in the macro, as if they stood in one tensor; images in several fields are shifted and mirrored
/// alike; packs are made in each field. An example is in [`Sample`](crate::network::Sample).
#[macro_export]
macro_rules! impl_sample {
    ($name:ident { $first:ident $(, $field:ident)* $(,)? }) => {
        impl<B: $crate::burn::tensor::backend::Backend> $crate::network::Sample<B> for $name<B> {
            type Lifted = $name<$crate::burn::backend::Autodiff<B>>;
            type Inner
                = $name<B::InnerBackend>
            where
                B: $crate::burn::tensor::backend::AutodiffBackend;

            fn lift(self) -> Self::Lifted {
                $name {
                    $first: $crate::network::Sample::<B>::lift(self.$first),
                    $($field: $crate::network::Sample::<B>::lift(self.$field),)*
                }
            }

            fn into_inner(self) -> Self::Inner
            where
                B: $crate::burn::tensor::backend::AutodiffBackend,
            {
                $name {
                    $first: $crate::network::Sample::<B>::into_inner(self.$first),
                    $($field: $crate::network::Sample::<B>::into_inner(self.$field),)*
                }
            }

            fn from_inner(inner: Self::Inner) -> Self
            where
                B: $crate::burn::tensor::backend::AutodiffBackend,
            {
                $name {
                    $first: $crate::network::Sample::<B>::from_inner(inner.$first),
                    $($field: $crate::network::Sample::<B>::from_inner(inner.$field),)*
                }
            }

            fn leaf(self) -> Self
            where
                B: $crate::burn::tensor::backend::AutodiffBackend,
            {
                $name {
                    $first: $crate::network::Sample::<B>::leaf(self.$first),
                    $($field: $crate::network::Sample::<B>::leaf(self.$field),)*
                }
            }

            fn take_gradient(&self, gradients: &mut B::Gradients) -> Option<Self::Inner>
            where
                B: $crate::burn::tensor::backend::AutodiffBackend,
            {
                let $first = $crate::network::Sample::<B>::take_gradient(&self.$first, gradients);
                $(let $field = $crate::network::Sample::<B>::take_gradient(&self.$field, gradients);)*
                if $first.is_none() $(&& $field.is_none())* {
                    return None;
                }
                // What nothing depended on has the gradient 0.
                Some($name {
                    $first: $first.unwrap_or_else(|| $crate::network::fields::zeros::<B, _>(&self.$first)),
                    $($field: $field.unwrap_or_else(|| $crate::network::fields::zeros::<B, _>(&self.$field)),)*
                })
            }

            fn rows(self) -> $crate::burn::tensor::Tensor<B, 2> {
                $crate::burn::tensor::Tensor::cat(
                    vec![
                        $crate::network::Sample::<B>::rows(self.$first),
                        $($crate::network::Sample::<B>::rows(self.$field),)*
                    ],
                    1,
                )
            }

            fn with_rows(&self, rows: $crate::burn::tensor::Tensor<B, 2>) -> Self {
                let mut start = 0;
                let mut next = |width: usize| {
                    start += width;
                    rows.clone().narrow(1, start - width, width)
                };
                $name {
                    $first: $crate::network::Sample::<B>::with_rows(
                        &self.$first,
                        next($crate::network::fields::width::<B, _>(&self.$first)),
                    ),
                    $($field: $crate::network::Sample::<B>::with_rows(
                        &self.$field,
                        next($crate::network::fields::width::<B, _>(&self.$field)),
                    ),)*
                }
            }

            fn shape(&self) -> Vec<usize> {
                vec![
                    $crate::network::Sample::<B>::batch_size(&self.$first),
                    $crate::network::fields::width::<B, _>(&self.$first)
                        $(+ $crate::network::fields::width::<B, _>(&self.$field))*,
                ]
            }

            fn device(&self) -> B::Device {
                $crate::network::Sample::<B>::device(&self.$first)
            }

            fn detach(self) -> Self {
                $name {
                    $first: $crate::network::Sample::<B>::detach(self.$first),
                    $($field: $crate::network::Sample::<B>::detach(self.$field),)*
                }
            }

            fn augment(
                self,
                augmentation: &$crate::network::Augmentation,
                stream: &mut $crate::random::Stream,
            ) -> Self {
                if !augmentation.is_geometric() {
                    let rows = $crate::network::Sample::<B>::rows(self.clone());
                    let changed = augmentation.apply(rows, stream);
                    return $crate::network::Sample::<B>::with_rows(&self, changed);
                }
                // The same draws for each field: an image and its mask stay together.
                let start = stream.clone();
                $name {
                    $first: $crate::network::Sample::<B>::augment(
                        self.$first,
                        augmentation,
                        stream,
                    ),
                    $($field: {
                        *stream = start.clone();
                        $crate::network::Sample::<B>::augment(self.$field, augmentation, stream)
                    },)*
                }
            }

            fn map_pictures(
                self,
                change: &mut dyn FnMut(
                    $crate::burn::tensor::Tensor<B, 4>,
                ) -> $crate::burn::tensor::Tensor<B, 4>,
            ) -> Self {
                $name {
                    $first: $crate::network::Sample::<B>::map_pictures(self.$first, change),
                    $($field: $crate::network::Sample::<B>::map_pictures(self.$field, change),)*
                }
            }

            fn select(
                self,
                indices: $crate::burn::tensor::Tensor<B, 1, $crate::burn::tensor::Int>,
            ) -> Self {
                $name {
                    $first: $crate::network::Sample::<B>::select(self.$first, indices.clone()),
                    $($field: $crate::network::Sample::<B>::select(self.$field, indices.clone()),)*
                }
            }

            fn narrow(self, start: usize, count: usize) -> Self {
                $name {
                    $first: $crate::network::Sample::<B>::narrow(self.$first, start, count),
                    $($field: $crate::network::Sample::<B>::narrow(self.$field, start, count),)*
                }
            }

            fn pack(self, count: usize) -> Self {
                $name {
                    $first: $crate::network::Sample::<B>::pack(self.$first, count),
                    $($field: $crate::network::Sample::<B>::pack(self.$field, count),)*
                }
            }
        }
    };
}

/// The numbers of one sample.
pub fn width<B: Backend, S: Sample<B>>(batch: &S) -> usize {
    batch.shape().iter().skip(1).product()
}

/// A batch of zeros without the tape.
pub fn zeros<B: AutodiffBackend, S: Sample<B>>(batch: &S) -> S::Inner {
    let inner = batch.clone().into_inner();
    let rows = inner.clone().rows().zeros_like();
    inner.with_rows(rows)
}

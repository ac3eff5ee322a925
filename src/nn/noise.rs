//! Noise beside the channels.

use burn::module::{Initializer, Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor, TensorData};

use super::linear::affine;
use super::{Activation, sum};
use crate::random::Stream;

/// Adds a map of noise to all channels alike, by a learnt share that begins at 0.
///
/// ```text
/// y[n, c, i, j] = x[n, c, i, j] + γ·ε[n, i, j],     ε ~ N(0, 1)
/// ```
///
/// Detail that is random in the data, hair say, then need not be made out of the latent. With a tape
/// (`Autodiff`) each sample has a map of its own, from the backend's generator, which the training step
/// seeds. Without one, as after `valid()`, all samples have the same map, which the layer's seed and the
/// size decide: then a latent decides its image, and images next to each other on a path differ by the
/// latent alone.
///
/// Images `[batch, channels, height, width]`, which keep their order in memory. Karras, Laine, Aila
/// 2018, arXiv:1812.04948, section 3.2; one share for all channels: Karras et al. 2019,
/// arXiv:1912.04958.
#[derive(Module, Debug)]
pub struct NoiseInjection<B: Backend> {
    gamma: Param<Tensor<B, 1>>,
    seed: u64,
}

impl<B: Backend> NoiseInjection<B> {
    /// A layer without noise yet; `seed` decides its map where there is no tape, and differs from
    /// layer to layer.
    pub fn new(seed: u64, device: &B::Device) -> Self {
        Self {
            gamma: Initializer::Zeros.init([1], device),
            seed,
        }
    }

    /// Applies the layer to images.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let noise = self.noise(&images);
        self.forward_with(images, noise)
    }

    /// Applies the layer with given maps, `[batch, 1, height, width]`, or `[1, 1, height, width]` for
    /// all images alike.
    ///
    /// # Panics
    /// If the maps are of another size.
    pub fn forward_with(&self, images: Tensor<B, 4>, noise: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, _, height, width] = images.dims();
        let maps = noise.dims();
        assert!(
            maps == [batch, 1, height, width] || maps == [1, 1, height, width],
            "maps of noise of shape {maps:?} don't go with images of shape {:?}",
            images.dims()
        );
        let shift = self.shift(images.dims(), noise, 1.0, None);
        sum(images, shift)
    }

    /// f(x + g·(γ·ε + b)): noise, drawn or given, and a bias `[channels]`, both by a gain that x has
    /// already, then an activation.
    pub(crate) fn forward_biased(
        &self,
        images: Tensor<B, 4>,
        noise: Option<Tensor<B, 4>>,
        bias: Tensor<B, 1>,
        gain: f64,
        activation: Activation,
    ) -> Tensor<B, 4> {
        let noise = noise.unwrap_or_else(|| self.noise(&images));
        let bias = bias.mul_scalar(gain);
        let shift = self.shift(images.dims(), noise, gain, Some(bias));
        activation.apply(sum(images, shift))
    }

    /// g·γ·ε + b for every channel, with the channels innermost.
    fn shift(
        &self,
        [batch, channels, height, width]: [usize; 4],
        noise: Tensor<B, 4>,
        gain: f64,
        bias: Option<Tensor<B, 1>>,
    ) -> Tensor<B, 4> {
        // A product with a single row, so that the kernels for products serve.
        let pixels = noise
            .expand([batch, 1, height, width])
            .reshape([batch * height * width, 1]);
        let share = self.gamma.val().mul_scalar(gain);
        let share = share.reshape([1, 1]).expand([1, channels]);
        affine(pixels, share, bias, Activation::Identity)
            .reshape([batch, height, width, channels])
            .permute([0, 3, 1, 2])
    }

    /// Maps as [`forward`](Self::forward) takes them.
    fn noise(&self, images: &Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, _, height, width] = images.dims();
        let (device, dtype) = (images.device(), images.dtype());
        if B::ad_enabled(&device) {
            let normal = Distribution::Normal(0.0, 1.0);
            return Tensor::random([batch, 1, height, width], normal, (&device, dtype));
        }
        let map = Stream::new(self.seed, "noise injection").normal(height * width);
        let map = TensorData::new(map, [1, 1, height, width]);
        Tensor::from_data(map, (&device, dtype))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assign, for_each_autodiff_backend, values};
    use burn::module::AutodiffModule;
    use burn::tensor::backend::AutodiffBackend;

    fn maps_are_drawn_with_a_tape_and_stay_without<B: AutodiffBackend>() {
        let device = B::Device::default();
        let layer = NoiseInjection::<B>::new(3, &device);
        let zeros = || Tensor::<B, 4>::zeros([2, 3, 8, 8], &device);
        let nothing = values(layer.forward(zeros()));
        assert!(nothing.iter().all(|number| *number == 0.0), "at first");
        let layer = assign::<B, _>(layer, vec![vec![0.5]]);
        crate::random::reseed::<B>(&device, 1, "test", 0);
        let y = values(layer.forward(zeros()));
        let (first, second) = y.split_at(3 * 64);
        assert_eq!(first[..64], first[64..128], "all channels alike");
        assert_ne!(first, second, "each sample by itself");
        let square: f64 = y.iter().map(|y| y * y).sum::<f64>() / y.len() as f64;
        // A mean of 128 independent squares: its deviation is an eighth of it.
        assert!((0.125..0.375).contains(&square), "{square}");
        assert_ne!(values(layer.forward(zeros())), y, "each time");
        crate::random::reseed::<B>(&device, 1, "test", 0);
        assert_eq!(values(layer.forward(zeros())), y, "the seed decides");

        let still = layer.valid();
        let y = values(still.forward(zeros().inner()));
        assert_eq!(y[..192], y[192..]);
        assert_eq!(values(still.forward(zeros().inner())), y);
        let other = NoiseInjection::<B>::new(4, &device).valid();
        let other = assign::<B::InnerBackend, _>(other, vec![vec![0.5]]);
        assert_ne!(values(other.forward(zeros().inner())), y);
    }

    for_each_autodiff_backend!(maps_are_drawn_with_a_tape_and_stay_without);
}

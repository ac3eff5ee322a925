//! A generator whose styles are drawn towards their mean.

use burn::module::{Module, ModuleDisplay, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Generator, StyleSpace, for_all_layers, truncate_styles};
use crate::error::{Error, Result, check};

/// A generator with a style space, with its styles truncated: the truncation trick in w.
///
/// ```text
/// G(z) = synthesize(w̄ + ψ·(map(z) − w̄))
/// ```
///
/// ψ = 1 changes nothing, ψ = 0 gives every latent the mean style: between them samples are better and
/// differ less. w̄ is [`mean_style`](super::mean_style) of the generator, the averaged one after
/// training. It stands wherever a generator does, in a [`Sampler`](crate::sampling::Sampler) say.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::models::StyleGan2GeneratorConfig;
/// use burn_gan::network::{Generator, TruncatedStyles, mean_style};
/// use burn_gan::{Latent, random::Stream};
///
/// let (device, prior) = (Default::default(), Latent::normal(8));
/// let config = StyleGan2GeneratorConfig::new(8, [1, 8, 8]).with_widest(4).with_style(8);
/// let generator = config.init::<Flex>(&device)?;
/// let mut stream = Stream::new(1, "mean style");
/// let mean = mean_style::<Flex, _>(&generator, &prior, 1_000, |_| (), &mut stream, &device);
/// let truncated = TruncatedStyles::new(generator, mean, 0.7)?;
/// assert_eq!(truncated.generate(prior.draw(2, &mut stream, &device), &()).dims(), [2, 1, 8, 8]);
/// # Ok::<(), burn_gan::Error>(())
/// ```
///
/// Karras, Laine, Aila 2018, arXiv:1812.04948, appendix B.
#[derive(Module, Debug)]
pub struct TruncatedStyles<B: Backend, G> {
    generator: G,
    mean: Param<Tensor<B, 2>>,
    psi: f64,
}

impl<B: Backend, G: Generator<B>> TruncatedStyles<B, G> {
    /// `generator` with its styles drawn towards `mean`, `[1, style]`.
    ///
    /// # Errors
    /// If the generator has no style space, or ψ is not a finite number of at least 0.
    pub fn new(generator: G, mean: Tensor<B, 2>, psi: f64) -> Result<Self> {
        check::not_negative("psi", psi)?;
        if generator.style_space().is_none() {
            return Err(Error::setting(
                "psi",
                psi,
                "needs a generator with a style space (`Generator::style_space`)",
            ));
        }
        Ok(Self {
            generator,
            mean: Param::from_tensor(mean.detach()).set_require_grad(false),
            psi,
        })
    }

    fn styles(&self) -> &dyn StyleSpace<B, G::Sample, G::Condition> {
        match self.generator.style_space() {
            Some(space) => space,
            None => unreachable!("it had one when this was made"),
        }
    }
}

impl<B: Backend, G: Generator<B> + ModuleDisplay> StyleSpace<B, G::Sample, G::Condition>
    for TruncatedStyles<B, G>
{
    fn layers(&self) -> usize {
        self.styles().layers()
    }

    fn map_latent(&self, latent: Tensor<B, 2>, condition: &G::Condition) -> Tensor<B, 2> {
        let styles = self.styles().map_latent(latent, condition);
        truncate_styles(styles, self.mean.val(), self.psi)
    }

    fn synthesize(&self, styles: Tensor<B, 3>, condition: &G::Condition) -> G::Sample {
        self.styles().synthesize(styles, condition)
    }
}

impl<B: Backend, G: Generator<B> + ModuleDisplay> Generator<B> for TruncatedStyles<B, G> {
    type Sample = G::Sample;
    type Condition = G::Condition;

    fn generate(&self, latent: Tensor<B, 2>, condition: &G::Condition) -> G::Sample {
        let styles = for_all_layers(self.map_latent(latent, condition), self.layers());
        self.synthesize(styles, condition)
    }

    fn style_space(&self) -> Option<&dyn StyleSpace<B, G::Sample, G::Condition>> {
        Some(self)
    }

    fn output_range(&self) -> Option<(f64, f64)> {
        self.generator.output_range()
    }

    fn classes(&self) -> Option<usize> {
        self.generator.classes()
    }

    fn vector_size(&self) -> Option<usize> {
        self.generator.vector_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{MlpGeneratorConfig, StyleGan2GeneratorConfig};
    use crate::testing::{assert_close, for_each_backend, tensor2, values};

    fn psi_leads_from_the_mean_to_the_latents_own_style<B: Backend>() {
        let device = B::Device::default();
        let config = StyleGan2GeneratorConfig::new(3, [1, 8, 8]);
        let config = config.with_widest(2).with_style(4).with_mapping_layers(2);
        let generator = config.init::<B>(&device).expect("valid settings");
        // A parameter drawn after a clone would be another one in the clone.
        crate::network::initialize(&generator);
        let latent = || tensor2::<B, 3>([[1.0, -0.5, 2.0], [0.3, 0.1, -1.0]]);
        let mean = tensor2::<B, 4>([[0.5, 0.0, -0.5, 1.0]]);
        let drawn = |psi: f64| {
            let generator = TruncatedStyles::new(generator.clone(), mean.clone(), psi);
            let generator = generator.expect("a style space");
            values(generator.generate(latent(), &()))
        };
        assert_close(
            &drawn(1.0),
            &values(generator.generate(latent(), &())),
            1e-4,
            1e-4,
        );
        let (still, half) = (drawn(0.0), drawn(0.5));
        assert_close(&still[..64], &still[64..], 1e-5, 1e-5);
        assert!(
            half[..64]
                .iter()
                .zip(&half[64..])
                .any(|(a, b)| (a - b).abs() > 1e-3)
        );
    }

    for_each_backend!(psi_leads_from_the_mean_to_the_latents_own_style);

    #[test]
    fn without_a_style_space_there_is_nothing_to_truncate() {
        type B = crate::testing::Cpu;
        let device = Default::default();
        let generator = MlpGeneratorConfig::new(3, [2]).init::<B, 2>(&device);
        let mean = || Tensor::<B, 2>::zeros([1, 3], &device);
        let error = TruncatedStyles::new(generator.expect("valid"), mean(), 0.5);
        let error = error.expect_err("no style space").to_string();
        assert!(error.contains("style space"), "{error}");
        let config = StyleGan2GeneratorConfig::new(3, [1, 8, 8]).with_widest(2);
        for psi in [-0.1, f64::NAN, f64::INFINITY] {
            let generator = config.init::<B>(&device).expect("valid settings");
            assert!(
                TruncatedStyles::new(generator, mean(), psi).is_err(),
                "{psi}"
            );
        }
    }
}

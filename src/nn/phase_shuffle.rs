//! Series that are moved a little at random.

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Int, Tensor};

/// Moves each sample's channels together along time, by a number of places that is drawn anew at each
/// call; what comes in at the ends is reflected.
///
/// ```text
/// y[n, c, t] = x[n, c, reflect(t − s[n])],     s[n] uniform among −shift, …, shift
/// reflect(−1) = 1,   reflect(time) = time − 2
/// ```
///
/// So a discriminator can't tell generated series by the phase of what a generator's strides repeat.
/// With a tape (`Autodiff`) the shifts come from the backend's generator, which the training step seeds.
/// Without one, as after `valid()`, nothing moves. It is linear, and can be differentiated any number of
/// times. What comes out lies in memory with its channels innermost, as
/// [`channels_last`](super::channels_last()) gives it.
///
/// Donahue, McAuley, Puckette 2018, *Adversarial audio synthesis*, arXiv:1802.04208, section 3.3; there,
/// too, the drawn shift is that of a layer's whole activation, not of single channels.
#[derive(Module, Clone, Debug)]
pub struct PhaseShuffle {
    shift: usize,
}

impl PhaseShuffle {
    /// Moves by at most `shift` places either way; 0 for none.
    pub fn new(shift: usize) -> Self {
        Self { shift }
    }

    /// By how many places it moves at most.
    pub fn shift(&self) -> usize {
        self.shift
    }

    /// Applies the layer to series `[batch, channels, time]`.
    ///
    /// # Panics
    /// If series are not longer than the shift: there would be nothing to reflect.
    pub fn forward<B: Backend>(&self, series: Tensor<B, 3>) -> Tensor<B, 3> {
        let device = series.device();
        if self.shift == 0 || !B::ad_enabled(&device) {
            return series;
        }
        let span = Distribution::Uniform(0.0, (2 * self.shift + 1) as f64);
        let batch = series.dims()[0];
        let drawn = Tensor::<B, 1>::random([batch], span, &device).floor().int();
        // A draw that rounds up to the end would be one too far.
        let drawn = drawn.clamp(0, 2 * self.shift as i64) - self.shift as i64;
        self.forward_with(series, drawn)
    }

    /// Applies the layer with given shifts `[batch]`, positive ones to later times.
    ///
    /// # Panics
    /// If there is not one for each sample, or series are not longer than the shift.
    pub fn forward_with<B: Backend>(
        &self,
        series: Tensor<B, 3>,
        shifts: Tensor<B, 1, Int>,
    ) -> Tensor<B, 3> {
        let [batch, channels, time] = series.dims();
        assert_eq!(shifts.dims(), [batch], "one shift for each sample");
        assert!(
            time > self.shift,
            "series of {time} places can't be moved by up to {}",
            self.shift
        );
        let device = series.device();
        let last = time as i64 - 1;
        let times: Tensor<B, 2, Int> = Tensor::<B, 1, Int>::arange(0..time as i64, &device)
            .reshape([1, time])
            .expand([batch, time]);
        let from = times - shifts.reshape([batch, 1]);
        // |t| reflects at 0, last − |last − t| at the end.
        let from = (from.abs() - last).abs().neg() + last;
        let starts: Tensor<B, 2, Int> = Tensor::<B, 1, Int>::arange(0..batch as i64, &device)
            .reshape([batch, 1])
            .mul_scalar(time as i64);
        let from: Tensor<B, 1, Int> = (from + starts).reshape([batch * time]);
        let rows: Tensor<B, 2> = series.permute([0, 2, 1]).reshape([batch * time, channels]);
        let rows: Tensor<B, 3> = rows.select(0, from).reshape([batch, time, channels]);
        rows.permute([0, 2, 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{for_each_autodiff_backend, values};
    use burn::tensor::TensorData;
    use burn::tensor::backend::AutodiffBackend;

    fn counted<B: Backend>(shape: [usize; 3]) -> Tensor<B, 3> {
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|i| i as f32).collect();
        Tensor::from_data(TensorData::new(numbers, shape), &Default::default())
    }

    fn what_comes_in_at_the_ends_is_reflected<B: Backend>() {
        let shifts = Tensor::<B, 1, Int>::from_ints([2, -1, 0], &Default::default());
        let moved = PhaseShuffle::new(2).forward_with(counted::<B>([3, 2, 4]), shifts);
        assert_eq!(
            values(moved),
            [
                [2.0, 1.0, 0.0, 1.0],
                [6.0, 5.0, 4.0, 5.0],
                [9.0, 10.0, 11.0, 10.0],
                [13.0, 14.0, 15.0, 14.0],
                [16.0, 17.0, 18.0, 19.0],
                [20.0, 21.0, 22.0, 23.0],
            ]
            .concat()
        );
    }

    fn shifts_are_drawn_with_a_tape_and_not_without<B: AutodiffBackend>() {
        let device = B::Device::default();
        let shuffle = PhaseShuffle::new(2);
        let series = || counted::<B>([400, 1, 9]);
        let draw = || {
            crate::random::reseed::<B>(&device, 7, "test", 0);
            values(shuffle.forward(series()))
        };
        let drawn = draw();
        assert_eq!(drawn, draw(), "the seed decides");
        // In the middle nothing is reflected: the number there tells the shift.
        let mut counts = [0; 5];
        for (sample, moved) in drawn.chunks(9).enumerate() {
            let shift = (sample * 9 + 4) as f64 - moved[4];
            counts[(shift + 2.0) as usize] += 1;
        }
        // 80 each; a binomial's deviation is 8.
        assert!(
            counts.iter().all(|count| (48..=112).contains(count)),
            "{counts:?}"
        );
        let still = shuffle.forward(series().inner());
        assert_eq!(values(still), values(series()));
    }

    for_each_autodiff_backend!(
        what_comes_in_at_the_ends_is_reflected,
        shifts_are_drawn_with_a_tape_and_not_without,
    );
}

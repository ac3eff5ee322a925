//! Pictures of a run: charts as SVG, image grids as PNG. Needs the feature `plot`.
//!
//! - [`LineChart`] draws named [`Series`] against one axis: densities, losses, estimates over steps.
//! - [`Scatter`] draws two-dimensional samples over the data, both axes to the same scale.
//! - [`Panels`] puts several of them side by side into one file.
//! - [`ResultChart`] draws a table of results, published ones and those measured here.
//! - [`image_grid`] lays a batch of images out as a [`Picture`], [`first_batch`] that of a run.
//!
//! Charts are written by `plotters` through its SVG backend alone, which needs no font and no
//! system library: the program that shows the file picks the font. Colours come from [`Color`],
//! which people with any form of colour vision can tell apart.
//!
//! ```
//! use burn_gan::plot::{LineChart, Series};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("losses.svg");
//! let steps = (0..200).map(f64::from);
//! LineChart::new("Losses", "step", "loss")
//!     .with_series(Series::new("discriminator", steps.clone().map(|t| (t, 1.386 - (-t / 40.0).exp()))))
//!     .with_series(Series::new("generator", steps.map(|t| (t, 0.693 + 2.0 * (-t / 60.0).exp()))))
//!     .save(&path)?;
//! assert!(path.exists());
//! # Ok::<(), burn_gan::Error>(())
//! ```

mod axis;
mod canvas;
mod color;
#[cfg(feature = "tables")]
mod columns;
mod first_batch;
mod frame;
mod grid;
mod line;
mod panels;
#[cfg(feature = "metrics")]
mod results;
mod scatter;
mod series;

pub use color::Color;
#[cfg(feature = "tables")]
pub use columns::column_charts;
pub use first_batch::first_batch;
pub(crate) use grid::check_grid;
pub use grid::{GridSize, GridStyle, Picture, image_grid};
pub use line::LineChart;
pub use panels::{Panel, Panels};
#[cfg(feature = "metrics")]
pub use results::ResultChart;
pub use scatter::Scatter;
pub use series::{Series, Stroke};

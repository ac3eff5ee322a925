//! What is measured: metrics of features, and those that take more than features.

use burn_gan::metrics::{InceptionScore, Metric, MsSsim, PerceptualPathLength};
use serde::Deserialize;
use serde_json::Value;

/// A metric that is asked for.
#[derive(Debug, Clone)]
pub enum Asked {
    /// Of two sets of features.
    OfFeatures(Metric),
    /// Of a classifier's outputs.
    InceptionScore(InceptionScore),
    /// Of a classifier's outputs and the classes that a generator was told.
    ClassAccuracy,
    /// Of pixels; without settings, with as many scales as the images have room for.
    MsSsim(Option<MsSsim>),
    /// Of a generator; without settings, of as many samples as all else.
    PathLength(Option<PerceptualPathLength>),
}

/// Those that are not of two sets of features, by name with settings.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum OfImages {
    ClassAccuracy {},
    InceptionScore(InceptionScore),
    MsSsim(MsSsim),
    PerceptualPathLength(PerceptualPathLength),
}

const OF_IMAGES: [&str; 4] = [
    "class_accuracy",
    "inception_score",
    "ms_ssim",
    "perceptual_path_length",
];

impl Asked {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let more = [
            Self::InceptionScore(InceptionScore::default()),
            Self::ClassAccuracy,
            Self::MsSsim(None),
            Self::PathLength(None),
        ];
        let of_features = Metric::all().into_iter().map(Self::OfFeatures);
        of_features.chain(more).collect()
    }

    /// By name, or as JSON with settings.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            return Self::from_json(text).map_err(|error| error.to_string());
        }
        match text {
            "class_accuracy" => Ok(Self::ClassAccuracy),
            "inception_score" => Ok(Self::InceptionScore(InceptionScore::default())),
            "ms_ssim" => Ok(Self::MsSsim(None)),
            "perceptual_path_length" => Ok(Self::PathLength(None)),
            name => match Metric::named(name) {
                Ok(metric) => Ok(Self::OfFeatures(metric)),
                Err(error) => Err(format!("{error}; of images also {}", OF_IMAGES.join(", "))),
            },
        }
    }

    fn from_json(text: &str) -> serde_json::Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let mut names = value.as_object().into_iter().flat_map(|map| map.keys());
        if !names.any(|name| OF_IMAGES.contains(&name.as_str())) {
            return serde_json::from_str(text).map(Self::OfFeatures);
        }
        // From the text itself: a name that comes twice is refused.
        Ok(match serde_json::from_str(text)? {
            OfImages::ClassAccuracy {} => Self::ClassAccuracy,
            OfImages::InceptionScore(settings) => Self::InceptionScore(settings),
            OfImages::MsSsim(settings) => Self::MsSsim(Some(settings)),
            OfImages::PerceptualPathLength(settings) => Self::PathLength(Some(settings)),
        })
    }
}

//! The footage of three made-up households: drawn stills and clips, and how cameras hand them in.
//!
//! It is data. It must never know where an edge is, or how it is reached.

mod live;
mod manifest;
mod upload;

pub use live::{FRAMES_A_SECOND, Loop};
pub use manifest::{Camera, Counts, Event, Household, Manifest};
pub use upload::{Footage, Upload, id_of_time_ago};

/// Lists the files, by name.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        const FILES: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!("../media/", $name)))),+];
    };
}

files![
    "alder-driveway-car.jpg",
    "alder-driveway-car.mp4",
    "alder-driveway.jpg",
    "alder-front-door-live.mp4",
    "alder-front-door-night.jpg",
    "alder-front-door-package.jpg",
    "alder-front-door-person.jpg",
    "alder-front-door-person.mp4",
    "alder-front-door.jpg",
    "alder-garden-cat.jpg",
    "alder-garden.jpg",
    "birch-front-door-parcel.jpg",
    "birch-front-door-parcel.mp4",
    "birch-front-door-visitor.jpg",
    "birch-front-door.jpg",
    "birch-hallway-cat.jpg",
    "birch-hallway-cat.mp4",
    "birch-hallway-live.mp4",
    "birch-hallway.jpg",
    "cedar-back-yard-fox.jpg",
    "cedar-back-yard-fox.mp4",
    "cedar-back-yard.jpg",
    "cedar-garage-motion.jpg",
    "cedar-garage.jpg",
    "cedar-porch-guest.jpg",
    "cedar-porch-guest.mp4",
    "cedar-porch-live.mp4",
    "cedar-porch.jpg",
];

/// Returns the bytes of a file that the manifest names, or none if it names no such file.
pub fn file(name: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}

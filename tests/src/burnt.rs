//! A camera whose pictures carry the time at which they were made, so that their age is known
//! wherever they are shown.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// The picture's width and height in pixels.
const SIZE: (usize, usize) = (320, 180);
/// Pictures a second.
const RATE: u32 = 15;
/// The height of a row of blocks. A row is a byte, and a block a bit.
const ROW: usize = 32;

/// A script that reads the time out of a video (`arguments[0]`: selector) at each new picture, for
/// some milliseconds (`arguments[1]`), and calls back with the ages of the pictures and the gaps
/// between them.
pub const AGES: &str = "
    const [selector, milliseconds, done] = arguments;
    const video = document.querySelector(selector);
    const canvas = document.createElement('canvas');
    canvas.width = 320; canvas.height = 180;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const ages = [], gaps = [];
    const start = Date.now();
    let last = null;
    const look = () => {
        context.drawImage(video, 0, 0, 320, 180);
        const bytes = [];
        for (let row = 0; row < 5; row += 1) {
            let byte = 0;
            for (let bit = 0; bit < 8; bit += 1) {
                const pixel = context.getImageData(bit * 40 + 20, row * 32 + 16, 1, 1).data[0];
                byte = byte * 2 + (pixel > 128 ? 1 : 0);
            }
            bytes.push(byte);
        }
        const now = Date.now();
        const sum = (bytes[0] + bytes[1] + bytes[2] + bytes[3]) & 255;
        if (sum === bytes[4]) {
            const time = ((bytes[0] * 256 + bytes[1]) * 256 + bytes[2]) * 256 + bytes[3];
            ages.push(((now % 4294967296) - time + 4294967296) % 4294967296);
            if (last !== null) gaps.push(now - last);
            last = now;
        }
        if (now - start < milliseconds) video.requestVideoFrameCallback(look);
        else done({ ages, gaps });
    };
    video.requestVideoFrameCallback(look);
    setTimeout(() => done({ ages, gaps }), milliseconds + 5000);";

/// A camera that films the time, until it is dropped.
pub struct Burnt {
    ffmpeg: Child,
    films: Arc<AtomicBool>,
    filming: Option<JoinHandle<()>>,
}

impl Burnt {
    /// Starts to stream to `address` with this credential. `key_frames` is how many pictures lie
    /// between two key frames. Ask [`crate::tool::tool`] first whether ffmpeg is installed.
    ///
    /// # Panics
    /// If ffmpeg does not start.
    pub fn start(address: &str, credential: &str, key_frames: u32) -> Self {
        let words = format!(
            "-loglevel error -f rawvideo -pix_fmt gray -s {}x{} -r {RATE} -i - -c:v libx264 \
             -preset ultrafast -tune zerolatency -bf 0 -pix_fmt yuv420p -g {key_frames} \
             -keyint_min {key_frames} -sc_threshold 0 -flush_packets 1 -f mp4 -movflags \
             frag_every_frame+empty_moov+default_base_moof -method PUT -tls_verify 0",
            SIZE.0, SIZE.1
        );
        let mut command = Command::new("ffmpeg");
        command.args(words.split_whitespace());
        command.args(["-headers", &format!("Authorization: Bearer {credential}\r\n"), address]);
        let mut ffmpeg = command.stdin(Stdio::piped()).spawn().expect("ffmpeg");
        let mut stdin = ffmpeg.stdin.take().expect("its input");
        let films = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&films);
        let filming = std::thread::spawn(move || {
            let start = Instant::now();
            for number in 0_u32.. {
                let due = start + Duration::from_secs(1) * number / RATE;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if !still.load(Ordering::Relaxed) || stdin.write_all(&picture(number)).is_err() {
                    return;
                }
            }
        });
        Self { ffmpeg, films, filming: Some(filming) }
    }
}

impl Drop for Burnt {
    fn drop(&mut self) {
        self.films.store(false, Ordering::Relaxed);
        if let Some(filming) = self.filming.take() {
            drop(filming.join());
        }
        drop((self.ffmpeg.kill(), self.ffmpeg.wait()));
    }
}

/// Makes a picture of this moment: five rows of blocks (the milliseconds and their sum), and below
/// them something that moves.
fn picture(number: u32) -> Vec<u8> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let low = u32::try_from(now.as_millis() % (1 << 32)).unwrap_or(0).to_be_bytes();
    let sum = low.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let mut pixels = Vec::with_capacity(SIZE.0 * SIZE.1);
    for byte in low.into_iter().chain([sum]) {
        let bits = (0..8).rev().map(|bit| if byte >> bit & 1 == 1 { 235 } else { 16 });
        let row: Vec<u8> = bits.flat_map(|value| [value; SIZE.0 / 8]).collect();
        pixels.extend(row.iter().cycle().take(SIZE.0 * ROW));
    }
    // Numbers that look random, so that a picture has the size of one that a camera makes.
    let mut noise = number.wrapping_mul(2_654_435_761) | 1;
    while pixels.len() < SIZE.0 * SIZE.1 {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        pixels.push(noise.to_be_bytes()[0]);
    }
    pixels
}

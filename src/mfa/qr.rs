//! QR codes: text to picture (`qrcode`), picture to text (`quircs`); PNG and JPEG by `image`.
//!
//! A code of an `otpauth` URI is the seed itself: what is drawn is a secret, and so is what is read. Pictures come from
//! strangers: their size is looked at before anything is decoded.

use std::{borrow::Cow, io::Cursor};

use image::{
    DynamicImage, GrayImage, ImageError, ImageFormat, ImageReader, Limits, Luma,
    imageops::{self, FilterType},
};
use qrcode::{
    QrCode,
    render::{svg, unicode::Dense1x2},
};
use thiserror::Error;

use crate::secret::{SecretBytes, SecretText};

/// The largest picture read: a 4K screen and the photos of most phones.
const MAX_PIXELS: u64 = 20_000_000;
const MAX_ALLOCATION: u64 = 256 << 20;
/// The light border that ISO/IEC 18004 demands around a code, in modules.
const QUIET_ZONE: u32 = 4;
const PIXELS_PER_MODULE: u32 = 8;

/// Why there is no code, or none was found.
#[derive(Debug, Error)]
pub enum QrError {
    /// More than 2331 bytes, the most that a code of medium error correction holds.
    #[error("the text is too long for a QR code")]
    TooLong,
    /// The picture could not be written.
    #[error("cannot write the picture of the QR code")]
    Write(#[source] ImageError),
    /// Neither PNG nor JPEG.
    #[error("the file is neither a PNG nor a JPEG picture")]
    NotAPicture,
    /// More than 20 million pixels, or more memory than 256 MiB.
    #[error("the picture is larger than {} million pixels", MAX_PIXELS / 1_000_000)]
    TooLarge,
    /// A PNG or JPEG picture that cannot be decoded.
    #[error("the picture is damaged")]
    Damaged(#[source] ImageError),
    /// No code that is readable, or none that contains text.
    #[error("there is no readable QR code in the picture")]
    NoCode,
}

/// Draws a text as a black on white PNG picture.
///
/// # Errors
/// If the text does not fit, then `TooLong`.
pub fn png(text: &SecretText) -> Result<SecretBytes, QrError> {
    let code = encode(text)?;
    let (colors, width) = (code.to_colors(), code.width());
    let side = (width as u32 + 2 * QUIET_ZONE) * PIXELS_PER_MODULE;
    let picture = GrayImage::from_fn(side, side, |x, y| {
        let module = |pixel: u32| (pixel / PIXELS_PER_MODULE).checked_sub(QUIET_ZONE).map(|at| at as usize);
        let dark = match (module(x), module(y)) {
            (Some(x), Some(y)) if x < width && y < width => colors[y * width + x] == qrcode::Color::Dark,
            _ => false,
        };
        Luma([if dark { 0 } else { 255 }])
    });
    // Reserved in one piece: a buffer that grew would leave copies behind.
    let mut bytes = Vec::with_capacity(picture.len());
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).map_err(QrError::Write)?;
    Ok(SecretBytes::from(bytes))
}

/// Draws a text as an SVG picture.
///
/// # Errors
/// If the text does not fit, then `TooLong`.
pub fn svg(text: &SecretText) -> Result<SecretText, QrError> {
    let side = PIXELS_PER_MODULE;
    Ok(encode(text)?.render::<svg::Color<'_>>().module_dimensions(side, side).build().into())
}

/// Draws a text with half blocks, two modules a character: lines for a terminal with light text on a dark ground.
///
/// # Errors
/// If the text does not fit, then `TooLong`.
pub fn terminal(text: &SecretText) -> Result<SecretText, QrError> {
    let code = encode(text)?;
    // The blocks are drawn in the text's colour, so it is the light modules that are drawn.
    Ok(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build().into())
}

/// Reads all codes of a PNG or JPEG picture, each text once, in the order they are found.
///
/// # Errors
/// If the bytes are no such picture, then `NotAPicture`; if it has more than 20 million pixels, then `TooLarge`; if it
/// cannot be decoded, then `Damaged`; if no text is found in it, then `NoCode`.
pub fn read(image_bytes: &[u8]) -> Result<Vec<SecretText>, QrError> {
    let picture = flatten(decode(image_bytes)?);
    let (width, height) = picture.dimensions();
    let scaled = |width, height| imageops::resize(&picture, width, height, FilterType::Triangle);
    let tries: [&dyn Fn() -> Option<GrayImage>; 4] = [
        &|| Some(picture.clone()),
        &|| {
            let mut inverted = picture.clone();
            imageops::invert(&mut inverted);
            Some(inverted)
        },
        // Half the size evens out noise and moiré; twice the size helps codes of one or two pixels a module.
        &|| (width.min(height) >= 100).then(|| scaled(width / 2, height / 2)),
        &|| (width.max(height) <= 2000).then(|| scaled(width * 2, height * 2)),
    ];

    let mut texts = Vec::new();
    for picture in tries.iter().filter_map(|make| make()) {
        let all_readable = collect(&picture, &mut texts);
        if all_readable && !texts.is_empty() {
            break;
        }
    }
    if texts.is_empty() { Err(QrError::NoCode) } else { Ok(texts) }
}

fn encode(text: &SecretText) -> Result<QrCode, QrError> {
    QrCode::new(text.expose().as_bytes()).map_err(|_| QrError::TooLong)
}

/// A PNG without its ancillary chunks, save transparency (PNG specification, section 5.4): a colour profile can unpack to
/// gigabytes, and nothing of it is seen. Any other file as it is.
fn essential(bytes: &[u8]) -> Cow<'_, [u8]> {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    let Some(mut rest) = bytes.strip_prefix(SIGNATURE) else { return Cow::Borrowed(bytes) };
    let mut kept = Vec::with_capacity(bytes.len());
    kept.extend_from_slice(SIGNATURE);
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let whole = (u32::from_be_bytes(*length) as usize).saturating_add(12);
        let Some((chunk, after)) = rest.split_at_checked(whole) else { break };
        if chunk[4].is_ascii_uppercase() || &chunk[4..8] == b"tRNS" {
            kept.extend_from_slice(chunk);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, QrError> {
    let bytes = &*essential(bytes);
    let reader = || {
        let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(MAX_ALLOCATION);
        reader.limits(limits);
        matches!(reader.format()?, ImageFormat::Png | ImageFormat::Jpeg).then_some(reader)
    };
    let failed = |error| match error {
        ImageError::Limits(_) => QrError::TooLarge,
        error => QrError::Damaged(error),
    };
    // A few bytes can claim gigabytes: the header is believed before any memory is asked for.
    let (width, height) = reader().ok_or(QrError::NotAPicture)?.into_dimensions().map_err(failed)?;
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(QrError::TooLarge);
    }
    reader().ok_or(QrError::NotAPicture)?.decode().map_err(failed)
}

/// Greyscale, with what is transparent made white.
fn flatten(picture: DynamicImage) -> GrayImage {
    if !picture.color().has_alpha() {
        return picture.into_luma8();
    }
    let picture = picture.into_luma_alpha8();
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [light, opacity] = picture.get_pixel(x, y).0.map(u32::from);
        Luma([((light * opacity + 255 * (255 - opacity)) / 255) as u8])
    })
}

/// Adds the texts that are found and new; false if something looked like a code and could not be read.
fn collect(picture: &GrayImage, texts: &mut Vec<SecretText>) -> bool {
    let mut all_readable = true;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    for code in quircs::Quirc::new().identify(width, height, picture) {
        let Some(data) = code.ok().and_then(|code| code.decode().ok()) else {
            all_readable = false;
            continue;
        };
        if let Ok(text) = String::from_utf8(data.payload).map(SecretText::from)
            && !texts.contains(&text)
        {
            texts.push(text);
        }
    }
    all_readable
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    const URI: &str = "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?\
        secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Amazon%20Web%20Services";

    fn drawn(text: &str) -> GrayImage {
        let png = png(&text.into()).expect("a picture");
        image::load_from_memory(png.expose()).expect("a PNG").into_luma8()
    }

    fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        picture.into().write_to(&mut Cursor::new(&mut bytes), format).expect("written");
        bytes
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        let mut texts: Vec<_> = read(bytes).expect("codes").iter().map(|text| text.expose().clone()).collect();
        texts.sort();
        texts
    }

    #[test]
    fn what_is_drawn_is_read() {
        assert_eq!(texts(png(&URI.into()).expect("a picture").expose()), [URI]);
        assert_eq!(texts(&written(drawn(URI), ImageFormat::Jpeg)), [URI]);
    }

    #[test]
    fn the_quiet_zone_is_four_light_modules_on_every_side() {
        let picture = drawn(URI);
        let border = QUIET_ZONE * PIXELS_PER_MODULE;
        let last = picture.width() - 1;
        for (x, y, pixel) in picture.enumerate_pixels() {
            if x < border || y < border || x > last - border || y > last - border {
                assert_eq!(pixel.0, [255]);
            }
        }
        assert_eq!(picture.get_pixel(border, border).0, [0]);
    }

    #[test]
    fn the_svg_and_the_terminal_show_the_modules_of_the_picture() {
        let picture = drawn(URI);
        let modules = picture.width() / PIXELS_PER_MODULE;
        let dark = |x: u32, y: u32| picture.get_pixel(x * PIXELS_PER_MODULE, y * PIXELS_PER_MODULE).0 == [0];

        let terminal = terminal(&URI.into()).expect("lines");
        let lines: Vec<Vec<char>> = terminal.expose().lines().map(|line| line.chars().collect()).collect();
        assert_eq!(lines.len() as u32, modules.div_ceil(2));
        for (row, line) in lines.iter().enumerate() {
            assert_eq!(line.len() as u32, modules);
            for (x, character) in line.iter().enumerate() {
                let (x, top) = (x as u32, row as u32 * 2);
                let bottom_is_light = top + 1 < modules && !dark(x, top + 1);
                let expected = match (!dark(x, top), bottom_is_light) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                };
                assert_eq!(*character, expected);
            }
        }

        let svg = svg(&URI.into()).expect("a picture");
        let side = picture.width();
        assert!(svg.expose().contains(&format!(r#"viewBox="0 0 {side} {side}""#)));
        let rectangles = svg.expose().matches("M").count();
        let dark_modules = (0..modules * modules).filter(|at| dark(at % modules, at / modules)).count();
        assert_eq!(rectangles, dark_modules);
    }

    #[test]
    fn light_on_dark_is_read() {
        let mut picture = drawn(URI);
        imageops::invert(&mut picture);
        assert_eq!(texts(&written(picture, ImageFormat::Png)), [URI]);
    }

    #[test]
    fn what_is_transparent_counts_as_white() {
        let code = drawn(URI);
        let picture = RgbaImage::from_fn(code.width(), code.height(), |x, y| match code.get_pixel(x, y).0 {
            [0] => Rgba([0, 0, 0, 255]),
            _ => Rgba([0, 0, 0, 0]),
        });
        assert_eq!(texts(&written(picture, ImageFormat::Png)), [URI]);
    }

    #[test]
    fn a_code_inside_a_screenshot_is_read() {
        let mut screen = RgbImage::from_fn(2560, 1440, |x, y| match (x / 7 + y / 18) % 5 {
            0 => Rgb([40, 44, 52]),
            1 => Rgb([0, 120, (x % 256) as u8]),
            _ => Rgb([245, 245, 245]),
        });
        let code = imageops::resize(&drawn(URI), 171, 171, FilterType::Triangle);
        imageops::replace(&mut screen, &DynamicImage::from(code).into_rgb8(), 1700, 600);
        assert_eq!(texts(&written(screen, ImageFormat::Png)), [URI]);
    }

    #[test]
    fn a_code_that_fills_a_photo_is_read() {
        let photo = imageops::resize(&drawn(URI), 4200, 4200, FilterType::Triangle);
        assert_eq!(texts(&written(photo, ImageFormat::Jpeg)), [URI]);
    }

    #[test]
    fn two_codes_are_both_read_and_the_same_text_once() {
        let (first, second) = (drawn("first"), drawn("second"));
        let mut page = GrayImage::from_pixel(800, 300, Luma([255]));
        imageops::replace(&mut page, &first, 0, 0);
        imageops::replace(&mut page, &second, 280, 20);
        imageops::replace(&mut page, &first, 550, 0);
        assert_eq!(texts(&written(page, ImageFormat::Png)), ["first", "second"]);
    }

    #[test]
    fn what_is_no_picture_or_has_no_code_is_refused() {
        assert!(matches!(read(b""), Err(QrError::NotAPicture)));
        assert!(matches!(read(b"otpauth://totp/alice"), Err(QrError::NotAPicture)));
        assert!(matches!(read(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"), Err(QrError::NotAPicture)));
        assert!(matches!(read(b"\x89PNG\r\n\x1a\n"), Err(QrError::Damaged(_))));
        assert!(matches!(read(&written(GrayImage::new(300, 300), ImageFormat::Png)), Err(QrError::NoCode)));
        assert!(matches!(read(&written(GrayImage::new(1, 1), ImageFormat::Png)), Err(QrError::NoCode)));
    }

    #[test]
    fn a_picture_that_claims_to_be_huge_is_refused_by_its_header() {
        // The header of a PNG of 2,000,000 x 2,000,000 pixels and nothing more.
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x1e\x84\x80\0\x1e\x84\x80\x08\0\0\0\0".to_vec();
        bytes.extend(crc32(&bytes[12..]).to_be_bytes());
        bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        assert!(matches!(read(&bytes), Err(QrError::TooLarge)), "{:?}", read(&bytes));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes
            .iter()
            .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
    }

    #[test]
    fn a_text_beyond_the_largest_code_is_refused() {
        assert!(matches!(png(&"x".repeat(2332).into()), Err(QrError::TooLong)));
        assert!(png(&"x".repeat(2331).into()).is_ok());
    }

    #[test]
    fn mutated_pictures_never_panic() {
        // xorshift: the same hostile pictures on every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        let small = imageops::resize(&drawn(URI), 114, 114, FilterType::Nearest);
        let files = [written(small.clone(), ImageFormat::Png), written(small.clone(), ImageFormat::Jpeg)];
        for round in 0..300 {
            // The file's bytes, for the decoders of pictures …
            let mut bytes = files[round % 2].clone();
            for _ in 0..=random() % 4 {
                let at = random() % bytes.len();
                bytes[at] = random() as u8;
            }
            bytes.truncate(bytes.len() - if round % 3 == 0 { random() % bytes.len() } else { 0 });
            let _ = read(&bytes);
            // … and the pixels, for the decoder of codes.
            let mut picture = small.clone();
            for _ in 0..random() % 40 {
                let (x, y, side) = (random() % 114, random() % 114, 1 + random() % 12);
                let color = Luma([random() as u8]);
                for at in 0..side * side {
                    let (x, y) = ((x + at % side).min(113) as u32, (y + at / side).min(113) as u32);
                    picture.put_pixel(x, y, color);
                }
            }
            collect(&picture, &mut Vec::new());
        }
    }

    #[test]
    fn a_colour_profile_that_unpacks_to_much_is_not_unpacked() {
        let uri = SecretText::from("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ");
        let png = png(&uri).expect("a picture");
        // Behind the header: a profile whose checksum and content nobody looks at.
        let (head, rest) = png.expose().split_at(8 + 25);
        let profile = [&7_u32.to_be_bytes()[..], b"iCCPx\0\0bomb", b"\0\0\0\0"].concat();
        let bombed = [head, &profile, rest].concat();
        assert!(*essential(&bombed) == **png.expose());
        assert_eq!(read(&bombed).expect("codes"), [uri]);
        for cut in [9, 20, 40, bombed.len() / 2] {
            assert!(read(&bombed[..cut]).is_err(), "{cut}");
        }
    }
}

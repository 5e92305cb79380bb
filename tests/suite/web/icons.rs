//! The icons of points, for systems that show no other: drawn from the icon of lines, whose background fills the square.

use std::fs;

use crate::house::root;

/// The sizes: of iOS, and of a manifest.
const SIZES: [usize; 3] = [180, 192, 512];
/// How many points of a pixel are looked at, in each direction.
const FINENESS: usize = 4;

/// What is drawn: a line of one width on a ground of one colour.
struct Icon {
    /// The size of the square.
    side: f64,
    ground: [u8; 3],
    line: Vec<(f64, f64)>,
    width: f64,
}

impl Icon {
    /// Reads an icon of the one shape that ours have.
    fn of(text: &str) -> Self {
        let after = |mark: &str| {
            let rest = text.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {text}")).1;
            rest.split('"').next().expect("a value").to_owned()
        };
        let ground = after("fill=\"#");
        let part = |at: usize| u8::from_str_radix(&ground[at..at + 2], 16).expect("a colour");
        Self {
            side: after("viewBox=\"0 0 ")
                .split(' ')
                .next()
                .and_then(|side| side.parse().ok())
                .expect("a size"),
            ground: [part(0), part(2), part(4)],
            line: points(&after("<path d=\"")),
            width: after("stroke-width=\"").parse().expect("a width"),
        }
    }

    /// Returns whether a point is on the line.
    fn is_drawn(&self, x: f64, y: f64) -> bool {
        // How far it is along a part of the line, how long that is, and how far the point is from it.
        let of_part = |pair: &[(f64, f64)]| {
            let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
            let (dx, dy) = (bx - ax, by - ay);
            let long = dx.hypot(dy);
            (((x - ax) * dx + (y - ay) * dy) / long, long, ((x - ax) * dy - (y - ay) * dx).abs() / long)
        };
        let half = self.width / 2.0;
        let is_on = |pair: &[(f64, f64)]| {
            let (along, long, away) = of_part(pair);
            away <= half && (0.0..=long).contains(&along)
        };
        // Two parts meet in a sharp corner.
        let is_corner =
            |three: &[(f64, f64)]| of_part(&three[..2]).2 <= half && of_part(&three[1..]).2 <= half;
        self.line.windows(2).any(is_on) || self.line.windows(3).any(is_corner)
    }

    /// Returns each pixel as how much of it is drawn, from 0 to 3.
    fn pixels(&self, size: usize) -> Vec<u8> {
        let most = FINENESS * FINENESS;
        let at = |place: usize| (place as f64 + 0.5) * self.side / (size * FINENESS) as f64;
        let pixel = |number: usize| {
            let (column, row) = (number % size * FINENESS, number / size * FINENESS);
            let all = (0..most).map(|one| (at(column + one % FINENESS), at(row + one / FINENESS)));
            let drawn = all.filter(|(x, y)| self.is_drawn(*x, *y)).count();
            u8::try_from((drawn * 3 + most / 2) / most).expect("a level")
        };
        (0..size * size).map(pixel).collect()
    }

    /// Draws it as a PNG of four colours.
    fn png(&self, size: usize) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).expect("a size").to_be_bytes();
        let rows: Vec<u8> = self
            .pixels(size)
            .chunks(size)
            .flat_map(|row| {
                let bytes = row
                    .chunks(4)
                    .map(|four| (0..4).fold(0, |byte, at| byte << 2 | four.get(at).unwrap_or(&0)));
                std::iter::once(0).chain(bytes)
            })
            .collect();
        let shade = |level: u8| self.ground.map(|part| part + (255 - part) / 3 * level);
        let palette: Vec<u8> = (0..4).flat_map(shade).collect();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        let head = [&number(size)[..], &number(size)[..], &[2, 3, 0, 0, 0]].concat();
        for (name, content) in
            [(b"IHDR", head), (b"PLTE", palette), (b"IDAT", deflated(&rows)), (b"IEND", Vec::new())]
        {
            let part = [&name[..], &content[..]].concat();
            png.extend(number(content.len()));
            png.extend(&part);
            png.extend(crc(&part).to_be_bytes());
        }
        png
    }
}

/// Reads a path of the commands `M`, `V`, `v` and `l`.
fn points(path: &str) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    let commands: Vec<usize> =
        path.match_indices(|one: char| one.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    for (number, at) in commands.iter().enumerate() {
        let end = commands.get(number + 1).copied().unwrap_or(path.len());
        let numbers: Vec<f64> = path[at + 1..end]
            .replace('-', " -")
            .split_whitespace()
            .map(|number| number.parse().expect("a number"))
            .collect();
        let (x, y) = points.last().copied().unwrap_or_default();
        points.push(match &path[*at..=*at] {
            "M" => (numbers[0], numbers[1]),
            "V" => (x, numbers[0]),
            "v" => (x, y + numbers[0]),
            "l" => (x + numbers[0], y + numbers[1]),
            other => panic!("'{other}' in a path"),
        });
    }
    points
}

/// Compresses bytes in the format of zlib, by the runs and the rows that repeat, with the fixed codes.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Bits { bytes: vec![0x78, 0x01], free: 0 };
    bits.add(0b011, 3);
    let mut at = 0;
    while at < bytes.len() {
        let long = (1..=258)
            .take_while(|long| at > 0 && at + long <= bytes.len() && bytes[at + long - 1] == bytes[at - 1]);
        match long.count() {
            long @ 3.. => {
                bits.length(long);
                // The byte before: code 0, five bits.
                bits.add(0, 5);
                at += long;
            }
            _ => {
                bits.literal(u16::from(bytes[at]));
                at += 1;
            }
        }
    }
    bits.literal(256);
    let sum = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    bits.bytes.extend((sum.1 << 16 | sum.0).to_be_bytes());
    bits.bytes
}

/// Bits, the lowest of each byte first.
struct Bits {
    bytes: Vec<u8>,
    free: u32,
}

impl Bits {
    fn add(&mut self, value: u32, count: u32) {
        for at in 0..count {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let last = self.bytes.last_mut().expect("a byte");
            *last |= u8::try_from(value >> at & 1).expect("a bit") << (8 - self.free);
            self.free -= 1;
        }
    }

    /// Adds one of the fixed codes, whose highest bit is first.
    fn literal(&mut self, symbol: u16) {
        let symbol = u32::from(symbol);
        let (code, count) = match symbol {
            0..=143 => (0x30 + symbol, 8),
            144..=255 => (0x190 + symbol - 144, 9),
            256..=279 => (symbol - 256, 7),
            _ => (0xc0 + symbol - 280, 8),
        };
        self.add(code.reverse_bits() >> (32 - count), count);
    }

    /// Adds the length of a repetition.
    fn length(&mut self, long: usize) {
        if long == 258 {
            return self.literal(285);
        }
        // Each four codes have one bit more than the four before.
        let over = u32::try_from(long - 3).expect("a length");
        let more = if over < 8 { 0 } else { over.ilog2() - 2 };
        let symbol = 257 + 4 * more + (over >> more);
        self.literal(u16::try_from(symbol).expect("a symbol"));
        self.add(over & ((1 << more) - 1), more);
    }
}

/// The sum of a part of a PNG.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn the_icons_of_points_are_those_of_lines() {
    let folder = root().join("bins/git-orchestra-web/page");
    let icon = Icon::of(&fs::read_to_string(folder.join("icon-mask.svg")).expect("the icon"));
    for size in SIZES {
        let (file, drawn) = (folder.join(format!("icon-{size}.png")), icon.png(size));
        if std::env::var_os("ORCHESTRA_BLESS").is_some() {
            fs::write(&file, &drawn).expect("written");
        }
        let is_same = fs::read(&file).is_ok_and(|known| known == drawn);
        assert!(is_same, "{} is out of date; ORCHESTRA_BLESS=1 draws it", file.display());
    }
}

//! The byte-to-character table of GPT-2's byte-level vocabularies.
//!
//! Every byte is written as one printable character, so that a vocabulary of arbitrary bytes can
//! be stored as text. Source: `bytes_to_unicode` in openai/gpt-2 `encoder.py`: printable Latin-1
//! bytes stand for themselves, the other 68 take the characters from U+0100 upwards in order.

/// True for the bytes that stand for themselves.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff)
}

/// `TABLE[b]` is the code point that stands for byte `b`.
const TABLE: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut num_moved = 0;
    let mut byte = 0;
    while byte < 256 {
        table[byte] = if is_printable(byte as u8) {
            byte as u16
        } else {
            num_moved += 1;
            255 + num_moved
        };
        byte += 1;
    }
    table
};

/// `INVERSE[c]` is the byte that character `c` stands for; `None` for characters outside the table.
const INVERSE: [Option<u8>; 324] = {
    let mut inverse = [None; 324];
    let mut byte = 0;
    while byte < 256 {
        inverse[TABLE[byte] as usize] = Some(byte as u8);
        byte += 1;
    }
    inverse
};

/// The byte a character stands for.
pub(crate) fn byte_of(c: char) -> Option<u8> {
    INVERSE.get(c as usize).copied().flatten()
}

/// The bytes a byte-level token stands for; `None` if a character is not of the alphabet.
pub(crate) fn bytes_of(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte_of).collect()
}

#[cfg(test)]
pub(crate) fn char_of(byte: u8) -> char {
    char::from_u32(u32::from(TABLE[byte as usize])).expect("the table holds code points < 324")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points_of_the_table() {
        // As printed by GPT-2's own function.
        let expected = [
            (b' ', '\u{120}'),
            (b'\n', '\u{10a}'),
            (0, '\u{100}'),
            (0x7f, '\u{121}'),
            (0xad, '\u{143}'),
        ];
        for (byte, c) in expected {
            assert_eq!(char_of(byte), c);
        }
        assert_eq!(char_of(b'!'), '!');
    }

    #[test]
    fn every_byte_comes_back() {
        for byte in 0..=255 {
            assert_eq!(byte_of(char_of(byte)), Some(byte));
        }
        assert_eq!(byte_of(' '), None);
        assert_eq!(byte_of('\u{144}'), None);
        assert_eq!(bytes_of("\u{120}a"), Some(b" a".to_vec()));
        assert_eq!(bytes_of("a b"), None);
    }
}

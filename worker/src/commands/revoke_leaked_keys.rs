//! `octroi keys revoke-leaked`: revokes the API keys that a text contains, such as a scanner's report or a page of a
//! repository. Nothing of the text is stored or told.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Command, CommandError, progress};
use crate::database::{LEAKED_KEYS_MAX, RevokedKeys};

const KEY_PREFIX: &str = "sk-oct-";
/// Hexadecimal digits of a key after its prefix, and of a SHA-256.
const DIGITS: usize = 64;
/// Longest line read, bytes; what is longer is read in pieces, and a key across two of them is missed.
const LINE_BYTES_MAX: u64 = 1 << 20;

pub(super) async fn run(command: &mut Command<'_>, path: &Path) -> Result<(), CommandError> {
    let hashes =
        read(path).map_err(|source| CommandError::LeakedKeys { path: path.display().to_string(), source })?;
    let hashes: Vec<[u8; 32]> = hashes.into_iter().collect();
    let bar = progress::bar("keys", hashes.len() as u64);
    let mut revoked = RevokedKeys::default();
    for batch in hashes.chunks(LEAKED_KEYS_MAX) {
        let RevokedKeys { keys, replaced_secrets } = command.database.revoke_leaked_keys(batch).await?;
        revoked.keys += keys;
        revoked.replaced_secrets += replaced_secrets;
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    writeln!(command.out, "found: {}", hashes.len())?;
    writeln!(command.out, "replaced secrets ended: {}", revoked.replaced_secrets)?;
    writeln!(command.out, "revoked: {}", revoked.keys)?;
    Ok(())
}

fn read(path: &Path) -> std::io::Result<BTreeSet<[u8; 32]>> {
    let mut text: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path)?))
    };
    let (mut hashes, mut line) = (BTreeSet::new(), Vec::new());
    loop {
        line.clear();
        if text.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(hashes);
        }
        hashes.extend(hashes_in(&line));
    }
}

/// The hashes of the keys in a line, and the hashes that stand in it themselves.
fn hashes_in(line: &[u8]) -> impl Iterator<Item = [u8; 32]> {
    line.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-' && *byte != b'_').filter_map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        if word.len() == DIGITS {
            return from_hex(word);
        }
        // in an address or a name, something may stand before it
        let key = word.get(word.find(KEY_PREFIX)?..)?.get(..KEY_PREFIX.len() + DIGITS)?;
        Some(Sha256::digest(key.as_bytes()).into())
    })
}

fn from_hex(word: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    for (byte, digits) in hash.iter_mut().zip(word.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<[u8; 32]> {
        hashes_in(line.as_bytes()).collect()
    }

    #[test]
    fn a_key_is_found_wherever_it_stands() {
        let key = format!("sk-oct-{}", "0a".repeat(32));
        let hash: [u8; 32] = Sha256::digest(&key).into();
        for line in [
            format!("{key}\n"),
            format!("OPENAI_API_KEY=\"{key}\" # prod"),
            format!("https://example.com/?key=x-{key}&a=b"),
        ] {
            assert_eq!(found(&line), [hash], "{line}");
        }
        let hex: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(found(&format!("sha256:{hex},")), [hash]);
    }

    #[test]
    fn what_only_looks_like_a_key_is_passed_over() {
        for line in ["sk-oct-", "sk-oct-abc", "sk-proj-0a0a", "", "\u{e9}"] {
            assert!(found(line).is_empty(), "{line}");
        }
        assert!(found(&"+f".repeat(32)).is_empty());
    }
}

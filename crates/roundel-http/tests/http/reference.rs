//! A chunked decoder as simple as can be: whole input, line by line, no state. It shares nothing with
//! the real one but the grammar (RFC 9112 §7.1) and the limits.

/// A whole body.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) data: Vec<u8>,
    /// All trailers in canonical form, also those that are not kept.
    pub(crate) trailers: Vec<Vec<u8>>,
    pub(crate) len: usize,
}

/// Decodes a body; nothing when the input ends before it does.
pub(crate) fn decode(input: &[u8]) -> Result<Option<Body>, ()> {
    let (mut data, mut position, mut extensions) = (Vec::new(), 0, 0);
    loop {
        let Some(line) = line(&input[position..])? else { return Ok(None) };
        position += line.len() + 2;
        let size_len = line.iter().position(|&byte| byte == b';').unwrap_or(line.len());
        let (digits, extension) = line.split_at(size_len);
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit) && (1..=16).contains(&size_len);
        let is_large = extension.len() > 256;
        extensions += extension.len();
        if !is_hex || is_large || extensions > 8192 || !is_extension(extension) {
            return Err(());
        }
        let size = u64::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
        if size == 0 {
            return trailers(input, position, data);
        }
        let Some(end) = usize::try_from(size).ok().and_then(|size| position.checked_add(size))
        else {
            return Ok(None);
        };
        let Some(chunk) = input.get(position..end) else { return Ok(None) };
        data.extend_from_slice(chunk);
        match &input[end..] {
            [b'\r', b'\n', ..] => position = end + 2,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(()),
        }
    }
}

/// A line up to its CRLF. A bare CR or LF is an error, except that quoted strings decide for
/// themselves.
fn line(input: &[u8]) -> Result<Option<&[u8]>, ()> {
    let Some(end) = input.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return Ok(None);
    };
    match &input[end..] {
        [b'\r', b'\n', ..] => Ok(Some(&input[..end])),
        [b'\r'] => Ok(None),
        _ => Err(()),
    }
}

fn is_extension(mut text: &[u8]) -> bool {
    while let [b';', after @ ..] = text {
        let name = token(after);
        if name == 0 {
            return false;
        }
        text = &after[name..];
        if let [b'=', after @ ..] = text {
            let value = if after.first() == Some(&b'"') { quoted(after) } else { token(after) };
            if value == 0 {
                return false;
            }
            text = &after[value..];
        }
    }
    text.is_empty()
}

fn token(text: &[u8]) -> usize {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    text.iter().take_while(|byte| is_tchar(byte)).count()
}

/// Length of the quoted string that `text` starts with, 0 when it is broken.
fn quoted(text: &[u8]) -> usize {
    let mut is_escaped = false;
    for (at, &byte) in text.iter().enumerate().skip(1) {
        match byte {
            0..=8 | 10..=31 | 127 => return 0,
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    0
}

fn trailers(input: &[u8], start: usize, data: Vec<u8>) -> Result<Option<Body>, ()> {
    let (mut position, mut trailers) = (start, Vec::new());
    loop {
        let Some(line) = line(&input[position..])? else {
            return if input.len() - start > 8192 { Err(()) } else { Ok(None) };
        };
        position += line.len() + 2;
        if position - start > 8192 {
            return Err(());
        }
        if line.is_empty() {
            return Ok(Some(Body { data, trailers, len: position }));
        }
        let colon = line.iter().position(|&byte| byte == b':').ok_or(())?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let is_value = value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 127);
        // White space other than SP and HTAB is trimmed above, so look at the whole line too.
        let is_line = line.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 127);
        let hyphenated = String::from_utf8_lossy(name).to_lowercase().replace('_', "-");
        let is_disguised = name.contains(&b'_')
            && roundel_http::FieldKind::of(hyphenated.as_bytes()) != roundel_http::FieldKind::Other;
        if token(name) != name.len() || name.is_empty() || !is_value || !is_line || is_disguised {
            return Err(());
        }
        trailers.push([name, b": ", value, b"\r\n"].concat());
        if trailers.len() > 64 {
            return Err(());
        }
    }
}

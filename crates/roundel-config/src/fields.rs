//! What may stand in an HTTP message that Roundel writes on an operator's behalf.
//!
//! Checked here once, so that no configured text can end a line early and smuggle a field or a
//! whole message (RFC 9110 §5.5, §5.6.2).

/// Whether a byte may stand in a token (RFC 9110 §5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Refuses what is not a field name, and fields that say how a message is framed or whose meaning
/// ends with the connection: those are Roundel's own to write.
pub(crate) fn check_field_name(name: &str) -> Result<(), String> {
    const OWN: [&str; 9] = [
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "proxy-connection",
    ];
    if !is_token(name) {
        return Err(format!("{name:?} is not a field name (letters, digits and `-`)"));
    }
    if OWN.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!("{name:?} is a field that Roundel sets itself"));
    }
    Ok(())
}

/// Refuses control characters and spaces at the ends.
pub(crate) fn check_field_value(value: &str) -> Result<(), String> {
    if let Some(c) = value.chars().find(|c| c.is_control() && *c != '\t') {
        return Err(format!("{c:?} cannot stand in a field value"));
    }
    if value.starts_with([' ', '\t']) || value.ends_with([' ', '\t']) {
        return Err("a field value neither starts nor ends with a space".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_fields_and_line_ends_are_refused() {
        for name in ["X-Served-By", "x_1", "Cache-Control"] {
            assert_eq!(check_field_name(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a:", "ü", "Content-Length", "TRANSFER-ENCODING", "Host"] {
            assert!(check_field_name(name).is_err(), "{name}");
        }
        for value in ["", "a b", "text/plain; charset=utf-8", "a\tb"] {
            assert_eq!(check_field_value(value), Ok(()), "{value}");
        }
        for value in ["a\r\nb", "a\nb", "\0", " a", "a "] {
            assert!(check_field_value(value).is_err(), "{value:?}");
        }
    }
}

//! URLs as they may be shown.

/// What stands for a secret.
const HIDDEN: &str = "***";

/// Ends of the names of query parameters whose value is a secret, in lower case: of presigned URLs (Amazon, Google, Azure's
/// `sig`, CloudFront's), and of services that take a key.
const SECRET: [&str; 14] = [
    "signature",
    "credential",
    "token",
    "sig",
    "key",
    "key-id",
    "keyid",
    "secret",
    "password",
    "passwd",
    "pwd",
    "pass",
    "policy",
    "authorization",
];

/// A URL with `***` in the place of passwords, tokens and signatures.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let mut shown = format!("{scheme}://");
    let (before, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let host = user_end(before).map_or(0, |end| {
        match before.get(..end).and_then(|user| user.split_once(':')) {
            Some((user, _)) => shown.push_str(&format!("{user}:{HIDDEN}")),
            // A name alone is a token more often than a name.
            None => shown.push_str(HIDDEN),
        }
        end
    });
    shown.push_str(before.get(host..).unwrap_or_default());
    for (index, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret(name) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(HIDDEN);
            }
            _ => shown.push_str(parameter),
        }
    }
    shown
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|ending| name.ends_with(ending))
}

/// Where user and password end: at the last `@` before the path. A slash in a password that was not escaped makes the rest of it
/// look like the path; then what stands before it is no host with a port.
fn user_end(text: &str) -> Option<usize> {
    let authority = text.find(['/', '#']).unwrap_or(text.len());
    if let Some(end) = text.get(..authority)?.rfind('@') {
        return Some(end);
    }
    let (_, port) = text.get(..authority)?.split_once(':')?;
    // Of an IPv6 address, what follows the first colon is no number either.
    let is_port = port.is_empty() || port.bytes().all(|digit| digit.is_ascii_digit());
    if is_port || text.starts_with('[') { None } else { text.rfind('@') }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        for (url, shown) in [
            ("https://host/a.tif", "https://host/a.tif"),
            ("https://u:p@ss@host:8080/a@2x.tif", "https://u:***@host:8080/a@2x.tif"),
            ("https://ghp_token@host/a.tif", "https://***@host/a.tif"),
            ("https://u:pa/ss@host/a.tif", "https://u:***@host/a.tif"),
            ("https://[::1]:80/a@2x.tif", "https://[::1]:80/a@2x.tif"),
            ("http://host:8080/a@2x.tif?", "http://host:8080/a@2x.tif?"),
            (
                "https://b.s3.amazonaws.com/k.tif?X-Amz-Expires=60&X-Amz-Credential=AKIA%2F&X-Amz-Signature=ab&x-amz-security-token=t",
                "https://b.s3.amazonaws.com/k.tif?X-Amz-Expires=60&X-Amz-Credential=***&X-Amz-Signature=***&x-amz-security-token=***",
            ),
            (
                "https://a.blob.core.windows.net/c/k?sv=1&sr=b&sig=x%3D",
                "https://a.blob.core.windows.net/c/k?sv=1&sr=b&sig=***",
            ),
            (
                "https://h/k?Policy=a&Key-Pair-Id=K&AWSAccessKeyId=A",
                "https://h/k?Policy=***&Key-Pair-Id=K&AWSAccessKeyId=***",
            ),
            ("https://h/wcs?apikey=k&coverage=dem&flag", "https://h/wcs?apikey=***&coverage=dem&flag"),
            ("s3://key:secret@bucket/k", "s3://key:***@bucket/k"),
            ("no url at all?token=x", "no url at all?token=x"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }
}

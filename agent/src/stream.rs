//! How this PC goes on in a new stream: after it was restored from a backup, or because a twin of it writes in the old one.
//!
//! Promise: key and id of the new stream are durable before anybody is asked for its certificate; the same stream is
//! opened however often this is interrupted; the old stream's key stays, to send what it still owes.
//! Start at [`opening`] and [`adopt`].

use std::path::Path;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use motcua_shared::wire::Enrolled;
use tracing::info;
use uuid::Uuid;

use crate::office::{self, Identity, OfficeError, chance, now, private_file};
use crate::store::{Pen, Standing, Store};

/// Who the log names for entries that this program writes by itself.
pub const AUTHOR: &str = "agent";

/// The stream that is being opened, and its key.
pub fn opening(data: &Path, store: &mut Store) -> Result<(Uuid, SigningKey), OfficeError> {
    let noted = store.streams_own()?.into_iter().find(|own| own.standing == Standing::Opening);
    let id = noted.map_or_else(Uuid::now_v7, |own| own.id);
    if noted.is_none() {
        key_make(data, id)?;
    }
    let id = store.stream_open(id, now())?;
    Ok((id, office::stream_key(data, id)?))
}

/// Makes the key of a new stream.
pub fn key_make(data: &Path, stream: Uuid) -> Result<(), OfficeError> {
    let identity = Identity::of(data);
    identity.stream_directory(stream)?;
    let path = identity.stream_key_place(stream);
    let pem = SigningKey::from_bytes(&chance()).to_pkcs8_pem(LineEnding::LF).map_err(|_| OfficeError::Key(path.clone()))?;
    private_file(&path, pem.as_bytes())
}

/// Goes on in `opened`, for which `enrolled` brought the certificate. Gives how many entries were recorded again.
pub fn adopt(data: &Path, store: &mut Store, opened: Uuid, enrolled: &Enrolled) -> Result<usize, OfficeError> {
    let office = store.office()?;
    let identity = Identity::of(data);
    identity.keep_apart(office.stream)?;
    private_file(&identity.certificate(opened), enrolled.certificate_pem.as_bytes())?;
    let key = office::office_key(data, &office)?;
    let pen = Pen { author: AUTHOR, now: now(), key: &key, salt: chance };
    let copied = store.stream_adopt(opened, (enrolled.numbers_from, enrolled.numbers_to), &pen)?;
    identity.show(opened)?;
    info!(left = %office.stream, stream = %opened, copied, "went on in a new stream");
    Ok(copied)
}

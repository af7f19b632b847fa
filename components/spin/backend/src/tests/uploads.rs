//! The uploads of cameras, piece by piece.

use super::*;

/// The `sha-256` of another body.
const ANOTHER: &str = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";

fn newest(edge: &Edge, home: &Home) -> Option<Vec<u8>> {
    edge.ask(|backend| {
        let object = home.admit(backend, Name::Thumbnail).unwrap().newest_still().ok()?;
        Some(object.read(0, u32::try_from(object.length()).unwrap()).unwrap())
    })
}

#[test]
fn an_upload_is_read_back_and_known_again() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let still = id();
    assert_eq!(edge.upload(home, Kind::Still, still, LARGE_STILL), Ok(Taken::Created));
    assert_eq!(newest(&edge, home).unwrap(), LARGE_STILL);
    assert_eq!(edge.upload(home, Kind::Still, still, LARGE_STILL), Ok(Taken::Same));
    let conflict = edge.upload(home, Kind::Still, still, STILL);
    assert!(matches!(conflict, Err(Problem::Conflict(_))));
    assert_eq!(newest(&edge, other), None);
    // The stored values are sealed, whatever is in them.
    let needle = &LARGE_STILL[200..232];
    let values = edge.kv.0.lock().unwrap();
    assert!(values.values().all(|value| !value.windows(32).any(|window| window == needle)));
}

#[test]
fn an_upload_that_did_not_end_is_not_there() {
    let edge = Edge::new();
    let home = &edge.homes[0];
    let begin = |backend: &Backend, length| {
        let intake = backend.admit_camera(&home.camera_credential)?;
        intake.begin(Kind::Still, &id().to_string(), length, None)
    };
    let incomplete = edge.ask(|backend| {
        let upload = begin(backend, None)?;
        upload.push(STILL.to_vec())?;
        upload.push(Vec::new())?;
        upload.finish(false)
    });
    assert!(matches!(incomplete, Err(Problem::BadRequest(_))));
    edge.ask(|backend| {
        let upload = begin(backend, None).unwrap();
        upload.push(STILL.to_vec()).unwrap();
    });
    let short = edge.ask(|backend| {
        let upload = begin(backend, Some(STILL.len() as u64 + 1))?;
        upload.push(STILL.to_vec())?;
        upload.finish(true)
    });
    assert!(matches!(short, Err(Problem::BadRequest(_))));
    assert_eq!(newest(&edge, home), None);
}

#[test]
fn an_upload_that_was_refused_takes_no_more() {
    let edge = Edge::new();
    let home = &edge.homes[0];
    edge.ask(|backend| {
        let intake = backend.admit_camera(&home.camera_credential).unwrap();
        let upload = intake.begin(Kind::Still, &id().to_string(), None, None).unwrap();
        let refused = upload.push(b"no picture at all".to_vec());
        assert!(matches!(refused, Err(Problem::MediaType(_))), "{refused:?}");
        assert_eq!(upload.push(STILL.to_vec()), refused, "it stays refused");
        assert_eq!(upload.finish(true).map(|_| ()), refused);

        let refused =
            |kind, id: &str, length, digest| intake.begin(kind, id, length, digest).err().unwrap();
        let too_large = refused(Kind::Still, &id().to_string(), Some(u64::MAX), None);
        assert!(matches!(too_large, Problem::TooLarge(_)));
        let of_nothing = refused(Kind::Clip, &id().to_string(), None, None);
        assert!(matches!(of_nothing, Problem::Conflict(_)), "before its body comes");
        assert!(matches!(refused(Kind::Still, "one", None, None), Problem::BadRequest(_)));
        let digest = refused(Kind::Still, &id().to_string(), None, Some("sha-256=1"));
        assert!(matches!(digest, Problem::BadRequest(_)));

        let upload = intake.begin(Kind::Still, &id().to_string(), None, Some(ANOTHER)).unwrap();
        upload.push(STILL.to_vec()).unwrap();
        assert!(matches!(upload.finish(true), Err(Problem::BadRequest(_))));
        assert!(upload.finish(true).is_err(), "it ends once");
    });
    assert_eq!(newest(&edge, home), None);
}

#[test]
fn a_camera_is_its_credential() {
    let edge = Edge::new();
    let home = &edge.homes[0];
    for raw in ["", home.credential.as_str(), &home.camera_credential[1..]] {
        let refused = edge.ask(|backend| backend.admit_camera(raw).err());
        assert_eq!(refused, Some(Problem::Unidentified));
    }
}

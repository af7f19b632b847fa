//! What one instance may do: how many objects it holds, which renditions it makes, and what it
//! answers.

use super::{held, with_still};
use crate::footage::testing::{Home, home_with};
use eyesonly_gate::rules::{
    ANSWER_BYTES_MAX, Breach, MediaType, OBJECTS_MAX, Origin, RENDITION_BYTES_MAX, Status,
};
use eyesonly_gate::{Content, Instance};
use eyesonly_rights::Action;

async fn instance() -> Instance {
    Instance::new(Home::new().await.grant(Action::Live).await)
}

/// Makes an instance that holds as many objects as it may, one of them opened.
async fn full() -> Instance {
    let mut instance = instance().await;
    instance.holds(Origin::Opened).unwrap();
    for _ in 1..OBJECTS_MAX {
        instance.holds(Origin::Rendition).unwrap();
    }
    instance
}

#[tokio::test]
async fn an_instance_holds_so_many_objects_at_once() {
    let mut instance = full().await;
    assert_eq!(instance.may_hold(), Err(Breach::Limit));
    assert_eq!(instance.holds(Origin::Rendition), Err(Breach::Limit));
    instance.dropped();
    assert_eq!(instance.may_hold(), Ok(()));
    assert_eq!(instance.holds(Origin::Rendition), Ok(()));
    assert_eq!(instance.may_hold(), Err(Breach::Limit));
}

#[tokio::test]
async fn an_instance_makes_one_rendition_at_a_time() {
    let mut instance = instance().await;
    instance.holds(Origin::Opened).unwrap();
    assert_eq!(instance.may_recall(Origin::Opened, "w320"), Ok(()));
    assert_eq!(instance.may_recall(Origin::Rendition, "w320"), Err(Breach::Invalid));
    assert_eq!(instance.may_recall(Origin::Opened, "W320"), Err(Breach::Invalid));
    instance.makes("w320");
    assert_eq!(instance.may_recall(Origin::Opened, "w640"), Err(Breach::Limit));
    assert!(!instance.made("w640"), "another one");
    assert!(instance.made("w320"));
    assert!(!instance.made("w320"), "once");
    assert_eq!(instance.may_recall(Origin::Opened, "w640"), Ok(()));
    assert_eq!(full().await.may_recall(Origin::Opened, "w320"), Err(Breach::Limit));
}

#[tokio::test]
async fn a_rendition_is_kept_by_who_opened_its_source_alone() {
    let mut instance = instance().await;
    let remember = |instance: &Instance, bytes| instance.may_remember(Origin::Opened, "w1", bytes);
    assert_eq!(remember(&instance, 1), Err(Breach::Invalid), "nothing was opened");
    instance.holds(Origin::Opened).unwrap();
    assert_eq!(remember(&instance, 0), Err(Breach::Invalid));
    assert_eq!(remember(&instance, 1), Ok(()));
    assert_eq!(remember(&instance, RENDITION_BYTES_MAX), Ok(()));
    assert_eq!(remember(&instance, RENDITION_BYTES_MAX + 1), Err(Breach::Limit));
    assert_eq!(instance.may_remember(Origin::Rendition, "w1", 1), Err(Breach::Invalid));
    assert_eq!(instance.may_remember(Origin::Opened, "", 1), Err(Breach::Invalid));
    assert_eq!(remember(&full().await, 1), Err(Breach::Limit));
    instance.holds(Origin::Opened).unwrap();
    instance.dropped();
    assert_eq!(remember(&instance, 1), Err(Breach::Invalid), "two were opened");
}

#[tokio::test]
async fn only_an_answer_of_status_ok_has_content() {
    let instance = instance().await;
    let answers = |status, bytes| {
        let content = Content::Bytes(vec![0; bytes].into());
        instance.answers(status, MediaType::Json, content)
    };
    for status in [Status::BadRequest, Status::NotFound, Status::Unavailable, Status::Failed] {
        let answer = answers(status, ANSWER_BYTES_MAX + 1).unwrap();
        assert_eq!(answer.status(), status);
        assert!(matches!(answer.content(), Content::Empty), "{status:?}");
    }
    let answer = answers(Status::Ok, ANSWER_BYTES_MAX).unwrap();
    assert_eq!((answer.status(), answer.media_type()), (Status::Ok, MediaType::Json));
    assert!(matches!(answer.content(), Content::Bytes(bytes) if bytes.len() == ANSWER_BYTES_MAX));
    assert!(answers(Status::Ok, ANSWER_BYTES_MAX + 1).is_err());
}

#[tokio::test]
async fn a_range_lies_within_its_object() {
    let (home, still) = with_still().await;
    let total = still.len() as u64;
    let ranges = [
        (0, total, true),
        (total - 1, 1, true),
        (0, 0, false),
        (1, total, false),
        (total, 1, false),
        (u64::MAX, 2, false),
    ];
    for (offset, length, fits) in ranges {
        let source = Box::new(held(&home).await.unwrap());
        let instance = Instance::new(source.grant().clone());
        let content = Content::Footage { source, offset, length };
        let answer = instance.answers(Status::Ok, MediaType::Jpeg, content);
        assert_eq!(answer.is_ok(), fits, "{length} from {offset}");
    }
}

#[tokio::test]
async fn an_instance_has_the_grant_that_it_was_given() {
    let home = home_with(b"a still").await;
    let grant = home.grant(Action::Live).await;
    let instance = Instance::new(grant.clone());
    assert!(std::sync::Arc::ptr_eq(instance.grant(), &grant));
}

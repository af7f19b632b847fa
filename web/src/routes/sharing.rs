//! The rows of the routes about sharing and accounts, which both editions have.

use super::{Name, Route, Who, route};

/// The routes about sharing and accounts.
pub const SHARING_ROUTES: &[Route] = &[
    route(Name::Join, "GET", "/join", Who::Anyone, "The page to answer an invitation on"),
    route(Name::Look, "POST", "/v1/invitation", Who::Anyone, "What an invitation offers"),
    route(
        Name::NewAccount,
        "POST",
        "/v1/invitation/account",
        Who::Anyone,
        "Make an account, and ask for what an invitation offers",
    ),
    route(
        Name::Ask,
        "POST",
        "/v1/{tag}/invitation",
        Who::Viewer,
        "Ask for what an invitation offers",
    ),
    route(Name::SharingPage, "GET", "/v1/{tag}/sharing/", Who::Viewer, "Who sees what, as a page"),
    route(
        Name::Sharing,
        "GET",
        "/v1/{tag}/sharing",
        Who::Viewer,
        "What the viewer shares, and has from others",
    ),
    route(
        Name::Invite,
        "POST",
        "/v1/{tag}/households/{household}/invitations",
        Who::Viewer,
        "Make an invitation",
    ),
    route(
        Name::Withdraw,
        "DELETE",
        "/v1/{tag}/households/{household}/invitations/{invitation}",
        Who::Viewer,
        "Take an invitation back, and refuse who asked with it",
    ),
    route(
        Name::Confirm,
        "POST",
        "/v1/{tag}/households/{household}/invitations/{invitation}/confirmation",
        Who::Viewer,
        "Confirm who asked with an invitation",
    ),
    route(
        Name::PutShare,
        "PUT",
        "/v1/{tag}/shares/{camera}/{viewer}",
        Who::Viewer,
        "Change what is shared of a camera with a viewer",
    ),
    route(
        Name::DeleteShare,
        "DELETE",
        "/v1/{tag}/shares/{camera}/{viewer}",
        Who::Viewer,
        "Stop sharing a camera with a viewer",
    ),
    route(
        Name::PutMember,
        "PUT",
        "/v1/{tag}/households/{household}/members/{viewer}",
        Who::Viewer,
        "Give somebody of the household another role",
    ),
    route(
        Name::DeleteMember,
        "DELETE",
        "/v1/{tag}/households/{household}/members/{viewer}",
        Who::Viewer,
        "Take somebody out of the household",
    ),
    route(
        Name::EndSession,
        "DELETE",
        "/v1/{tag}/sessions/{session}",
        Who::Viewer,
        "End a session of the viewer",
    ),
    route(
        Name::Password,
        "PUT",
        "/v1/{tag}/password",
        Who::Viewer,
        "Change the password, which ends all sessions",
    ),
    route(
        Name::Watching,
        "GET",
        "/v1/{tag}/watching",
        Who::Viewer,
        "Who watches the viewer's own cameras live now",
    ),
    route(
        Name::Switch,
        "PUT",
        "/v1/{tag}/switches/{camera}",
        Who::Viewer,
        "Switch a camera off or on",
    ),
    route(
        Name::OfferCamera,
        "POST",
        "/v1/{tag}/transfers/{camera}",
        Who::Viewer,
        "Offer a camera to another household",
    ),
    route(
        Name::KeepCamera,
        "DELETE",
        "/v1/{tag}/transfers/{camera}",
        Who::Viewer,
        "Take the offer of a camera back",
    ),
    route(
        Name::TakeCamera,
        "POST",
        "/v1/{tag}/households/{household}/cameras",
        Who::Viewer,
        "Take a camera that was offered, with a new credential",
    ),
];

impl Name {
    /// Says whether a row of sharing has a body.
    pub fn takes_body(self) -> bool {
        matches!(
            self,
            Self::Look
                | Self::NewAccount
                | Self::Ask
                | Self::Invite
                | Self::Confirm
                | Self::PutShare
                | Self::PutMember
                | Self::Switch
                | Self::TakeCamera
                | Self::Password
        )
    }

    /// Says whether a change can give something. One that can't takes something away.
    pub(crate) fn can_give(self) -> bool {
        self != Self::Password && (self.takes_body() || self == Self::OfferCamera)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_something_is_counted_and_what_takes_something_is_not() {
        for route in SHARING_ROUTES {
            let has_body = route.method == "PUT"
                || (route.method == "POST" && route.name != Name::OfferCamera);
            assert_eq!(route.name.takes_body(), has_body, "{}", route.path);
            let takes = ["GET", "DELETE"].contains(&route.method) || route.name == Name::Password;
            assert_eq!(route.name.can_give(), !takes, "{}", route.path);
        }
    }
}

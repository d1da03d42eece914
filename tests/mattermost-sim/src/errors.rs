//! Answers and refusals, in the shapes that the server gives them.

use serde::Serialize;
use serde_json::{Value, json};

use crate::options::Version;

/// A refusal: what a Mattermost error body says. Clients decide by status and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub status: u16,
    pub id: String,
    pub message: String,
    pub detail: String,
}

impl ApiError {
    pub(crate) fn new(status: u16, id: &str, message: &str) -> ApiError {
        ApiError {
            status,
            id: id.to_owned(),
            message: message.to_owned(),
            detail: String::new(),
        }
    }

    /// Something in the body is missing or wrong.
    pub(crate) fn body(what: &str) -> ApiError {
        ApiError::new(
            400,
            "api.context.invalid_body_param.app_error",
            &format!("Invalid or missing {what} in request body."),
        )
    }

    /// A path or query parameter is missing or wrong.
    pub(crate) fn url(what: &str) -> ApiError {
        ApiError::new(
            400,
            "api.context.invalid_url_param.app_error",
            &format!("Invalid or missing {what} parameter in request URL."),
        )
    }

    pub(crate) fn forbidden() -> ApiError {
        ApiError::new(
            403,
            "api.context.permissions.app_error",
            "You do not have the appropriate permissions.",
        )
    }

    pub(crate) fn session() -> ApiError {
        ApiError::new(
            401,
            "api.context.session_expired.app_error",
            "Invalid or expired session, please login again.",
        )
    }

    pub(crate) fn no_user() -> ApiError {
        ApiError::new(
            404,
            "app.user.missing_account.const",
            "Unable to find the user.",
        )
    }

    /// The body; a request id only where it answers a request by itself (not in a batch's row).
    pub(crate) fn json(&self, request_id: Option<&str>) -> Value {
        let mut body = json!({
            "id": self.id,
            "message": self.message,
            "detailed_error": self.detail,
            "status_code": self.status,
        });
        if let (Some(id), Some(map)) = (request_id, body.as_object_mut()) {
            map.insert("request_id".to_owned(), json!(id));
        }
        body
    }
}

/// An answer before it becomes HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The body as JSON, `null` where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The same with one more header, named in lower case.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn raw(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body,
        }
    }

    /// 200 with this text, as the hooks answer.
    pub(crate) fn plain(body: &str) -> Answer {
        Answer::raw(200, "text/plain", body.as_bytes().to_vec())
    }

    /// The HTML page that another program, such as a proxy, a firewall or a sign-on portal, gives.
    #[must_use]
    pub fn page(status: u16) -> Answer {
        let body = format!(
            "<!DOCTYPE html>\n<html><head><title>{status}</title></head>\
             <body><h1>{status}</h1><p>Support id 4711</p></body></html>\n"
        );
        Answer::raw(status, "text/html; charset=utf-8", body.into_bytes())
    }

    /// A redirect to this address, as a web server or a sign-on portal gives it.
    #[must_use]
    pub fn redirect(status: u16, to: &str) -> Answer {
        Answer::page(status).with("location", to)
    }

    pub(crate) fn text(status: u16, body: &str) -> Answer {
        Answer::raw(
            status,
            "text/plain; charset=utf-8",
            body.as_bytes().to_vec(),
        )
    }

    pub(crate) fn error(error: &ApiError, request_id: &str) -> Answer {
        let body = error.json(Some(request_id)).to_string().into_bytes();
        Answer::raw(error.status, "application/json", body)
    }

    /// What every version says where they have no such route. Without `X-Version-Id`.
    pub(crate) fn no_route(version: Version, path: &str) -> Answer {
        let mut error = ApiError::new(
            404,
            "api.context.404.app_error",
            "Sorry, we could not find the page.",
        );
        error.detail = format!(
            "There doesn't appear to be an api call for the url='{path}'.  \
             Typo? are you missing a team_id or user_id as part of the url?"
        );
        let content_type = if version < Version::V9_1 {
            "text/plain; charset=utf-8"
        } else {
            "application/json"
        };
        Answer::raw(404, content_type, error.json(None).to_string().into_bytes())
    }
}

/// What a handler gives: an answer or a refusal.
pub(crate) type Outcome = Result<Answer, ApiError>;

/// 200 with this as JSON.
pub(crate) fn ok(body: &impl Serialize) -> Outcome {
    answer(200, body)
}

/// 201 with this as JSON.
pub(crate) fn created(body: &impl Serialize) -> Outcome {
    answer(201, body)
}

/// `{"status": "OK"}`.
pub(crate) fn done() -> Outcome {
    ok(&json!({"status": "OK"}))
}

fn answer(status: u16, body: &impl Serialize) -> Outcome {
    let body = serde_json::to_vec(body)
        .map_err(|error| ApiError::new(500, "sim.not_json", &error.to_string()))?;
    Ok(Answer::raw(status, "application/json", body))
}

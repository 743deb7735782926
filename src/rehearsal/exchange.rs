//! What every request goes through, in whichever language it is asked: a fault may happen, and it is logged.

use super::{FaultKind, LoggedRequest, Shared, error::ServiceError};
use crate::http_server::{Delivery, HttpResponse};

/// Acts on a request and writes the answer, unless a fault for the action says otherwise. Whoever acts adds to the
/// log's entry what is found out.
pub(super) fn exchange<T>(
    shared: &Shared,
    mut entry: LoggedRequest,
    act: impl FnOnce(&mut LoggedRequest) -> Result<T, ServiceError>,
    write: impl FnOnce(Result<T, ServiceError>) -> HttpResponse,
) -> HttpResponse {
    let fault = shared.control().take_fault(&entry.action);
    let outcome = match fault {
        Some(FaultKind::ClosedBeforeActing) => {
            return HttpResponse { delivery: Delivery::Nothing, ..HttpResponse::empty(503) };
        }
        Some(FaultKind::Throttling) => Err(ServiceError::throttling()),
        Some(FaultKind::ServerError) => Err(ServiceError::internal_failure()),
        _ => act(&mut entry),
    };
    entry.error_code = outcome.as_ref().err().map(|error| error.code.to_owned());
    let mut response = write(outcome);
    entry.status = response.status;
    shared.control().log(entry);
    match fault {
        Some(FaultKind::Latency(delay)) => response.delay = delay,
        Some(FaultKind::LostAnswer) => response.delivery = Delivery::Nothing,
        Some(FaultKind::TruncatedBody) => response.delivery = Delivery::Truncated,
        _ => {}
    }
    response
}

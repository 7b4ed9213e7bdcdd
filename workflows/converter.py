"""How values and failures enter Temporal's histories: pydantic JSON, and failures by type and code alone."""

import dataclasses

from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import ApplicationError, FailureError


class CodesOnlyFailureConverter(DefaultFailureConverter):
    """Keep the type of an error and its code, and drop every text: providers and databases quote addresses."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """Write `exception` into `failure` without its message, stack trace, details or cause's words."""
        super().to_failure(_without_words(exception), payload_converter, failure)
        _strip(failure)


def _without_words(exception: BaseException) -> BaseException:
    if isinstance(exception, FailureError) and not isinstance(exception, ApplicationError):
        return exception
    if isinstance(exception, ApplicationError):
        return ApplicationError(
            exception.type or "error",
            type=exception.type,
            non_retryable=exception.non_retryable,
            next_retry_delay=exception.next_retry_delay,
            category=exception.category,
        )
    name = type(exception).__name__
    return ApplicationError(name, type=name)


def _strip(failure: Failure) -> None:
    if failure.HasField("application_failure_info"):
        failure.message = failure.application_failure_info.type or "error"
        failure.application_failure_info.ClearField("details")
    failure.stack_trace = ""
    failure.ClearField("encoded_attributes")
    if failure.HasField("cause"):
        _strip(failure.cause)


DATA_CONVERTER = dataclasses.replace(
    pydantic_data_converter, failure_converter_class=CodesOnlyFailureConverter
)
